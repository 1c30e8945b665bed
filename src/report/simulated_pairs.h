// internal to tests and benchmarks: two systems over clustered items with a known difference, to see how often
// paired_contrast errs. Items of a cluster rise and fall together, as pairs of one prompt do.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"
#include "report/paired.h"
#include "statistics/tests.h"

namespace ballot {

/// Items right or wrong by either system, from a latent difference z that is cut at two thresholds: a alone is right
/// above `cut`, b alone below -cut, and between them both or neither.
struct SimulatedPart {
  std::size_t clusters = 0;
  std::size_t smallest = 1, largest = 1;  ///< items a cluster, uniformly between
  double shared = 0;                      ///< standard deviation of what a cluster's items share; theirs alone is 1
  double cut = 0.6;                       ///< 0.6: about two thirds of the items differ; 2.3: one in fifty
  double difference = 0;                  ///< mean of z
  std::size_t stratum = 0;
  double share = 1;            ///< of this part in the mean, whatever its items; scaled to sum to one
  bool same_clusters = false;  ///< those of the part before, as one problem in another language
};
struct SimulatedDesign {
  std::string name;
  std::vector<SimulatedPart> parts;
};

/// The same with every part's difference set.
inline SimulatedDesign with_difference(SimulatedDesign design, double difference) {
  design.name += ", a true difference";
  for (SimulatedPart& part : design.parts) part.difference += difference;
  return design;
}

inline std::vector<PairedItem> simulated_items(const SimulatedDesign& design, std::uint64_t number) {
  Random random(number, design.name);
  double shares = 0;
  for (const SimulatedPart& part : design.parts) shares += part.share;
  std::vector<PairedItem> items;
  std::vector<double> common;
  std::string family;
  for (std::size_t k = 0; k < design.parts.size(); ++k) {
    const SimulatedPart& part = design.parts[k];
    if (!part.same_clusters) {
      common.clear();
      family = std::to_string(k);
      for (std::size_t c = 0; c < part.clusters; ++c) common.push_back(random.normal());
    }
    const std::size_t first = items.size();
    for (std::size_t c = 0; c < part.clusters; ++c) {
      const std::size_t size = part.smallest + random.below(part.largest - part.smallest + 1);
      for (std::size_t i = 0; i < size; ++i) {
        const double z = part.difference + part.shared * common[c] + random.normal();
        items.push_back({family + "/" + std::to_string(c), part.stratum, 1, z > part.cut ? 1.0 : 0.0,
                         z < -part.cut ? 1.0 : 0.0, k});
      }
    }
    for (std::size_t i = first; i < items.size(); ++i)
      items[i].weight = part.share / shares / static_cast<double>(items.size() - first);
  }
  return items;
}

/// What the systems really differ by: of each part P(z > cut) - P(z < -cut).
inline double true_difference(const SimulatedDesign& design) {
  double sum = 0, shares = 0;
  for (const SimulatedPart& part : design.parts) {
    const double spread = std::sqrt(1 + part.shared * part.shared);
    const auto above = [&](double x) { return 0.5 * std::erfc(x / spread / std::sqrt(2.0)); };
    sum += part.share * (above(part.cut - part.difference) - above(part.cut + part.difference));
    shares += part.share;
  }
  return sum / shares;
}

/// How many of the studies ...
struct SimulatedErrors {
  std::int64_t studies = 0;
  std::int64_t rejected = 0;  ///< have p < 0.05
  std::int64_t verdicts = 0;  ///< call one better
  std::int64_t covered = 0;   ///< have an interval that holds the true difference
  std::int64_t below = 0;     ///< ... one that lies below it
  double width = 0;           ///< mean width of the intervals
  double share(std::int64_t count) const { return static_cast<double>(count) / static_cast<double>(studies); }
};
/// Studies `seed` to `seed + studies - 1`, on the threads; the result does not depend on their number.
inline SimulatedErrors simulate(const SimulatedDesign& design, std::int64_t studies, std::int64_t replicates,
                                std::uint64_t seed, int threads) {
  const double truth = true_difference(design);
  std::vector<PairedContrast> made(static_cast<std::size_t>(studies));
  parallel_for(made.size(), threads, [&](std::size_t study) {
    made[study] = paired_contrast(simulated_items(design, seed + study), replicates, seed + study, 1);
  });
  SimulatedErrors out;
  out.studies = studies;
  for (const PairedContrast& c : made) {
    out.rejected += c.p < 0.05;
    out.verdicts += verdict_of(c.low, c.high, c.p) != "not distinguished";
    out.covered += c.low <= truth && truth <= c.high;
    out.below += c.high < truth;
    out.width += (c.high - c.low) / static_cast<double>(studies);
  }
  return out;
}

/// Several equal systems over the same clustered items, every two compared, corrected by Holm: the studies in which any
/// is called better than another.
inline std::int64_t false_claims(std::size_t systems, std::size_t clusters, std::size_t items_each,
                                 std::int64_t studies, std::int64_t replicates, std::uint64_t seed, int threads) {
  std::vector<char> wrong(static_cast<std::size_t>(studies), 0);
  parallel_for(wrong.size(), threads, [&](std::size_t study) {
    Random random(seed + study, "equal systems");
    std::vector<std::vector<double>> right(systems);
    std::vector<std::string> cluster;
    for (std::size_t c = 0; c < clusters; ++c) {
      std::vector<double> own(systems);
      for (double& x : own) x = random.normal();
      for (std::size_t i = 0; i < items_each; ++i) {
        cluster.push_back(std::to_string(c));
        const double hard = random.normal();
        for (std::size_t s = 0; s < systems; ++s)
          right[s].push_back(hard + 0.5 * own[s] + random.normal() > 0 ? 1.0 : 0.0);
      }
    }
    std::vector<PairedContrast> contrasts;
    std::vector<double> p;
    for (std::size_t a = 0; a < systems; ++a)
      for (std::size_t b = a + 1; b < systems; ++b) {
        std::vector<PairedItem> items;
        for (std::size_t i = 0; i < cluster.size(); ++i)
          items.push_back({cluster[i], 0, 1, right[a][i], right[b][i], 0});
        contrasts.push_back(paired_contrast(items, replicates, seed + study, 1));
        p.push_back(contrasts.back().p);
      }
    const std::vector<double> corrected = holm(p);
    for (std::size_t i = 0; i < p.size(); ++i)
      wrong[study] |= verdict_of(contrasts[i].low, contrasts[i].high, corrected[i]) != "not distinguished" ? 1 : 0;
  });
  return std::count(wrong.begin(), wrong.end(), 1);
}

}  // namespace ballot
