#include "statistics/agreement_bootstrap.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "statistics/long_scale.h"

namespace ballot {
namespace {

constexpr std::size_t kOverall = std::size(kOverallStatistics), kPair = std::size(kPairStatistics);
constexpr std::size_t kColumns = 4096;  // of pair tables at a time: bounds the memory of tables with many raters

void write(const OverallStatistics& statistics, std::span<double> out) {
  for (std::size_t i = 0; i < kOverall; ++i) out[i] = (statistics.*kOverallStatistics[i].member).value;
}
void write(const PairStatistics& statistics, std::span<double> out) {
  for (std::size_t i = 0; i < kPair; ++i) out[i] = (statistics.*kPairStatistics[i].member).value;
}

Statistic measured(Estimate estimate, const Bootstrap& bootstrap, std::size_t statistic,
                   const AgreementOptions& options) {
  Statistic out{estimate, {}, 0};
  if (bootstrap.replicates == 0 || !estimate.defined()) return out;
  const std::span<const double> samples = bootstrap.samples_of(statistic);
  out.undefined_share = undefined_share(samples);
  out.interval = options.interval == IntervalMethod::kBca
                     ? bca_interval(estimate.value, samples, bootstrap.jackknife_of(statistic))
                     : percentile_interval(samples);
  return out;
}

std::vector<Statistic> measured_all(const OverallStatistics& statistics, const Bootstrap& bootstrap,
                                    const AgreementOptions& options) {
  std::vector<Statistic> out;
  for (std::size_t i = 0; i < kOverall; ++i)
    out.push_back(measured(statistics.*kOverallStatistics[i].member, bootstrap, i, options));
  return out;
}

std::vector<Statistic> measured_pair(const PairStatistics& statistics, const Bootstrap& bootstrap, std::size_t first,
                                     const AgreementOptions& options) {
  std::vector<Statistic> out;
  for (std::size_t i = 0; i < kPair; ++i)
    out.push_back(measured(statistics.*kPairStatistics[i].member, bootstrap, first + i, options));
  return out;
}

BootstrapOptions draws(const AgreementOptions& options) {
  return {.replicates = options.replicates, .seed = options.seed, .threads = options.threads, .strata = {}};
}

std::int32_t turned(std::int32_t code, std::size_t q, int orientation) {
  return orientation == 0 ? code : static_cast<std::int32_t>(q) - 1 - code;
}

/// Columns: per size of a unit q x q meetings, then q singles, then R x q margins.
struct OverallLayout {
  std::vector<double> values;
  std::vector<int> sizes;
  std::size_t raters = 0;
  std::size_t cells() const { return values.size() * values.size(); }
  std::size_t columns() const { return sizes.size() * cells() + values.size() + raters * values.size(); }
  OverallStatistics read(std::span<const double> sums, Level level) const {
    const std::size_t meetings = sizes.size() * cells();
    return overall_statistics({values, sizes, sums.subspan(0, meetings), sums.subspan(meetings, values.size())},
                              sums.subspan(meetings + values.size()), level);
  }
};

OverallLayout layout_of(const Ratings& ratings) {
  OverallLayout layout{ratings.values, {}, ratings.raters};
  std::vector<bool> occurs(ratings.raters + 1);
  for (std::size_t u = 0; u < ratings.units(); ++u) {
    std::size_t m = 0;
    for (std::size_t r = 0; r < ratings.raters; ++r) m += ratings.code(u, r) >= 0;
    occurs[m] = true;
  }
  for (std::size_t m = 2; m < occurs.size(); ++m)
    if (occurs[m]) layout.sizes.push_back(static_cast<int>(m));
  return layout;
}

ClusterSums overall_sums(const Ratings& ratings, const OverallLayout& layout) {
  const std::size_t q = ratings.categories(), meetings = layout.sizes.size() * layout.cells();
  ClusterSums sums(ratings.cluster_count(), layout.columns());
  std::vector<double> counts(q);
  for (std::size_t u = 0; u < ratings.units(); ++u) {
    const std::size_t cluster = ratings.cluster_of(u);
    for (int orientation = 0; orientation <= (ratings.both_orientations ? 1 : 0); ++orientation) {
      std::fill(counts.begin(), counts.end(), 0.0);
      int m = 0;
      for (std::size_t r = 0; r < ratings.raters; ++r) {
        if (ratings.code(u, r) < 0) continue;
        const auto k = static_cast<std::size_t>(turned(ratings.code(u, r), q, orientation));
        counts[k] += 1;
        sums.at(cluster, meetings + q + r * q + k) += 1;
        ++m;
      }
      if (m == 1)
        for (std::size_t k = 0; k < q; ++k) sums.at(cluster, meetings + k) += counts[k];
      if (m < 2) continue;
      const std::size_t base = static_cast<std::size_t>(std::lower_bound(layout.sizes.begin(), layout.sizes.end(), m) -
                                                        layout.sizes.begin()) *
                               q * q;
      for (std::size_t k = 0; k < q; ++k)
        for (std::size_t l = 0; l < q; ++l)
          if (const double meets = counts[k] * (counts[l] - (k == l ? 1 : 0)); meets != 0)
            sums.at(cluster, base + k * q + l) += meets;
    }
  }
  return sums;
}

struct RaterPair {
  std::size_t a, b;
};

ClusterSums pair_sums(const Ratings& ratings, std::span<const RaterPair> pairs) {
  const std::size_t q = ratings.categories();
  ClusterSums sums(ratings.cluster_count(), pairs.size() * q * q);
  for (std::size_t u = 0; u < ratings.units(); ++u)
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const std::int32_t a = ratings.code(u, pairs[p].a), b = ratings.code(u, pairs[p].b);
      if (a < 0 || b < 0) continue;
      for (int orientation = 0; orientation <= (ratings.both_orientations ? 1 : 0); ++orientation)
        sums.at(ratings.cluster_of(u), p * q * q + static_cast<std::size_t>(turned(a, q, orientation)) * q +
                                           static_cast<std::size_t>(turned(b, q, orientation))) += 1;
    }
  return sums;
}

void measure_pairs(const Ratings& ratings, const AgreementOptions& options, Agreement& out) {
  std::vector<RaterPair> all;
  for (std::size_t a = 0; a < ratings.raters; ++a)
    for (std::size_t b = a + 1; b < ratings.raters; ++b) all.push_back({a, b});
  const std::size_t q = ratings.categories(), cells = q * q;
  const std::size_t at_once = std::max<std::size_t>(1, kColumns / std::max<std::size_t>(cells, 1));
  for (std::size_t begin = 0; begin < all.size(); begin += at_once) {
    const std::span<const RaterPair> pairs = std::span(all).subspan(begin, std::min(at_once, all.size() - begin));
    const ClusterSums sums = pair_sums(ratings, pairs);
    const auto table = [&](std::span<const double> columns, std::size_t p) {
      return PairTable{ratings.values, columns.subspan(p * cells, cells)};
    };
    const Bootstrap result = bootstrap(
        sums, pairs.size() * kPair,
        [&](std::span<const double> columns, std::span<double> statistics) {
          for (std::size_t p = 0; p < pairs.size(); ++p)
            write(pair_statistics(table(columns, p), options.level), statistics.subspan(p * kPair, kPair));
        },
        draws(options));
    std::vector<double> total(sums.columns(), 0);
    for (std::size_t c = 0; c < sums.clusters(); ++c)
      for (std::size_t column = 0; column < sums.columns(); ++column) total[column] += sums.row(c)[column];
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const PairTable whole = table(total, p);
      out.pairs.push_back({pairs[p].a, pairs[p].b,
                           static_cast<std::size_t>(whole.total()) / (ratings.both_orientations ? 2 : 1),
                           measured_pair(pair_statistics(whole, options.level), result, p * kPair, options)});
    }
  }
}

