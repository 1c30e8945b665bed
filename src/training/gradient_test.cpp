// The plain version: every pair as two padded rows through a Llama written out with dense masks, in float64. Loss and
// the gradient of every parameter of the forest equal it, for every objective, layout and cut.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>

#include "compute/communicator.h"
#include "core/json.h"
#include "data/preferences.h"
#include "data/sft.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "training/examples.h"
#include "training/forward.h"
#include "training/loop.h"
#include "training/metrics.h"
#include "training/objective.h"
#include "training/reference.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

const bool kOneThread = (at::set_num_threads(1), true);

using Weights = std::map<std::string, at::Tensor>;

/// Rows of ids, padded on the right: final hidden states [B, T, h] by the textbook.
at::Tensor padded_hidden(const Weights& w, const Json& config, const std::vector<std::vector<TokenId>>& rows) {
  const std::int64_t heads = config["num_attention_heads"], kv = config["num_key_value_heads"],
                     hidden = config["hidden_size"], head_dim = hidden / heads,
                     batch = static_cast<std::int64_t>(rows.size());
  const double epsilon = config["rms_norm_eps"], theta = config["rope_theta"];
  std::int64_t longest = 0;
  for (const auto& row : rows) longest = std::max<std::int64_t>(longest, static_cast<std::int64_t>(row.size()));
  const at::Tensor ids_BT = at::zeros({batch, longest}, at::kLong);
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::size_t t = 0; t < rows[b].size(); ++t) ids_BT[b][static_cast<std::int64_t>(t)] = rows[b][t];
  // Causal; what lies behind a row's end is seen by nobody before it.
  const at::Tensor mask_TT = at::full({longest, longest}, -INFINITY, at::kDouble).triu(1);
  // The rotary table is float32 in the reference implementation and here; all that is computed with it is float64.
  const at::Tensor cos = at::empty({longest, head_dim}, at::kDouble), sin = at::empty({longest, head_dim}, at::kDouble);
  for (std::int64_t t = 0; t < longest; ++t)
    for (std::int64_t i = 0; i < head_dim; ++i) {
      const float exponent = static_cast<float>(i % (head_dim / 2) * 2) / static_cast<float>(head_dim);
      const float frequency = 1.0f / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
      const float angle = static_cast<float>(t) * frequency;
      cos.data_ptr<double>()[t * head_dim + i] = std::cos(angle);
      sin.data_ptr<double>()[t * head_dim + i] = std::sin(angle);
    }
  const auto norm = [&](const at::Tensor& x, const std::string& name) {
    return x * at::rsqrt(x.pow(2).mean(-1, true) + epsilon) * w.at(name);
  };
  const auto rotate = [&](const at::Tensor& x) {  // [B, H, T, D]
    const auto halves = x.chunk(2, -1);
    return x * cos + at::cat({-halves[1], halves[0]}, -1) * sin;
  };
  at::Tensor x = at::embedding(w.at("model.embed_tokens.weight"), ids_BT);
  for (std::int64_t layer = 0; layer < config["num_hidden_layers"].get<std::int64_t>(); ++layer) {
    const std::string p = "model.layers." + std::to_string(layer) + ".";
    const auto weight = [&](const std::string& name) { return w.at(p + name + ".weight"); };
    const at::Tensor n = norm(x, p + "input_layernorm.weight");
    const auto split = [&](const std::string& name, std::int64_t h) {
      return at::linear(n, weight("self_attn." + name)).view({batch, longest, h, head_dim}).transpose(1, 2);
    };
    const at::Tensor q = rotate(split("q_proj", heads)),
                     k = rotate(split("k_proj", kv)).repeat_interleave(heads / kv, 1),
                     v = split("v_proj", kv).repeat_interleave(heads / kv, 1);
    const at::Tensor p_BHTT =
        at::softmax(at::matmul(q, k.transpose(2, 3)) / std::sqrt(static_cast<double>(head_dim)) + mask_TT, -1);
    x = x +
        at::linear(at::matmul(p_BHTT, v).transpose(1, 2).reshape({batch, longest, hidden}), weight("self_attn.o_proj"));
    const at::Tensor m = norm(x, p + "post_attention_layernorm.weight");
    x = x + at::linear(at::silu(at::linear(m, weight("mlp.gate_proj"))) * at::linear(m, weight("mlp.up_proj")),
                       weight("mlp.down_proj"));
  }
  return norm(x, "model.norm.weight");
}

