#include "statistics/rewardbench_sections.h"

#include <gtest/gtest.h>

#include <numeric>

namespace ballot {
namespace {

TEST(Sections, WeightsAreThePublishedOnes) {
  std::map<std::string, double> sums;
  for (const RewardBenchSubset& subset : rewardbench_subsets()) sums[subset.section] += subset.weight;
  EXPECT_EQ(sums,
            (std::map<std::string, double>{{"Chat", 358}, {"Chat Hard", 456}, {"Safety", 740}, {"Reasoning", 1968}}));
}

TEST(Sections, ASectionWeighsSubsetsByTheConstantsNotByRows) {
  std::vector<JudgedRow> rows;
  for (int i = 0; i < 4; ++i) rows.push_back({"math-prm", "m" + std::to_string(i), 1});
  for (int i = 0; i < 40; ++i) rows.push_back({"hep-python", "c" + std::to_string(i), 0});
  const SectionScores scores = section_scores(rows, 200, 1);
  EXPECT_DOUBLE_EQ(scores.sections.at("Reasoning").score, 984.0 / (984 + 164));
  EXPECT_FALSE(scores.sections.contains("Chat"));
  EXPECT_DOUBLE_EQ(scores.overall.score, 984.0 / (984 + 164));
}

TEST(Sections, AnUnknownSubsetEntersNoSection) {
  const SectionScores scores =
      section_scores({{"mine", "a", 1}, {"donotanswer", "b", 0}, {"donotanswer", "c", 1}}, 100, 1);
  EXPECT_EQ(scores.subsets.at("mine").n, 1);
  EXPECT_DOUBLE_EQ(scores.overall.score, 0.5);
  EXPECT_EQ(scores.sections.size(), 1u);
}

TEST(Sections, IntervalsWidenWhenRowsShareTheirPrompt) {
  std::vector<JudgedRow> own, shared;
  for (int i = 0; i < 100; ++i) {
    own.push_back({"donotanswer", std::to_string(i), i % 2 ? 1.0 : 0.0});
    shared.push_back({"donotanswer", std::to_string(i / 10), (i / 10) % 2 ? 1.0 : 0.0});
  }
  const ScoreInterval narrow = section_scores(own, 2000, 1).overall, wide = section_scores(shared, 2000, 1).overall;
  EXPECT_GT(wide.high - wide.low, 2 * (narrow.high - narrow.low));
  EXPECT_NEAR(narrow.high - narrow.low, 2 * 1.96 * 0.05, 0.03);
}

TEST(Sections, RandomScorersStraddleOneHalf) {
  std::vector<JudgedRow> rows;
  for (int i = 0; i < 100; ++i) rows.push_back({"donotanswer", std::to_string(i), 1});
  const SectionScores scores = random_scores(rows, 2000, 1);
  EXPECT_DOUBLE_EQ(scores.overall.score, 0.5);
  EXPECT_NEAR(scores.overall.low, 0.4, 0.03);
  EXPECT_NEAR(scores.overall.high, 0.6, 0.03);
}

}  // namespace
}  // namespace ballot
