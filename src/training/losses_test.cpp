#include "training/losses.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "training/options.h"

namespace ballot {
namespace {

double log_sigmoid(double x) {
  return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x));
}
double sigma(double x) {
  return 1 / (1 + std::exp(-x));
}

Json golden_file(const std::string& name) {
  std::ifstream file(std::string(BALLOT_SOURCE_DIR) + "/tests/golden/" + name);
  return Json::parse(file);
}

at::Tensor numbers(std::vector<double> values) {
  return at::tensor(values, at::kDouble);
}
at::Tensor indices(std::vector<std::int64_t> values) {
  return at::tensor(values, at::kLong);
}

/// Two pairs among three completions of one prompt.
struct Scene {
  PolicyScores scores{numbers({-20, -35, -12}), numbers({-22, -30, -12.5}), numbers({8, 15, 5})};
  Pairs pairs{indices({0, 2}), indices({1, 0}), numbers({0, 0}), numbers({1, 1}), numbers({1, 1})};
  PolicyLossOptions options{.beta = 0.3, .label_smoothing = 0.1, .gamma = 0.7, .lambda = 0.2, .tau = 0.05};
};

/// The formulas of the table, once more and with plain numbers, for one pair.
double plain(const std::string& name, double pw, double pl, double rw, double rl, double nw, double nl, double b,
             double e, double m) {
  const double sw = pw - rw, sl = pl - rl, d = sw - sl, x = b * d, aw = pw / nw, al = pl / nl;
  if (name == "sigmoid" || name == "odpo" || name == "soft") return -log_sigmoid(x - m);
  if (name == "cdpo") return -(1 - e) * log_sigmoid(x) - e * log_sigmoid(-x);
  if (name == "robust") return (-(1 - e) * log_sigmoid(x) + e * log_sigmoid(-x)) / (1 - 2 * e);
  if (name == "hinge") return std::max(0.0, 1 - x);
  if (name == "ipo") return std::pow(sw / nw - sl / nl - 1 / (2 * b), 2);
  if (name == "ipo_unnormalised") return std::pow(d - 1 / (2 * b), 2);
  if (name == "sigmoid_norm") return -log_sigmoid(b * (sw / nw - sl / nl));
  if (name == "exo_pair")
    return sigma(x) * (log_sigmoid(x) - std::log(1 - e)) + sigma(-x) * (log_sigmoid(-x) - std::log(e));
  if (name == "apo_zero") return 1 - sigma(b * sw) + sigma(b * sl);
  if (name == "apo_down") return sigma(b * sw) + 1 - sigma(x);
  if (name == "bco_pair") return -log_sigmoid(b * sw) - log_sigmoid(-b * sl);
  if (name == "nca_pair") return -log_sigmoid(b * sw) - 0.5 * log_sigmoid(-b * sw) - 0.5 * log_sigmoid(-b * sl);
  if (name == "sppo_hard") return std::pow(sw - 0.5 / b, 2) + std::pow(sl + 0.5 / b, 2);
  if (name == "discopop") return (1 - sigma(x / 0.05)) * -log_sigmoid(x) + sigma(x / 0.05) * std::exp(-x);
  if (name == "simpo") return -log_sigmoid(b * (aw - al) - 0.7);
  if (name == "orpo") {
    const auto odds = [](double a) { return a - std::log(1 - std::exp(a)); };
    return -aw - 0.2 * log_sigmoid(odds(aw) - odds(al));
  }
  if (name == "cpo") return -log_sigmoid(b * (pw - pl)) - pw;
  if (name == "reference_free") return -log_sigmoid(b * (pw - pl));
  ADD_FAILURE() << "no formula for " << name;
  return 0;
}

TEST(PolicyLoss, EveryNameGivesItsFormulaSummedOverPairs) {
  const Scene scene;
  for (const std::string& name : loss_names("dpo")) {
    if (name == "sft") continue;
    const Sum sum = policy_loss(name, scene.scores, scene.pairs, scene.options);
    const double expected =
        plain(name, -20, -35, -22, -30, 8, 15, 0.3, 0.1, 0) + plain(name, -12, -20, -12.5, -22, 5, 8, 0.3, 0.1, 0);
    EXPECT_NEAR(sum.total.item<double>(), expected, 1e-12) << name;
    EXPECT_EQ(sum.count, 2) << name;
  }
}

