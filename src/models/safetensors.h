// The safetensors format: names, types, shapes and places of tensors in a JSON header, then their bytes.
//
//   u64 little-endian n | n bytes of JSON | data
//   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {"format":
//   "pt"}}
//
// A header is checked whole before a byte of data is looked at: every tensor inside the file, its size equal to its
// shape's, no two overlapping, no byte left over, no name twice. What fails is an Error (input) that names file and
// tensor.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace at {
class Tensor;
}
namespace c10 {
enum class ScalarType : std::int8_t;
}

namespace ballot {

class MappedFile;

struct TensorInfo {
  std::string dtype;                 ///< "F32", "BF16", ...
  std::vector<std::int64_t> shape;   ///< row-major
  std::uint64_t begin = 0, end = 0;  ///< bytes, from the beginning of the data
  std::int64_t numbers() const;      ///< product of the shape
};

class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;

  const std::filesystem::path& path() const;
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// A tensor of its own memory, in the type it is stored in. Throws Error (input) where there is none of that name, or
  /// its type is one that libtorch cannot hold.
  at::Tensor read(const std::string& name) const;
  /// The same, converted.
  at::Tensor read(const std::string& name, c10::ScalarType type) const;

 private:
  std::unique_ptr<MappedFile> file_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
  std::size_t data_begin_ = 0;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Writes the file atomically, largest alignment first, then by name, as the reference implementation orders them.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});
/// `model.safetensors` in the folder, or, past `shard_bytes`, shards with `model.safetensors.index.json`; removes what
/// a former save left there under the other names.
void write_model_weights(const std::filesystem::path& folder, const NamedTensors& tensors,
                         std::uint64_t shard_bytes = 5'000'000'000);

}  // namespace ballot
