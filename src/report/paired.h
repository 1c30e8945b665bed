// Paired differences of two systems over the same items: the effect with its interval first, then p. Items that share a
// prompt (or a problem, a story) are one cluster and are drawn, or flipped, together.
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
};

struct PairedContrast {
  double difference = 0;     ///< Σ w (a - b)
  double low = 0, high = 0;  ///< 95%, percentile, cluster bootstrap within strata; NaN without replicates
  double p = 1;              ///< sign flips of whole clusters, two-sided
  std::int64_t n = 0, clusters = 0;
};

PairedContrast paired_contrast(const std::vector<PairedItem>& items, std::int64_t replicates, std::uint64_t seed,
                               int threads = 0);

/// "better", "worse" (of a against b) where p after correction is below 0.05 and the interval excludes 0; else "not
/// distinguished".
std::string verdict_of(double low, double high, double p_holm);

}  // namespace ballot