// tests/oracles/loss_values.py: values and derivatives of single pairs by torch in float64.
TEST(PolicyLoss, EqualsTheReferenceValuesAndDerivatives) {
  const Json golden = golden_file("loss_values.json");
  int compared = 0;
  for (const Json& entry : golden["dpo"]) {
    std::string name = entry["name"];
    PolicyLossOptions options{.beta = entry["beta"],
                              .label_smoothing = entry.value("label_smoothing", 0.0),
                              .gamma = entry.value("gamma", 0.5),
                              .lambda = entry["beta"],
                              .tau = 0.05,
                              .alpha = entry.value("alpha", 1.0)};
    if (name == "sigmoid" && options.label_smoothing > 0) name = "cdpo";
    for (std::size_t i = 0; i < golden["pairs"]["rows"].size(); ++i) {
      const auto row = golden["pairs"]["rows"][i].get<std::vector<double>>();
      PolicyScores scores{numbers({row[0], row[1]}).set_requires_grad(true), numbers({row[2], row[3]}),
                          numbers({row[4], row[5]})};
      const double margin = name == "odpo" ? row[6] : 0;
      const Pairs pairs{indices({0}), indices({1}), numbers({margin}), numbers({row[7]}), numbers({1})};
      const at::Tensor loss = policy_loss(name, scores, pairs, options).total;
      const at::Tensor gradient = torch::autograd::grad({loss}, {scores.logp_C})[0];
      const auto expected = entry["loss_dchosen_drejected"][i].get<std::vector<double>>();
      EXPECT_NEAR(loss.item<double>(), expected[0], 1e-9 * std::max(1.0, std::abs(expected[0])))
          << name << " row " << i;
      EXPECT_NEAR(gradient[0].item<double>(), expected[1], 1e-9 * std::max(1.0, std::abs(expected[1])))
          << name << " row " << i;
      EXPECT_NEAR(gradient[1].item<double>(), expected[2], 1e-9 * std::max(1.0, std::abs(expected[2])))
          << name << " row " << i;
      ++compared;
    }
  }
  EXPECT_GE(compared, 18 * 3);
}

TEST(RewardLoss, EqualsTheReferenceValuesAndDerivatives) {
  const Json golden = golden_file("loss_values.json");
  for (const Json& entry : golden["reward"]) {
    const std::string name = entry["name"];
    for (std::size_t i = 0; i < golden["rewards"]["rows"].size(); ++i) {
      const auto row = golden["rewards"]["rows"][i].get<std::vector<double>>();
      const at::Tensor scores = numbers({row[0], row[1]}).set_requires_grad(true);
      const bool margin = name == "bradley_terry_margin" || name == "scaled";
      const Pairs pairs{indices({0}), indices({1}), numbers({margin ? row[2] : 0}), numbers({row[3]}), numbers({1})};
      at::Tensor loss = reward_loss(name.starts_with("bradley_terry") ? "bradley_terry" : name, scores, pairs).total;
      if (name == "bradley_terry_centred_0.01") loss = loss + 0.01 * centring(scores, pairs).total;
      const at::Tensor gradient = torch::autograd::grad({loss}, {scores})[0];
      const auto expected = entry["loss_dchosen_drejected"][i].get<std::vector<double>>();
      EXPECT_NEAR(loss.item<double>(), expected[0], 1e-9 * std::max(1.0, std::abs(expected[0])))
          << name << " row " << i;
      EXPECT_NEAR(gradient[0].item<double>(), expected[1], 1e-9 * std::max(1.0, std::abs(expected[1])))
          << name << " row " << i;
      EXPECT_NEAR(gradient[1].item<double>(), expected[2], 1e-9 * std::max(1.0, std::abs(expected[2])))
          << name << " row " << i;
    }
  }
}

TEST(PlackettLuce, EqualsTheReferenceValuesAndDerivatives) {
  const Json golden = golden_file("loss_values.json");
  for (const Json& entry : golden["plackett_luce"]["cases"]) {
    const at::Tensor scores = numbers(entry["scores"].get<std::vector<double>>()).set_requires_grad(true);
    const at::Tensor loss = plackett_luce(scores, std::vector<RankedGroups>{entry["groups"].get<RankedGroups>()}).total;
    EXPECT_NEAR(loss.item<double>(), entry["loss"].get<double>(), 1e-9);
    if (!loss.requires_grad()) continue;
    const at::Tensor gradient = torch::autograd::grad({loss}, {scores})[0];
    for (int i = 0; i < scores.size(0); ++i)
      EXPECT_NEAR(gradient[i].item<double>(), entry["gradient"][i].get<double>(), 1e-9);
  }
}

TEST(PolicyLoss, SftCountsTheChosenTokens) {
  const Scene scene;
  const Sum sum = policy_loss("sft", scene.scores, scene.pairs, scene.options);
  EXPECT_DOUBLE_EQ(sum.total.item<double>(), 20 + 12);
  EXPECT_EQ(sum.count, 8 + 5);
}

