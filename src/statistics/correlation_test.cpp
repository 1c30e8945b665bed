#include "statistics/correlation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "statistics/golden_tables.h"

namespace ballot {
namespace {

TEST(Correlation, TwoRatersOnFivePoints) {
  const auto &a = golden::kScoresA, &b = golden::kScoresB;
  EXPECT_NEAR(pearson(a, b).estimate.value, 0.879428908411, 5e-13);
  EXPECT_NEAR(pearson(a, b).p / 7.180463027542e-06, 1, 1e-12);
  EXPECT_NEAR(spearman(a, b).estimate.value, 0.880462096613, 5e-13);
  EXPECT_NEAR(spearman(a, b).p / 6.779955037229e-06, 1, 1e-12);
  EXPECT_NEAR(kendall_tau_b(a, b).estimate.value, 0.798039239536, 5e-13);
  EXPECT_NEAR(kendall_tau_b(a, b).p / 1.281561237266e-04, 1, 1e-12);
  EXPECT_NEAR(kendall_tau_c(a, b).estimate.value, 0.791015625, 5e-13);
}

/// Every pair looked at: what Knight's algorithm must give.
double plain_tau_b(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0, untied_a = 0, untied_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const int x = (a[i] > a[j]) - (a[i] < a[j]), y = (b[i] > b[j]) - (b[i] < b[j]);
      difference += x * y;
      untied_a += x != 0;
      untied_b += y != 0;
    }
  return difference / std::sqrt(untied_a * untied_b);
}

TEST(Correlation, KendallBySortingEqualsEveryPair) {
  Random random(5, "test");
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> a, b;
    for (int i = 0; i < 101 + trial; ++i) {
      a.push_back(std::floor(random.uniform() * (trial + 2)));
      b.push_back(std::floor(a.back() / 2 + random.uniform() * 5));
    }
    EXPECT_NEAR(kendall_tau_b(a, b).estimate.value, plain_tau_b(a, b), 1e-13);
  }
}

TEST(Correlation, WeightsEqualRepeatedObservations) {
  Random random(6, "test");
  std::vector<double> a, b, long_a, long_b;
  std::vector<std::uint32_t> weight;
  for (int i = 0; i < 80; ++i) {
    a.push_back(std::floor(random.uniform() * 20));
    b.push_back(a.back() + random.normal() * 5);
    weight.push_back(static_cast<std::uint32_t>(random.below(4)));
    for (std::uint32_t w = 0; w < weight.back(); ++w) {
      long_a.push_back(a.back());
      long_b.push_back(b.back());
    }
  }
  EXPECT_NEAR(pearson_weighted(a, b, weight).value, pearson(long_a, long_b).estimate.value, 1e-13);
  EXPECT_NEAR(spearman_weighted(a, b, weight).value, spearman(long_a, long_b).estimate.value, 1e-13);
  EXPECT_NEAR(kendall_tau_b_weighted(a, b, weight).value, kendall_tau_b(long_a, long_b).estimate.value, 1e-13);
}

TEST(Correlation, AConstantListHasNoVariation) {
  const std::vector<double> flat(5, 0.1), other = {1, 2, 3, 4, 5};
  EXPECT_EQ(pearson(flat, other).estimate.reason, kNoVariation);
  EXPECT_EQ(spearman(flat, other).estimate.reason, kNoVariation);
  EXPECT_EQ(kendall_tau_b(flat, other).estimate.reason, kNoVariation);
  EXPECT_EQ(kendall_tau_c(flat, other).estimate.reason, kNoVariation);
}

TEST(Correlation, MidRanksShareTheMeanOfTheirPlaces) {
  EXPECT_EQ(mid_ranks(std::vector<double>{3, 1, 3, 2}), (std::vector<double>{3.5, 1, 3.5, 2}));
}

}  // namespace
}  // namespace ballot
