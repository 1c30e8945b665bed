#include "statistics/agreement_tests.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>

#include "core/error.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/suggest.h"

namespace ballot {
namespace {

constexpr std::int64_t kPermutations = 1999;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

BootstrapOptions draws(const AgreementOptions& options) {
  return {.replicates = options.replicates, .seed = options.seed, .threads = options.threads, .strata = {}};
}

Interval interval_of(const Bootstrap& result, std::size_t statistic, double estimate, const AgreementOptions& options) {
  return options.interval == IntervalMethod::kBca
             ? bca_interval(estimate, result.samples_of(statistic), result.jackknife_of(statistic))
             : percentile_interval(result.samples_of(statistic));
}

/// The units of a cluster that both rated.
using Block = std::vector<std::pair<std::int32_t, std::int32_t>>;

std::int64_t agreements(const Block& mine, const Block& theirs) {
  std::int64_t same = 0;
  for (std::size_t i = 0; i < mine.size(); ++i) same += mine[i].first == theirs[i].second;
  return same;
}

}  // namespace

ChanceTest chance_test(const Ratings& ratings, std::size_t a, std::size_t b, const AgreementOptions& options) {
  std::map<std::size_t, Block> by_cluster;
  for (std::size_t u = 0; u < ratings.units(); ++u)
    if (ratings.code(u, a) >= 0 && ratings.code(u, b) >= 0)
      by_cluster[ratings.cluster_of(u)].emplace_back(ratings.code(u, a), ratings.code(u, b));
  ChanceTest out;
  std::int64_t observed = 0;
  std::map<std::size_t, std::vector<const Block*>> by_size;
  for (const auto& [cluster, block] : by_cluster) {
    out.n += block.size();
    observed += agreements(block, block);
    by_size[block.size()].push_back(&block);
  }
  out.clusters = by_cluster.size();
  if (out.n == 0) return out;
  out.agreement = static_cast<double>(observed) / static_cast<double>(out.n);
  const bool turn = ratings.both_orientations;
  if (!turn)
    for (const auto& [size, blocks] : by_size) out.fixed += blocks.size() == 1;
  if (options.replicates == 0 || out.fixed == out.clusters) return out;

  // Turning a cluster round changes the sum by a number of its own, whatever the others do.
  std::vector<std::int64_t> when_turned;
  const auto last = static_cast<std::int32_t>(ratings.categories()) - 1;
  if (turn)
    for (const auto& [cluster, block] : by_cluster) {
      std::int64_t change = -agreements(block, block);
      for (const auto& [x, y] : block) change += x == last - y;
      when_turned.push_back(change);
    }
  std::vector<std::int64_t> sums(static_cast<std::size_t>(std::min(options.replicates, kPermutations)), 0);
  parallel_for(sums.size(), options.threads, [&](std::size_t draw) {
    Random random(options.seed, "chance", draw);
    if (turn) {
      std::uint64_t bits = 0;
      sums[draw] = observed;
      for (std::size_t c = 0; c < when_turned.size(); ++c) {
        if (c % 64 == 0) bits = random.next();
        sums[draw] += static_cast<std::int64_t>(bits & 1) * when_turned[c];
        bits >>= 1;
      }
      return;
    }
    for (const auto& [size, blocks] : by_size) {
      const std::vector<std::size_t> order = random.permutation(blocks.size());
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        // Units may stand in an order that is the same in every cluster (best first): it must not count as agreement.
        const std::vector<std::size_t> unit = random.permutation(size);
        for (std::size_t k = 0; k < size; ++k)
          sums[draw] += (*blocks[i])[k].first == (*blocks[order[i]])[unit[k]].second;
      }
    }
  });
  std::int64_t as_much = 0;
  double total = 0;
  for (const std::int64_t sum : sums) {
    as_much += sum >= observed;
    total += static_cast<double>(sum);
  }
  out.expected = total / static_cast<double>(sums.size()) / static_cast<double>(out.n);
  out.p = static_cast<double>(1 + as_much) / static_cast<double>(sums.size() + 1);
  return out;
}

