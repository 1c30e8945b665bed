// The GGUF format, version 3: keys and values, then tensors in quantised blocks.
//
//   "GGUF" | u32 3 | u64 tensors | u64 keys | key-value pairs | tensor descriptions | padding | data (little-endian)
//
// As with safetensors the whole header is checked before data is looked at; what fails is an Error (input).
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace at {
class Tensor;
}

namespace ballot {

class MappedFile;

/// One kind of block (gguf_blocks.cpp has the formulas).
struct GgufType {
  std::uint32_t id;
  std::string_view name;  ///< "Q4_1"
  std::int64_t values;    ///< numbers a block
  std::int64_t bytes;     ///< bytes a block
  /// Turns `blocks` blocks into float32; null: known to the format, not read by Ballot.
  void (*dequantise)(const unsigned char* from, float* to, std::int64_t blocks);
};
/// Throws Error (input) on an unknown id.
const GgufType& gguf_type(std::uint32_t id, const std::string& context);

struct GgufTensor {
  const GgufType* type = nullptr;
  std::vector<std::int64_t> shape;     ///< as PyTorch has it, [out, in]: the reverse of the file's
  std::uint64_t begin = 0, bytes = 0;  ///< from the beginning of the data
};

class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);
  ~GgufFile();
  GgufFile(GgufFile&&) noexcept;

  const std::filesystem::path& path() const;
  std::uint32_t version() const { return version_; }
  /// Every key; arrays are JSON arrays.
  const Json& values() const { return *values_; }
  const std::map<std::string, GgufTensor>& tensors() const { return tensors_; }
  /// A value by key. Throw Error (input) where it is missing or of another type.
  std::string text(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  std::optional<std::int64_t> find_integer(const std::string& key) const;
  std::optional<double> find_number(const std::string& key) const;
  std::optional<std::string> find_text(const std::string& key) const;
  /// float32, dequantised, in the file's own order of rows.
  at::Tensor read(const std::string& name) const;

 private:
  const Json& value(const std::string& key) const;
  std::unique_ptr<MappedFile> file_;
  std::uint32_t version_ = 0;
  std::unique_ptr<Json> values_;
  std::map<std::string, GgufTensor> tensors_;
  std::size_t data_begin_ = 0;
};

}  // namespace ballot
