#include "statistics/agreement_tests.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "core/random.h"
#include "statistics/golden_tables.h"
#include "statistics/reliability.h"

namespace ballot {
namespace {

/// Prompts of ten pairs; raters say the truth with a probability of their own, better on some prompts than on others.
Ratings clustered(std::size_t prompts, const std::vector<double>& accuracy, std::uint64_t seed, bool both = true) {
  Random random(seed, "test");
  Ratings out;
  out.raters = accuracy.size();
  out.values = {-1, 1};
  out.both_orientations = both;
  out.clusters = prompts;
  for (std::uint32_t c = 0; c < prompts; ++c) {
    const double shift = random.uniform() < 0.5 ? -0.1 : 0.1;
    for (int i = 0; i < 10; ++i) {
      const auto truth = static_cast<std::int32_t>(random.below(2));
      for (const double a : accuracy) out.codes.push_back(random.uniform() < a + shift ? truth : 1 - truth);
      out.cluster.push_back(c);
    }
  }
  return out;
}

TEST(ChanceTest, AgreementOfAnySizeIsFoundAndNoneIsNot) {
  const ChanceTest close = chance_test(clustered(40, {0.85, 0.8}, 1), 0, 1, {.replicates = 999});
  EXPECT_EQ(close.p, 0.001);
  EXPECT_EQ(close.n, 400u);
  EXPECT_NEAR(close.expected, 0.5, 0.02);
  for (const bool both : {true, false}) {
    int small = 0;
    for (std::uint64_t study = 0; study < 200; ++study)
      small +=
          chance_test(clustered(20, {0.5, 0.5}, 100 + study, both), 0, 1, {.replicates = 199, .seed = study}).p <= 0.05;
    EXPECT_LE(small, 20) << "5% of 200; standard deviation 3.1";
    EXPECT_GE(small, 2);
  }
}

TEST(ChanceTest, ALargeShareOfOneCategoryIsNoAgreement) {
  Ratings ratings;
  ratings.raters = 2;
  ratings.values = {0, 1};
  Random random(2, "test");
  for (int u = 0; u < 300; ++u)
    for (int r = 0; r < 2; ++r) ratings.codes.push_back(random.uniform() < 0.9);
  const ChanceTest test = chance_test(ratings, 0, 1, {.replicates = 999});
  EXPECT_GT(test.agreement, 0.75);
  EXPECT_NEAR(test.agreement, test.expected, 0.03);
  EXPECT_GT(test.p, 0.02);
}

TEST(ChanceTest, ClustersWithASizeOfTheirOwnCannotMove) {
  Ratings ratings;
  ratings.raters = 2;
  ratings.values = {0, 1};
  ratings.codes = {0, 0, 1, 1, 0, 1};
  ratings.cluster = {0, 1, 1};
  ratings.clusters = 2;
  const ChanceTest test = chance_test(ratings, 0, 1, {.replicates = 99});
  EXPECT_EQ(test.fixed, 2u);
  EXPECT_TRUE(std::isnan(test.p));
}

TEST(ChanceTest, ManyPairsAreTestedAsEachAlone) {
  for (const bool both : {true, false})
    for (const double missing : {0.0, 0.2}) {
      Ratings ratings = clustered(30, {0.6, 0.55, 0.5, 0.52}, 9, both);
      Random random(4, "missing");
      for (std::int32_t& code : ratings.codes)
        if (random.uniform() < missing) code = kMissing;
      std::vector<std::pair<std::size_t, std::size_t>> pairs;
      for (std::size_t a = 0; a < 4; ++a)
        for (std::size_t b = a + 1; b < 4; ++b) pairs.emplace_back(a, b);
      const AgreementOptions options{.replicates = 300, .seed = 5};
      const std::vector<ChanceTest> together = chance_tests(ratings, pairs, options);
      ASSERT_EQ(together.size(), pairs.size());
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        const ChanceTest alone = chance_test(ratings, pairs[i].first, pairs[i].second, options);
        EXPECT_EQ(together[i].p, alone.p);
        EXPECT_EQ(together[i].expected, alone.expected);
        EXPECT_EQ(together[i].n, alone.n);
        EXPECT_EQ(together[i].clusters, alone.clusters);
        EXPECT_EQ(together[i].fixed, alone.fixed);
        EXPECT_TRUE(missing > 0 || alone.n == 300u);
      }
    }
}

TEST(ChanceTest, DealtLabelsAgreeAsOftenAsTheSharesSay) {
  // Three categories in 200 clusters of seven, always in the same order within a cluster: a third agree by place, but
  // dealt anew any label meets any other, so the products of the shares are expected.
  Ratings ratings;
  ratings.raters = 2;
  ratings.values = {0, 1, 2};
  ratings.clusters = 200;
  for (std::uint32_t c = 0; c < 200; ++c)
    for (int i = 0; i < 7; ++i) {
      ratings.codes.insert(ratings.codes.end(), {i < 4 ? 0 : i < 6 ? 1 : 2, i < 1 ? 0 : i < 3 ? 1 : 2});
      ratings.cluster.push_back(c);
    }
  const ChanceTest test = chance_test(ratings, 0, 1, {.replicates = 1999, .seed = 1});
  EXPECT_NEAR(test.agreement, 2.0 / 7, 1e-12);
  EXPECT_NEAR(test.expected, (4 * 1 + 2 * 2 + 1 * 4) / 49.0, 0.0012) << "standard error 0.00028";
}

TEST(CompareStatistic, SwappingWholeClustersIsFlippingTheirSigns) {
  // Of two categories in both orientations kappa is twice the agreement less one: the two tests draw differently, but
  // they are the same test.
  const Ratings ratings = clustered(80, {0.62, 0.58, 0.7, 0.6}, 6);
  const AgreementOptions options{.replicates = 4000, .seed = 4};
  const std::vector<std::pair<std::size_t, std::size_t>> pairs = {{0, 1}, {0, 3}, {1, 3}};
  const auto kappa = compare_statistics(ratings, pairs, 2, "cohen_kappa", options);
  const auto share = compare_statistics(ratings, pairs, 2, "percent_agreement", options);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_NEAR(kappa[i].p, share[i].p, 0.03) << "standard error 0.011";
    EXPECT_EQ(kappa[i].p, compare_statistic(ratings, pairs[i].first, pairs[i].second, 2, "cohen_kappa", options).p);
  }
}

