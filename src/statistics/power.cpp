#include "statistics/power.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "statistics/distributions.h"

namespace ballot {
namespace {

double both_quantiles(const PowerOptions& options) {
  return normal_quantile(1 - options.alpha / 2) + normal_quantile(options.power);
}

}  // namespace

double design_effect(double items_per_cluster, double intraclass_correlation) {
  return 1 + (items_per_cluster - 1) * intraclass_correlation;
}

double paired_items_needed(double delta, double discordant, double effect, const PowerOptions& options) {
  const double z = both_quantiles(options);
  return z * z * (discordant - delta * delta) / (delta * delta) * effect;
}

double paired_difference_shown(double n, double discordant, double effect, const PowerOptions& options) {
  const double zz = both_quantiles(options) * both_quantiles(options) * effect;
  return std::sqrt(zz * discordant / (n + zz));
}

double paired_mean_difference_shown(double n, double sd, double effect, const PowerOptions& options) {
  return both_quantiles(options) * sd * std::sqrt(effect / n);
}

Estimate cluster_correlation(std::span<const double> scores, std::span<const std::uint32_t> cluster,
                             std::size_t clusters) {
  std::vector<double> sum(clusters, 0), count(clusters, 0);
  double mean = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    sum[cluster[i]] += scores[i];
    count[cluster[i]] += 1;
    mean += scores[i] / static_cast<double>(scores.size());
  }
  double between = 0, within = 0, groups = 0, squares = 0;
  const double n = static_cast<double>(scores.size());
  for (std::size_t c = 0; c < clusters; ++c) {
    if (count[c] == 0) continue;
    ++groups;
    squares += count[c] * count[c];
    const double d = sum[c] / count[c] - mean;
    between += count[c] * d * d;
  }
  if (groups < 2 || n <= groups) return Estimate::undefined(kTooFew);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double d = scores[i] - sum[cluster[i]] / count[cluster[i]];
    within += d * d;
  }
  between /= groups - 1;
  within /= n - groups;
  const double size = (n - squares / n) / (groups - 1);
  const double denominator = between + (size - 1) * within;
  if (denominator == 0) return Estimate::undefined(kNoVariation);
  return Estimate::of(std::max(0.0, (between - within) / denominator));
}

}  // namespace ballot
