// The interval of a single accuracy: its values where they are known, and how often it holds the truth.
#include "statistics/expanded_interval.h"

#include <gtest/gtest.h>

#include "statistics/simulated_shares.h"

namespace ballot {
namespace {

Interval of_items(std::size_t right, std::size_t n) {
  std::vector<JudgedRow> rows;
  for (std::size_t i = 0; i < n; ++i) rows.push_back({"donotanswer", std::to_string(i), i < right ? 1.0 : 0.0, false});
  const ScoreInterval score = section_scores(rows, 4000, 1).overall;
  return {score.low, score.high};
}

TEST(ShareInterval, IsAboutWilsonsWhereItemsAreIndependent) {
  for (const std::size_t right : {0u, 1u, 2u, 5u, 25u, 125u, 245u, 248u, 250u}) {
    const Interval ours = of_items(right, 250), wilson = wilson_interval(static_cast<double>(right), 250);
    EXPECT_NEAR(ours.low, wilson.low, right < 10 ? 0.01 : 0.006) << right;
    EXPECT_NEAR(ours.high, wilson.high, right > 240 ? 0.01 : 0.006) << right;
  }
}

TEST(ShareInterval, AllRightOrAllWrongIsNoPoint) {
  const Interval none = of_items(0, 250), all = of_items(250, 250);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.0155, 1e-3);
  EXPECT_NEAR(all.low, 1 - 0.0155, 1e-3);
  EXPECT_EQ(all.high, 1);
}

TEST(ShareInterval, OneClusterHasNone) {
  const ScoreInterval score =
      section_scores({{"donotanswer", "a", 1, false}, {"donotanswer", "a", 0, false}}, 100, 1).overall;
  EXPECT_EQ(score.score, 0.5);
  EXPECT_TRUE(std::isnan(score.low));
  EXPECT_TRUE(std::isnan(score.high));
}

TEST(ShareInterval, HoldsTheTruthAboutAsOftenAsItSays) {
  // 600 studies: 95% is seen as 92.9 to 96.7 in nineteen of twenty designs; the bounds leave room for bad luck, and for
  // counts as small as 5, where no interval of whole numbers can be exact.
  for (const SimulatedShare& design : {SimulatedShare{"10 prompts of ten pairs", 10, 10, 10, 0.5, 0.7},
                                       {"250 questions", 250, 1, 1, 0, 0.6},
                                       {"250 questions, one in 50 right", 250, 1, 1, 0, 0.02},
                                       {"250 stories of three questions", 250, 3, 3, 0.7, 0.9},
                                       {"20 clusters of 1 to 40", 20, 1, 40, 1, 0.5}}) {
    const ShareErrors errors = simulate_shares(design, 600, 400, 1, 0);
    EXPECT_GE(errors.covered, 600 * 0.915) << design.name;
    EXPECT_LE(errors.covered, 600 * 0.995) << design.name;
  }
}

}  // namespace
}  // namespace ballot
