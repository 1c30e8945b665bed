#include "statistics/tournament.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace ballot {
namespace {

double flip_at(std::span<const double> flips, std::size_t distance) {
  return flips.empty() ? 0 : flips[std::min(distance, flips.size()) - 1];
}

/// Solves a symmetric positive definite system in place, by Cholesky.
void solve(std::vector<double>& a, std::vector<double>& b, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) a[j * n + j] -= a[j * n + k] * a[j * n + k];
    a[j * n + j] = std::sqrt(a[j * n + j]);
    for (std::size_t i = j + 1; i < n; ++i) {
      for (std::size_t k = 0; k < j; ++k) a[i * n + j] -= a[i * n + k] * a[j * n + k];
      a[i * n + j] /= a[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

}  // namespace

std::int64_t circular_triads(const Tournament& t) {
  const auto n = static_cast<std::int64_t>(t.items);
  std::int64_t circles = n * (n - 1) * (n - 2) / 6;
  for (std::size_t i = 0; i < t.items; ++i) {
    std::int64_t wins = 0;
    for (std::size_t j = 0; j < t.items; ++j) wins += i != j && t.wins(i, j);
    circles -= wins * (wins - 1) / 2;
  }
  return circles;
}

std::int64_t most_circular_triads(std::size_t items) {
  const auto n = static_cast<std::int64_t>(items);
  return (n * n * n - (n % 2 == 1 ? n : 4 * n)) / 24;
}

double zeta(std::int64_t circular, std::size_t items) {
  const std::int64_t most = most_circular_triads(items);
  return most > 0 ? 1 - static_cast<double>(circular) / static_cast<double>(most)
                  : std::numeric_limits<double>::quiet_NaN();
}

double flip_probability(double agreement) {
  return agreement <= 0.5 ? 0.5 : (1 - std::sqrt(std::min(1.0, 2 * agreement - 1))) / 2;
}

ExpectedCircles expected_circles(std::size_t n, std::span<const double> flips, bool with_none) {
  ExpectedCircles out;
  // Items in the judge's own order. A triple i < j < k goes in a circle when its long comparison alone flips, or both
  // short ones and not the long one.
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j)
      for (std::size_t k = j + 1; k < n; ++k) {
        const double a = flip_at(flips, j - i), b = flip_at(flips, k - j), c = flip_at(flips, k - i);
        out.mean += c * (1 - a) * (1 - b) + (1 - c) * a * b;
      }
  if (n > 6 || !with_none) {
    out.none = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) pairs.emplace_back(i, j);
  Tournament t{n, std::vector<std::uint8_t>(n * n, 0)};
  for (std::uint32_t flipped = 0; flipped < 1u << pairs.size(); ++flipped) {
    double probability = 1;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const auto [i, j] = pairs[p];
      const bool flip = (flipped >> p & 1) != 0;
      const double e = flip_at(flips, j - i);
      probability *= flip ? e : 1 - e;
      t.beats[i * n + j] = !flip;
      t.beats[j * n + i] = flip;
    }
    if (probability > 0 && circular_triads(t) == 0) out.none += probability;
  }
  return out;
}

ClosestRanking closest_ranking(const Tournament& t) {
  const std::size_t n = t.items;
  if (n > 16) throw wrong_usage("the closest ranking is searched for up to 16 items, not {}", n);
  ClosestRanking out;
  // cost[set]: the fewest contradictions among the items of the set when they stand last, in their best order.
  const std::uint32_t all = (1u << n) - 1;
  std::vector<std::int64_t> cost(all + 1, 0);
  std::vector<std::uint32_t> first(all + 1, 0);
  for (std::uint32_t set = 1; set <= all; ++set) {
    cost[set] = std::numeric_limits<std::int64_t>::max();
    for (std::uint32_t i = 0; i < n; ++i) {
      if ((set >> i & 1) == 0) continue;
      const std::uint32_t rest = set & ~(1u << i);
      std::int64_t here = cost[rest];
      for (std::uint32_t j = 0; j < n; ++j)
        if ((rest >> j & 1) != 0) here += t.wins(j, i);
      if (here < cost[set]) {
        cost[set] = here;
        first[set] = i;
      }
    }
  }
  out.flips = cost[all];
  for (std::uint32_t set = all; set != 0; set &= ~(1u << first[set])) out.order.push_back(first[set]);
  return out;
}

std::vector<double> read_all_pairs(std::size_t n, std::span<const Comparison> comparisons) {
  // (L + tiny I) s = d: L the graph's Laplacian, d wins less losses. The tiny ridge fixes each component's mean at 0.
  constexpr double kRidge = 1e-6, kEqual = 1e-7;
  std::vector<double> laplacian(n * n, 0), scores(n, 0), direct(n * n, std::numeric_limits<double>::quiet_NaN());
  std::vector<std::size_t> group(n);
  std::iota(group.begin(), group.end(), std::size_t{0});
  const auto root = [&](std::size_t i) {
    while (group[i] != i) i = group[i];
    return i;
  };
  for (const Comparison& c : comparisons) {
    laplacian[c.first * n + c.first] += 1;
    laplacian[c.second * n + c.second] += 1;
    laplacian[c.first * n + c.second] -= 1;
    laplacian[c.second * n + c.first] -= 1;
    scores[c.first] += c.outcome;
    scores[c.second] -= c.outcome;
    direct[std::min(c.first, c.second) * n + std::max(c.first, c.second)] = c.first < c.second ? c.outcome : -c.outcome;
    group[root(c.first)] = root(c.second);
  }
  for (std::size_t i = 0; i < n; ++i) laplacian[i * n + i] += kRidge;
  solve(laplacian, scores, n);
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) {
      const double difference = root(i) == root(j) ? scores[i] - scores[j] : 0;
      out.push_back(!std::isnan(direct[i * n + j])    ? direct[i * n + j]
                    : std::fabs(difference) <= kEqual ? 0
                                                      : std::copysign(1.0, difference));
    }
  return out;
}

std::vector<Comparison> comparisons_of_sorting(std::span<const std::uint32_t> arrival,
                                               const std::function<double(std::uint32_t, std::uint32_t)>& compare) {
  std::vector<Comparison> asked;
  std::vector<std::uint32_t> sorted;  // best first
  for (const std::uint32_t item : arrival) {
    std::size_t low = 0, high = sorted.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      const double outcome = compare(item, sorted[middle]);
      asked.push_back({item, sorted[middle], outcome});
      if (outcome > 0)
        high = middle;
      else
        low = middle + 1;
    }
    sorted.insert(sorted.begin() + static_cast<std::ptrdiff_t>(low), item);
  }
  return asked;
}

}  // namespace ballot