/// Rows of a pair's two sequences, [chosen..., rejected...] as TRL pads them.
struct PaddedPairs {
  std::vector<std::vector<TokenId>> rows;
  std::vector<std::int64_t> begin;  ///< of the completion
};
PaddedPairs padded(const TrainingSet& set) {
  PaddedPairs pairs;
  for (const int side : {0, 1})
    for (const Example& example : set.examples) {
      const TokenPrompt& prompt = set.prompts[example.prompt];
      std::vector<TokenId> row = prompt.ids;
      const auto& completion = prompt.completions[example.completions.at(side)].ids;
      row.insert(row.end(), completion.begin(), completion.end());
      pairs.rows.push_back(std::move(row));
      pairs.begin.push_back(static_cast<std::int64_t>(prompt.ids.size()));
    }
  return pairs;
}

/// log-probability of each row from its completion on, by a whole log-softmax.
at::Tensor padded_log_probabilities(const Weights& w, const Json& config, const PaddedPairs& pairs) {
  const at::Tensor logp_BTV =
      at::log_softmax(at::linear(padded_hidden(w, config, pairs.rows), w.at("model.embed_tokens.weight")), -1);
  const at::Tensor target_BT = at::zeros({logp_BTV.size(0), logp_BTV.size(1)}, at::kLong);
  const at::Tensor scored_BT = at::zeros({logp_BTV.size(0), logp_BTV.size(1)}, at::kDouble);
  for (std::size_t b = 0; b < pairs.rows.size(); ++b)
    for (std::int64_t t = pairs.begin[b]; t < static_cast<std::int64_t>(pairs.rows[b].size()); ++t) {
      target_BT[static_cast<std::int64_t>(b)][t - 1] = pairs.rows[b][t];
      scored_BT[static_cast<std::int64_t>(b)][t - 1] = 1;
    }
  return (logp_BTV.gather(2, target_BT.unsqueeze(2)).squeeze(2) * scored_BT).sum(1);
}

class Gradient : public testing::Test {
 protected:
  void use(const std::string& model, const std::string& objective) {
    options_ = training_defaults(objective);
    model_ = load_model(golden_path("models/" + model), {.parameters = "fp64"});
    for (const auto& [name, parameter] : model_->parameters()) weights_[name] = parameter;
    config_ = golden_json("models/" + model + "/config.json");
    if (!config_.contains("rope_theta")) config_["rope_theta"] = config_["rope_parameters"]["rope_theta"];
    const Tokenizer tokenizer = load_tokenizer(golden_path("models/" + model));
    RejectLog rejects;
    const TemporaryFolder folder;
    if (objective == "sft") {
      set_ =
          answer_examples(read_sft({folder.write_lines("rows.jsonl", golden_lines("small/sft.jsonl", 0, 5))}, rejects),
                          tokenizer, {.file = "rows"}, rejects);
    } else {
      // Twenty pairs of two prompts, and one pair of a third.
      auto lines = golden_lines("small/preferences.jsonl", 0, 21);
      set_ = pair_examples(read_preferences({folder.write_lines("rows.jsonl", lines)}, rejects), tokenizer,
                           {.file = "rows"}, rejects);
    }
    ASSERT_EQ(rejects.rejected(), 0);
    all_.resize(set_.examples.size());
    for (std::size_t i = 0; i < all_.size(); ++i) all_[i] = static_cast<std::int32_t>(i);
  }

  /// The forest's loss and gradients by the loop's own step.
  double step(const std::string& layout, const MicrobatchBudget& budget) {
    options_.layout = layout;
    for (auto& [name, parameter] : weights_) parameter.mutable_grad().reset();
    const auto objective = make_objective(options_, reference_ ? &*reference_ : nullptr);
    const auto communicator = single_process();
    MetricSums metrics;
    std::int64_t tokens = 0;
    return accumulate_gradients({options_, *model_, set_, *objective, *communicator, {}, "", budget}, all_, metrics,
                                tokens);
  }

  void expect_equal(const at::Tensor& loss, const std::string& what) {
    std::vector<at::Tensor> parameters;
    for (const auto& [name, parameter] : weights_) parameters.push_back(parameter);
    const auto expected =
        torch::autograd::grad({loss}, parameters, {}, /*retain_graph=*/true, false, /*allow_unused=*/true);
    struct Way {
      const char* layout;
      MicrobatchBudget budget;
    };
    for (const Way& way : {Way{"forest", {100000, 100000}}, Way{"forest", {200, 200}},
                           Way{"forest", {300, 100000, /*recompute_above=*/0}}, Way{"forest", {300, 100000, 200}},
                           Way{"pairs", {100000, 100000}}, Way{"pairs", {500, 500}}}) {
      SCOPED_TRACE(what + ", " + way.layout + ", " + std::to_string(way.budget.target) +
                   (way.budget.recompute_above < MicrobatchBudget::kNever ? ", layers computed twice" : ""));
      EXPECT_NEAR(step(way.layout, way.budget), loss.item<double>(), 1e-9);
      std::size_t i = 0;
      for (const auto& [name, parameter] : weights_) {
        const at::Tensor& wanted = expected[i++];
        if (!wanted.defined()) {
          EXPECT_FALSE(parameter.grad().defined() && parameter.grad().abs().max().item<double>() > 0) << name;
          continue;
        }
        ASSERT_TRUE(parameter.grad().defined()) << name;
        const double scale = wanted.abs().max().item<double>();
        EXPECT_LE((parameter.grad() - wanted).abs().max().item<double>(), 1e-9 * std::max(1.0, scale)) << name;
      }
    }
  }

