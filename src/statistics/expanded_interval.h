// Percentile intervals that keep their promise with few clusters, unequal ones, and differences that are rare.
//
// The plain percentile interval of a cluster bootstrap is too narrow with few clusters: its spread lacks the factor
// sqrt(G / (G - 1)), large clusters pull the estimate towards themselves, and it uses the normal's quantiles where
// Student's belong. With 10 clusters it covers 91% instead of 95. Three corrections, none of which matters with
// hundreds of even clusters:
//   - its levels are Phi(-+ t r): t the 97.5% point of Student's t (Hesterberg 2015, section 4.5), degrees of freedom
//   by
//     Satterthwaite over the strata; r >= 1 the leave-one-cluster-out standard error over the bootstrap's own;
//   - its arms are lengthened by sqrt(1 + u / se^2), where u is the variance that one more unit would add that differs:
//     with 4 units of 250 that differ at all, what was not seen matters as much as what was (as Agresti and Min 2005
//     add half a pair to each cell of a 2 x 2 table);
//   - where nothing differs, the interval is +- t sqrt(u), not a point.
//
// A share (an accuracy) moves between 0 and 1, and near one of them what was not seen lies on the other side only:
// below one half its upper arm is lengthened by what t^2 units that are all right would add, (t (1 - 2 p))^2 u, above
// it the lower arm alike. For one stratum of n even clusters that is about Wilson's interval: no right answer among 250
// leaves 0 to 1.5 points.
//
// Simulated coverage: docs/performance.md; values: tests/oracles/paired_intervals.py.
// Rejected after simulation: BCa (no better with few clusters, worse with rare differences), the studentised bootstrap
// (infinite where draws without any difference occur), Student's t around the estimate (91% with clusters of very
// unequal sizes).
#pragma once
#include <cstdint>
#include <span>

#include "statistics/bootstrap.h"

namespace ballot {

/// What the corrections are made of.
struct ExpandedLevels {
  double jackknife_error = 0;  ///< leave-one-cluster-out standard error
  double bootstrap_error = 0;  ///< standard deviation of the samples
  double degrees = 0;          ///< of freedom; 0: every stratum has one cluster only
  double low = 0, high = 1;    ///< levels at which the samples are read
  double lengthened = 1;       ///< factor of both arms; infinite where nothing differs
};
/// `strata`: sizes, as the bootstrap had them; empty: one. `samples` without NaN. `unit_variance`: u, or 0. A stratum
/// of one cluster says nothing about its own spread and adds none.
ExpandedLevels expanded_levels(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                               std::span<const std::uint32_t> strata, double unit_variance, double level = 0.95);

/// The interval of one statistic. Undefined where no stratum has two clusters, or where more than half of the samples
/// are NaN. Needs the jackknife of single clusters, as bootstrap() gives it.
Interval expanded_interval(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                           std::span<const std::uint32_t> strata, double unit_variance, double level = 0.95);

/// The same for a mean of values in [0, 1], within [0, 1]. `unit_variance`: the mean square of a unit's weight in the
/// mean, 1 / n^2 where n of them weigh alike.
Interval share_interval(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                        std::span<const std::uint32_t> strata, double unit_variance, double level = 0.95);

}  // namespace ballot
