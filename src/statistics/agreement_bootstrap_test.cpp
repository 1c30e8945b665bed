#include "statistics/agreement_bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "statistics/golden_tables.h"
#include "statistics/long_scale.h"

namespace ballot {
namespace {

/// `clusters` prompts of `size` units; raters agree with a common truth that is partly the cluster's.
Ratings clustered(std::size_t clusters, std::size_t size, std::size_t raters, std::size_t categories,
                  std::uint64_t seed, double missing = 0) {
  Random random(seed, "test");
  Ratings out;
  out.raters = raters;
  out.clusters = clusters;
  for (std::size_t k = 0; k < categories; ++k) out.values.push_back(static_cast<double>(k));
  for (std::size_t c = 0; c < clusters; ++c) {
    const double clarity = 0.55 + 0.4 * random.uniform();
    for (std::size_t i = 0; i < size; ++i) {
      const auto truth = static_cast<std::int32_t>(random.below(categories));
      out.cluster.push_back(static_cast<std::uint32_t>(c));
      for (std::size_t r = 0; r < raters; ++r)
        out.codes.push_back(random.uniform() < missing   ? kMissing
                            : random.uniform() < clarity ? truth
                                                         : static_cast<std::int32_t>(random.below(categories)));
    }
  }
  return out;
}

TEST(AgreementBootstrap, EstimatesAreThePlainOnes) {
  const Ratings ratings = golden::krippendorff_example();
  const Agreement result = measure_agreement(ratings, {.level = Level::kOrdinal, .replicates = 50});
  EXPECT_EQ(result.units, 12u);
  EXPECT_EQ(result.raters, 4u);
  EXPECT_EQ(result.values, 41u);
  EXPECT_NEAR(overall_of(result, "krippendorff_alpha").estimate.value, 0.815387503755, 5e-13);
  EXPECT_NEAR(overall_of(result, "conger_kappa").estimate.value, 0.762066893651, 5e-13);
  EXPECT_NEAR(overall_of(result, "gwet_ac2").estimate.value, 0.898939769908, 5e-13);
  ASSERT_EQ(result.pairs.size(), 6u);
  EXPECT_EQ(result.pairs[4].a, 1u);
  EXPECT_EQ(result.pairs[4].b, 3u);
  const AgreementCounts counts = count_agreement(ratings);
  EXPECT_EQ(pair_of(result.pairs[4], "spearman").estimate.value, spearman(counts.pair(4)).value);
}

TEST(AgreementBootstrap, ReplicatesEqualTheStatisticOfTheDrawnTable) {
  const Ratings ratings = clustered(23, 4, 3, 3, 1, 0.2);
  // The table that replicate 0 draws, written out.
  std::vector<std::uint32_t> index(23);
  cluster_draws(7, 0, 0, 23, index);
  Ratings drawn = ratings;
  drawn.codes.clear();
  for (const std::uint32_t c : index)
    for (std::size_t i = 0; i < 12; ++i) drawn.codes.push_back(ratings.codes[c * 12 + i]);
  const double wanted = krippendorff_alpha(count_agreement(drawn).units(), Level::kInterval).value;
  const Agreement one = measure_agreement(
      ratings, {.level = Level::kInterval, .replicates = 1, .seed = 7, .interval = IntervalMethod::kPercentile});
  EXPECT_DOUBLE_EQ(overall_of(one, "krippendorff_alpha").interval.low, wanted);
}

TEST(AgreementBootstrap, AnyNumberOfThreadsGivesTheSameBytes) {
  const Ratings ratings = clustered(60, 5, 4, 2, 2, 0.1);
  const auto run = [&](int threads) { return measure_agreement(ratings, {.replicates = 400, .threads = threads}); };
  const Agreement one = run(1), three = run(3);
  for (std::size_t i = 0; i < one.overall.size(); ++i) {
    EXPECT_EQ(one.overall[i].interval.low, three.overall[i].interval.low);
    EXPECT_EQ(one.overall[i].interval.high, three.overall[i].interval.high);
  }
  for (std::size_t p = 0; p < one.pairs.size(); ++p)
    for (std::size_t i = 0; i < one.pairs[p].statistics.size(); ++i)
      EXPECT_EQ(one.pairs[p].statistics[i].interval.low, three.pairs[p].statistics[i].interval.low);
}

TEST(AgreementBootstrap, LongScalesGiveWhatShortOnesGive) {
  const Ratings ratings = clustered(40, 3, 4, 9, 3, 0.3);
  for (const Level level : {Level::kNominal, Level::kOrdinal, Level::kInterval, Level::kRatio}) {
    const LongScale scale(ratings, level, true);
    const std::vector<std::uint32_t> once(40, 1);
    const AgreementCounts counts = count_agreement(ratings);
    const OverallStatistics a = scale.overall(once), b = overall_statistics(counts.units(), counts.margins, level);
    for (const auto& [name, member] : kOverallStatistics)
      EXPECT_NEAR((a.*member).value, (b.*member).value, 1e-12) << name;
    for (std::size_t p = 0; p < scale.pair_count(); ++p) {
      const PairStatistics x = scale.pair(p, once), y = pair_statistics(counts.pair(p), level);
      for (const auto& [name, member] : kPairStatistics)
        EXPECT_NEAR((x.*member).value, (y.*member).value, 1e-12) << name;
    }
  }
}

TEST(AgreementBootstrap, LongScalesDrawTheSameReplicates) {
  const Ratings ratings = clustered(40, 3, 3, 5, 4, 0.1);
  const LongScale scale(ratings, Level::kOrdinal, true);
  const Bootstrap by_times = bootstrap_multiplicities(40, 1,
                                                      [&](std::span<const std::uint32_t> times, std::span<double> out) {
                                                        out[0] = scale.pair(1, times).kendall_tau_b.value;
                                                      },
                                                      {.replicates = 200, .seed = 5, .threads = 1, .strata = {}});
  const Agreement by_sums = measure_agreement(
      ratings,
      {.level = Level::kOrdinal, .replicates = 200, .seed = 5, .threads = 1, .interval = IntervalMethod::kPercentile});
  const Interval wanted = percentile_interval(by_times.samples);
  EXPECT_NEAR(pair_of(by_sums.pairs[1], "kendall_tau_b").interval.low, wanted.low, 1e-12);
  EXPECT_NEAR(pair_of(by_sums.pairs[1], "kendall_tau_b").interval.high, wanted.high, 1e-12);
}

TEST(AgreementBootstrap, ScoresWithManyValuesAreMeasured) {
  Random random(8, "test");
  std::vector<double> numbers;
  for (int i = 0; i < 60; ++i) {
    const double x = random.normal();
    numbers.insert(numbers.end(), {x, x + 0.3 * random.normal()});
  }
  const Agreement result =
      measure_agreement(ratings_from_numbers(numbers, 2), {.level = Level::kInterval, .replicates = 200});
  const Statistic& r = pair_of(result.pairs[0], "pearson");
  EXPECT_GT(r.estimate.value, 0.85);
  EXPECT_TRUE(r.interval.contains(r.estimate.value));
  EXPECT_EQ(result.pairs[0].n, 60u);
}

TEST(AgreementBootstrap, UndefinedStatisticsHaveAReasonAndNoInterval) {
  const Agreement result = measure_agreement(golden::by_rater("1 1 1 ; 1 1 1"), {.replicates = 20});
  EXPECT_EQ(overall_of(result, "krippendorff_alpha").estimate.reason, kNoVariation);
  EXPECT_FALSE(overall_of(result, "krippendorff_alpha").interval.defined());
  EXPECT_EQ(overall_of(result, "percent_agreement").interval.low, 1.0);
}

TEST(AgreementBootstrap, IntervalsCoverTheTruthOnClusteredData) {
  // Two raters who agree with probability p of their prompt: kappa in both orientations is 2 E[p] - 1. 400 small
  // studies; at 95% the count that covers has standard deviation 4.4.
  int covered = 0;
  constexpr int kStudies = 400;
  for (int study = 0; study < kStudies; ++study) {
    Random random(100, "coverage", static_cast<std::uint64_t>(study));
    Ratings ratings;
    ratings.raters = 2;
    ratings.values = {-1, 1};
    ratings.clusters = 80;
    ratings.both_orientations = true;
    for (std::uint32_t c = 0; c < 80; ++c) {
      const double p = random.uniform() < 0.5 ? 0.6 : 0.95;
      for (int i = 0; i < 10; ++i) {
        const auto a = static_cast<std::int32_t>(random.below(2));
        ratings.codes.insert(ratings.codes.end(), {a, random.uniform() < p ? a : 1 - a});
        ratings.cluster.push_back(c);
      }
    }
    const Agreement result =
        measure_agreement(ratings, {.replicates = 600, .seed = static_cast<std::uint64_t>(study), .threads = 1});
    covered += pair_of(result.pairs[0], "cohen_kappa").interval.contains(0.55);
  }
  EXPECT_GE(covered, 0.93 * kStudies - 5);
  EXPECT_LE(covered, 0.97 * kStudies + 5);
}

TEST(CompareAgreement, FindsTheRaterWhoFollowsTheReference) {
  Random random(12, "test");
  Ratings ratings;
  ratings.raters = 3;
  ratings.values = {0, 1};
  ratings.clusters = 100;
  for (std::uint32_t c = 0; c < 100; ++c)
    for (int i = 0; i < 5; ++i) {
      const auto truth = static_cast<std::int32_t>(random.below(2));
      ratings.codes.insert(ratings.codes.end(), {random.uniform() < 0.8 ? truth : 1 - truth,
                                                 random.uniform() < 0.65 ? truth : 1 - truth, truth});
      ratings.cluster.push_back(c);
    }
  const AgreementContrast contrast = compare_agreement(ratings, 0, 1, 2, {.replicates = 1000});
  EXPECT_EQ(contrast.n, 500u);
  EXPECT_GT(contrast.interval.low, 0);
  EXPECT_LT(contrast.p, 0.01);
  const AgreementContrast reverse = compare_agreement(ratings, 1, 0, 2, {.replicates = 1000});
  EXPECT_EQ(reverse.difference, -contrast.difference);
  EXPECT_EQ(reverse.p, contrast.p);
  EXPECT_GT(compare_agreement(ratings, 0, 0, 2, {.replicates = 100}).p, 0.99);
}

}  // namespace
}  // namespace ballot
