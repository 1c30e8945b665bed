// Gemma 3 (Gemma Team 2025), text only: norms before and after attention and MLP, normed heads, five layers of sliding
// windows to one of full attention with its own rotary base, embeddings scaled by sqrt(h). Of a multimodal checkpoint
// the text tower is taken; it is saved as a text model.
#include <cmath>
#include <nlohmann/json.hpp>

#include "compute/layers.h"
#include "core/error.h"
#include "models/families.h"
#include "models/gguf.h"

namespace ballot {
namespace {

class Gemma3 : public Transformer {
 public:
  Gemma3(const Family& family, Json config, const std::string& context, ParameterReader& reader)
      : Transformer(family, std::move(config), context) {
    const ConfigReader fields(*config_, context);
    fields.only("hidden_activation", "gelu_pytorch_tanh");
    fields.absent("final_logit_softcapping");
    fields.absent("attn_logit_softcapping");
    fields.absent("use_bidirectional_attention");
    const bool bias = fields.flag("attention_bias", false);
    full_frequencies_ = rope_frequencies(rope_parameters(fields), shape_.head_dim);
    RopeParameters local = rope_parameters(fields, "sliding_attention");
    if (!fields.has("rope_parameters")) {  // in the old spelling the scaling is for the full layers
      local = RopeParameters{};
      local.theta = fields.number("rope_local_base_freq", 10000);
    }
    local_frequencies_ = rope_frequencies(local, shape_.head_dim);
    scale_ = 1 / std::sqrt(fields.number("query_pre_attn_scalar", 256));
    const std::int64_t pattern = fields.integer("sliding_window_pattern", fields.integer("_sliding_window_pattern", 6));
    std::vector<bool> sliding(shape_.layers);
    for (std::int64_t n = 0; n < shape_.layers; ++n) sliding[n] = (n + 1) % pattern != 0;
    sliding = sliding_layers(fields, shape_.layers, sliding);
    for (const bool slides : sliding) windows_.push_back(slides ? fields.integer("sliding_window") : 0);
    shape_.windows = windows_;

    const std::int64_t h = shape_.hidden, f = shape_.intermediate, D = shape_.head_dim;
    const std::int64_t q = shape_.heads * D, kv = shape_.key_value_heads * D;
    // Norms of queries and keys, and those behind attention and feed-forward layer, keep their inputs.
    shape_.kept_per_layer += q + kv + shape_.heads + shape_.key_value_heads + 2 * (h + 1);
    take_embedding(reader);
    // The reference rounds the factor to the type of the weights: 34 for the 1B model in bf16, 33.9411 in fp32.
    const double root = std::sqrt(static_cast<double>(h));
    factor_ = at::scalar_tensor(root, at::TensorOptions().dtype(reader.taken.front().second.scalar_type()))
                  .to(at::kDouble)
                  .item<double>();
    for (std::int64_t n = 0; n < shape_.layers; ++n) {
      const std::string prefix = "model.layers." + std::to_string(n) + ".";
      const auto norm = [&](const std::string& name, std::int64_t size) {
        return reader.take(prefix + name + ".weight", {size});
      };
      const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in, bool with_bias) {
        return Linear{reader.take(prefix + name + ".weight", {out, in}),
                      reader.take_if(with_bias, prefix + name + ".bias", {out})};
      };
      Layer layer;
      layer.input_norm = norm("input_layernorm", h);
      layer.q = linear("self_attn.q_proj", q, h, bias);
      layer.k = linear("self_attn.k_proj", kv, h, bias);
      layer.v = linear("self_attn.v_proj", kv, h, bias);
      layer.o = linear("self_attn.o_proj", h, q, bias);
      layer.q_norm = norm("self_attn.q_norm", D);
      layer.k_norm = norm("self_attn.k_norm", D);
      layer.post_attention_norm = norm("post_attention_layernorm", h);
      layer.pre_mlp_norm = norm("pre_feedforward_layernorm", h);
      layer.gate = linear("mlp.gate_proj", f, h, false);
      layer.up = linear("mlp.up_proj", f, h, false);
      layer.down = linear("mlp.down_proj", h, f, false);
      layer.post_mlp_norm = norm("post_feedforward_layernorm", h);
      layers_.push_back(layer);
    }
    take_head(reader);
  }

 protected:
  at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const {
    return rms_norm(x, weight, epsilon_, NormStyle::kGemma);
  }
  Normed normed(const at::Tensor& x, const at::Tensor& weight) const {
    return {x, weight, epsilon_, NormStyle::kGemma};
  }

  at::Tensor layer(std::int64_t n, const at::Tensor& x, Batch& batch) const override {
    const Layer& w = layers_[n];
    const auto table = batch.rotary(windows_[n] > 0 ? local_frequencies_ : full_frequencies_);

    const auto [all_q, all_k, all_v] = project(normed(x, w.input_norm), {w.q, w.k, w.v});
    const at::Tensor q = rotate(norm(split_heads(all_q, shape_.heads), w.q_norm), table);
    const at::Tensor k = rotate(norm(split_heads(all_k, shape_.key_value_heads), w.k_norm), table);
    const at::Tensor v = split_heads(all_v, shape_.key_value_heads);
    const at::Tensor mixed = batch.attend(n, q, k, v, scale_, windows_[n]);
    const at::Tensor attended = x + norm(w.o(join_heads(mixed)), w.post_attention_norm);

    const auto [gate, up] = project(normed(attended, w.pre_mlp_norm), {w.gate, w.up});
    return attended + norm(gated(gate, up, Activation::kGeluTanh, w.down), w.post_mlp_norm);
  }

