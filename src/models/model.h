// A language model of a published architecture: hidden states of a forest, with gradients.
//
//     T tokens of the forest    h hidden size    V rows of the vocabulary    N scored positions
//
// Parameters are fp32 on the CPU by default and carry the published checkpoint's names
// ("model.layers.0.self_attn.q_proj.weight"), so that what is saved loads in transformers.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compute/forest.h"
#include "core/json.h"

namespace at {
class Tensor;
}

namespace ballot {

class KeyValueCache;  // models/cache.h
struct CacheStep;
enum class ComputeType;  // compute/device.h

/// What every architecture has; the family's own numbers stay in its file.
struct ModelShape {
  std::string architecture;  ///< "LlamaForCausalLM"
  std::int64_t hidden = 0, layers = 0, vocabulary = 0, heads = 0, key_value_heads = 0, head_dim = 0, intermediate = 0;
  std::int64_t max_positions = 0;
  std::int64_t kept_per_layer = 0;  ///< numbers a token that a layer keeps for its gradient
  double initializer_range = 0.02;
  bool tied_head = true;
  std::vector<std::int64_t> windows;  ///< of each layer: how many keys a token sees; 0: all. Empty: all in every layer
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ModelShape& shape() const = 0;
  /// The configuration as it is written to config.json (old spelling of the rope fields, `spec` reasons in
  /// models/config.h).
  virtual const Json& config() const = 0;
  virtual Json& config() = 0;
  /// Final-norm hidden states [T, h] of every token of the forest; part of the autograd graph where gradients are
  /// enabled.
  virtual at::Tensor hidden_states(const Forest& forest) const = 0;
  /// The same for new tokens behind what a cache holds (generation): [tokens of all steps in their order, h]. Appends
  /// their keys and values to the cache. No gradients.
  virtual at::Tensor hidden_states(std::span<const CacheStep> steps, KeyValueCache& cache) const = 0;
  /// generation_config.json (an object; may be empty): bos, pad, and `eos_token_id`, a number or a list: what ends a
  /// text.
  virtual const Json& generation_config() const = 0;
  virtual Json& generation_config() = 0;
  /// [V, h]: the embedding where tied, else lm_head.
  virtual const at::Tensor& head_weight() const = 0;
  /// [1, h] for a reward model, undefined otherwise.
  virtual const at::Tensor& score_weight() const = 0;
  /// Turns it into a reward model: drops lm_head, adds `score.weight` (config gets one label and the
  /// *ForSequenceClassification name).
  virtual void set_score_weight(at::Tensor weight) = 0;
  /// Every trainable parameter by its checkpoint name, in a fixed order; the tensors are the model's own (leafs,
  /// requires_grad).
  virtual std::vector<std::pair<std::string, at::Tensor>> parameters() const = 0;
  /// Replaces embedding (and head) with `rows` rows (models/vocabulary.h does the initialisation).
  virtual void set_embeddings(at::Tensor embedding, at::Tensor head) = 0;
  /// The type of the arithmetic (default: the parameters' own). With fp32 parameters and bf16 arithmetic the weights
  /// are cast where they are used and their gradients are fp32.
  virtual void set_compute_type(ComputeType type) = 0;
  /// Keep only each layer's input for the backward pass and compute the layer again there: the same bits, a third more
  /// time, a fraction of the memory.
  virtual void set_gradient_checkpointing(bool on) = 0;
};

struct LoadOptions {
  std::string parameters = "fp32";  ///< type of the parameters: "fp32", "bf16", or "fp64" (tests)
  bool requires_grad = true;
  bool score = true;   ///< false: the body of a reward model alone
  bool values = true;  ///< false: shapes without numbers, which take no memory (for plans)
};

/// A model folder, GGUF file, `deps:` or hub name (core/version.h: find_model). An existing `score.weight` is read
/// where the architecture is *ForSequenceClassification. Throws Error (input) on unknown architectures (listing the
/// known), missing, superfluous or ill-shaped tensors.
std::unique_ptr<Model> load_model(const std::string& name, const LoadOptions& options = {});
/// Writes config.json, model.safetensors (sharded past 5 GB), generation_config.json atomically into the folder.
/// Tokenizer files are copied or written by models/tokenizer_files.h.
void save_model(const Model& model, const std::filesystem::path& folder);
/// SHA-256 over names and bytes of the parameters: the model's identity in keys, caches and manifests.
std::string model_hash(const Model& model);

}  // namespace ballot
