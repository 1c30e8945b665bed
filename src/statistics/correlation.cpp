#include "statistics/correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "statistics/distributions.h"

namespace ballot {
namespace {

std::vector<std::uint32_t> ones(std::size_t n) {
  return std::vector<std::uint32_t>(n, 1);
}

std::vector<std::uint32_t> order_of(std::span<const double> a) {
  std::vector<std::uint32_t> order(a.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t i, std::uint32_t j) { return a[i] < a[j] || (a[i] == a[j] && i < j); });
  return order;
}

std::vector<double> weighted_mid_ranks(std::span<const double> numbers, std::span<const std::uint32_t> weight) {
  const std::vector<std::uint32_t> order = order_of(numbers);
  std::vector<double> ranks(numbers.size());
  double below = 0;
  for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
    double own = 0;
    for (end = begin; end < order.size() && numbers[order[end]] == numbers[order[begin]]; ++end)
      own += weight[order[end]];
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = below + (own + 1) / 2;
    below += own;
  }
  return ranks;
}

/// C - D, ties and their moments of two weighted lists.
struct Concordance {
  double n = 0, difference = 0;
  double pairs_a = 0, pairs_b = 0;      // tied pairs in a, in b
  double triples_a = 0, triples_b = 0;  // sum t (t-1) (t-2)
  double spread_a = 0, spread_b = 0;    // sum t (t-1) (2t+5)
  std::size_t distinct_a = 0, distinct_b = 0;
};

Concordance concordance(std::span<const double> a, std::span<const double> b, std::span<const std::uint32_t> weight) {
  Concordance out;
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < a.size(); ++i)
    if (weight[i] != 0) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::uint32_t i, std::uint32_t j) {
    return a[i] != a[j] ? a[i] < a[j] : b[i] != b[j] ? b[i] < b[j] : i < j;
  });
  const auto tie = [](double t, double& pairs, double& triples, double& spread, std::size_t& distinct) {
    pairs += t * (t - 1) / 2;
    triples += t * (t - 1) * (t - 2);
    spread += t * (t - 1) * (2 * t + 5);
    ++distinct;
  };
  double tied_both = 0;
  for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
    double t = 0;
    for (end = begin; end < order.size() && a[order[end]] == a[order[begin]];) {
      double both = 0;
      const std::size_t first = end;
      for (; end < order.size() && a[order[end]] == a[order[first]] && b[order[end]] == b[order[first]]; ++end)
        both += weight[order[end]];
      tied_both += both * (both - 1) / 2;
      t += both;
    }
    out.n += t;
    tie(t, out.pairs_a, out.triples_a, out.spread_a, out.distinct_a);
  }
  // Discordant pairs are the inversions of b in the order of a: merge sort counts them.
  std::vector<std::uint32_t> from = order, to(order.size());
  double discordant = 0;
  for (std::size_t width = 1; width < from.size(); width *= 2) {
    for (std::size_t begin = 0; begin < from.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, from.size()), end = std::min(begin + 2 * width, from.size());
      double waiting = 0;  // weight of what is left of the first half
      for (std::size_t i = begin; i < middle; ++i) waiting += weight[from[i]];
      std::size_t i = begin, j = middle;
      for (std::size_t k = begin; k < end; ++k) {
        if (j == end || (i < middle && b[from[i]] <= b[from[j]])) {
          waiting -= weight[from[i]];
          to[k] = from[i++];
        } else {
          discordant += waiting * weight[from[j]];
          to[k] = from[j++];
        }
      }
    }
    std::swap(from, to);
  }
  for (std::size_t begin = 0, end; begin < from.size(); begin = end) {
    double t = 0;
    for (end = begin; end < from.size() && b[from[end]] == b[from[begin]]; ++end) t += weight[from[end]];
    tie(t, out.pairs_b, out.triples_b, out.spread_b, out.distinct_b);
  }
  out.difference = out.n * (out.n - 1) / 2 - out.pairs_a - out.pairs_b + tied_both - 2 * discordant;
  return out;
}

