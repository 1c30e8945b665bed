#include "report/paired.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/json.h"
#include "report/simulated_pairs.h"

namespace ballot {
namespace {

TEST(Paired, TheDifferenceIsTheWeightedMean) {
  const PairedContrast c = paired_contrast({{"x", 0, 3, 1, 0}, {"y", 0, 1, 0, 1}}, 0, 1);
  EXPECT_DOUBLE_EQ(c.difference, 0.75 - 0.25);
  EXPECT_EQ(c.clusters, 2);
  EXPECT_TRUE(std::isnan(c.low));
}

TEST(Paired, EqualSystemsAreNotDistinguished) {
  std::vector<PairedItem> items;
  for (int i = 0; i < 50; ++i)
    items.push_back({std::to_string(i), 0, 1, static_cast<double>(i % 2), static_cast<double>(i % 2)});
  const PairedContrast c = paired_contrast(items, 500, 1);
  EXPECT_EQ(c.difference, 0);
  EXPECT_EQ(c.p, 1);
  EXPECT_EQ(verdict_of(c.low, c.high, c.p), "not distinguished");
}

TEST(Paired, AClearDifferenceIsFoundAndItsSignKept) {
  std::vector<PairedItem> items;
  for (int i = 0; i < 60; ++i) items.push_back({std::to_string(i), 0, 1, i % 10 ? 1.0 : 0.0, i % 2 ? 1.0 : 0.0});
  const PairedContrast c = paired_contrast(items, 1000, 1);
  EXPECT_LT(c.p, 0.001);
  EXPECT_EQ(verdict_of(c.low, c.high, c.p), "better");
  EXPECT_EQ(verdict_of(-c.high, -c.low, c.p), "worse");
  EXPECT_EQ(verdict_of(c.low, c.high, 0.2), "not distinguished");
}

// tests/oracles/paired_intervals.py: the textbook's loops over the same draws.
TEST(Paired, DifferenceIntervalAndPAreTheOraclesOnUnevenData) {
  const Json golden = Json::parse(read_file(std::string(BALLOT_SOURCE_DIR) + "/tests/golden/paired_intervals.json"));
  const auto replicates = golden["replicates"].get<std::int64_t>();
  const auto seed = golden["seed"].get<std::uint64_t>();
  int cases = 0;
  for (const auto& [name, c] : golden.items()) {
    if (!c.is_object() || !c.contains("difference")) continue;
    ++cases;
    std::vector<PairedItem> items;
    for (std::size_t i = 0; i < c["a"].size(); ++i)
      items.push_back({c["cluster"][i], c["stratum"][i], c["weight"][i], c["a"][i], c["b"][i], c["subset"][i]});
    for (const int threads : {1, 2}) {
      const PairedContrast made = paired_contrast(items, replicates, seed, threads);
      EXPECT_NEAR(made.difference, c["difference"], 1e-12) << name;
      EXPECT_NEAR(made.low, c["low"], 1e-9) << name;
      EXPECT_NEAR(made.high, c["high"], 1e-9) << name;
      EXPECT_NEAR(made.p, c["p"], 1e-12) << name;
    }
    // It is not the plain percentile interval, which is narrower.
    EXPECT_LT(c["percentile"][1].get<double>() - c["percentile"][0].get<double>(),
              0.98 * (c["high"].get<double>() - c["low"].get<double>()))
        << name;
  }
  EXPECT_EQ(cases, 4);
}

TEST(Paired, SubsetsKeepTheirSharesWhateverIsDrawn) {
  std::vector<PairedItem> items;
  // Within a subset nothing varies: so neither do the draws, though they hold the subsets' items in changing numbers.
  for (int i = 0; i < 30; ++i) items.push_back({fmt::format("x{}", i), 0, 0.75 / 30, 1, 0, 0});
  for (int i = 0; i < 10; ++i) items.push_back({fmt::format("y{}", i), 0, 0.25 / 10, 0, 1, 1});
  const PairedContrast c = paired_contrast(items, 500, 1);
  EXPECT_NEAR(c.difference, 0.5, 1e-12);
  EXPECT_GT(c.low, 0.4);  // one ratio for both subsets would go down to 0.2
  EXPECT_LT(c.high, 0.6);
}

TEST(Paired, WhereNothingDiffersTheIntervalSaysHowLittleCouldHaveBeenSeen) {
  std::vector<PairedItem> items;
  for (int i = 0; i < 250; ++i) items.push_back({std::to_string(i), 0, 1, 1, 1, 0});
  const PairedContrast c = paired_contrast(items, 500, 1);
  EXPECT_EQ(c.difference, 0);
  EXPECT_NEAR(c.high, 1.9695 / 250, 1e-6);  // t(249) of one item
  EXPECT_NEAR(c.low, -c.high, 1e-15);
}

TEST(Paired, OnePromptHasNoInterval) {
  const PairedContrast c = paired_contrast({{"x", 0, 1, 1, 0}, {"x", 0, 1, 1, 0}}, 500, 1);
  EXPECT_TRUE(std::isnan(c.low));
  EXPECT_EQ(verdict_of(c.low, c.high, 0.001), "not distinguished");
}

// The long run with its figures is bench/paired_bench.cpp. Here, designs where a plain percentile interval fails:
// 10 prompts (91% of its intervals hold the difference) and 250 items of which one in fifty differs (91%).
TEST(Paired, IntervalsHoldTheTrueDifferenceWithFewClustersAndRareDifferences) {
  const SimulatedDesign few{"10 prompts of ten pairs", {{10, 10, 10, 0.5, 0.6, 0.3}}};
  const SimulatedDesign rare{"250 items, one in fifty differs", {{250, 1, 1, 0, 2.4, 0.3}}};
  const SimulatedDesign uneven{"20 clusters of 1 to 40", {{20, 1, 40, 1, 0.6, 0.3}}};
  for (const auto& [design, studies] : {std::pair(few, 2000), {rare, 1000}, {uneven, 1000}}) {
    const SimulatedErrors e = simulate(design, studies, 400, 11, 0);
    EXPECT_GT(e.share(e.covered), 0.93) << design.name;
    EXPECT_LT(e.share(e.covered), 0.97) << design.name;
  }
}

TEST(Paired, TrueNullsAreRejectedOnceInTwentyWhateverTheClusters) {
  for (const SimulatedDesign& design :
       {SimulatedDesign{"40 prompts of ten pairs", {{40, 10, 10, 0.5}}},
        SimulatedDesign{"30 clusters of 1 to 12", {{30, 1, 12, 1}}},
        SimulatedDesign{"two sections", {{25, 1, 4, 1, 0.6, 0, 0, 3}, {25, 1, 4, 1, 0.6, 0, 1, 1}}}}) {
    const SimulatedErrors e = simulate(design, 1000, 200, 5, 0);
    EXPECT_GT(e.share(e.rejected), 0.035) << design.name;
    EXPECT_LT(e.share(e.rejected), 0.065) << design.name;
    EXPECT_LE(e.verdicts, e.rejected) << design.name;
  }
}

}  // namespace
}  // namespace ballot
