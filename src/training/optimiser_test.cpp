#include "training/optimiser.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/random.h"
#include "training/schedule.h"

namespace ballot {
namespace {

at::Tensor parameter(std::vector<float> values) {
  return at::tensor(values, at::kFloat).set_requires_grad(true);
}
void set_gradient(at::Tensor& p, std::vector<float> values) {
  p.mutable_grad() = at::tensor(values, at::kFloat);
}

/// The equations of the paper, in double, for one weight.
struct PlainAdam {
  double p, m = 0, v = 0;
  void step(double g, double lr, int t, double decay) {
    p *= 1 - lr * decay;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    p -= lr / (1 - std::pow(0.9, t)) * m / (std::sqrt(v) / std::sqrt(1 - std::pow(0.999, t)) + 1e-8);
  }
};

TEST(AdamW, FollowsTheEquations) {
  at::Tensor weight = parameter({0.5f, -1.25f}), norm = parameter({1.0f});
  AdamW adam({{"model.layers.0.mlp.up_proj.weight", weight}, {"model.norm.weight", norm}}, {.weight_decay = 0.1});
  PlainAdam a{0.5}, b{-1.25}, c{1.0};
  for (int t = 1; t <= 5; ++t) {
    const float g = 0.01f * static_cast<float>(t) - 0.02f;
    set_gradient(weight, {g, 3 * g});
    set_gradient(norm, {-g});
    adam.step(1e-3, t);
    a.step(g, 1e-3, t, 0.1);
    b.step(3 * g, 1e-3, t, 0.1);
    c.step(-g, 1e-3, t, 0);  // norms do not decay
  }
  EXPECT_NEAR(weight[0].item<double>(), a.p, 1e-7);
  EXPECT_NEAR(weight[1].item<double>(), b.p, 2e-7);
  EXPECT_NEAR(norm[0].item<double>(), c.p, 2e-7);
}

TEST(AdamW, AFloat64ModelFollowsTheEquationsToTheLastDigits) {
  at::Tensor weight = at::tensor({0.5}, at::kDouble).set_requires_grad(true);
  AdamW adam({{"w", weight}}, {.weight_decay = 0.1});
  PlainAdam a{0.5};
  for (int t = 1; t <= 5; ++t) {
    const double g = 0.01 * t - 0.02;
    weight.mutable_grad() = at::tensor({g}, at::kDouble);
    adam.step(1e-3, t);
    a.step(g, 1e-3, t, 0.1);
  }
  EXPECT_NEAR(weight.item<double>(), a.p, 1e-15);
}

// tests/oracles/optimiser_traces.py: torch's AdamW with clipping and transformers' schedules, eight steps.
TEST(AdamW, FollowsTheReferenceTraces) {
  std::ifstream file(std::string(BALLOT_SOURCE_DIR) + "/tests/golden/optimiser.json");
  const Json golden = Json::parse(file);
  const auto gradients = golden["gradients"].get<std::vector<std::vector<double>>>();
  for (const Json& trace : golden["traces"]) {
    const Json& settings = trace["settings"];
    const bool bf16 = settings["dtype"] == "bfloat16";
    const auto type = bf16 ? at::kBFloat16 : at::kDouble;
    const std::int64_t steps = settings["steps"];
    at::Tensor weight =
        at::tensor(trace["start"].get<std::vector<double>>(), at::kDouble).to(type).set_requires_grad(true);
    AdamW adam({{"weight", weight}}, {.beta1 = settings["beta1"],
                                      .beta2 = settings["beta2"],
                                      .epsilon = settings["epsilon"],
                                      .weight_decay = settings["weight_decay"],
                                      .precision = bf16 ? "bf16" : "fp32_master"});
    for (std::int64_t t = 1; t <= steps; ++t) {
      weight.mutable_grad() = at::tensor(gradients[t - 1], at::kDouble).to(type);
      const Json& expected = trace["steps"][t - 1];
      const double norm = gradient_norm(adam.parameters());
      EXPECT_NEAR(norm, expected["grad_norm"].get<double>(), norm * (bf16 ? 8e-3 : 1e-12));
      clip_gradients(adam.parameters(), bf16 ? expected["grad_norm"].get<double>() : norm, settings["max_grad_norm"]);
      const double rate = settings["learning_rate"].get<double>() *
                          learning_rate_factor(settings["schedule"], t - 1, steps, settings["warmup_steps"]);
      EXPECT_NEAR(rate, expected["learning_rate"].get<double>(), 1e-16);
      adam.step(rate, t);
      const auto values = expected["parameters"].get<std::vector<double>>();
      for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_NEAR(weight[static_cast<std::int64_t>(i)].item<double>(), values[i], bf16 ? 0.0 : 1e-12)
            << settings.dump() << " step " << t;
    }
  }
}

TEST(Schedule, FactorsEqualTheReference) {
  std::ifstream file(std::string(BALLOT_SOURCE_DIR) + "/tests/golden/optimiser.json");
  for (const Json& entry : Json::parse(file)["schedules"])
    for (std::size_t i = 0; i < entry["factors"].size(); ++i)
      EXPECT_NEAR(
          learning_rate_factor(entry["schedule"], static_cast<std::int64_t>(i), entry["total"], entry["warmup"]),
          entry["factors"][i].get<double>(), 1e-15)
          << entry["schedule"];
}

TEST(AdamW, DecayLeavesOutBiasesAndNorms) {
  for (const char* name :
       {"model.embed_tokens.weight", "model.layers.3.self_attn.q_proj.weight", "score.weight", "lm_head.weight"})
    EXPECT_TRUE(is_decayed(name)) << name;
  for (const char* name :
       {"model.layers.3.self_attn.q_proj.bias", "model.norm.weight", "model.layers.0.input_layernorm.weight",
        "model.layers.0.self_attn.q_norm.weight", "model.layers.0.post_feedforward_layernorm.weight"})
    EXPECT_FALSE(is_decayed(name)) << name;
}

TEST(AdamW, ParametersWithoutGradientStay) {
  at::Tensor a = parameter({1}), b = parameter({1});
  AdamW adam({{"a", a}, {"b", b}}, {});
  set_gradient(a, {1});
  adam.step(0.1, 1);
  EXPECT_NE(a.item<float>(), 1);
  EXPECT_EQ(b.item<float>(), 1);
}

TEST(Clipping, ScalesTheGlobalNormAsTorchDoes) {
  at::Tensor a = parameter({0, 0}), b = parameter({0});
  set_gradient(a, {3, 0});
  set_gradient(b, {4});
  const NamedTensors parameters{{"a", a}, {"b", b}};
  EXPECT_DOUBLE_EQ(gradient_norm(parameters), 5);
  clip_gradients(parameters, 5, 10);
  EXPECT_EQ(b.grad().item<float>(), 4);
  clip_gradients(parameters, 5, 1);
  EXPECT_NEAR(b.grad().item<double>(), 4 * (1 / (5 + 1e-6)), 1e-7);
}

/// `steps` updates of weights like a trained model's with a noisy gradient of constant sign, at a DPO learning rate.
at::Tensor trained(const std::string& precision, int steps, const at::Tensor& start, std::uint64_t seed = 1) {
  at::Tensor weight = start.clone().set_requires_grad(true);
  AdamW adam({{"w", weight}}, {.precision = precision, .seed = seed});
  Random random(3, "gradients");
  for (int t = 1; t <= steps; ++t) {
    at::Tensor gradient = at::empty_like(start);
    float* g = gradient.data_ptr<float>();
    for (std::int64_t i = 0; i < start.numel(); ++i) g[i] = static_cast<float>(1e-3 * (1 + 0.5 * random.normal()));
    weight.mutable_grad() = gradient;
    adam.step(1e-6 * learning_rate_factor("linear", t - 1, steps, 0), t);
  }
  return weight.detach();
}

TEST(Precision, Bf16HardlyMovesAndItsVariantsDo) {
  Random random(5, "weights");
  at::Tensor start = at::empty({1000}, at::kFloat);
  for (int i = 0; i < 1000; ++i) start.data_ptr<float>()[i] = static_cast<float>(0.02 * random.normal());
  start = start.to(at::kBFloat16).to(at::kFloat);
  const at::Tensor master = trained("fp32_master", 200, start) - start;
  const auto changed = [&](const at::Tensor& end) { return (end != start).to(at::kDouble).mean().item<double>(); };
  const auto along = [&](const at::Tensor& end) {
    return ((end - start).dot(master) / master.dot(master)).item<double>();
  };
  const at::Tensor plain = trained("bf16", 200, start), stochastic = trained("bf16_stochastic", 200, start),
                   kahan = trained("bf16_kahan", 200, start);
  EXPECT_LT(changed(plain), 0.06);
  EXPECT_LT(along(plain), 0.05);
  EXPECT_GT(changed(stochastic), 0.5);
  EXPECT_NEAR(along(stochastic), 1, 0.1);
  EXPECT_GT(changed(kahan), 0.5);
  EXPECT_NEAR(along(kahan), 1, 0.1);
  for (const at::Tensor& end : {plain, stochastic, kahan}) EXPECT_TRUE(end.equal(end.to(at::kBFloat16).to(at::kFloat)));
}

TEST(Precision, StochasticRoundingIsDrawnBySeedStepAndPlace) {
  const at::Tensor start = at::full({100}, 0.0199f, at::kFloat).to(at::kBFloat16).to(at::kFloat);
  EXPECT_TRUE(trained("bf16_stochastic", 20, start, 7).equal(trained("bf16_stochastic", 20, start, 7)));
  EXPECT_FALSE(trained("bf16_stochastic", 20, start, 7).equal(trained("bf16_stochastic", 20, start, 8)));
}

TEST(Precision, Bf16TensorsAndBf16ValuesInFp32AreTheSameUpdate) {
  at::Tensor wide = parameter({0.5f, -1.25f, 0.003f}),
             narrow = at::tensor({0.5f, -1.25f, 0.003f}, at::kFloat).to(at::kBFloat16).set_requires_grad(true);
  AdamW a({{"w", wide}}, {.precision = "bf16"}), b({{"w", narrow}}, {.precision = "bf16"});
  for (int t = 1; t <= 4; ++t) {
    set_gradient(wide, {0.1f, -0.7f, 0.01f});
    narrow.mutable_grad() = wide.grad().to(at::kBFloat16);
    a.step(1e-2, t);
    b.step(1e-2, t);
  }
  EXPECT_TRUE(wide.equal(narrow.to(at::kFloat)));
  EXPECT_THROW(AdamW({{"w", wide}}, {.precision = "bf61"}), Error);
}

TEST(Schedule, LinearStartsFullAndEndsOneStepAboveZero) {
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 0, 10, 0), 1);
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 9, 10, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 10, 10, 0), 0);
}

TEST(Schedule, WarmUpRisesThenFalls) {
  EXPECT_EQ(warmup_steps(0.2, 11), 3);
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 0, 10, 2), 0);
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 1, 10, 2), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 2, 10, 2), 1);
  EXPECT_DOUBLE_EQ(learning_rate_factor("linear", 6, 10, 2), 0.5);
  EXPECT_NEAR(learning_rate_factor("cosine", 6, 10, 2), 0.5, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate_factor("constant", 9, 10, 2), 1);
  EXPECT_THROW(learning_rate_factor("cosin", 0, 10, 0), Error);
  EXPECT_THROW(warmup_steps(1.5, 10), Error);
}

}  // namespace
}  // namespace ballot
