#include "statistics/tests.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "statistics/power.h"

namespace ballot {
namespace {

TEST(SignFlip, IsTheCountOverEveryFlip) {
  for (std::size_t n = 1; n <= 12; ++n)
    for (const double grain : {1.0, 0.125, 1e-9}) {  // coarse grains tie often
      Random random(n, "every flip");
      std::vector<double> d;
      for (std::size_t i = 0; i < n; ++i) d.push_back(grain * std::round((random.normal() + 0.5) / grain));
      double observed = 0, scale = 0;
      for (const double x : d) observed += x, scale += std::fabs(x);
      int extreme = 0;
      for (unsigned flips = 0; flips < 1u << n; ++flips) {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += (flips >> i & 1) != 0 ? -d[i] : d[i];
        extreme += std::fabs(sum) >= std::fabs(observed) - 1e-12 * scale;
      }
      EXPECT_EQ(sign_flip_test(d).p, extreme / std::pow(2.0, static_cast<double>(n))) << n << " of grain " << grain;
    }
}

TEST(SignFlip, ExactForEightDifferences) {
  const std::vector<double> differences = {.3, .1, -.2, .4, .25, .05, -.1, .35};
  const SignFlip result = sign_flip_test(differences);
  EXPECT_TRUE(result.exact);
  EXPECT_NEAR(result.statistic / 8, 0.14375, 1e-15);
  EXPECT_EQ(result.p, 0.1171875);
}

TEST(SignFlip, RandomFlipsComeCloseToAllOfThem) {
  Random random(1, "test");
  std::vector<double> few, many;
  for (int i = 0; i < 20; ++i) few.push_back(random.normal() + 0.4);
  const double exact = sign_flip_test(few).p;
  many = few;
  many.insert(many.end(), 5, 1e-14);  // too many to try all, and of no weight
  const SignFlip result = sign_flip_test(many, {.flips = 20000, .seed = 1, .threads = 2});
  EXPECT_FALSE(result.exact);
  EXPECT_NEAR(result.p, exact, 4 * std::sqrt(exact / 20000));
  EXPECT_EQ(result.p, sign_flip_test(many, {.flips = 20000, .seed = 1, .threads = 1}).p);
}

TEST(SignFlip, NoDifferenceIsNoEvidence) {
  EXPECT_EQ(sign_flip_test(std::vector<double>(30, 0)).p, 1);
  EXPECT_TRUE(std::isnan(sign_flip_test(std::vector<double>{}).p));
}

TEST(McNemar, AgreesWithStatsmodels) {
  // statsmodels mcnemar([[0, 5], [15, 0]]): exact 0.04138946533203125; corrected chi-square 4.05, p 0.04417134.
  const McNemar result = mcnemar(5, 15);
  EXPECT_NEAR(result.exact, 0.04138946533203125, 1e-13);
  EXPECT_NEAR(result.chi_square, 4.05, 1e-12);
  EXPECT_NEAR(result.chi_square_p, 0.04417134, 1e-8);
  EXPECT_NEAR(result.mid_p, 0.04138946533203125 - 15504 / 1048576.0, 1e-13);
  EXPECT_EQ(mcnemar(0, 0).exact, 1);
  EXPECT_EQ(mcnemar(3, 3).exact, 1);
}

TEST(Holm, StepsDownAndKeepsOrder) {
  const std::vector<double> p = {0.01, 0.04, 0.03, NAN, 0.005};
  const std::vector<double> adjusted = holm(p);
  EXPECT_NEAR(adjusted[0], 0.03, 1e-15);
  EXPECT_NEAR(adjusted[1], 0.06, 1e-15);
  EXPECT_NEAR(adjusted[2], 0.06, 1e-15);
  EXPECT_TRUE(std::isnan(adjusted[3]));
  EXPECT_NEAR(adjusted[4], 0.02, 1e-15);
}

TEST(BenjaminiHochberg, StepsUp) {
  const std::vector<double> adjusted = benjamini_hochberg(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  EXPECT_NEAR(adjusted[0], 0.02, 1e-15);
  EXPECT_NEAR(adjusted[1], 0.04, 1e-15);
  EXPECT_NEAR(adjusted[2], 0.04, 1e-15);
  EXPECT_NEAR(adjusted[3], 0.02, 1e-15);
}

TEST(Wilson, AgreesWithStatsmodels) {
  // proportion_confint(8, 10, method="wilson") = (0.49016247153664183, 0.9433178485456247)
  const Interval interval = wilson_interval(8, 10);
  EXPECT_NEAR(interval.low, 0.49016247153664183, 1e-12);
  EXPECT_NEAR(interval.high, 0.9433178485456247, 1e-12);
  EXPECT_EQ(wilson_interval(0, 10).low, 0);
  EXPECT_EQ(wilson_interval(10, 10).high, 1);
  EXPECT_FALSE(wilson_interval(0, 0).defined());
}

TEST(ClusteredStandardError, OneItemAClusterIsThePlainOne) {
  const std::vector<double> scores = {1, 0, 1, 1, 0, 1};
  const std::vector<std::uint32_t> own = {0, 1, 2, 3, 4, 5}, shared = {0, 0, 1, 1, 2, 2};
  const double p = 4.0 / 6;
  EXPECT_NEAR(clustered_standard_error(scores, own, 6), std::sqrt(p * (1 - p) / 5), 1e-15);
  const double squares = std::pow(1 - 2 * p, 2) + std::pow(2 - 2 * p, 2) + std::pow(1 - 2 * p, 2);
  EXPECT_NEAR(clustered_standard_error(scores, shared, 3), std::sqrt(squares * 1.5) / 6, 1e-15);
}

// annotation.md 6.5: the numbers that `ballot power` starts from.
TEST(Power, PairsNeededAtTwentyPercentDiscordant) {
  const auto needed = [](double delta, double rho) { return paired_items_needed(delta, 0.20, design_effect(10, rho)); };
  EXPECT_NEAR(needed(.01, .05), 22751, 1);
  EXPECT_NEAR(needed(.01, .10), 29811, 1);
  EXPECT_NEAR(needed(.01, .20), 43932, 1);
  EXPECT_NEAR(needed(.02, .05), 5679, 1);
  EXPECT_NEAR(needed(.02, .10), 7442, 1);
  EXPECT_NEAR(needed(.02, .20), 10967, 1);
}

TEST(Power, SmallestDifferenceOnRewardBench) {
  // The published ones leave out the small term delta^2.
  EXPECT_NEAR(paired_difference_shown(358, .15), .057, 1e-3);
  EXPECT_NEAR(paired_difference_shown(456, .15), .051, 1e-3);
  EXPECT_NEAR(paired_difference_shown(740, .15), .040, 1e-3);
  EXPECT_NEAR(paired_difference_shown(1431, .15), .029, 1e-3);
}

TEST(Power, DifferenceShownInvertsItemsNeeded) {
  const double n = paired_items_needed(.03, .2, 1.7);
  EXPECT_NEAR(paired_difference_shown(n, .2, 1.7), .03, 1e-12);
}

TEST(Power, CorrelationWithinClusters) {
  const std::vector<double> scores = {1, 1, 0, 0, 1, 1, 0, 0};
  const std::vector<std::uint32_t> cluster = {0, 0, 1, 1, 2, 2, 3, 3};
  EXPECT_NEAR(cluster_correlation(scores, cluster, 4).value, 1, 1e-14);
  EXPECT_EQ(cluster_correlation(std::vector<double>{1, 0}, std::vector<std::uint32_t>{0, 0}, 1).reason, kTooFew);
}

}  // namespace
}  // namespace ballot
