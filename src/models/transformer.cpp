#include "models/transformer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "compute/device.h"
#include "compute/layers.h"
#include "core/error.h"

namespace ballot {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t n : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(n);
  return text + "]";
}

ComputeType parameter_type(const std::string& word) {
  if (word == "fp32") return ComputeType::kFloat32;
  if (word == "bf16") return ComputeType::kBFloat16;
  if (word == "fp64") return ComputeType::kFloat64;
  throw wrong_usage("parameters cannot be of type '{}' (one of: fp32, bf16, fp64)", word);
}

}  // namespace

ParameterReader::ParameterReader(const Weights& weights, const LoadOptions& options)
    : weights_(weights), options_(options) {}

at::Tensor ParameterReader::take(const std::string& name, const std::vector<std::int64_t>& shape) {
  if (!weights_.has(name)) throw bad_input("{} has no tensor '{}'", weights_.source(), name);
  if (weights_.shape(name) != shape)
    throw bad_input("{}: tensor '{}' is {}, its configuration says {}", weights_.source(), name,
                    shape_text(weights_.shape(name)), shape_text(shape));
  const at::ScalarType type = scalar_type(parameter_type(options_.parameters));
  at::Tensor tensor =
      options_.values ? weights_.read(name, type) : at::empty(shape, at::TensorOptions().dtype(type).device(at::kMeta));
  tensor.set_requires_grad(options_.requires_grad);
  taken.emplace_back(name, tensor);
  return tensor;
}

at::Tensor ParameterReader::take_if(bool wanted, const std::string& name, const std::vector<std::int64_t>& shape) {
  return wanted ? take(name, shape) : at::Tensor();
}

std::int64_t ParameterReader::rows(const std::string& name) const {
  if (!weights_.has(name)) throw bad_input("{} has no tensor '{}'", weights_.source(), name);
  const auto shape = weights_.shape(name);
  return shape.empty() ? 0 : shape[0];
}

void ParameterReader::finish(const std::vector<std::string>& ignored) const {
  std::set<std::string> known(ignored.begin(), ignored.end());
  for (const auto& [name, tensor] : taken) known.insert(name);
  std::vector<std::string> superfluous;
  for (const std::string& name : weights_.names())
    if (!known.contains(name)) superfluous.push_back(name);
  if (superfluous.empty()) return;
  throw Error(
      ErrorKind::kInput,
      fmt::format("{} holds {} tensors that its configuration has no place for, first '{}'", weights_.source(),
                  superfluous.size(), superfluous.front()),
      "check that config.json belongs to these weights (architectures, attention_bias, tie_word_embeddings, layers)");
}

struct Transformer::Tensors {
  at::Tensor embedding, norm, head, score;
  std::vector<std::pair<std::string, at::Tensor>> layers;
  at::ScalarType compute = at::kFloat;
  std::int64_t padding_row = -1;  ///< nn.Embedding's padding_idx; -1: none
};

