// Against rewardbench's own functions (tests/golden/reward_suites.json, "ties") and by hand.
#include "statistics/best_of.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/json.h"

namespace ballot {
namespace {

TEST(BestOf, TheCreditIsSharedAmongThoseThatHaveTheHighestScore) {
  EXPECT_EQ(best_of_credit(2, std::vector<double>{1, 0, -1}), 1);
  EXPECT_EQ(best_of_credit(2, std::vector<double>{2, 0, -1}), 0.5);
  EXPECT_EQ(best_of_credit(2, std::vector<double>{2, 2, 2}), 0.25);
  EXPECT_EQ(best_of_credit(2, std::vector<double>{1, 3, 1}), 0);
}

TEST(BestOf, TheSubsetTiesIsScoredAsTheReferenceScoresIt) {
  const Json golden =
      Json::parse(read_file(std::filesystem::path(BALLOT_SOURCE_DIR) / "tests/golden/reward_suites.json"))["ties"];
  ASSERT_GE(golden.size(), 10u);
  for (const Json& table : golden) {
    std::map<std::string, TiesMargins> ref, tied;
    for (const Json& row : table["rows"]) {
      const auto scores = row["scores"].get<std::vector<double>>();
      const auto right = row["num_correct"].get<std::size_t>();
      const std::string id = row["id"];
      (id.starts_with("ref") ? ref : tied)[id.substr(id.find(':') + 1)] =
          ties_margins(std::span(scores).first(right), std::span(scores).subspan(right));
    }
    const SectionScores scores = section_scores(ties_rows(ref, tied), 50, 1, 1, rewardbench2_scheme());
    EXPECT_NEAR(scores.sections.at("Ties").score, table["score"].get<double>(), 1e-12);
    EXPECT_LE(scores.sections.at("Ties").low, scores.sections.at("Ties").score + 1e-12);
  }
}

TEST(BestOf, ASubsetOfTiesThatIsNotThereCountsNothing) {
  // Right with every reference prompt, and no tied one: 0.3 of the section, not all of it.
  const SectionScores scores = section_scores(ties_rows({{"1", {1, {}}}}, {}), 0, 1, 1, rewardbench2_scheme());
  EXPECT_DOUBLE_EQ(scores.sections.at("Ties").score, 0.3);
}

TEST(BestOf, StylesAreReadFromTheNineComparisons) {
  // The longer a style, the higher its score, right or wrong.
  const StyleAccuracy a = style_accuracy(std::vector<double>{1, 2, 3}, std::vector<double>{1, 2, 3});
  EXPECT_DOUBLE_EQ(a.easy, 1);
  EXPECT_DOUBLE_EQ(a.normal, 0);
  EXPECT_DOUBLE_EQ(a.hard, 0);
  EXPECT_DOUBLE_EQ(a.all, 3.0 / 9);
}

}  // namespace
}  // namespace ballot
