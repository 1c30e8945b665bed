#include "statistics/tests.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>

#include "core/hash.h"
#include "core/parallel.h"
#include "core/random.h"
#include "statistics/distributions.h"

namespace ballot {
namespace {

constexpr std::size_t kExactClusters = 20;

/// Ties between sums of the same numbers in another order must count as ties.
constexpr double kTie = 1e-12;
bool as_extreme(double sum, double observed, double scale) {
  return std::fabs(sum) >= std::fabs(observed) - kTie * scale;
}

/// The sums that the 2^n choices of signs make; the bit j of a place is set where the sign of number j is flipped.
std::vector<double> signed_sums(std::span<const double> numbers) {
  std::vector<double> out{0};
  for (const double x : numbers) {
    const std::size_t half = out.size();
    for (std::size_t i = 0; i < half; ++i) out.push_back(out[i] - x);
    for (std::size_t i = 0; i < half; ++i) out[i] += x;
  }
  return out;
}

template <class Adjust>
std::vector<double> adjusted(std::span<const double> p, Adjust adjust) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return p[i] < p[j] || (p[i] == p[j] && i < j); });
  std::vector<double> out(p.begin(), p.end());
  adjust(order, out);
  return out;
}

}  // namespace

SignFlip sign_flip_test(std::span<const double> cluster_differences, const SignFlipOptions& options) {
  SignFlip out;
  if (cluster_differences.empty()) return out;
  std::vector<double> differences;
  for (const double d : cluster_differences)
    if (d != 0) differences.push_back(d);
  double scale = 0;
  for (const double d : differences) {
    out.statistic += d;
    scale += std::fabs(d);
  }
  const std::size_t n = differences.size();
  if (n <= kExactClusters) {
    // Every sum is one of the first half's and one of the second's: of the latter, in order, those far enough out are
    // counted by bisection.
    out.exact = true;
    const std::span<const double> every = differences;
    const std::vector<double> first = signed_sums(every.first(n / 2));
    std::vector<double> second = signed_sums(every.subspan(n / 2));
    std::sort(second.begin(), second.end());
    const double least = std::fabs(out.statistic) - kTie * scale;
    const std::uint64_t all = std::uint64_t{1} << n;
    std::uint64_t extreme = 0;
    for (const double x : first) {
      const auto below = std::upper_bound(second.begin(), second.end(), -least - x) - second.begin();
      const auto above = second.end() - std::lower_bound(second.begin(), second.end(), least - x);
      extreme += static_cast<std::uint64_t>(below + above);
    }
    if (least <= 0) extreme = all;  // the sum is 0: no flip is less extreme
    out.p = static_cast<double>(extreme) / static_cast<double>(all);
    return out;
  }
  const std::uint64_t digest = hash64("sign flip " + std::to_string(options.seed));
  const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(digest), static_cast<std::uint32_t>(digest >> 32)};
  // Four clusters at a time: the sixteen sums that their signs can make, looked up by four of the draw's bits.
  constexpr std::size_t kTogether = 4, kSums = 16, kBits = 128;
  const std::size_t groups = (n + kTogether - 1) / kTogether;
  differences.resize(groups * kTogether, 0.0);
  std::vector<double> group_sums;
  for (std::size_t group = 0; group < groups; ++group) {
    const std::vector<double> sums = signed_sums(std::span(differences).subspan(group * kTogether, kTogether));
    group_sums.insert(group_sums.end(), sums.begin(), sums.end());
  }
  constexpr std::size_t kChunk = 64, kGroups = kBits / kTogether;
  const std::size_t flips = static_cast<std::size_t>(std::max<std::int64_t>(options.flips, 1));
  std::atomic<std::int64_t> extreme{0};
  parallel_for((flips + kChunk - 1) / kChunk, options.threads, [&](std::size_t chunk) {
    std::int64_t here = 0;
    for (std::size_t b = chunk * kChunk; b < std::min(flips, (chunk + 1) * kChunk); ++b) {
      std::array<double, kTogether> sums{};  // that no addition waits for the one before
      for (std::size_t first = 0; first < groups; first += kGroups) {
        const auto bits = philox({static_cast<std::uint32_t>(first / kGroups), 0, static_cast<std::uint32_t>(b),
                                  static_cast<std::uint32_t>(b >> 32)},
                                 key);
        const std::size_t end = std::min(groups - first, kGroups);
        for (std::size_t i = 0; i < end; ++i)
          sums[i % kTogether] += group_sums[(first + i) * kSums + (bits[i / 8] >> (4 * (i % 8)) & 15)];
      }
      here += as_extreme(sums[0] + sums[1] + sums[2] + sums[3], out.statistic, scale);
    }
    extreme += here;
  });
  out.p = (1 + static_cast<double>(extreme)) / (static_cast<double>(flips) + 1);
  return out;
}

McNemar mcnemar(std::int64_t b, std::int64_t c) {
  McNemar out;
  const std::int64_t n = b + c, less = std::min(b, c);
  if (n == 0) return out;
  double tail = 0;
  for (std::int64_t k = 0; k <= less; ++k) tail += binomial_probability(k, n, 0.5);
  out.exact = std::min(1.0, 2 * tail);
  out.mid_p = std::min(1.0, 2 * tail - binomial_probability(less, n, 0.5));
  const double distance = std::max(std::fabs(static_cast<double>(b - c)) - 1, 0.0);
  out.chi_square = distance * distance / static_cast<double>(n);
  out.chi_square_p = chi_square_1_upper(out.chi_square);
  return out;
}

std::vector<double> holm(std::span<const double> p) {
  return adjusted(p, [](const std::vector<std::size_t>& order, std::vector<double>& out) {
    double largest = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      largest = std::max(largest, std::min(1.0, out[order[k]] * static_cast<double>(order.size() - k)));
      out[order[k]] = largest;
    }
  });
}

std::vector<double> benjamini_hochberg(std::span<const double> p) {
  return adjusted(p, [](const std::vector<std::size_t>& order, std::vector<double>& out) {
    double smallest = 1;
    for (std::size_t k = order.size(); k-- > 0;) {
      smallest = std::min(smallest, out[order[k]] * static_cast<double>(order.size()) / static_cast<double>(k + 1));
      out[order[k]] = smallest;
    }
  });
}

Interval wilson_interval(double successes, double n, double level) {
  if (!(n > 0)) return {};
  const double z = normal_quantile((1 + level) / 2), p = successes / n, zz = z * z / n;
  const double centre = (p + zz / 2) / (1 + zz);
  const double half = z / (1 + zz) * std::sqrt(p * (1 - p) / n + zz / (4 * n));
  // At the ends the formula gives the end itself; rounding must not leave [0, 1].
  return {successes <= 0 ? 0 : std::max(0.0, centre - half), successes >= n ? 1 : std::min(1.0, centre + half)};
}

double clustered_standard_error(std::span<const double> scores, std::span<const std::uint32_t> cluster,
                                std::size_t clusters) {
  if (scores.empty() || clusters < 2) return std::numeric_limits<double>::quiet_NaN();
  const double n = static_cast<double>(scores.size());
  const double mean = std::accumulate(scores.begin(), scores.end(), 0.0) / n;
  std::vector<double> sums(clusters, 0);
  for (std::size_t i = 0; i < scores.size(); ++i) sums[cluster[i]] += scores[i] - mean;
  double squares = 0;
  for (const double s : sums) squares += s * s;
  const double c = static_cast<double>(clusters);
  return std::sqrt(squares * c / (c - 1)) / n;
}

}  // namespace ballot
