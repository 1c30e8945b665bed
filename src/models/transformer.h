// What all architectures share: the embedding, the stack of layers, the head, the parameters by name. A family adds its
// layer.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/batch.h"
#include "models/config.h"
#include "models/model.h"
#include "models/weights.h"

namespace ballot {

/// Gives a family's constructor its tensors, in the order in which they are asked for, and keeps account of them.
class ParameterReader {
 public:
  ParameterReader(const Weights& weights, const LoadOptions& options);
  /// Throws Error (input) where it is missing or its shape is another.
  at::Tensor take(const std::string& name, const std::vector<std::int64_t>& shape);
  /// The same for one that is there only under a switch of the configuration: undefined where `wanted` is false.
  at::Tensor take_if(bool wanted, const std::string& name, const std::vector<std::int64_t>& shape);
  /// Rows of `name` (embeddings grow by padding, which the file knows best).
  std::int64_t rows(const std::string& name) const;
  bool has(const std::string& name) const { return weights_.has(name); }
  /// Throws where the file holds tensors that nobody asked for.
  void finish(const std::vector<std::string>& ignored) const;
  std::vector<std::pair<std::string, at::Tensor>> taken;
  const LoadOptions& options() const { return options_; }

 private:
  const Weights& weights_;
  const LoadOptions& options_;
};

struct Family;

class Transformer : public Model {
 public:
  ~Transformer() override;
  const ModelShape& shape() const override { return shape_; }
  const Json& config() const override { return *config_; }
  Json& config() override { return *config_; }
  const Json& generation_config() const override { return *generation_config_; }
  Json& generation_config() override { return *generation_config_; }
  at::Tensor hidden_states(const Forest& forest) const override;
  at::Tensor hidden_states(std::span<const CacheStep> steps, KeyValueCache& cache) const override;
  const at::Tensor& head_weight() const override;
  const at::Tensor& score_weight() const override;
  void set_score_weight(at::Tensor weight) override;
  std::vector<std::pair<std::string, at::Tensor>> parameters() const override;
  void set_embeddings(at::Tensor embedding, at::Tensor head) override;
  void set_compute_type(ComputeType type) override;
  void set_gradient_checkpointing(bool on) override { checkpointing_ = on; }

 protected:
  /// Reads the fields that every family has.
  Transformer(const Family& family, Json config, const std::string& context);
  /// Reads embedding, final norm, head or score. To be called before the layers' tensors are taken (the embedding comes
  /// first) and after (the rest).
  void take_embedding(ParameterReader& reader);
  void take_head(ParameterReader& reader);

  /// x [T, h] -> [T, h].
  virtual at::Tensor layer(std::int64_t n, const at::Tensor& x, Batch& batch) const = 0;
  virtual at::Tensor final_norm(const at::Tensor& x, const at::Tensor& weight) const = 0;
  /// Embeddings are multiplied by this.
  virtual double embedding_factor() const { return 1; }

  const Family& family_;
  std::unique_ptr<Json> config_, generation_config_;
  ModelShape shape_;
  double epsilon_ = 1e-5;

 private:
  at::Tensor run(const std::shared_ptr<Batch>& batch) const;
  struct Tensors;
  std::unique_ptr<Tensors> tensors_;
  bool checkpointing_ = false;
};

/// A family: one file that reads like its paper, one line in registry.cpp.
struct Family {
  std::string model_type;    ///< "llama"
  std::string architecture;  ///< "LlamaForCausalLM"
  std::string classifier;    ///< "LlamaForSequenceClassification"
  std::string gguf;          ///< general.architecture, "llama"
  std::unique_ptr<Transformer> (*make)(const Family& family, Json config, const std::string& context,
                                       ParameterReader& reader);
  /// Fills what the family's GGUF files leave out (beside the keys that all have).
  void (*complete_gguf_config)(const GgufFile& file, Json& config);
  GgufRules gguf_rules;
  Rename rename;  ///< of the checkpoint's tensors; null: none
};

/// [T, n H] -> [T, n, D]
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads);
at::Tensor join_heads(const at::Tensor& x);

}  // namespace ballot
