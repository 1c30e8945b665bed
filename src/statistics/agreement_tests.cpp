#include "statistics/agreement_tests.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ballot {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

BootstrapOptions draws(const AgreementOptions& options) {
  return {.replicates = options.replicates, .seed = options.seed, .threads = options.threads, .strata = {}};
}

Interval interval_of(const Bootstrap& result, std::size_t statistic, double estimate, const AgreementOptions& options) {
  return options.interval == IntervalMethod::kBca
             ? bca_interval(estimate, result.samples_of(statistic), result.jackknife_of(statistic))
             : percentile_interval(result.samples_of(statistic));
}

}  // namespace

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
