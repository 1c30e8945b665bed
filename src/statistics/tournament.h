// Who beats whom among the few items of one prompt: circles, the closest ranking, and what some of the comparisons say
// about the others. Sources: Kendall and Babington Smith 1940 (circular triads, zeta), Kemeny 1959 (the closest
// ranking), Jiang, Lim, Yao and Ye 2011 (scores from comparisons by least squares).
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace ballot {

/// A complete set of comparisons without ties: beats[i * items + j] is 1 where i beats j, and then beats[j * items + i]
/// is 0.
struct Tournament {
  std::size_t items = 0;
  std::vector<std::uint8_t> beats;
  bool wins(std::size_t i, std::size_t j) const { return beats[i * items + j] != 0; }
};

/// How many of the C(n,3) triples go in a circle: C(n,3) - sum over items of C(wins, 2).
std::int64_t circular_triads(const Tournament& tournament);
/// The most that n items can have: (n^3 - n) / 24 for odd n, (n^3 - 4n) / 24 for even n.
std::int64_t most_circular_triads(std::size_t items);
/// Kendall's zeta, 1 - circles / most: 1 for a ranking, 0 for as many circles as there can be. NaN below three items.
double zeta(std::int64_t circular, std::size_t items);

/// The probability e with which a label departs from a fixed opinion, where two labels of one pair agree with
/// probability a = (1-e)^2 + e^2. At or below a = 1/2 it is 1/2: labels that are no opinion at all.
double flip_probability(double agreement);

/// Circles that come about although the judge has a ranking in mind, only because each label flips by itself with the
/// probability `flips[d - 1]` of pairs whose places in that ranking lie d apart (the last one holds for larger d).
struct ExpectedCircles {
  double mean = 0;  ///< expected number of circular triads
  double none = 0;  ///< probability of no circle: by enumeration up to 6 items, NaN beyond or where not asked for
};
ExpectedCircles expected_circles(std::size_t items, std::span<const double> flips, bool with_none = true);

/// The ranking that the fewest comparisons contradict (of several, the first in the order of items), and how many do.
struct ClosestRanking {
  std::vector<std::uint32_t> order;  ///< best first
  std::int64_t flips = 0;
};
/// Exact, in 2^n steps: for up to 16 items. Throws Error (usage) beyond.
ClosestRanking closest_ranking(const Tournament& tournament);

/// One comparison: `outcome` 1 where `first` won, 0 for a tie, -1 where `second` did.
struct Comparison {
  std::uint32_t first = 0, second = 0;
  double outcome = 0;
};

/// What the comparisons made say about every pair i < j (in the order (0,1), (0,2), ..., (n-2,n-1)): 1, 0 or -1. A pair
/// that was compared has its own outcome (the last one); any other the sign of the difference of least-squares scores;
/// 0 where the scores are equal or no chain of comparisons joins the two.
std::vector<double> read_all_pairs(std::size_t items, std::span<const Comparison> comparisons);

/// The comparisons that sorting by binary insertion asks for, when the items arrive in the order given. `compare(i, j)`
/// is 1 where i is better, -1 where j is, 0 for neither (which is taken as "not better").
std::vector<Comparison> comparisons_of_sorting(std::span<const std::uint32_t> arrival,
                                               const std::function<double(std::uint32_t, std::uint32_t)>& compare);

}  // namespace ballot
