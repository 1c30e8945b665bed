// Llama 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024), and what has its architecture: SmolLM2.
#include <cmath>
#include <nlohmann/json.hpp>

#include "compute/layers.h"
#include "core/error.h"
#include "models/families.h"
#include "models/gguf.h"

namespace ballot {
namespace {

class Llama : public Transformer {
 public:
  Llama(const Family& family, Json config, const std::string& context, ParameterReader& reader)
      : Transformer(family, std::move(config), context) {
    const ConfigReader fields(*config_, context);
    fields.only("hidden_act", "silu");
    const bool attention_bias = fields.flag("attention_bias", false), mlp_bias = fields.flag("mlp_bias", false);
    frequencies_ = rope_frequencies(rope_parameters(fields), shape_.head_dim);

    const std::int64_t h = shape_.hidden, f = shape_.intermediate;
    const std::int64_t q = shape_.heads * shape_.head_dim, kv = shape_.key_value_heads * shape_.head_dim;
    take_embedding(reader);
    for (std::int64_t n = 0; n < shape_.layers; ++n) {
      const std::string prefix = "model.layers." + std::to_string(n) + ".";
      const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
        return Linear{reader.take(prefix + name + ".weight", {out, in}),
                      reader.take_if(bias, prefix + name + ".bias", {out})};
      };
      Layer layer;
      layer.input_norm = reader.take(prefix + "input_layernorm.weight", {h});
      layer.q = linear("self_attn.q_proj", q, h, attention_bias);
      layer.k = linear("self_attn.k_proj", kv, h, attention_bias);
      layer.v = linear("self_attn.v_proj", kv, h, attention_bias);
      layer.o = linear("self_attn.o_proj", h, q, attention_bias);
      layer.mlp_norm = reader.take(prefix + "post_attention_layernorm.weight", {h});
      layer.gate = linear("mlp.gate_proj", f, h, mlp_bias);
      layer.up = linear("mlp.up_proj", f, h, mlp_bias);
      layer.down = linear("mlp.down_proj", h, f, mlp_bias);
      layers_.push_back(layer);
    }
    take_head(reader);
  }

 protected:
  at::Tensor layer(std::int64_t n, const at::Tensor& x, Batch& batch) const override {
    const Layer& w = layers_[n];
    const auto table = batch.rotary(frequencies_);

    const auto [q, k, v] = project(Normed{x, w.input_norm, epsilon_}, {w.q, w.k, w.v});
    const double scale = 1 / std::sqrt(static_cast<double>(shape_.head_dim));
    const at::Tensor mixed = batch.attend(n, rotate(split_heads(q, shape_.heads), table),
                                          rotate(split_heads(k, shape_.key_value_heads), table),
                                          split_heads(v, shape_.key_value_heads), scale);
    const at::Tensor attended = x + w.o(join_heads(mixed));

    const auto [gate, up] = project(Normed{attended, w.mlp_norm, epsilon_}, {w.gate, w.up});
    return attended + gated(gate, up, Activation::kSilu, w.down);
  }

  at::Tensor final_norm(const at::Tensor& x, const at::Tensor& weight) const override {
    return rms_norm(x, weight, epsilon_);
  }

 private:
  struct Layer {
    at::Tensor input_norm, mlp_norm;
    Linear q, k, v, o, gate, up, down;
  };
  std::vector<double> frequencies_;
  std::vector<Layer> layers_;
};

/// llama.cpp keeps Llama 3's stretched frequencies as a tensor of divisors; the configuration has their rule.
void rope_from_divisors(const GgufFile& file, Json& config) {
  if (!file.tensors().contains("rope_freqs.weight")) return;
  const at::Tensor divisors = file.read("rope_freqs.weight").flatten();
  RopeParameters rope;
  rope.theta = config["rope_theta"].get<double>();
  rope.type = "llama3";
  rope.factor = std::round(divisors.max().item<float>());
  rope.original_context = file.find_integer("llama.rope.scaling.original_context_length").value_or(8192);
  const std::int64_t dim = 2 * divisors.numel();
  const std::vector<double> scaled = rope_frequencies(rope, dim);
  rope.type = "default";
  const std::vector<double> plain = rope_frequencies(rope, dim);
  for (std::int64_t j = 0; j < divisors.numel(); ++j)
    if (std::abs(plain[j] / scaled[j] / divisors[j].item<float>() - 1) > 1e-3)
      throw bad_input("{}: the frequencies in rope_freqs.weight follow no rule that Ballot knows",
                      file.path().string());
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", rope.factor},
                            {"low_freq_factor", rope.low_frequency_factor},
                            {"high_freq_factor", rope.high_frequency_factor},
                            {"original_max_position_embeddings", rope.original_context}};
}

void complete_gguf_config(const GgufFile& file, Json& config) {
  config["hidden_act"] = "silu";
  config["attention_bias"] = file.tensors().contains("blk.0.attn_q.bias");
  config["mlp_bias"] = file.tensors().contains("blk.0.ffn_gate.bias");
  rope_from_divisors(file, config);
}

}  // namespace

const Family& llama_family() {
  static const Family family = {.model_type = "llama",
                                .architecture = "LlamaForCausalLM",
                                .classifier = "LlamaForSequenceClassification",
                                .gguf = "llama",
                                .make = [](const Family& self, Json config, const std::string& context,
                                           ParameterReader& reader) -> std::unique_ptr<Transformer> {
                                  return std::make_unique<Llama>(self, std::move(config), context, reader);
                                },
                                .complete_gguf_config = complete_gguf_config,
                                .gguf_rules = {.layer_names = {{"input_layernorm", "attn_norm"},
                                                               {"self_attn.q_proj", "attn_q"},
                                                               {"self_attn.k_proj", "attn_k"},
                                                               {"self_attn.v_proj", "attn_v"},
                                                               {"self_attn.o_proj", "attn_output"},
                                                               {"post_attention_layernorm", "ffn_norm"},
                                                               {"mlp.gate_proj", "ffn_gate"},
                                                               {"mlp.up_proj", "ffn_up"},
                                                               {"mlp.down_proj", "ffn_down"}},
                                               .permuted_heads = true},
                                .rename = nullptr};
  return family;
}

}  // namespace ballot