double kendall_p(const Concordance& c) {
  const double n = c.n, m = n * (n - 1);
  const double variance = (m * (2 * n + 5) - c.spread_a - c.spread_b) / 18 + 2 * c.pairs_a * c.pairs_b / m +
                          c.triples_a * c.triples_b / (9 * m * (n - 2));
  return std::erfc(std::fabs(c.difference) / std::sqrt(variance) * M_SQRT1_2);
}

Estimate tau_b_of(const Concordance& c) {
  if (c.n < 2) return Estimate::undefined(kNoPairs);
  const double pairs = c.n * (c.n - 1) / 2;
  if (pairs - c.pairs_a <= 0 || pairs - c.pairs_b <= 0) return Estimate::undefined(kNoVariation);
  return Estimate::of(std::clamp(c.difference / std::sqrt((pairs - c.pairs_a) * (pairs - c.pairs_b)), -1.0, 1.0));
}

Correlation with_t(Estimate estimate, std::size_t n) {
  Correlation out{estimate, std::numeric_limits<double>::quiet_NaN(), n};
  if (!estimate.defined() || n < 3) return out;
  const double r = estimate.value, degrees = static_cast<double>(n) - 2;
  out.p = std::fabs(r) >= 1 ? 0 : student_t_two_sided(r * std::sqrt(degrees / ((1 - r) * (1 + r))), degrees);
  return out;
}

}  // namespace

std::vector<double> mid_ranks(std::span<const double> numbers) {
  return weighted_mid_ranks(numbers, ones(numbers.size()));
}

Estimate pearson_weighted(std::span<const double> a, std::span<const double> b, std::span<const std::uint32_t> weight) {
  double n = 0, mean_a = 0, mean_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    n += weight[i];
    mean_a += weight[i] * a[i];
    mean_b += weight[i] * b[i];
  }
  if (n < 2) return Estimate::undefined(kNoPairs);
  mean_a /= n;
  mean_b /= n;
  double aa = 0, bb = 0, ab = 0;
  bool a_varies = false, b_varies = false;
  std::size_t first = a.size();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (weight[i] == 0) continue;
    if (first == a.size()) first = i;
    a_varies |= a[i] != a[first];
    b_varies |= b[i] != b[first];
    const double x = a[i] - mean_a, y = b[i] - mean_b;
    aa += weight[i] * x * x;
    bb += weight[i] * y * y;
    ab += weight[i] * x * y;
  }
  if (!a_varies || !b_varies || aa == 0 || bb == 0) return Estimate::undefined(kNoVariation);
  return Estimate::of(std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0));
}

Estimate spearman_weighted(std::span<const double> a, std::span<const double> b,
                           std::span<const std::uint32_t> weight) {
  return pearson_weighted(weighted_mid_ranks(a, weight), weighted_mid_ranks(b, weight), weight);
}

Estimate kendall_tau_b_weighted(std::span<const double> a, std::span<const double> b,
                                std::span<const std::uint32_t> weight) {
  return tau_b_of(concordance(a, b, weight));
}

Correlation pearson(std::span<const double> a, std::span<const double> b) {
  return with_t(pearson_weighted(a, b, ones(a.size())), a.size());
}

Correlation spearman(std::span<const double> a, std::span<const double> b) {
  return with_t(spearman_weighted(a, b, ones(a.size())), a.size());
}

Correlation kendall_tau_b(std::span<const double> a, std::span<const double> b) {
  const Concordance c = concordance(a, b, ones(a.size()));
  Correlation out{tau_b_of(c), std::numeric_limits<double>::quiet_NaN(), a.size()};
  if (out.estimate.defined() && out.n > 2) out.p = kendall_p(c);
  return out;
}

Correlation kendall_tau_c(std::span<const double> a, std::span<const double> b) {
  const Concordance c = concordance(a, b, ones(a.size()));
  Correlation out{Estimate::undefined(kNoPairs), std::numeric_limits<double>::quiet_NaN(), a.size()};
  if (c.n < 2) return out;
  const double m = static_cast<double>(std::min(c.distinct_a, c.distinct_b));
  if (m < 2) {
    out.estimate = Estimate::undefined(kNoVariation);
    return out;
  }
  out.estimate = Estimate::of(2 * c.difference / (c.n * c.n * (m - 1) / m));
  if (out.n > 2) out.p = kendall_p(c);
  return out;
}

}  // namespace ballot
