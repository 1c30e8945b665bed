#include "statistics/aggregation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "statistics/golden_tables.h"

namespace ballot {
namespace {

const std::vector<double> kWins = {0, 7, 9, 10, 3, 0, 6, 8, 1, 4, 0, 5, 0, 2, 5, 0};

void expect_near(const std::vector<double>& got, const std::vector<double>& wanted, double tolerance) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], tolerance) << i;
}

TEST(BradleyTerry, OneStepFromEqualStrengths) {
  const Strengths one = bradley_terry(kWins, 4, 0, {.iterations = 1});
  const double wanted[] = {1.960393575655, 1.281795799467, 0.753997529098, 0.527798270369};
  for (std::size_t i = 0; i < 4; ++i) {
    double mean = 0;  // the golden values are before centring
    for (const double w : wanted) mean += std::log(w) / 4;
    EXPECT_NEAR(one.log_strength[i], std::log(wanted[i]) - mean, 1e-11);
  }
}

TEST(BradleyTerry, LimitLikelihoodAndErrors) {
  const Strengths limit = bradley_terry(kWins, 4);
  EXPECT_TRUE(limit.converged);
  expect_near(limit.log_strength, {1.480135492808, 0.211083836472, -0.649861513924, -1.041357815357}, 1e-11);
  EXPECT_NEAR(limit.log_likelihood, -29.420357598963, 1e-11);
  expect_near(limit.standard_error, {0.414804853246, 0.319333803161, 0.329021296279, 0.352298895806}, 1e-11);
}

TEST(BradleyTerry, AnUnbeatenItemIsAnErrorUnlessThereIsAPrior) {
  const std::vector<double> wins = {0, 3, 3, 0, 0, 1, 0, 1, 0};
  try {
    bradley_terry(wins, 3);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_NE(std::string(error.what()).find("1, 2"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(bradley_terry(wins, 3, 0.1).converged);
}

TEST(PlackettLuce, SixRankingsOfFour) {
  const std::vector<std::vector<std::uint32_t>> rankings = {{0, 1, 2, 3}, {0, 2, 1, 3}, {1, 0, 2, 3},
                                                            {0, 1, 3, 2}, {2, 0, 1, 3}, {3, 0, 1, 2}};
  const Strengths limit = plackett_luce(rankings, 4);
  EXPECT_TRUE(limit.converged);
  expect_near(limit.log_strength, {1.396107507207, 0.344536378237, -0.471935778269, -1.268708107176}, 1e-11);
  EXPECT_NEAR(limit.log_likelihood, -14.209360861793, 1e-11);
}

TEST(PlackettLuce, PairsAreBradleyTerry) {
  std::vector<std::vector<std::uint32_t>> rankings;
  for (std::uint32_t i = 0; i < 4; ++i)
    for (std::uint32_t j = 0; j < 4; ++j)
      for (int k = 0; k < kWins[i * 4 + j]; ++k) rankings.push_back({i, j});
  expect_near(plackett_luce(rankings, 4).log_strength, bradley_terry(kWins, 4).log_strength, 1e-10);
}

TEST(DawidSkene, FiveRatersWithMissingValues) {
  const Ratings ratings = golden::five_raters();
  const DawidSkene one = dawid_skene(ratings, 0, {.iterations = 1});
  EXPECT_NEAR(one.log_likelihoods.back(), -27.005190803220, 1e-11);
  const DawidSkene limit = dawid_skene(ratings, 0);
  EXPECT_TRUE(limit.converged);
  EXPECT_NEAR(limit.log_likelihoods.back(), -24.457152423150, 1e-9);
  EXPECT_NEAR(limit.prior[1], 7.0 / 12, 1e-6);
  EXPECT_EQ(limit.labels(), (std::vector<std::int32_t>{1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0}));
  const double correct[5][2] = {{1, 1}, {.8, 1}, {.666667, .857143}, {1, .666667}, {.8, .833333}};
  for (std::size_t r = 0; r < 5; ++r)
    for (std::size_t k = 0; k < 2; ++k)
      EXPECT_NEAR(limit.confusion[(r * 2 + k) * 2 + k], correct[r][k], 2e-6) << r << k;
}

TEST(DawidSkene, LikelihoodNeverFalls) {
  const DawidSkene result = dawid_skene(golden::krippendorff_example(), 0);
  for (std::size_t i = 1; i < result.log_likelihoods.size(); ++i)
    EXPECT_GE(result.log_likelihoods[i], result.log_likelihoods[i - 1] - 1e-9);
}

}  // namespace
}  // namespace ballot