Transformer::Transformer(const Family& family, Json config, const std::string& context)
    : family_(family),
      config_(std::make_unique<Json>(std::move(config))),
      generation_config_(std::make_unique<Json>(Json::object())),
      tensors_(std::make_unique<Tensors>()) {
  const ConfigReader reader(*config_, context);
  shape_.architecture = family.architecture;
  if (reader.has("architectures") && reader.json()["architectures"].is_array() &&
      !reader.json()["architectures"].empty())
    shape_.architecture = reader.json()["architectures"][0].get<std::string>();
  shape_.hidden = reader.integer("hidden_size");
  shape_.layers = reader.integer("num_hidden_layers");
  shape_.vocabulary = reader.integer("vocab_size");
  shape_.heads = reader.integer("num_attention_heads");
  shape_.key_value_heads = reader.integer("num_key_value_heads", shape_.heads);
  shape_.intermediate = reader.integer("intermediate_size");
  shape_.max_positions = reader.integer("max_position_embeddings", 2048);
  shape_.initializer_range = reader.number("initializer_range", 0.02);
  shape_.tied_head = reader.flag("tie_word_embeddings", false);
  if (reader.has("pad_token_id") && reader.json()["pad_token_id"].is_number_integer()) {
    const auto pad = reader.json()["pad_token_id"].get<std::int64_t>();
    if (pad >= -shape_.vocabulary && pad < shape_.vocabulary)
      tensors_->padding_row = pad < 0 ? pad + shape_.vocabulary : pad;  // counted from the end, as PyTorch does
  }
  if (shape_.layers > 4096 || shape_.hidden > (1 << 20) || shape_.heads > (1 << 16) || shape_.intermediate > (1 << 24))
    throw bad_input("{}: {} layers of {} numbers with {} heads are no model", context, shape_.layers, shape_.hidden,
                    shape_.heads);
  if (!reader.has("head_dim") && shape_.hidden % shape_.heads != 0)
    throw bad_input("{}: hidden_size {} is no multiple of num_attention_heads {}", context, shape_.hidden,
                    shape_.heads);
  shape_.head_dim = reader.integer("head_dim", shape_.hidden / shape_.heads);
  if (shape_.head_dim % 2 != 0 || shape_.head_dim > 4096)
    throw bad_input("{}: head_dim {} is odd or too large", context, shape_.head_dim);
  if (shape_.heads % shape_.key_value_heads != 0)
    throw bad_input("{}: {} attention heads do not share {} key-value heads", context, shape_.heads,
                    shape_.key_value_heads);
  epsilon_ = reader.number("rms_norm_eps", 1e-6);
  // The input of both halves of a layer and their norms' divisors; queries, keys, values and what attention makes of
  // them with its log-sum-exp; gate and up. The rest is computed again.
  shape_.kept_per_layer = 2 * (shape_.hidden + 1) + 2 * shape_.heads * shape_.head_dim +
                          2 * shape_.key_value_heads * shape_.head_dim + shape_.heads + 2 * shape_.intermediate;
}

Transformer::~Transformer() = default;

void Transformer::take_embedding(ParameterReader& reader) {
  tensors_->embedding = reader.take("model.embed_tokens.weight", {shape_.vocabulary, shape_.hidden});
  tensors_->compute = tensors_->embedding.scalar_type();
}

void Transformer::take_head(ParameterReader& reader) {
  tensors_->layers.assign(reader.taken.begin() + 1, reader.taken.end());
  tensors_->norm = reader.take("model.norm.weight", {shape_.hidden});
  std::vector<std::string> ignored;
  if (shape_.architecture.ends_with("ForSequenceClassification")) {
    if (reader.options().score) {
      const std::int64_t labels = reader.rows("score.weight");
      if (labels != 1)
        throw bad_input("a reward model has one score; score.weight has {} rows (a classifier of {} labels?)", labels,
                        labels);
      tensors_->score = reader.take("score.weight", {1, shape_.hidden});
    } else {
      ignored.push_back("score.weight");
    }
  } else if (!shape_.tied_head) {
    tensors_->head = reader.take("lm_head.weight", {shape_.vocabulary, shape_.hidden});
  } else {
    ignored.push_back("lm_head.weight");  // some files repeat the tied embedding
  }
  reader.finish(ignored);
}

at::Tensor Transformer::run(const std::shared_ptr<Batch>& batch) const {
  for (const std::int64_t id : batch->ids())
    if (id < 0 || id >= shape_.vocabulary)
      throw Error(ErrorKind::kInput,
                  fmt::format("token {} lies outside the model's vocabulary of {} rows", id, shape_.vocabulary),
                  "the tokenizer does not belong to this model, or tokens were added without resizing it");
  const at::Tensor ids = at::tensor(batch->ids(), at::kLong);
  at::Tensor x = embedding(tensors_->embedding, ids, embedding_factor());
  // As in transformers the row of pad_token_id learns nothing from being looked up (nn.Embedding's padding_idx), also
  // where that token is a real one: SmolLM2's is the end of every turn.
  if (x.requires_grad() && tensors_->padding_row >= 0)
    if (const at::Tensor padding = ids.eq(tensors_->padding_row); padding.any().item<bool>())
      x = at::where(padding.unsqueeze(1), x.detach(), x);
  x = x.to(tensors_->compute);
  for (std::int64_t n = 0; n < shape_.layers; ++n) {
    if (checkpointing_ && at::GradMode::is_enabled())
      x = checkpointed([this, n, batch](const at::Tensor& input) { return layer(n, input, *batch); }, x,
                       tensors_->norm);
    else
      x = layer(n, x, *batch);
  }
  return final_norm(x, tensors_->norm);
}

