// The joint latent-utility model, weighted Plackett-Luce, Dawid-Skene in both orientations and the logistic regression
// against tests/golden/combine.json (made by tests/oracles/combine_labels.py), and what the model is for.
#include "statistics/latent_utility.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "statistics/aggregation.h"
#include "statistics/logistic.h"

namespace ballot {
namespace {

using nlohmann::json;

const json& golden() {
  static const json file = json::parse(std::ifstream(std::string(BALLOT_SOURCE_DIR) + "/tests/golden/combine.json"));
  return file;
}

void expect_near(const std::vector<double>& got, const json& wanted, double tolerance, const char* what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i].get<double>(), tolerance) << what << i;
}

TEST(LogisticRegression, EqualsStatsmodelsWithTies) {
  const json& g = golden()["logistic"];
  const auto rows = g["rows"].get<std::vector<double>>(), outcomes = g["outcomes"].get<std::vector<double>>();
  const LogisticFit fit = logistic_regression(rows, outcomes, 2);
  ASSERT_TRUE(fit.converged());
  expect_near(fit.coefficients, g["coefficients"], 1e-9, "coefficient");
  expect_near(fit.standard_errors, g["standard_errors"], 1e-8, "error");
  // Turning every row round, with its outcome, changes nothing.
  std::vector<double> turned = rows, other = outcomes;
  for (double& x : turned) x = -x;
  for (double& y : other) y = 1 - y;
  EXPECT_NEAR(logistic_regression(turned, other, 2).coefficients[0], fit.coefficients[0], 1e-12);
}

TEST(LogisticRegression, WhatSeparatesHasNoCoefficient) {
  const std::vector<double> rows = {1, 2, -1, 3, -2}, outcomes = {1, 1, 0, 1, 0};
  EXPECT_EQ(logistic_regression(rows, outcomes, 1).reason, kSeparated);
  EXPECT_EQ(logistic_regression(std::vector<double>{0, 0}, std::vector<double>{1, 0}, 1).reason, kTooFew);
}

TEST(WeightedPlackettLuce, EqualsThePlainMaximum) {
  const json& g = golden()["plackett_luce"];
  const auto rankings = g["rankings"].get<std::vector<std::vector<std::uint32_t>>>();
  const auto weights = g["weights"].get<std::vector<double>>();
  const Strengths fit = plackett_luce(rankings, weights, 4, g["prior"].get<double>());
  EXPECT_TRUE(fit.converged);
  expect_near(fit.log_strength, g["log_strength"], 1e-9, "strength");
  EXPECT_NEAR(fit.log_likelihood, g["log_likelihood"].get<double>(), 1e-9);
}

TEST(DawidSkeneInBothOrientations, EqualsThePlainLoop) {
  const json& g = golden()["dawid_skene"];
  Ratings ratings;
  ratings.raters = 4;
  ratings.values = {-1, 0, 1};
  for (const bool turned : {false, true})
    for (const json& row : g["labels"])
      for (const json& label : row)
        ratings.codes.push_back(label.is_null() ? kMissing : (turned ? -label.get<int>() : label.get<int>()) + 1);
  const DawidSkene fit = dawid_skene(ratings, g["smoothing"].get<double>());
  EXPECT_NEAR(fit.log_likelihoods.back(), g["log_likelihood"].get<double>(), 1e-8);
  for (std::size_t u = 0; u < 25; ++u)
    EXPECT_NEAR(fit.posterior[u * 3 + 2] + fit.posterior[u * 3 + 1] / 2, g["first_better"][u].get<double>(), 1e-6);
}

TEST(Utilities, EqualTheMaximumThatAutomaticDerivativesFind) {
  const json& g = golden()["utilities"];
  std::vector<UtilityGroup> groups(6);
  for (UtilityGroup& group : groups) group.items = 4;
  for (const json& a : g["answers"])
    groups[a[0].get<std::size_t>()].answers.push_back(
        {a[1].get<std::uint32_t>(), a[2].get<std::vector<std::uint32_t>>(), a[3].get<double>(), a[4].get<double>()});
  const std::vector<AnswerKind> kinds = {AnswerKind::kChoice, AnswerKind::kDegree, AnswerKind::kScore,
                                         AnswerKind::kRanking};
  UtilityOptions options;
  options.prior_deviation = g["prior_deviation"];
  options.tolerance = 1e-11;
  const UtilityFit fit = fit_utilities(groups, kinds, options);
  EXPECT_TRUE(fit.converged);
  EXPECT_NEAR(fit.objective, g["objective"].get<double>(), 1e-9);
  for (std::size_t group = 0; group < 6; ++group)
    expect_near(fit.utilities[group], g["utilities"][group], 1e-7, "utility ");
  for (std::size_t r = 0; r < 4; ++r)
    EXPECT_NEAR(fit.annotators[r].discrimination, g["discriminations"][r].get<double>(), 1e-7) << r;
  expect_near(fit.annotators[1].thresholds, g["degree_thresholds"], 1e-7, "degree threshold ");
  expect_near(fit.annotators[2].thresholds, g["score_thresholds"], 1e-7, "score threshold ");
  expect_near(fit.annotators[2].levels, g["score_levels"], 0, "level ");
  options.threads = 3;
  EXPECT_EQ(fit_utilities(groups, kinds, options).utilities, fit.utilities);
}

