#include "statistics/bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/hash.h"
#include "core/random.h"

namespace ballot {
namespace {

/// The column sums of a replicate, drawn by the plain generator and added one by one.
std::vector<double> plain_replicate(const ClusterSums& sums, std::uint64_t seed, std::uint64_t b) {
  const std::uint64_t digest = hash64("cluster bootstrap " + std::to_string(seed));
  std::vector<double> out(sums.columns(), 0);
  for (std::size_t i = 0; i < sums.clusters(); ++i) {
    const auto block = philox({static_cast<std::uint32_t>(i / 4), 0, static_cast<std::uint32_t>(b), 0},
                              {static_cast<std::uint32_t>(digest), static_cast<std::uint32_t>(digest >> 32)});
    const std::size_t c = static_cast<std::size_t>(static_cast<std::uint64_t>(block[i % 4]) * sums.clusters() >> 32);
    for (std::size_t column = 0; column < sums.columns(); ++column) out[column] += sums.row(c)[column];
  }
  return out;
}

const SumStatistics kAllColumns = [](std::span<const double> sums, std::span<double> out) {
  std::copy(sums.begin(), sums.end(), out.begin());
};

class BootstrapColumns : public testing::TestWithParam<double> {};

TEST_P(BootstrapColumns, EqualAddingRowsOneByOne) {
  // Scale 1 lies in 16 bits, 1000 in 32, 0.1 in doubles; duplicates and zero columns are kept once.
  ClusterSums sums(337, 83);
  Random random(1, "test");
  for (std::size_t c = 0; c < sums.clusters(); ++c)
    for (std::size_t column = 0; column < sums.columns(); ++column)
      sums.at(c, column) = column % 7 == 3    ? 0
                           : column % 11 == 5 ? sums.at(c, 0)
                                              : GetParam() * static_cast<double>(random.below(200)) - GetParam() * 60;
  const Bootstrap result =
      bootstrap(sums, sums.columns(), kAllColumns, {.replicates = 40, .seed = 9, .threads = 1, .strata = {}});
  for (std::size_t b = 0; b < 40; ++b) {
    const std::vector<double> plain = plain_replicate(sums, 9, b);
    for (std::size_t column = 0; column < sums.columns(); ++column)
      ASSERT_NEAR(result.samples_of(column)[b], plain[column], 1e-9) << "replicate " << b << " column " << column;
  }
}
INSTANTIATE_TEST_SUITE_P(Widths, BootstrapColumns, testing::Values(1.0, 1000.0, 0.1));

TEST(Bootstrap, SumsDoNotOverflowTheirNarrowType) {
  ClusterSums sums(20000, 1);
  for (std::size_t c = 0; c < sums.clusters(); ++c) sums.at(c, 0) = 250;
  const Bootstrap result = bootstrap(sums, 1, kAllColumns, {.replicates = 2, .seed = 0, .threads = 1, .strata = {}});
  EXPECT_EQ(result.samples[0], 250.0 * 20000);
}

TEST(Bootstrap, DrawsOfTheFastAndThePlainGeneratorAreEqual) {
  std::vector<std::uint32_t> whole(1000);
  cluster_draws(3, 5, 0, 777, whole);
  for (std::size_t first : {0, 1, 2, 3, 5, 17, 400}) {
    std::vector<std::uint32_t> part(101);
    cluster_draws(3, 5, first, 777, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first))) << first;
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {  // one at a time is too short for the fast way
    std::uint32_t one = 0;
    cluster_draws(3, 5, i, 777, {&one, 1});
    ASSERT_EQ(one, whole[i]) << i;
  }
}

TEST(Bootstrap, DrawsAreUniform) {
  std::vector<std::uint32_t> draws(200000);
  cluster_draws(1, 0, 0, 10, draws);
  std::vector<double> counts(10, 0);
  for (const std::uint32_t d : draws) counts[d] += 1;
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 20000) * (count - 20000) / 20000;
  EXPECT_LT(chi_square, 27.9);  // 0.999 quantile with 9 degrees of freedom
}

TEST(Bootstrap, AnyNumberOfThreadsGivesTheSameBytes) {
  ClusterSums sums(501, 3);
  Random random(2, "test");
  for (std::size_t c = 0; c < sums.clusters(); ++c)
    for (std::size_t column = 0; column < 3; ++column) sums.at(c, column) = random.normal();
  const auto run = [&](int threads) {
    return bootstrap(sums, 3, kAllColumns, {.replicates = 300, .seed = 4, .threads = threads, .strata = {}});
  };
  const Bootstrap one = run(1), four = run(4);
  EXPECT_EQ(one.samples, four.samples);
  EXPECT_EQ(one.jackknife, four.jackknife);
}

