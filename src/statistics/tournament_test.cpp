#include "statistics/tournament.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/random.h"

namespace ballot {
namespace {

/// The pairs of n items in order; bit p of `code`: the first of pair p lost.
Tournament coded(std::size_t n, std::uint32_t code) {
  Tournament t{n, std::vector<std::uint8_t>(n * n, 0)};
  int p = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j, ++p) {
      t.beats[i * n + j] = (code >> p & 1) == 0;
      t.beats[j * n + i] = (code >> p & 1) != 0;
    }
  return t;
}

TEST(Tournament, AllTournamentsOfFive) {
  std::map<std::int64_t, int> circles;
  for (std::uint32_t code = 0; code < 1024; ++code) ++circles[circular_triads(coded(5, code))];
  EXPECT_EQ(circles, (std::map<std::int64_t, int>{{0, 120}, {1, 120}, {2, 240}, {3, 240}, {4, 280}, {5, 24}}));
  EXPECT_EQ(most_circular_triads(5), 5);
  EXPECT_EQ(most_circular_triads(6), 8);
  EXPECT_EQ(zeta(0, 5), 1);
  EXPECT_EQ(zeta(5, 5), 0);
  EXPECT_TRUE(std::isnan(zeta(0, 2)));
}

TEST(Tournament, TheClosestRankingIsTheBestOfAllPermutations) {
  for (std::uint32_t code = 0; code < 1024; code += 7) {
    const Tournament t = coded(5, code);
    std::vector<std::uint32_t> order(5);
    std::iota(order.begin(), order.end(), 0u);
    std::int64_t fewest = 100;
    do {
      std::int64_t flips = 0;
      for (std::size_t a = 0; a < 5; ++a)
        for (std::size_t b = a + 1; b < 5; ++b) flips += t.wins(order[b], order[a]);
      fewest = std::min(fewest, flips);
    } while (std::next_permutation(order.begin(), order.end()));
    const ClosestRanking closest = closest_ranking(t);
    EXPECT_EQ(closest.flips, fewest) << code;
    std::int64_t flips = 0;
    for (std::size_t a = 0; a < 5; ++a)
      for (std::size_t b = a + 1; b < 5; ++b) flips += t.wins(closest.order[b], closest.order[a]);
    EXPECT_EQ(flips, fewest);
    EXPECT_EQ(closest.flips == 0, circular_triads(t) == 0);
  }
}

TEST(Tournament, AFlipProbabilityGivesBackTheAgreement) {
  for (const double e : {0.0, 0.05, 0.2, 0.5}) EXPECT_NEAR(flip_probability((1 - e) * (1 - e) + e * e), e, 1e-12);
  EXPECT_EQ(flip_probability(0.3), 0.5);
}

TEST(Tournament, EqualFlipsMakeCirclesOfHalfTheDisagreement) {
  // With one e for all pairs a triple is circular with probability e (1-e) = (1 - a) / 2.
  const double e = 0.12, agreement = (1 - e) * (1 - e) + e * e;
  const std::vector<double> flips = {e};
  EXPECT_NEAR(expected_circles(5, flips).mean, 10 * (1 - agreement) / 2, 1e-12);
  const std::vector<double> coin = {0.5};
  EXPECT_NEAR(expected_circles(5, coin).mean, 2.5, 1e-12);
  EXPECT_NEAR(expected_circles(5, coin).none, 120.0 / 1024, 1e-12);
  EXPECT_EQ(expected_circles(5, std::vector<double>{0.0}).none, 1);
}

TEST(Tournament, ExpectedCirclesAreWhatSimulatedFlipsMake) {
  const std::vector<double> flips = {0.25, 0.1, 0.03, 0.01};
  double mean = 0, none = 0;
  constexpr int kTrials = 40000;
  Random random(5, "circles");
  for (int trial = 0; trial < kTrials; ++trial) {
    Tournament t{5, std::vector<std::uint8_t>(25, 0)};
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = i + 1; j < 5; ++j) {
        const bool flip = random.uniform() < flips[j - i - 1];
        t.beats[i * 5 + j] = !flip;
        t.beats[j * 5 + i] = flip;
      }
    mean += static_cast<double>(circular_triads(t)) / kTrials;
    none += (circular_triads(t) == 0) / static_cast<double>(kTrials);
  }
  const ExpectedCircles expected = expected_circles(5, flips);
  EXPECT_NEAR(mean, expected.mean, 0.02);
  EXPECT_NEAR(none, expected.none, 0.012);
}

TEST(Tournament, AChainOfComparisonsSaysTheRest) {
  const std::vector<Comparison> chain = {{2, 0, 1}, {0, 3, 1}, {1, 3, -1}};  // 2 > 0 > 3 > 1, 4 was never compared
  const std::vector<double> all = read_all_pairs(5, chain);
  //                                 01 02  03 04 12  13  14 23 24 34
  EXPECT_EQ(all, (std::vector<double>{1, -1, 1, 0, -1, -1, 0, 1, 0, 0}));
  const std::vector<Comparison> circle = {{0, 1, 1}, {1, 2, 1}, {2, 0, 1}};
  EXPECT_EQ(read_all_pairs(3, circle), (std::vector<double>{1, -1, 1})) << "what was asked keeps its own answer";
}

TEST(Tournament, SortingAsksAtMostEightOfTenAndGetsTheOrder) {
  std::vector<std::uint32_t> arrival = {0, 1, 2, 3, 4};
  std::size_t most = 0;
  do {
    const auto compare = [](std::uint32_t i, std::uint32_t j) { return i < j ? 1.0 : -1.0; };
    const std::vector<Comparison> asked = comparisons_of_sorting(arrival, compare);
    most = std::max(most, asked.size());
    EXPECT_EQ(read_all_pairs(5, asked), std::vector<double>(10, 1.0));
  } while (std::next_permutation(arrival.begin(), arrival.end()));
  EXPECT_EQ(most, 8u);
}

}  // namespace
}  // namespace ballot