AgreementContrast compare_statistic(const Ratings& ratings, std::size_t a, std::size_t b, std::size_t reference,
                                    std::string_view statistic, const AgreementOptions& options) {
  if (statistic == "percent_agreement") return compare_agreement(ratings, a, b, reference, options);
  std::vector<std::string> names;
  Estimate PairStatistics::* member = nullptr;
  for (const PairStatistic& known : kPairStatistics) {
    names.emplace_back(known.name);
    if (known.name == statistic) member = known.member;
  }
  if (member == nullptr)
    throw wrong_usage("unknown statistic '{}'{}", statistic, did_you_mean(std::string(statistic), names));
  const std::size_t q = ratings.categories(), cells = q * q;
  if (q > kShortScale)
    throw wrong_usage("differences of {} are measured on scales of up to {} categories, not {}", statistic, kShortScale,
                      q);
  // Columns: the cross table of a and the reference, then that of b and the reference.
  ClusterSums sums(ratings.cluster_count(), 2 * cells);
  std::vector<bool> rated(ratings.cluster_count(), false);
  AgreementContrast out;
  for (std::size_t u = 0; u < ratings.units(); ++u) {
    const std::int32_t x = ratings.code(u, a), y = ratings.code(u, b), z = ratings.code(u, reference);
    if (x < 0 || y < 0 || z < 0) continue;
    ++out.n;
    const std::size_t cluster = ratings.cluster_of(u);
    rated[cluster] = true;
    for (int orientation = 0; orientation <= (ratings.both_orientations ? 1 : 0); ++orientation) {
      const auto code = [&](std::int32_t c) {
        return static_cast<std::size_t>(orientation == 0 ? c : static_cast<std::int32_t>(q) - 1 - c);
      };
      sums.at(cluster, code(x) * q + code(z)) += 1;
      sums.at(cluster, cells + code(y) * q + code(z)) += 1;
    }
  }
  out.clusters = static_cast<std::size_t>(std::count(rated.begin(), rated.end(), true));
  if (out.n == 0) return out;
  const auto difference = [&](std::span<const double> s) {
    const PairStatistics one = pair_statistics({ratings.values, s.subspan(0, cells)}, options.level);
    const PairStatistics two = pair_statistics({ratings.values, s.subspan(cells, cells)}, options.level);
    return (one.*member).value - (two.*member).value;
  };
  const Bootstrap result = bootstrap(
      sums, 1, [&](std::span<const double> s, std::span<double> value) { value[0] = difference(s); }, draws(options));
  out.difference = result.estimates[0];
  if (options.replicates == 0 || std::isnan(out.difference)) return out;
  out.interval = interval_of(result, 0, out.difference, options);
  // Where a and b are alike, whose label is whose does not matter.
  std::vector<double> swapped(static_cast<std::size_t>(options.replicates), 0);
  parallel_for(swapped.size(), options.threads, [&](std::size_t draw) {
    Random random(options.seed, "swap raters", draw);
    std::vector<double> total(2 * cells, 0);
    for (std::size_t c = 0; c < sums.clusters(); ++c) {
      if (!rated[c]) continue;
      const std::size_t shift = (random.next() & 1) != 0 ? cells : 0;
      const std::span<const double> row = sums.row(c);
      for (std::size_t cell = 0; cell < cells; ++cell) {
        total[cell] += row[shift + cell];
        total[cells + cell] += row[cells - shift + cell];
      }
    }
    swapped[draw] = difference(total);
  });
  const double observed = std::fabs(out.difference);
  const auto as_large = std::count_if(swapped.begin(), swapped.end(), [&](double d) {
    return std::isnan(d) || std::fabs(d) >= observed - 1e-12;  // what cannot be told counts against the claim
  });
  out.p = static_cast<double>(1 + as_large) / static_cast<double>(swapped.size() + 1);
  return out;
}

std::vector<std::pair<std::string_view, Statistic>> measure_intraclass(const Ratings& ratings,
                                                                       const AgreementOptions& options) {
  constexpr std::array<std::string_view, 6> kNames = {"icc_1_1", "icc_2_1", "icc_3_1", "icc_1_k", "icc_2_k", "icc_3_k"};
  const std::size_t k = ratings.raters;
  std::vector<std::size_t> complete;
  double mean = 0;
  for (std::size_t u = 0; u < ratings.units(); ++u) {
    bool all = true;
    for (std::size_t r = 0; r < k; ++r) all &= ratings.code(u, r) >= 0;
    if (!all) continue;
    complete.push_back(u);
    for (std::size_t r = 0; r < k; ++r) mean += ratings.values[static_cast<std::size_t>(ratings.code(u, r))];
  }
  mean /= static_cast<double>(std::max<std::size_t>(1, complete.size() * k));
  std::vector<std::pair<std::string_view, Statistic>> out;
  if (complete.size() < 2 || k < 2) {
    for (const std::string_view name : kNames) out.push_back({name, {Estimate::undefined(kTooFew), {}, 0}});
    return out;
  }
  // Columns, of values less the grand mean: units, squares, squared sums of units, then each rater's sum.
  ClusterSums sums(ratings.cluster_count(), 3 + k);
  std::vector<double> total(3 + k, 0);
  for (const std::size_t u : complete) {
    const std::size_t cluster = ratings.cluster_of(u);
    const auto add = [&](std::size_t column, double x) {
      sums.at(cluster, column) += x;
      total[column] += x;
    };
    double row = 0;
    for (std::size_t r = 0; r < k; ++r) {
      const double x = ratings.values[static_cast<std::size_t>(ratings.code(u, r))] - mean;
      row += x;
      add(1, x * x);
      add(3 + r, x);
    }
    add(0, 1);
    add(2, row * row);
  }
  const auto compute = [k](std::span<const double> s, std::span<double> icc) {
    const double n = s[0], raters = static_cast<double>(k);
    double sum = 0, squares = 0;
    for (std::size_t r = 0; r < k; ++r) sum += s[3 + r], squares += s[3 + r] * s[3 + r];
    const double all = sum * sum / (n * raters), between = s[2] / raters - all, judges = squares / n - all;
    const double B = between / (n - 1), J = judges / (raters - 1), W = (s[1] - s[2] / raters) / (n * (raters - 1));
    const double E = (s[1] - all - between - judges) / ((n - 1) * (raters - 1));
    const auto ratio = [](double part, double whole) { return whole == 0 ? kUnknown : part / whole; };
    icc[0] = ratio(B - W, B + (raters - 1) * W);
    icc[1] = ratio(B - E, B + (raters - 1) * E + raters * (J - E) / n);
    icc[2] = ratio(B - E, B + (raters - 1) * E);
    icc[3] = ratio(B - W, B);
    icc[4] = ratio(B - E, B + (J - E) / n);
    icc[5] = ratio(B - E, B);
  };
  std::array<double, 6> estimates{};
  compute(total, estimates);
  Bootstrap result;
  if (options.replicates > 0) result = bootstrap(sums, kNames.size(), compute, draws(options));
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    Statistic statistic{
        std::isnan(estimates[i]) ? Estimate::undefined(kNoVariation) : Estimate::of(estimates[i]), {}, 0};
    if (options.replicates > 0 && statistic.estimate.defined()) {
      statistic.undefined_share = undefined_share(result.samples_of(i));
      statistic.interval = interval_of(result, i, estimates[i], options);
    }
    out.push_back({kNames[i], statistic});
  }
  return out;
}

}  // namespace ballot