  TrainingOptions options_;
  std::unique_ptr<Model> model_;
  Weights weights_;
  Json config_;
  TrainingSet set_;
  std::vector<std::int32_t> all_;
  std::optional<ReferenceTable> reference_;
};

TEST_F(Gradient, OfDpoEqualsTwoPaddedRowsAPair) {
  use("tiny_llama", "dpo");
  const PaddedPairs pairs = padded(set_);
  const at::Tensor logp = padded_log_probabilities(weights_, config_, pairs);
  // A reference that is not the policy: its numbers shifted, by completion.
  reference_.emplace("shifted");
  const std::int64_t n = static_cast<std::int64_t>(all_.size());
  at::Tensor shift = at::zeros({2 * n}, at::kDouble);
  for (std::int64_t b = 0; b < 2 * n; ++b) {
    const Example& example = set_.examples[b % n];
    const TokenCompletion& completion = set_.prompts[example.prompt].completions[example.completions[b / n]];
    const double moved = std::sin(static_cast<double>(completion.ids.size() + completion.ids[0]));
    shift[b] = moved;
    reference_->set(completion, logp[b].item<double>() + moved);
  }
  const at::Tensor s = -shift + logp - logp.detach();
  for (const char* name : {"sigmoid", "bco_pair"}) {
    options_.loss = {name};
    const at::Tensor w = s.slice(0, 0, n), l = s.slice(0, n);
    const double b = options_.beta;
    at::Tensor loss;
    if (std::string(name) == "sigmoid") loss = -at::log_sigmoid(b * (w - l)).mean();
    if (std::string(name) == "bco_pair") loss = (-at::log_sigmoid(b * w) - at::log_sigmoid(-b * l)).mean();
    expect_equal(loss, name);
  }
}

TEST_F(Gradient, OfARewardModelEqualsTwoPaddedRowsAPair) {
  use("tiny_llama_rm", "reward");
  const PaddedPairs pairs = padded(set_);
  const at::Tensor hidden = padded_hidden(weights_, config_, pairs.rows);
  std::vector<at::Tensor> last;
  for (std::size_t b = 0; b < pairs.rows.size(); ++b)
    last.push_back(hidden[static_cast<std::int64_t>(b)][static_cast<std::int64_t>(pairs.rows[b].size()) - 1]);
  const at::Tensor scores = at::linear(at::stack(last), weights_.at("score.weight")).squeeze(1);
  const std::int64_t n = static_cast<std::int64_t>(all_.size());
  const at::Tensor w = scores.slice(0, 0, n), l = scores.slice(0, n);
  std::vector<double> margins;
  for (const Example& example : set_.examples) margins.push_back(example.margin);
  options_.margin = "column";
  expect_equal(-at::log_sigmoid(w - l - at::tensor(margins, at::kDouble)).mean(), "margin");
  options_.center_rewards = 0.1;
  expect_equal((-at::log_sigmoid(w - l - at::tensor(margins, at::kDouble))).mean() + 0.1 * (w + l).pow(2).mean(),
               "centred");
}

TEST_F(Gradient, OfSftIsTheMeanOverCompletionTokens) {
  use("tiny_llama", "sft");
  PaddedPairs rows;
  double tokens = 0;
  for (const Example& example : set_.examples) {
    const TokenPrompt& prompt = set_.prompts[example.prompt];
    rows.rows.push_back(prompt.ids);
    rows.rows.back().insert(rows.rows.back().end(), prompt.completions[0].ids.begin(), prompt.completions[0].ids.end());
    rows.begin.push_back(static_cast<std::int64_t>(prompt.ids.size()));
    tokens += static_cast<double>(prompt.completions[0].ids.size());
  }
  expect_equal(-padded_log_probabilities(weights_, config_, rows).sum() / tokens, "sft");
}

}  // namespace
}  // namespace ballot