TEST(Bootstrap, StrataKeepTheirSizes) {
  ClusterSums sums(30, 2);
  for (std::size_t c = 0; c < 30; ++c) sums.at(c, c < 10 ? 0 : 1) = 1;
  const Bootstrap result =
      bootstrap(sums, 2, kAllColumns, {.replicates = 50, .seed = 0, .threads = 1, .strata = {10, 20}});
  for (std::size_t b = 0; b < 50; ++b) {
    EXPECT_EQ(result.samples_of(0)[b], 10);
    EXPECT_EQ(result.samples_of(1)[b], 20);
  }
}

TEST(Bootstrap, MultiplicitiesAreTheSameDraws) {
  ClusterSums sums(97, 1);
  for (std::size_t c = 0; c < 97; ++c) sums.at(c, 0) = static_cast<double>(c * c);
  const BootstrapOptions options{.replicates = 60, .seed = 11, .threads = 2, .strata = {}};
  const Bootstrap by_sums = bootstrap(sums, 1, kAllColumns, options);
  const Bootstrap by_times = bootstrap_multiplicities(
      97, 1,
      [&](std::span<const std::uint32_t> times, std::span<double> out) {
        out[0] = 0;
        for (std::size_t c = 0; c < 97; ++c) out[0] += times[c] * sums.row(c)[0];
      },
      options);
  EXPECT_EQ(by_sums.samples, by_times.samples);
  EXPECT_EQ(by_sums.jackknife, by_times.jackknife);
}

TEST(Bca, FullEnumerationOfFiveNumbers) {
  const std::vector<double> numbers = {1, 2, 2, 5, 9};
  std::vector<double> samples, jackknife;
  for (int code = 0; code < 3125; ++code) {
    double sum = 0;
    for (int i = 0, rest = code; i < 5; ++i, rest /= 5) sum += numbers[static_cast<std::size_t>(rest % 5)];
    samples.push_back(sum / 5);
  }
  for (const double x : numbers) jackknife.push_back((19 - x) / 4);
  const BcaLevels levels = bca_levels(19.0 / 5, samples, jackknife);
  EXPECT_NEAR(levels.z0, 0.072655827685, 5e-13);
  EXPECT_NEAR(levels.acceleration, 0.064713149942, 5e-13);
  EXPECT_NEAR(levels.low, 0.053782302429, 5e-13);
  EXPECT_NEAR(levels.high, 0.992092039587, 5e-13);
  const Interval bca = bca_interval(19.0 / 5, samples, jackknife), plain = percentile_interval(samples);
  EXPECT_NEAR(bca.low, 1.8, 1e-12);
  EXPECT_NEAR(bca.high, 7.4, 1e-12);
  EXPECT_NEAR(plain.low, 1.6, 1e-12);
  EXPECT_NEAR(plain.high, 6.6, 1e-12);
}

TEST(Bca, UndefinedSamplesAreLeftOutAndCounted) {
  std::vector<double> samples;
  for (int i = 0; i <= 100; ++i) samples.push_back(i);
  samples.insert(samples.end(), 20, NAN);
  const Interval interval = percentile_interval(samples);
  EXPECT_NEAR(interval.low, 2.5, 1e-12);
  EXPECT_NEAR(interval.high, 97.5, 1e-12);
  EXPECT_NEAR(undefined_share(samples), 20.0 / 121, 1e-15);
  samples.insert(samples.end(), 200, NAN);
  EXPECT_FALSE(percentile_interval(samples).defined());
}

TEST(Bca, NothingVariesGivesAPoint) {
  const std::vector<double> samples(50, 1.0), jackknife(7, 1.0);
  const Interval interval = bca_interval(1.0, samples, jackknife);
  EXPECT_EQ(interval.low, 1.0);
  EXPECT_EQ(interval.high, 1.0);
}

TEST(Bootstrap, QuantilesInterpolateAsNumpy) {
  const std::vector<double> sorted = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 0.5), 3);
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 0.9), 6.8);
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 1), 8);
}

}  // namespace
}  // namespace ballot