/// `groups` prompts of five, judged pairwise by annotators of the given discriminations.
std::vector<UtilityGroup> choices(std::size_t groups, const std::vector<double>& discriminations,
                                  std::vector<std::vector<double>>& truth) {
  std::vector<UtilityGroup> out(groups);
  for (std::size_t g = 0; g < groups; ++g) {
    Random random(9, "utilities", g);
    std::vector<double>& u = truth.emplace_back();
    out[g].items = 5;
    for (int i = 0; i < 5; ++i) u.push_back(1.5 * random.normal());
    for (std::uint32_t r = 0; r < discriminations.size(); ++r)
      for (std::uint32_t i = 0; i < 5; ++i)
        for (std::uint32_t j = i + 1; j < 5; ++j) {
          const double p = 1 / (1 + std::exp(-discriminations[r] * (u[i] - u[j])));
          out[g].answers.push_back({r, {i, j}, random.uniform() < p ? 1.0 : 0.0, 1});
        }
  }
  return out;
}

TEST(Utilities, AnnotatorsAreWeighedByHowMuchTheySee) {
  std::vector<std::vector<double>> truth;
  const auto groups = choices(300, {1, 2, 0.05, -1}, truth);
  const UtilityFit fit = fit_utilities(groups, std::vector<AnswerKind>(4, AnswerKind::kChoice));
  EXPECT_TRUE(fit.converged);
  EXPECT_GT(fit.annotators[1].discrimination, 1.3);
  EXPECT_NEAR(fit.annotators[2].discrimination, 0, 0.2) << "says nothing";
  EXPECT_LT(fit.annotators[3].discrimination, -0.5) << "says the opposite";
  // The joint scale orders pairs better than the votes of the four.
  double joint = 0, votes = 0, n = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    double lean[5][5] = {};
    for (const UtilityAnswer& a : groups[g].answers) lean[a.items[0]][a.items[1]] += a.value - 0.5;
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = i + 1; j < 5; ++j) {
        const bool better = truth[g][i] > truth[g][j];
        joint += (fit.utilities[g][i] > fit.utilities[g][j]) == better;
        votes += lean[i][j] == 0 ? 0.5 : (lean[i][j] > 0) == better;
        ++n;
      }
  }
  EXPECT_GT(joint / n, votes / n + 0.1);
}

TEST(Utilities, UnusedDegreesAndOneScoreAreNoTrouble) {
  std::vector<UtilityGroup> groups(2, {3, {}});
  for (UtilityGroup& group : groups) {
    group.answers.push_back({0, {0, 1}, 3, 1});  // degrees 1 and 3 only, never neutral
    group.answers.push_back({0, {1, 2}, -1, 1});
    group.answers.push_back({1, {0}, 4, 1});  // one score for all
    group.answers.push_back({1, {1}, 4, 1});
  }
  const UtilityFit fit = fit_utilities(groups, {AnswerKind::kDegree, AnswerKind::kScore});
  EXPECT_TRUE(fit.converged);
  EXPECT_GT(fit.utilities[0][0], fit.utilities[0][1]);
  EXPECT_GT(fit.utilities[0][2], fit.utilities[0][1]);
  EXPECT_EQ(fit.annotators[0].thresholds.size(), 1u);
  EXPECT_TRUE(fit.annotators[1].thresholds.empty());
}

TEST(Utilities, AnAnswerOfAnotherKindIsAnError) {
  EXPECT_THROW(fit_utilities({{2, {{0, {0}, 1, 1}}}}, {AnswerKind::kChoice}), Error);
  EXPECT_THROW(fit_utilities({{2, {{0, {0, 2}, 1, 1}}}}, {AnswerKind::kChoice}), Error);
  EXPECT_THROW(fit_utilities({{2, {{1, {0, 1}, 1, 1}}}}, {AnswerKind::kChoice}), Error);
}

}  // namespace
}  // namespace ballot