TEST(PolicyLoss, MarginIsTakenFromTheLogRatio) {
  Scene scene;
  scene.pairs.margin_P = numbers({0.5, 2});
  const double expected =
      plain("odpo", -20, -35, -22, -30, 8, 15, 0.3, 0, 0.5) + plain("odpo", -12, -20, -12.5, -22, 5, 8, 0.3, 0, 2);
  EXPECT_NEAR(policy_loss("odpo", scene.scores, scene.pairs, scene.options).total.item<double>(), expected, 1e-12);
}

TEST(PolicyLoss, WeightsOfPairsWeighAndCount) {
  Scene scene;
  scene.pairs.weight_P = numbers({1, 0.25});
  const Sum sum = policy_loss("sigmoid", scene.scores, scene.pairs, scene.options);
  const double expected = plain("sigmoid", -20, -35, -22, -30, 8, 15, 0.3, 0, 0) +
                          0.25 * plain("sigmoid", -12, -20, -12.5, -22, 5, 8, 0.3, 0, 0);
  EXPECT_NEAR(sum.total.item<double>(), expected, 1e-12);
  EXPECT_EQ(sum.count, 1.25);
}

TEST(PolicyLoss, StartsAtLnTwoWherePolicyIsReference) {
  Scene scene;
  scene.scores.reference_C = scene.scores.logp_C;
  EXPECT_NEAR(policy_loss("sigmoid", scene.scores, scene.pairs, scene.options).total.item<double>() / 2, std::log(2.0),
              1e-15);
}

// A completion's gradient is the sum over its pairs: the loss's derivative by each score, checked by differences.
TEST(PolicyLoss, GradientReachesACompletionOnceForAllItsPairs) {
  const Scene scene;
  for (const std::string& name : loss_names("dpo")) {
    if (name == "hinge") continue;  // has a kink
    PolicyScores scores = scene.scores;
    scores.logp_C = scores.logp_C.clone().set_requires_grad(true);
    const at::Tensor total = policy_loss(name, scores, scene.pairs, scene.options).total;
    const auto gradient = torch::autograd::grad({total}, {scores.logp_C})[0];
    for (int c = 0; c < 3; ++c) {
      const double step = 1e-6;
      double value[2];
      for (const int side : {0, 1}) {
        PolicyScores moved = scene.scores;
        moved.logp_C = moved.logp_C.clone();
        moved.logp_C[c] += side ? step : -step;
        value[side] = policy_loss(name, moved, scene.pairs, scene.options).total.item<double>();
      }
      EXPECT_NEAR(gradient[c].item<double>(), (value[1] - value[0]) / (2 * step), 1e-6) << name << " completion " << c;
    }
  }
}

TEST(PolicyLoss, SigmoidCoefficientsAreBetaTimesSigmoid) {
  const Scene scene;
  PolicyScores scores = scene.scores;
  scores.logp_C = scores.logp_C.clone().set_requires_grad(true);
  const auto gradient =
      torch::autograd::grad({policy_loss("sigmoid", scores, scene.pairs, scene.options).total}, {scores.logp_C})[0];
  const double w1 = 0.3 * sigma(-0.3 * (2 + 5)), w2 = 0.3 * sigma(-0.3 * (0.5 - 2));
  EXPECT_NEAR(gradient[0].item<double>(), -w1 + w2, 1e-12);
  EXPECT_NEAR(gradient[1].item<double>(), w1, 1e-12);
  EXPECT_NEAR(gradient[2].item<double>(), -w2, 1e-12);
}

TEST(PolicyLoss, UnknownNameNamesTheNearest) {
  const Scene scene;
  try {
    policy_loss("sigmiod", scene.scores, scene.pairs, scene.options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.message(), testing::HasSubstr("did you mean 'sigmoid'"));
  }
}

TEST(PolicyLoss, OptionsThatWouldBeIgnoredAreErrors) {
  const auto check = [](std::vector<std::string> names, PolicyLossOptions options, bool margin = false,
                        std::vector<double> weights = {}) { check_policy_losses(names, weights, options, margin); };
  EXPECT_NO_THROW(check({"sigmoid", "sft"}, {}, false, {1, 0.5}));
  EXPECT_NO_THROW(check({"odpo"}, {}, true));
  EXPECT_THROW(check({"sigmoid"}, {.label_smoothing = 0.1}), Error);
  EXPECT_THROW(check({"cdpo"}, {.label_smoothing = 0.5}), Error);
  EXPECT_THROW(check({"exo_pair"}, {}), Error);
  EXPECT_THROW(check({"odpo"}, {}), Error);
  EXPECT_THROW(check({"ipo"}, {}, true), Error);
  EXPECT_THROW(check({"sigmoid"}, {}, false, {1, 2}), Error);
  EXPECT_THROW(check({"sigmoid"}, {.beta = 0}), Error);
}

