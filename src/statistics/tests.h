// Tests of paired differences, and corrections for families of them.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "statistics/estimate.h"

namespace ballot {

struct SignFlipOptions {
  std::int64_t flips = 10000;  ///< random flips where there are too many clusters for all of them
  std::uint64_t seed = 0;
  int threads = 0;
};

struct SignFlip {
  double statistic = 0;  ///< the sum of the differences
  double p = std::numeric_limits<double>::quiet_NaN();
  bool exact = false;  ///< every one of the 2^n flips was tried
};

/// Two-sided permutation test of "the difference is as likely as its negative": flips the sign of whole clusters'
/// differences. Exact up to 20 clusters that differ from zero; else p = (1 + #{|t*| >= |t|}) / (B + 1), with draws
/// keyed by (seed, flip, cluster). NaN p where there is no cluster; 1 where no cluster differs.
SignFlip sign_flip_test(std::span<const double> cluster_differences, const SignFlipOptions& options = {});

/// McNemar on independent pairs: b items only the first got right, c only the second. Two-sided.
struct McNemar {
  double exact = 1, mid_p = 1;
  double chi_square = 0, chi_square_p = 1;  ///< with continuity correction; sensible from b + c = 25 on
};
McNemar mcnemar(std::int64_t b, std::int64_t c);

/// p values adjusted for all claims of a family at once (Holm 1979), in the order given. NaN stay NaN and do not count.
std::vector<double> holm(std::span<const double> p);
/// False discovery rate (Benjamini and Hochberg 1995): for screening, not for claims.
std::vector<double> benjamini_hochberg(std::span<const double> p);

/// A share's interval that is right for small n (Wilson 1927).
Interval wilson_interval(double successes, double n, double level = 0.95);

/// Standard error of a mean with items in clusters: sqrt(sum over clusters of (sum of deviations)^2) / n, times C / (C
/// - 1) under the root.
double clustered_standard_error(std::span<const double> scores, std::span<const std::uint32_t> cluster,
                                std::size_t clusters);

}  // namespace ballot
