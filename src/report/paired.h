// Paired differences of two systems over the same items: the effect with its interval first, then p. Items that share a
// prompt (or a problem, a story) are one cluster and are drawn, or flipped, together.
//
// The mean is taken in two steps where a suite has subsets: the plain (or weighted) mean within each subset, then these
// with the shares that the subsets' items have of all weight. A draw of clusters holds now more, now fewer items of a
// subset, which is no property of the systems: so each draw takes the subset's mean over the items that it drew. (One
// ratio a section instead made intervals a fifth too wide where the difference varies from subset to subset.)
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace ballot {

/// One item that both answered.
struct PairedItem {
  std::string cluster;
  std::size_t stratum = 0;  ///< draws stay within a stratum (a section); 0 for all where there is one
  double weight = 1;        ///< of the item in the mean; weights of all items are scaled to sum to one
  double a = 0, b = 0;
  std::size_t subset = 0;  ///< within the stratum; a cluster may have items of several subsets
};

struct PairedContrast {
  double difference = 0;     ///< Σ w (a - b)
  double low = 0, high = 0;  ///< 95%: cluster bootstrap within strata, statistics/expanded_interval.h; NaN without
                             ///< replicates, or with a single cluster
  double p = 1;              ///< sign flips of whole clusters, two-sided
  std::int64_t n = 0, clusters = 0;
};

PairedContrast paired_contrast(const std::vector<PairedItem>& items, std::int64_t replicates, std::uint64_t seed,
                               int threads = 0);

/// "better", "worse" (of a against b) where p after correction is below 0.05 and the interval excludes 0; else "not
/// distinguished".
std::string verdict_of(double low, double high, double p_holm);

}  // namespace ballot