TEST(RewardLoss, FormulasOfTheThreeKinds) {
  const at::Tensor scores = numbers({1.5, -0.5, 0.25});
  Pairs pairs{indices({0, 2}), indices({1, 0}), numbers({1, 3}), numbers({0.8, 0.5}), numbers({1, 1})};
  EXPECT_NEAR(reward_loss("bradley_terry", scores, pairs).total.item<double>(),
              -log_sigmoid(2 - 1) - log_sigmoid(-1.25 - 3), 1e-12);
  EXPECT_NEAR(reward_loss("scaled", scores, pairs).total.item<double>(), -log_sigmoid(2) - 3 * log_sigmoid(-1.25),
              1e-12);
  EXPECT_NEAR(reward_loss("soft", scores, pairs).total.item<double>(),
              -0.8 * log_sigmoid(2) - 0.2 * log_sigmoid(-2) - 0.5 * log_sigmoid(-1.25) - 0.5 * log_sigmoid(1.25),
              1e-12);
  EXPECT_NEAR(centring(scores, pairs).total.item<double>(), 1.0 * 1.0 + 1.75 * 1.75, 1e-12);
}

TEST(PlackettLuce, TwoCompletionsAreBradleyTerry) {
  const Sum sum = plackett_luce(numbers({0.3, 1.1}), std::vector<RankedGroups>{{{1}, {0}}});
  EXPECT_NEAR(sum.total.item<double>(), -log_sigmoid(0.8), 1e-12);
  EXPECT_EQ(sum.count, 1);
}

TEST(PlackettLuce, IsTheLikelihoodOfChoosingOneAfterAnother) {
  const std::vector<double> s{0.3, 1.1, -0.4, 2};
  const Sum sum = plackett_luce(numbers(s), std::vector<RankedGroups>{{{3}, {0}, {2}, {1}}});
  double expected = 0;
  const std::vector<int> order{3, 0, 2, 1};
  for (int k = 0; k < 3; ++k) {
    double rest = 0;
    for (int j = k; j < 4; ++j) rest += std::exp(s[order[j]]);
    expected -= s[order[k]] - std::log(rest);
  }
  EXPECT_NEAR(sum.total.item<double>(), expected, 1e-12);
}

TEST(PlackettLuce, TiedGroupsShareTheirPlaces) {
  const std::vector<double> s{0.3, 1.1, -0.4};
  const Sum sum = plackett_luce(numbers(s), std::vector<RankedGroups>{{{0, 1}, {2}}});
  const double all = std::log(std::exp(0.3) + std::exp(1.1) + std::exp(-0.4));
  EXPECT_NEAR(sum.total.item<double>(), -(0.3 + 1.1 - 2 * all), 1e-12);
  EXPECT_NEAR(plackett_luce(numbers(s), std::vector<RankedGroups>{{{0, 1, 2}}}).total.item<double>(), -(1.0 - 3 * all),
              1e-12);
}

TEST(Regression, CountsCompletions) {
  const Sum sum = regression(numbers({1, 2, 3}), std::vector<std::int64_t>{2, 0}, std::vector<double>{5, 1.5});
  EXPECT_NEAR(sum.total.item<double>(), 4 + 0.25, 1e-12);
  EXPECT_EQ(sum.count, 2);
}

TEST(Margins, ScalesKeepOrderAndSayWhatTheyDo) {
  const std::vector<double> raw{4, 1, 0, 3, 2};
  EXPECT_EQ(scale_margins(raw, "raw"), raw);
  EXPECT_EQ(scale_margins(raw, "unit"), (std::vector<double>{1, 0.25, 0, 0.75, 0.5}));
  EXPECT_EQ(scale_margins(raw, "mean_one"), (std::vector<double>{2, 0.5, 0, 1.5, 1}));
  EXPECT_EQ(scale_margins(raw, "llama2"), (std::vector<double>{3, 1, 0, 3, 2}));
  EXPECT_EQ(scale_margins({0, 0}, "unit"), (std::vector<double>{0, 0}));
  EXPECT_THROW(scale_margins({1, -1}, "raw"), Error);
  EXPECT_THROW(scale_margins({std::nan("")}, "raw"), Error);
  EXPECT_THROW(scale_margins({1}, "units"), Error);
}

}  // namespace
}  // namespace ballot
