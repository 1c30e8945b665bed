// Cluster bootstrap: clusters (prompts) are drawn with replacement and keep all their units.
//
// Most statistics are functions of sums over units, so each cluster is one short row of numbers and a replicate is the
// sum of the rows drawn: 10,000 replicates x 10,000 prompts x 43 sums take well under a second
// (bench/agreement_bench.cpp). Whole-number rows are summed in integers, so the result is exact in any order. Where a
// statistic is no function of sums (ranks of continuous scores), `bootstrap_multiplicities` gives how often each
// cluster was drawn.
//
// Draw i of replicate b is a function of (seed, b, i) only (Philox, core/random.h): the same at any number of threads,
// and the same for two statistics of one seed, so that differences between formats are taken on the same draws.
// Rejected: multinomial counts over distinct rows (exact too, three times slower because of the binomial draws).
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "statistics/estimate.h"

namespace ballot {

struct BootstrapOptions {
  std::int64_t replicates = 2000;
  std::uint64_t seed = 0;
  int threads = 0;  ///< 0: the cores this process may use; never changes the result
  /// Sizes of consecutive strata of clusters; draws stay within them. Empty: one stratum.
  std::vector<std::uint32_t> strata;
};

/// One row of numbers a cluster.
class ClusterSums {
 public:
  ClusterSums(std::size_t clusters, std::size_t columns)
      : clusters_(clusters), columns_(columns), cells_(clusters * columns) {}
  double& at(std::size_t cluster, std::size_t column) { return cells_[cluster * columns_ + column]; }
  std::span<const double> row(std::size_t cluster) const { return {cells_.data() + cluster * columns_, columns_}; }
  std::size_t clusters() const { return clusters_; }
  std::size_t columns() const { return columns_; }

 private:
  std::size_t clusters_, columns_;
  std::vector<double> cells_;
};

/// What a bootstrap leaves: for each of S statistics its estimate, B replicates and jackknife values. NaN: undefined
/// there.
struct Bootstrap {
  std::size_t replicates = 0, jackknifes = 0;
  std::vector<double> estimates;  ///< S
  std::vector<double> samples;    ///< S x B
  std::vector<double> jackknife;  ///< S x J: leaving out one cluster (or one block of clusters) at a time
  std::span<const double> samples_of(std::size_t statistic) const {
    return {samples.data() + statistic * replicates, replicates};
  }
  std::span<const double> jackknife_of(std::size_t statistic) const {
    return {jackknife.data() + statistic * jackknifes, jackknifes};
  }
};

/// Fills the statistics from the column sums. Called from several threads at once.
using SumStatistics = std::function<void(std::span<const double> sums, std::span<double> statistics)>;
Bootstrap bootstrap(const ClusterSums& sums, std::size_t statistics, const SumStatistics& compute,
                    const BootstrapOptions& options);

/// Fills the statistics from how often each cluster is present. The jackknife leaves out blocks of clusters where there
/// are more than 200, since each of its values costs a whole evaluation.
using MultiplicityStatistics = std::function<void(std::span<const std::uint32_t> times, std::span<double> statistics)>;
Bootstrap bootstrap_multiplicities(std::size_t clusters, std::size_t statistics, const MultiplicityStatistics& compute,
                                   const BootstrapOptions& options);

/// Quantile of sorted numbers by linear interpolation (numpy's default).
double sorted_quantile(std::span<const double> sorted, double p);

/// NaN samples are left out; the interval is undefined where more than half are.
Interval percentile_interval(std::span<const double> samples, double level = 0.95);
/// Bias-corrected and accelerated (Efron 1987): z0 from the middle of the samples below and not above the estimate,
/// acceleration from the jackknife. Where z0 is infinite (every sample on one side of the estimate) the percentile
/// interval stands in.
Interval bca_interval(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                      double level = 0.95);
/// The three parts of it, for tests and diagnostics.
struct BcaLevels {
  double z0 = 0, acceleration = 0, low = 0, high = 0;
};
BcaLevels bca_levels(double estimate, std::span<const double> samples, std::span<const double> jackknife,
                     double level = 0.95);

/// Fraction of samples that are NaN.
double undefined_share(std::span<const double> samples);

/// Draws first .. first + out.size() - 1 of replicate b: cluster indices in [0, clusters).
void cluster_draws(std::uint64_t seed, std::uint64_t replicate, std::uint64_t first, std::uint32_t clusters,
                   std::span<std::uint32_t> out);

}  // namespace ballot
