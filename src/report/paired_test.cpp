#include "report/paired.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
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

// 40 prompts of ten pairs that rise and fall together: a test by pairs would reject a true null far too often.
TEST(Paired, TheTypeOneErrorOnClusteredNullsIsFivePercent) {
  int rejected = 0;
  constexpr int kStudies = 400;
  for (int study = 0; study < kStudies; ++study) {
    Random random(static_cast<std::uint64_t>(study), "null");
    std::vector<PairedItem> items;
    for (int prompt = 0; prompt < 40; ++prompt) {
      const double shift = random.normal();
      for (int pair = 0; pair < 10; ++pair) {
        const double d = shift + random.normal() > 0 ? 1.0 : 0.0;
        items.push_back({std::to_string(prompt), 0, 1, d, 1 - d});
      }
    }
    rejected += paired_contrast(items, 0, 7).p < 0.05;
  }
  EXPECT_GT(rejected, kStudies * 0.02);
  EXPECT_LT(rejected, kStudies * 0.085);
}

// The long run with its figures is bench/paired_bench.cpp; this one sees that nothing is grossly wrong.
TEST(Paired, ErrorsOnClusteredNullsAndCoverageAreWhatTheyClaim) {
  for (const SimulatedDesign& design : {SimulatedDesign{"40 prompts of ten pairs", 40, 10, 10, 0.5},
                                        {"100 clusters of 1 to 12 items", 100, 1, 12, 1},
                                        {"four sections", 50, 1, 4, 1, 4},
                                        {"a true difference", 100, 1, 12, 1, 1, 0.3}}) {
    const SimulatedErrors e = simulate(design, 200, 200, 11, 1);
    EXPECT_GT(e.covered, 0.915) << design.name;
    EXPECT_LT(e.covered, 0.985) << design.name;
    if (design.difference != 0) continue;
    EXPECT_LT(e.rejected, 0.085) << design.name;
    EXPECT_LE(e.verdicts, e.rejected) << design.name;
  }
}

}  // namespace
}  // namespace ballot
