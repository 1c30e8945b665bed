#include "statistics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "statistics/distributions.h"
#include "statistics/packed_columns.h"

namespace ballot {
namespace {

constexpr std::size_t kChunk = 32;             // replicates a thread takes at a time
constexpr std::size_t kJackknifeBlocks = 200;  // of bootstrap_multiplicities

void check(const BootstrapOptions& options, std::size_t clusters) {
  if (options.replicates < 0)
    throw wrong_usage("the number of bootstrap replicates is {}; it must not be negative", options.replicates);
  if (clusters > 0xffffffffu) throw wrong_usage("{} clusters are more than the bootstrap can draw from", clusters);
  if (!options.strata.empty() &&
      std::accumulate(options.strata.begin(), options.strata.end(), std::size_t{0}) != clusters)
    throw wrong_usage("the strata of the bootstrap do not add up to its {} clusters", clusters);
}

/// The clusters of one replicate.
void draw(const BootstrapOptions& options, std::size_t replicate, std::span<std::uint32_t> index) {
  if (options.strata.empty()) {
    cluster_draws(options.seed, replicate, 0, static_cast<std::uint32_t>(index.size()), index);
    return;
  }
  std::uint32_t offset = 0;
  for (const std::uint32_t size : options.strata) {
    const std::span<std::uint32_t> part = index.subspan(offset, size);
    cluster_draws(options.seed, replicate, offset, size, part);
    for (std::uint32_t& i : part) i += offset;
    offset += size;
  }
}

/// Calls body(first, last) for chunks of [0, n) on the threads.
template <class Body>
void in_chunks(std::size_t n, int threads, Body body) {
  parallel_for((n + kChunk - 1) / kChunk, threads, [&](std::size_t chunk) {
    check_interrupt();
    body(chunk * kChunk, std::min(n, (chunk + 1) * kChunk));
  });
}

Bootstrap prepared(std::size_t statistics, std::size_t replicates, std::size_t jackknifes) {
  Bootstrap out;
  out.replicates = replicates;
  out.jackknifes = jackknifes;
  out.estimates.resize(statistics);
  out.samples.resize(statistics * replicates);
  out.jackknife.resize(statistics * jackknifes);
  return out;
}

void scatter(std::span<const double> values, std::vector<double>& to, std::size_t stride, std::size_t at) {
  for (std::size_t s = 0; s < values.size(); ++s) to[s * stride + at] = values[s];
}

double middle_share(double estimate, std::span<const double> samples) {
  double below = 0, not_above = 0, defined = 0;
  for (const double x : samples) {
    if (std::isnan(x)) continue;
    ++defined;
    below += x < estimate;
    not_above += x <= estimate;
  }
  return (below + not_above) / (2 * defined);
}

double acceleration(std::span<const double> jackknife) {
  double mean = 0, n = 0;
  for (const double x : jackknife)
    if (!std::isnan(x)) {
      mean += x;
      ++n;
    }
  mean /= n;
  double squares = 0, cubes = 0;
  for (const double x : jackknife)
    if (!std::isnan(x)) {
      const double d = mean - x;
      squares += d * d;
      cubes += d * d * d;
    }
  // Nothing varies (or by rounding only): no acceleration.
  if (!(squares > 1e-24 * (1 + mean * mean) * n)) return 0;
  return cubes / (6 * squares * std::sqrt(squares));
}

std::vector<double> sorted_defined(std::span<const double> samples) {
  std::vector<double> sorted;
  sorted.reserve(samples.size());
  for (const double x : samples)
    if (!std::isnan(x)) sorted.push_back(x);
  if (sorted.empty() || 2 * sorted.size() < samples.size()) return {};
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace

Bootstrap bootstrap(const ClusterSums& sums, std::size_t statistics, const SumStatistics& compute,
                    const BootstrapOptions& options) {
  const std::size_t clusters = sums.clusters(), columns = sums.columns();
  check(options, clusters);
  const std::size_t replicates = static_cast<std::size_t>(options.replicates);
  Bootstrap out = prepared(statistics, replicates, replicates == 0 ? 0 : clusters);
  std::vector<double> total(columns, 0);
  for (std::size_t c = 0; c < clusters; ++c)
    for (std::size_t column = 0; column < columns; ++column) total[column] += sums.row(c)[column];
  compute(total, out.estimates);
  if (replicates == 0) return out;
  const PackedColumns packed(sums);
  in_chunks(replicates, options.threads, [&](std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> index(clusters);
    std::vector<double> drawn(columns), values(statistics);
    for (std::size_t b = first; b < last; ++b) {
      draw(options, b, index);
      packed.sum(index, drawn);
      compute(drawn, values);
      scatter(values, out.samples, replicates, b);
    }
  });
  in_chunks(clusters, options.threads, [&](std::size_t first, std::size_t last) {
    std::vector<double> rest(columns), values(statistics);
    for (std::size_t c = first; c < last; ++c) {
      for (std::size_t column = 0; column < columns; ++column) rest[column] = total[column] - sums.row(c)[column];
      compute(rest, values);
      scatter(values, out.jackknife, clusters, c);
    }
  });
  return out;
}

Bootstrap bootstrap_multiplicities(std::size_t clusters, std::size_t statistics, const MultiplicityStatistics& compute,
                                   const BootstrapOptions& options) {
  check(options, clusters);
  const std::size_t replicates = static_cast<std::size_t>(options.replicates);
  const std::size_t blocks = replicates == 0 ? 0 : std::min(clusters, kJackknifeBlocks);
  Bootstrap out = prepared(statistics, replicates, blocks);
  compute(std::vector<std::uint32_t>(clusters, 1), out.estimates);
  in_chunks(replicates, options.threads, [&](std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> index(clusters), times(clusters);
    std::vector<double> values(statistics);
    for (std::size_t b = first; b < last; ++b) {
      draw(options, b, index);
      std::fill(times.begin(), times.end(), 0u);
      for (const std::uint32_t i : index) ++times[i];
      compute(times, values);
      scatter(values, out.samples, replicates, b);
    }
  });
  in_chunks(blocks, options.threads, [&](std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> times(clusters);
    std::vector<double> values(statistics);
    for (std::size_t block = first; block < last; ++block) {
      std::fill(times.begin(), times.end(), 1u);
      for (std::size_t c = block; c < clusters; c += blocks) times[c] = 0;
      compute(times, values);
      scatter(values, out.jackknife, blocks, block);
    }
  });
  return out;
}

double sorted_quantile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const std::size_t low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

Interval percentile_interval(std::span<const double> samples, double level) {
  const std::vector<double> sorted = sorted_defined(samples);
  if (sorted.empty()) return {};
  return {sorted_quantile(sorted, (1 - level) / 2), sorted_quantile(sorted, (1 + level) / 2)};
}

BcaLevels bca_levels(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                     double level) {
  BcaLevels out;
  out.z0 = normal_quantile(middle_share(estimate, samples));
  out.acceleration = acceleration(jackknife);
  const auto shifted = [&](double p) {
    const double z = out.z0 + normal_quantile(p);
    return normal_cdf(out.z0 + z / (1 - out.acceleration * z));
  };
  out.low = shifted((1 - level) / 2);
  out.high = shifted((1 + level) / 2);
  return out;
}

Interval bca_interval(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                      double level) {
  const std::vector<double> sorted = sorted_defined(samples);
  if (sorted.empty() || std::isnan(estimate)) return {};
  const BcaLevels levels = bca_levels(estimate, sorted, jackknife, level);
  if (!std::isfinite(levels.z0) || std::isnan(levels.low) || std::isnan(levels.high))
    return percentile_interval(samples, level);
  return {sorted_quantile(sorted, levels.low), sorted_quantile(sorted, levels.high)};
}

double undefined_share(std::span<const double> samples) {
  if (samples.empty()) return 0;
  return static_cast<double>(std::count_if(samples.begin(), samples.end(), [](double x) { return std::isnan(x); })) /
         static_cast<double>(samples.size());
}

}  // namespace ballot
