#include "statistics/position.h"

#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/random.h"

namespace ballot {
namespace {

/// Friedman's statistic from the sums of ranks by place.
double friedman(std::span<const double> sums, double n) {
  const auto k = static_cast<double>(sums.size());
  double squares = 0;
  for (const double sum : sums) squares += std::pow(sum / n - (k + 1) / 2, 2);
  return 12 * n / (k * (k + 1)) * squares;
}

}  // namespace

PositionTest position_test(std::span<const ShownRanks> rankings, std::int64_t permutations, std::uint64_t seed) {
  PositionTest out;
  if (rankings.empty()) {
    out.p = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
  const std::size_t k = rankings.front().ranks.size();
  std::map<std::uint32_t, std::vector<double>> sums;  // by cluster: the sum of ranks by place
  std::vector<double> total(k, 0);
  for (const ShownRanks& ranking : rankings) {
    if (ranking.ranks.size() != k)
      throw wrong_usage("rankings of {} and of {} cannot be put together", k, ranking.ranks.size());
    std::vector<double>& mine = sums.try_emplace(ranking.cluster, k, 0.0).first->second;
    for (std::size_t place = 0; place < k; ++place) {
      mine[place] += ranking.ranks[place];
      total[place] += ranking.ranks[place];
    }
  }
  const auto n = static_cast<double>(rankings.size());
  for (const double sum : total) out.mean_rank.push_back(sum / n);
  out.statistic = friedman(total, n);
  std::int64_t as_large = 0;
  for (std::int64_t b = 0; b < permutations; ++b) {
    Random random(seed, "position", static_cast<std::uint64_t>(b));
    std::vector<double> permuted(k, 0);
    for (const auto& [cluster, mine] : sums) {
      const std::vector<std::size_t> order = random.permutation(k);
      for (std::size_t place = 0; place < k; ++place) permuted[place] += mine[order[place]];
    }
    as_large += friedman(permuted, n) >= out.statistic * (1 - 1e-12);
  }
  out.p = static_cast<double>(1 + as_large) / static_cast<double>(permutations + 1);
  return out;
}

}  // namespace ballot
