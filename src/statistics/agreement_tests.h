// Tests about agreement: could it be chance, do two raters agree differently well with a third; and intraclass
// correlation with its intervals. All resample or permute whole clusters.
#pragma once
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "statistics/agreement_bootstrap.h"

namespace ballot {

/// Do a and b agree more often than their labels would if one's had nothing to do with the other's?
struct ChanceTest {
  std::size_t n = 0, clusters = 0;
  double agreement = std::numeric_limits<double>::quiet_NaN();  ///< share of the units that both rated
  double expected = std::numeric_limits<double>::quiet_NaN();   ///< its mean over the permutations
  double p = std::numeric_limits<double>::quiet_NaN();          ///< one-sided: (1 + #{as much or more}) / (B + 1)
  std::size_t fixed = 0;  ///< clusters that keep their own labels, having a size of their own
};
/// Of several pairs on the same permutations, in their order: hardly dearer than of one.
/// b's labels are dealt to the clusters anew, whole clusters at a time, among clusters with as many units that both
/// rated, and to the units within each; where every unit counts in both orientations, whole clusters of b are turned
/// round instead, since which of two is called the first has no meaning there. At most 1,999 permutations (p in steps
/// of 1/2000), keyed by (seed, permutation). p is NaN where every cluster keeps its own labels.
std::vector<ChanceTest> chance_tests(const Ratings& ratings, std::span<const std::pair<std::size_t, std::size_t>> pairs,
                                     const AgreementOptions& options);
ChanceTest chance_test(const Ratings& ratings, std::size_t a, std::size_t b, const AgreementOptions& options);

/// As compare_agreement, of any pair statistic: s(a, reference) - s(b, reference) over the units that all three rated,
/// its interval on the same draws, and p by swapping a's and b's labels in whole clusters, two-sided. Throws Error
/// (usage) for an unknown statistic, or another than percent_agreement on a long scale.
/// Several pairs share draws and swaps.
std::vector<AgreementContrast> compare_statistics(const Ratings& ratings,
                                                  std::span<const std::pair<std::size_t, std::size_t>> pairs,
                                                  std::size_t reference, std::string_view statistic,
                                                  const AgreementOptions& options);
AgreementContrast compare_statistic(const Ratings& ratings, std::size_t a, std::size_t b, std::size_t reference,
                                    std::string_view statistic, const AgreementOptions& options);

/// ICC(1,1), (2,1), (3,1), (1,k), (2,k), (3,k) of the units that every rater rated, by name ("icc_1_1", ...), with
/// intervals by cluster bootstrap. Equal to intraclass_correlation() (statistics/reliability.h).
std::vector<std::pair<std::string_view, Statistic>> measure_intraclass(const Ratings& ratings,
                                                                       const AgreementOptions& options);

}  // namespace ballot