  at::Tensor final_norm(const at::Tensor& x, const at::Tensor& weight) const override { return norm(x, weight); }
  double embedding_factor() const override { return factor_; }

 private:
  struct Layer {
    at::Tensor input_norm, q_norm, k_norm, post_attention_norm, pre_mlp_norm, post_mlp_norm;
    Linear q, k, v, o, gate, up, down;
  };
  double factor_ = 1, scale_ = 1;
  std::vector<double> full_frequencies_, local_frequencies_;
  std::vector<std::int64_t> windows_;  ///< 0: full attention
  std::vector<Layer> layers_;
};

/// Multimodal checkpoints: published files say `language_model.model.layers...`, some say
/// `model.language_model.layers...`; the vision tower and its projector are no part of the text model.
std::string rename(const std::string& name) {
  for (const char* vision :
       {"vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."})
    if (name.starts_with(vision)) return {};
  const std::string outer = "language_model.", inner = "model.language_model.";
  if (name.starts_with(outer)) return name.substr(outer.size());
  if (name.starts_with(inner)) return "model." + name.substr(inner.size());
  return name;
}

void complete_gguf_config(const GgufFile& file, Json& config) {
  config["hidden_activation"] = "gelu_pytorch_tanh";
  config["rope_local_base_freq"] = 10000.0;
  config["sliding_window_pattern"] = 6;
  config["query_pre_attn_scalar"] = config["head_dim"];
  config["sliding_window"] = file.integer("gemma3.attention.sliding_window");
  config["attention_bias"] = false;
}

}  // namespace

/// A multimodal configuration's text part, with the defaults that the published ones leave out.
Json gemma3_text_config(const Json& multimodal) {
  Json text = {{"architectures", {"Gemma3ForCausalLM"}},
               {"model_type", "gemma3_text"},
               {"vocab_size", 262208},
               {"hidden_size", 2304},
               {"intermediate_size", 9216},
               {"num_hidden_layers", 26},
               {"num_attention_heads", 8},
               {"num_key_value_heads", 4},
               {"head_dim", 256},
               {"hidden_activation", "gelu_pytorch_tanh"},
               {"max_position_embeddings", 131072},
               {"initializer_range", 0.02},
               {"rms_norm_eps", 1e-6},
               {"pad_token_id", 0},
               {"eos_token_id", 1},
               {"bos_token_id", 2},
               {"tie_word_embeddings", true},
               {"rope_theta", 1000000.0},
               {"rope_local_base_freq", 10000.0},
               {"attention_bias", false},
               {"query_pre_attn_scalar", 256},
               {"sliding_window", 4096},
               {"sliding_window_pattern", 6}};
  const Json given = multimodal["text_config"];
  for (const auto& [key, value] : given.items()) text[key] = value;
  for (const char* key :
       {"torch_dtype", "dtype", "pad_token_id", "bos_token_id", "eos_token_id", "id2label", "label2id"})
    if (multimodal.contains(key) && !multimodal[key].is_null() && !given.contains(key)) text[key] = multimodal[key];
  text["model_type"] = "gemma3_text";
  const bool classifier = multimodal.contains("architectures") && multimodal["architectures"].is_array() &&
                          multimodal["architectures"] == Json::array({"Gemma3ForSequenceClassification"});
  text["architectures"] = {classifier ? "Gemma3TextForSequenceClassification" : "Gemma3ForCausalLM"};
  return text;
}

const Family& gemma3_family() {
  static const Family family = {.model_type = "gemma3_text",
                                .architecture = "Gemma3ForCausalLM",
                                .classifier = "Gemma3TextForSequenceClassification",
                                .gguf = "gemma3",
                                .make = [](const Family& self, Json config, const std::string& context,
                                           ParameterReader& reader) -> std::unique_ptr<Transformer> {
                                  return std::make_unique<Gemma3>(self, std::move(config), context, reader);
                                },
                                .complete_gguf_config = complete_gguf_config,
                                .gguf_rules = {.layer_names = {{"input_layernorm", "attn_norm"},
                                                               {"self_attn.q_proj", "attn_q"},
                                                               {"self_attn.k_proj", "attn_k"},
                                                               {"self_attn.v_proj", "attn_v"},
                                                               {"self_attn.o_proj", "attn_output"},
                                                               {"self_attn.q_norm", "attn_q_norm"},
                                                               {"self_attn.k_norm", "attn_k_norm"},
                                                               {"post_attention_layernorm", "post_attention_norm"},
                                                               {"pre_feedforward_layernorm", "ffn_norm"},
                                                               {"post_feedforward_layernorm", "post_ffw_norm"},
                                                               {"mlp.gate_proj", "ffn_gate"},
                                                               {"mlp.up_proj", "ffn_up"},
                                                               {"mlp.down_proj", "ffn_down"}},
                                               .norm_offset = 1},
                                .rename = rename};
  return family;
}

}  // namespace ballot
