#include "statistics/expanded_interval.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "statistics/distributions.h"

namespace ballot {
namespace {

/// Below this share of the estimate's own size a spread is rounding.
constexpr double kRounding = 1e-12;

/// Sorted, without NaN; empty where there is no interval.
std::vector<double> usable(double estimate, std::span<const double> samples) {
  std::vector<double> sorted;
  sorted.reserve(samples.size());
  for (const double x : samples)
    if (!std::isnan(x)) sorted.push_back(x);
  if (2 * sorted.size() < samples.size() || std::isnan(estimate)) return {};
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace

ExpandedLevels expanded_levels(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                               std::span<const std::uint32_t> strata, double unit_variance, double level) {
  ExpandedLevels out;
  const std::uint32_t whole[] = {static_cast<std::uint32_t>(jackknife.size())};
  if (strata.empty()) strata = whole;
  double variance = 0, shares = 0, spare = 0;
  std::size_t place = 0;
  for (const std::uint32_t size : strata) {
    double squares = 0;
    for (std::size_t end = place + size; place < end; ++place)
      if (const double d = jackknife[place] - estimate; std::isfinite(d)) squares += d * d;
    if (size < 2) continue;
    const double g = size, own = squares * (g - 1) / g;
    variance += own;
    shares += own * own / (g - 1);
    spare += g - 1;
  }
  if (spare == 0) return out;
  const double rounding = kRounding * (1 + std::fabs(estimate));
  out.jackknife_error = std::sqrt(variance);
  double mean = 0, squares = 0;
  for (const double x : samples) mean += x / static_cast<double>(samples.size());
  for (const double x : samples) squares += (x - mean) * (x - mean);
  out.bootstrap_error = std::sqrt(squares / static_cast<double>(samples.size()));
  const bool varies = out.jackknife_error > rounding && out.bootstrap_error > rounding;
  out.degrees = varies ? variance * variance / shares : spare;
  const double t = student_t_quantile((1 + level) / 2, out.degrees);
  const double ratio = varies ? std::max(1.0, out.jackknife_error / out.bootstrap_error) : 1;
  out.low = normal_cdf(-t * ratio);
  out.high = 1 - out.low;
  out.lengthened = varies ? std::sqrt(1 + unit_variance / variance) : std::numeric_limits<double>::infinity();
  return out;
}

Interval expanded_interval(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                           std::span<const std::uint32_t> strata, double unit_variance, double level) {
  const std::vector<double> sorted = usable(estimate, samples);
  if (sorted.empty()) return {};
  const ExpandedLevels levels = expanded_levels(estimate, sorted, jackknife, strata, unit_variance, level);
  if (levels.degrees == 0) return {};
  if (std::isinf(levels.lengthened)) {
    const double arm = student_t_quantile((1 + level) / 2, levels.degrees) * std::sqrt(unit_variance);
    return {estimate - arm, estimate + arm};
  }
  const double low = sorted_quantile(sorted, levels.low), high = sorted_quantile(sorted, levels.high);
  return {estimate - levels.lengthened * (estimate - low), estimate + levels.lengthened * (high - estimate)};
}

Interval share_interval(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                        std::span<const std::uint32_t> strata, double unit_variance, double level) {
  const std::vector<double> sorted = usable(estimate, samples);
  if (sorted.empty()) return {};
  const ExpandedLevels levels = expanded_levels(estimate, sorted, jackknife, strata, 0, level);
  if (levels.degrees == 0) return {};
  const double t = student_t_quantile((1 + level) / 2, levels.degrees), unit = t * std::sqrt(unit_variance);
  const double unseen_right = unit * std::max(0.0, 1 - 2 * estimate);
  const double unseen_wrong = unit * std::max(0.0, 2 * estimate - 1);
  double down = t * unit * estimate, up = t * unit * (1 - estimate);  // where no cluster differs from another
  if (!std::isinf(levels.lengthened)) {
    const double error = levels.jackknife_error;
    down = (estimate - sorted_quantile(sorted, levels.low)) * std::sqrt(1 + std::pow(unseen_wrong / error, 2));
    up = (sorted_quantile(sorted, levels.high) - estimate) * std::sqrt(1 + std::pow(unseen_right / error, 2));
  }
  return {std::max(std::min(estimate, 0.0), estimate - down), std::min(std::max(estimate, 1.0), estimate + up)};
}

}  // namespace ballot
