#include "report/power_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

TEST(PowerTable, SizesOfTheLeaderboardGiveTheKnownDifferences) {
  // evaluation.md 7: at 10% discordant, in points: IFEval 3.1 (before clustering), BBH 1.2, MATH-hard 2.4, MMLU-Pro .8.
  PowerAssumptions assumptions;
  assumptions.discordant = 0.1;
  assumptions.rho = 0;
  const auto rows = power_rows({known_task("leaderboard_ifeval"), known_task("leaderboard_bbh"),
                                known_task("leaderboard_math_hard"), known_task("leaderboard_mmlu_pro")},
                               assumptions);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_NEAR(rows[0].shown, .031, 5e-4);
  EXPECT_NEAR(rows[1].shown, .012, 5e-4);
  EXPECT_NEAR(rows[2].shown, .024, 5e-4);
  EXPECT_NEAR(rows[3].shown, .008, 5e-4);
}

TEST(PowerTable, ClustersCostItemsAndHalvingCostsFourTimesAsMany) {
  PowerAssumptions assumptions;
  const auto rows = power_rows({{"alone", 1000, 1000}, {"ten a prompt", 1000, 100}, {"nothing", 0, 0}}, assumptions);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_GT(rows[1].shown, 1.3 * rows[0].shown);
  EXPECT_NEAR(rows[0].items_for_half / 1000, 4, 0.1);
  EXPECT_NEAR(rows[1].design_effect, 1.9, 1e-12);
  EXPECT_THAT(power_text(rows, assumptions, 10), testing::HasSubstr("10 contrasts"));
  EXPECT_EQ(power_json(rows, assumptions)["suites"].size(), 2u);
}

TEST(PowerTable, AssumptionsOutsideTheirRangeAreErrors) {
  PowerAssumptions assumptions;
  assumptions.discordant = 1.5;
  EXPECT_THROW(power_rows({{"x", 10, 10}}, assumptions), Error);
}

}  // namespace
}  // namespace ballot
