#include "statistics/position.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/random.h"

namespace ballot {
namespace {

/// Rankings of five whose first place gains `bias` ranks' worth of noise's standard deviation.
std::vector<ShownRanks> rankings(std::size_t prompts, double bias, std::uint64_t seed) {
  std::vector<ShownRanks> out;
  for (std::size_t p = 0; p < prompts; ++p) {
    Random random(seed, "rankings", p);
    std::vector<double> value(5);
    for (std::size_t i = 0; i < 5; ++i) value[i] = random.normal() + (i == 0 ? bias : 0);
    ShownRanks ranking{static_cast<std::uint32_t>(p), std::vector<double>(5, 1)};
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = 0; j < 5; ++j) ranking.ranks[i] += value[j] > value[i];
    out.push_back(ranking);
  }
  return out;
}

TEST(PositionTest, APreferenceForTheFirstPlaceIsFound) {
  const PositionTest biased = position_test(rankings(120, 0.8, 1), 999, 0);
  EXPECT_EQ(biased.p, 0.001);
  EXPECT_LT(biased.mean_rank[0], 2.7);
  EXPECT_NEAR(std::accumulate(biased.mean_rank.begin(), biased.mean_rank.end(), 0.0), 15, 1e-9);
}

TEST(PositionTest, WithoutPreferenceSmallPValuesAreRare) {
  int small = 0;
  for (std::uint64_t study = 0; study < 200; ++study)
    small += position_test(rankings(30, 0, study), 199, study).p <= 0.05;
  EXPECT_LE(small, 20) << "5% of 200 with a standard deviation of 3.1";
  EXPECT_GE(small, 2);
}

TEST(PositionTest, NoRankingsNoTest) {
  EXPECT_TRUE(std::isnan(position_test({}, 100, 0).p));
}

}  // namespace
}  // namespace ballot
