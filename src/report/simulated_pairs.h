// internal to tests and benchmarks: two systems over clustered items with a known difference, to see how often
// paired_contrast errs. Items of a cluster rise and fall together, as pairs of one prompt do.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"
#include "report/paired.h"

namespace ballot {

struct SimulatedDesign {
  const char* name;
  std::size_t clusters;           ///< in each stratum
  std::size_t smallest, largest;  ///< items a cluster, uniformly between
  double shared = 1;              ///< standard deviation of what a cluster's items share; theirs alone is 1
  std::size_t strata = 1;         ///< stratum s weighs s + 1 times as much an item
  double difference = 0;          ///< added to every item's own difference before it is cut to -1, 0, 1
};

/// Items of study `number`: right or wrong by either system, from a latent difference cut at two thresholds, so that
/// about a third of the items tie.
inline std::vector<PairedItem> simulated_items(const SimulatedDesign& design, std::uint64_t number) {
  Random random(number, design.name);
  std::vector<PairedItem> items;
  for (std::size_t s = 0; s < design.strata; ++s)
    for (std::size_t c = 0; c < design.clusters; ++c) {
      const double shared = design.shared * random.normal();
      const std::size_t size = design.smallest + random.below(design.largest - design.smallest + 1);
      for (std::size_t i = 0; i < size; ++i) {
        const double latent = design.difference + shared + random.normal(), cut = 0.6;
        items.push_back(
            {std::to_string(c), s, static_cast<double>(s + 1), latent > cut ? 1.0 : 0.0, latent < -cut ? 1.0 : 0.0});
      }
    }
  return items;
}

/// What the systems of a design really differ by (all strata alike): P(z > cut) - P(z < -cut).
inline double true_difference(const SimulatedDesign& design) {
  const double spread = std::sqrt(1 + design.shared * design.shared);
  const auto above = [&](double x) { return 0.5 * std::erfc(x / spread / std::sqrt(2.0)); };
  return above(0.6 - design.difference) - above(0.6 + design.difference);
}

struct SimulatedErrors {
  std::int64_t studies = 0;
  double rejected = 0;  ///< share with p < 0.05
  double verdicts = 0;  ///< share called better or worse
  double covered = 0;   ///< share whose interval holds the true difference
};
inline SimulatedErrors simulate(const SimulatedDesign& design, std::int64_t studies, std::int64_t replicates,
                                std::uint64_t seed, int threads) {
  SimulatedErrors out;
  out.studies = studies;
  const double truth = true_difference(design), one = 1 / static_cast<double>(studies);
  for (std::int64_t study = 0; study < studies; ++study) {
    const auto number = static_cast<std::uint64_t>(study);
    const PairedContrast c =
        paired_contrast(simulated_items(design, seed + number), replicates, seed + number, threads);
    out.rejected += one * (c.p < 0.05);
    out.verdicts += one * (verdict_of(c.low, c.high, c.p) != "not distinguished");
    out.covered += one * (c.low <= truth && truth <= c.high);
  }
  return out;
}

}  // namespace ballot