void measure_short(const Ratings& ratings, const AgreementOptions& options, Agreement& out) {
  const OverallLayout layout = layout_of(ratings);
  const ClusterSums sums = overall_sums(ratings, layout);
  const Bootstrap result = bootstrap(
      sums, kOverall,
      [&](std::span<const double> columns, std::span<double> statistics) {
        write(layout.read(columns, options.level), statistics);
      },
      draws(options));
  std::vector<double> total(sums.columns(), 0);
  for (std::size_t c = 0; c < sums.clusters(); ++c)
    for (std::size_t column = 0; column < sums.columns(); ++column) total[column] += sums.row(c)[column];
  out.overall = measured_all(layout.read(total, options.level), result, options);
  if (options.pairs) measure_pairs(ratings, options, out);
}

void measure_long(const Ratings& ratings, const AgreementOptions& options, Agreement& out) {
  const LongScale scale(ratings, options.level, options.pairs);
  const std::vector<std::uint32_t> once(ratings.cluster_count(), 1);
  // One run over all pairs at a time would hold pairs x statistics x replicates numbers: take a few pairs a run, on the
  // same draws.
  const Bootstrap overall = bootstrap_multiplicities(
      ratings.cluster_count(), kOverall,
      [&](std::span<const std::uint32_t> times, std::span<double> statistics) {
        write(scale.overall(times), statistics);
      },
      draws(options));
  out.overall = measured_all(scale.overall(once), overall, options);
  constexpr std::size_t kAtOnce = 64;
  std::size_t a = 0, b = 0;
  for (std::size_t begin = 0; begin < scale.pair_count(); begin += kAtOnce) {
    const std::size_t n = std::min(kAtOnce, scale.pair_count() - begin);
    const Bootstrap result = bootstrap_multiplicities(
        ratings.cluster_count(), n * kPair,
        [&](std::span<const std::uint32_t> times, std::span<double> statistics) {
          for (std::size_t p = 0; p < n; ++p) write(scale.pair(begin + p, times), statistics.subspan(p * kPair, kPair));
        },
        draws(options));
    for (std::size_t p = 0; p < n; ++p) {
      if (++b >= ratings.raters) b = ++a + 1;
      out.pairs.push_back(
          {a, b, scale.pair_units(begin + p), measured_pair(scale.pair(begin + p, once), result, p * kPair, options)});
    }
  }
}

template <class Table>
const Statistic& by_name(const Table& table, const std::vector<Statistic>& measured, std::string_view name) {
  for (std::size_t i = 0; i < std::size(table); ++i)
    if (table[i].name == name) return measured[i];
  throw failed("no agreement statistic is called '{}'", name);
}

}  // namespace

Agreement measure_agreement(const Ratings& ratings, const AgreementOptions& options) {
  Agreement out{.units = ratings.units(),
                .raters = ratings.raters,
                .values = ratings.ratings(),
                .clusters = ratings.cluster_count(),
                .categories = ratings.categories(),
                .overall = {},
                .pairs = {}};
  if (ratings.categories() <= kShortScale)
    measure_short(ratings, options, out);
  else
    measure_long(ratings, options, out);
  return out;
}

const Statistic& overall_of(const Agreement& agreement, std::string_view name) {
  return by_name(kOverallStatistics, agreement.overall, name);
}
const Statistic& pair_of(const PairAgreement& pair, std::string_view name) {
  return by_name(kPairStatistics, pair.statistics, name);
}

}  // namespace ballot