at::Tensor Transformer::hidden_states(const Forest& forest) const {
  return run(std::make_shared<Batch>(forest));
}

at::Tensor Transformer::hidden_states(std::span<const CacheStep> steps, KeyValueCache& cache) const {
  const at::NoGradGuard no_gradients;
  const auto batch = std::make_shared<Batch>(steps, cache);
  at::Tensor hidden = run(batch);
  batch->finish();
  return hidden;
}

const at::Tensor& Transformer::head_weight() const {
  if (shape_.architecture.ends_with("ForSequenceClassification"))
    throw Error(ErrorKind::kInput, fmt::format("a {} has a score and no language head", shape_.architecture),
                "name the language model, not the reward model");
  return tensors_->head.defined() ? tensors_->head : tensors_->embedding;
}
const at::Tensor& Transformer::score_weight() const {
  return tensors_->score;
}

void Transformer::set_score_weight(at::Tensor weight) {
  if (weight.dim() != 2 || weight.size(0) != 1 || weight.size(1) != shape_.hidden)
    throw failed("a score head for {} hidden numbers cannot be {}", shape_.hidden, c10::str(weight.sizes()));
  tensors_->score = weight.detach()
                        .to(tensors_->embedding.scalar_type())
                        .clone()
                        .set_requires_grad(tensors_->embedding.requires_grad());
  tensors_->head = at::Tensor();
  shape_.architecture = family_.classifier;
  (*config_)["architectures"] = {family_.classifier};
  (*config_)["id2label"] = {{"0", "LABEL_0"}};
  (*config_)["label2id"] = {{"LABEL_0", 0}};
  config_->erase("num_labels");
}

std::vector<std::pair<std::string, at::Tensor>> Transformer::parameters() const {
  std::vector<std::pair<std::string, at::Tensor>> all = {{"model.embed_tokens.weight", tensors_->embedding}};
  all.insert(all.end(), tensors_->layers.begin(), tensors_->layers.end());
  all.emplace_back("model.norm.weight", tensors_->norm);
  if (tensors_->head.defined()) all.emplace_back("lm_head.weight", tensors_->head);
  if (tensors_->score.defined()) all.emplace_back("score.weight", tensors_->score);
  return all;
}

void Transformer::set_embeddings(at::Tensor embedding, at::Tensor head) {
  if (embedding.dim() != 2 || embedding.size(1) != shape_.hidden || head.defined() != tensors_->head.defined() ||
      (head.defined() && head.sizes() != embedding.sizes()))
    throw failed("embeddings {} do not fit a model of {} hidden numbers with a {} head", c10::str(embedding.sizes()),
                 shape_.hidden, tensors_->head.defined() ? "separate" : "tied");
  const auto own = [&](const at::Tensor& tensor) {
    return tensor.detach()
        .to(tensors_->embedding.scalar_type())
        .contiguous()
        .set_requires_grad(tensors_->embedding.requires_grad());
  };
  if (head.defined()) tensors_->head = own(head);
  tensors_->embedding = own(embedding);
  shape_.vocabulary = tensors_->embedding.size(0);
  (*config_)["vocab_size"] = shape_.vocabulary;
}

void Transformer::set_compute_type(ComputeType type) {
  tensors_->compute = scalar_type(type);
}

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), heads, -1});
}
at::Tensor join_heads(const at::Tensor& x) {
  return x.flatten(1);
}

}  // namespace ballot
