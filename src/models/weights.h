// The tensors of a checkpoint under the names that transformers gives them, wherever they are stored.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace at {
class Tensor;
}
namespace c10 {
enum class ScalarType : std::int8_t;
}

namespace ballot {

class GgufFile;

class Weights {
 public:
  virtual ~Weights() = default;
  virtual std::vector<std::string> names() const = 0;
  virtual bool has(const std::string& name) const = 0;
  virtual std::vector<std::int64_t> shape(const std::string& name) const = 0;
  virtual at::Tensor read(const std::string& name, c10::ScalarType type) const = 0;
  /// Where it is from, for messages.
  virtual std::string source() const = 0;
};

/// Turns a checkpoint's name into the one the architecture uses; empty: not part of the language model.
using Rename = std::string (*)(const std::string& name);

/// model.safetensors or the shards that its index names.
std::unique_ptr<Weights> open_safetensors(const std::filesystem::path& folder, Rename rename);

/// What GGUF does differently for an architecture (training.md §2.3).
struct GgufRules {
  /// "self_attn.q_proj" -> "attn_q": the part of a layer's names between "model.layers.N." and ".weight".
  std::vector<std::pair<std::string, std::string>> layer_names;
  bool permuted_heads = false;  ///< rows of q and k stand in the order of interleaved rotary pairs
  double norm_offset = 0;       ///< added to every norm weight in the file
};
std::unique_ptr<Weights> open_gguf(std::shared_ptr<const GgufFile> file, const GgufRules& rules, std::int64_t heads,
                                   std::int64_t key_value_heads);

}  // namespace ballot
