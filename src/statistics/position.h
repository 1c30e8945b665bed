// Does the place where a completion is shown change its rank? For rankings, whose ballots show all completions at once.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace ballot {

/// One ranking: the rank (1 best; mid-ranks for equals) of what was shown first, second, ...
struct ShownRanks {
  std::uint32_t cluster = 0;  ///< the prompt; rankings of one cluster share the order shown or its reverse
  std::vector<double> ranks;
};

struct PositionTest {
  std::vector<double> mean_rank;  ///< by place shown; (k + 1) / 2 everywhere without a preference for a place
  double statistic = 0;           ///< Friedman's: 12 n / (k (k+1)) x sum of squared departures of the means
  double p = 1;                   ///< share of permutations with a statistic as large: (1 + #) / (B + 1)
};

/// The null hypothesis: which completion stood where was drawn at random, so that the ranks of a cluster may be dealt
/// to its places in any order. All rankings of a cluster are permuted alike. Draws are keyed by (seed, permutation).
/// Rankings must be equally long; none: p is NaN.
PositionTest position_test(std::span<const ShownRanks> rankings, std::int64_t permutations, std::uint64_t seed);

}  // namespace ballot
