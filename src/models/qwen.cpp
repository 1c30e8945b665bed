// Qwen 2 and 2.5 (also QwQ) and Qwen 3: Llama's layer with biases on q, k and v (2), or with normed heads (3).
#include <cmath>
#include <nlohmann/json.hpp>

#include "compute/layers.h"
#include "core/error.h"
#include "models/families.h"
#include "models/gguf.h"

namespace ballot {
namespace {

class Qwen : public Transformer {
 public:
  Qwen(const Family& family, Json config, const std::string& context, ParameterReader& reader)
      : Transformer(family, std::move(config), context), normed_heads_(family.model_type == "qwen3") {
    const ConfigReader fields(*config_, context);
    fields.only("hidden_act", "silu");
    // Qwen 2 has biases on q, k and v and none on o; Qwen 3 has a switch for all four.
    const bool all_biases = normed_heads_ && fields.flag("attention_bias", false);
    const bool qkv_biases = all_biases || !normed_heads_;
    frequencies_ = rope_frequencies(rope_parameters(fields), shape_.head_dim);
    std::vector<bool> sliding(shape_.layers);
    if (fields.flag("use_sliding_window", false))
      for (std::int64_t n = fields.integer("max_window_layers", 28); n < shape_.layers; ++n) sliding[n] = true;
    sliding = sliding_layers(fields, shape_.layers, sliding);
    for (const bool slides : sliding) windows_.push_back(slides ? fields.integer("sliding_window") : 0);
    shape_.windows = windows_;

    const std::int64_t h = shape_.hidden, f = shape_.intermediate, D = shape_.head_dim;
    const std::int64_t q = shape_.heads * D, kv = shape_.key_value_heads * D;
    if (normed_heads_) shape_.kept_per_layer += q + kv + shape_.heads + shape_.key_value_heads;
    take_embedding(reader);
    for (std::int64_t n = 0; n < shape_.layers; ++n) {
      const std::string prefix = "model.layers." + std::to_string(n) + ".";
      const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
        return Linear{reader.take(prefix + name + ".weight", {out, in}),
                      reader.take_if(bias, prefix + name + ".bias", {out})};
      };
      Layer layer;
      layer.input_norm = reader.take(prefix + "input_layernorm.weight", {h});
      layer.q = linear("self_attn.q_proj", q, h, qkv_biases);
      layer.k = linear("self_attn.k_proj", kv, h, qkv_biases);
      layer.v = linear("self_attn.v_proj", kv, h, qkv_biases);
      layer.o = linear("self_attn.o_proj", h, q, all_biases);
      layer.q_norm = reader.take_if(normed_heads_, prefix + "self_attn.q_norm.weight", {D});
      layer.k_norm = reader.take_if(normed_heads_, prefix + "self_attn.k_norm.weight", {D});
      layer.mlp_norm = reader.take(prefix + "post_attention_layernorm.weight", {h});
      layer.gate = linear("mlp.gate_proj", f, h, false);
      layer.up = linear("mlp.up_proj", f, h, false);
      layer.down = linear("mlp.down_proj", h, f, false);
      layers_.push_back(layer);
    }
    take_head(reader);
  }

 protected:
  at::Tensor layer(std::int64_t n, const at::Tensor& x, Batch& batch) const override {
    const Layer& w = layers_[n];
    const auto table = batch.rotary(frequencies_);

    const auto [all_q, all_k, all_v] = project(Normed{x, w.input_norm, epsilon_}, {w.q, w.k, w.v});
    at::Tensor q = split_heads(all_q, shape_.heads), k = split_heads(all_k, shape_.key_value_heads);
    const at::Tensor v = split_heads(all_v, shape_.key_value_heads);
    if (normed_heads_) {
      q = rms_norm(q, w.q_norm, epsilon_);
      k = rms_norm(k, w.k_norm, epsilon_);
    }
    const double scale = 1 / std::sqrt(static_cast<double>(shape_.head_dim));
    const at::Tensor mixed = batch.attend(n, rotate(q, table), rotate(k, table), v, scale, windows_[n]);
    const at::Tensor attended = x + w.o(join_heads(mixed));

    const auto [gate, up] = project(Normed{attended, w.mlp_norm, epsilon_}, {w.gate, w.up});
    return attended + gated(gate, up, Activation::kSilu, w.down);
  }

  at::Tensor final_norm(const at::Tensor& x, const at::Tensor& weight) const override {
    return rms_norm(x, weight, epsilon_);
  }

 private:
  struct Layer {
    at::Tensor input_norm, mlp_norm, q_norm, k_norm;
    Linear q, k, v, o, gate, up, down;
  };
  bool normed_heads_;
  std::vector<double> frequencies_;
  std::vector<std::int64_t> windows_;  ///< 0: full attention
  std::vector<Layer> layers_;
};

std::unique_ptr<Transformer> make(const Family& self, Json config, const std::string& context,
                                  ParameterReader& reader) {
  return std::make_unique<Qwen>(self, std::move(config), context, reader);
}

void complete_gguf_config(const GgufFile& file, Json& config) {
  config["hidden_act"] = "silu";
  config["use_sliding_window"] = false;
}

const GgufRules& gguf_rules() {
  static const GgufRules rules = {.layer_names = {{"input_layernorm", "attn_norm"},
                                                  {"self_attn.q_proj", "attn_q"},
                                                  {"self_attn.k_proj", "attn_k"},
                                                  {"self_attn.v_proj", "attn_v"},
                                                  {"self_attn.o_proj", "attn_output"},
                                                  {"self_attn.q_norm", "attn_q_norm"},
                                                  {"self_attn.k_norm", "attn_k_norm"},
                                                  {"post_attention_layernorm", "ffn_norm"},
                                                  {"mlp.gate_proj", "ffn_gate"},
                                                  {"mlp.up_proj", "ffn_up"},
                                                  {"mlp.down_proj", "ffn_down"}}};
  return rules;
}

}  // namespace

const Family& qwen2_family() {
  static const Family family = {
      "qwen2", "Qwen2ForCausalLM", "Qwen2ForSequenceClassification", "qwen2", make, complete_gguf_config, gguf_rules(),
      nullptr};
  return family;
}

const Family& qwen3_family() {
  static const Family family = {
      "qwen3", "Qwen3ForCausalLM", "Qwen3ForSequenceClassification", "qwen3", make, complete_gguf_config, gguf_rules(),
      nullptr};
  return family;
}

}  // namespace ballot