TEST(CompareStatistic, OfAgreementIsTheOldOneAndKappaIsTwiceIt) {
  const Ratings ratings = clustered(60, {0.85, 0.65, 0.9}, 3);
  const AgreementOptions options{.replicates = 1000, .seed = 4, .interval = IntervalMethod::kPercentile};
  const AgreementContrast plain = compare_agreement(ratings, 0, 1, 2, options);
  const AgreementContrast share = compare_statistic(ratings, 0, 1, 2, "percent_agreement", options);
  const AgreementContrast kappa = compare_statistic(ratings, 0, 1, 2, "cohen_kappa", options);
  EXPECT_EQ(plain.difference, share.difference);
  EXPECT_EQ(plain.p, share.p);
  EXPECT_NEAR(kappa.difference, 2 * plain.difference, 1e-12) << "two categories in both orientations";
  EXPECT_NEAR(kappa.interval.low, 2 * plain.interval.low, 1e-9) << "the same draws";
  EXPECT_LT(kappa.p, 0.01);
  EXPECT_GT(compare_statistic(ratings, 0, 0, 2, "krippendorff_alpha", options).p, 0.99);
  EXPECT_THROW(compare_statistic(ratings, 0, 1, 2, "kappa", options), Error);
}

TEST(Intraclass, EqualsTheMeanSquaresAndHasIntervals) {
  const std::vector<double> scores = {9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7};
  const auto measured = measure_intraclass(ratings_from_numbers(scores, 4), {.replicates = 500});
  const double wanted[] = {0.165741768405, 0.289763779528, 0.714840714841,
                           0.442797133679, 0.620050547599, 0.909315542377};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(measured[i].second.estimate.value, wanted[i], 5e-13) << measured[i].first;
    EXPECT_TRUE(measured[i].second.interval.defined()) << measured[i].first;
  }
  EXPECT_EQ(measure_intraclass(golden::by_rater("1 2 3"), {.replicates = 0})[0].second.estimate.reason, kTooFew);
}

/// How many of `studies` intervals of each method hold the truth: two raters who agree with probability .6 on half of
/// the prompts and .95 on the others (kappa .55 in both orientations), ten pairs a prompt.
std::array<int, 2> coverage(int studies, std::size_t prompts) {
  std::array<int, 2> covered{};
  for (int study = 0; study < studies; ++study) {
    Random random(100, "coverage", static_cast<std::uint64_t>(study));
    Ratings ratings;
    ratings.raters = 2;
    ratings.values = {-1, 1};
    ratings.clusters = prompts;
    ratings.both_orientations = true;
    for (std::uint32_t c = 0; c < prompts; ++c) {
      const double p = random.uniform() < 0.5 ? 0.6 : 0.95;
      for (int i = 0; i < 10; ++i) {
        const auto a = static_cast<std::int32_t>(random.below(2));
        ratings.codes.insert(ratings.codes.end(), {a, random.uniform() < p ? a : 1 - a});
        ratings.cluster.push_back(c);
      }
    }
    for (const IntervalMethod method : {IntervalMethod::kBca, IntervalMethod::kPercentile}) {
      const Agreement result = measure_agreement(
          ratings, {.replicates = 1000, .seed = static_cast<std::uint64_t>(study), .threads = 1, .interval = method});
      covered[method == IntervalMethod::kBca ? 0 : 1] +=
          pair_of(result.pairs[0], "krippendorff_alpha").interval.contains(0.55);
    }
  }
  return covered;
}

TEST(Coverage, LiesBetween93And97PercentOnClusteredData) {
  // 600 studies make a quick test (docs/annotators.md records its counts); BALLOT_COVERAGE_STUDIES asks for more.
  const char* wanted = std::getenv("BALLOT_COVERAGE_STUDIES");
  const int studies = wanted ? std::atoi(wanted) : 600;
  const std::array<int, 2> covered = coverage(studies, 80);
  for (const int count : covered) {
    EXPECT_GE(count, 0.93 * studies) << count << " of " << studies;
    EXPECT_LE(count, 0.97 * studies) << count << " of " << studies;
  }
  RecordProperty("bca", covered[0]);
  RecordProperty("percentile", covered[1]);
  std::printf("covered: BCa %d, percentile %d of %d\n", covered[0], covered[1], studies);
}

}  // namespace
}  // namespace ballot
