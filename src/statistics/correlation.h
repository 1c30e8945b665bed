// Correlation of two lists of numbers: scores, ranks, lengths. For labels on a short scale the cross table of
// statistics/agreement.h gives the same values and is faster.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "statistics/estimate.h"

namespace ballot {

struct Correlation {
  Estimate estimate;
  double p = std::numeric_limits<double>::quiet_NaN();  ///< two-sided, against no association
  std::size_t n = 0;
};

/// Places from 1 to n; equal numbers share the mean of their places.
std::vector<double> mid_ranks(std::span<const double> numbers);

/// All take lists of equal length without NaN. p of Pearson and Spearman: Student's t with n-2 degrees of freedom; p of
/// Kendall: normal, with the variance under ties (Kendall 1970), as scipy's "asymptotic".
Correlation pearson(std::span<const double> a, std::span<const double> b);
Correlation spearman(std::span<const double> a, std::span<const double> b);
/// O(n log n): Knight 1966.
Correlation kendall_tau_b(std::span<const double> a, std::span<const double> b);
/// Stuart's tau-c: 2 (C-D) / (n^2 (m-1)/m), m the smaller number of distinct values.
Correlation kendall_tau_c(std::span<const double> a, std::span<const double> b);

/// The same with a whole-number weight per observation (a bootstrap's multiplicities): equals the plain statistic on
/// the list in which observation i stands weight[i] times. O(n log n).
Estimate pearson_weighted(std::span<const double> a, std::span<const double> b, std::span<const std::uint32_t> weight);
Estimate spearman_weighted(std::span<const double> a, std::span<const double> b, std::span<const std::uint32_t> weight);
Estimate kendall_tau_b_weighted(std::span<const double> a, std::span<const double> b,
                                std::span<const std::uint32_t> weight);

}  // namespace ballot
