// internal to tests and benchmarks: one system over clustered items with a known accuracy, to see how often a single
// result's interval misses it.
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"
#include "statistics/expanded_interval.h"
#include "statistics/rewardbench_sections.h"
#include "statistics/tests.h"

namespace ballot {

/// Items right where mean + shared * (the cluster's normal) + (the item's own) > 0.
struct SimulatedShare {
  std::string name;
  std::size_t clusters = 0, smallest = 1, largest = 1;  ///< items a cluster, uniformly between
  double shared = 0;
  double accuracy = 0.5;     ///< of an item
  bool rewardbench = false;  ///< its subsets, rows and weights, six languages a problem; `clusters` is not used
};

/// Rows of the subset "all", or of RewardBench's.
inline std::vector<JudgedRow> simulated_rows(const SimulatedShare& design, std::uint64_t number, double mean) {
  Random random(number, design.name);
  std::vector<JudgedRow> rows;
  const auto add = [&](const std::string& subset, std::size_t clusters, std::vector<double>& common) {
    while (common.size() < clusters) common.push_back(random.normal());
    for (std::size_t c = 0; c < clusters; ++c) {
      const std::size_t size = design.smallest + random.below(design.largest - design.smallest + 1);
      for (std::size_t i = 0; i < size; ++i)
        rows.push_back({subset, (subset.starts_with("hep-") ? "code " : subset + " ") + std::to_string(c),
                        mean + design.shared * common[c] + random.normal() > 0 ? 1.0 : 0.0, false});
    }
  };
  std::vector<double> code;
  if (!design.rewardbench)
    add("all", design.clusters, code);
  else
    for (const RewardBenchSubset& subset : rewardbench_subsets()) {
      std::vector<double> own;
      add(subset.name, static_cast<std::size_t>(subset.name == "math-prm" ? 447 : subset.weight),
          subset.name.starts_with("hep-") ? code : own);
    }
  return rows;
}

/// How many of the studies have an interval that holds the accuracy: ours, the plain percentile of the same draws, and
/// Wilson's with every item for itself. The last two only where there is one stratum.
struct ShareErrors {
  std::int64_t studies = 0, covered = 0, below = 0, percentile = 0, by_items = 0;
  double width = 0;
};
inline ShareErrors simulate_shares(const SimulatedShare& design, std::int64_t studies, std::int64_t replicates,
                                   std::uint64_t seed, int threads) {
  // The latent mean of that accuracy, by bisection.
  const double spread = std::sqrt(1 + design.shared * design.shared);
  double from = -10, to = 10;
  for (int i = 0; i < 80; ++i) {
    const double middle = (from + to) / 2;
    (0.5 * std::erfc(-middle / spread / std::sqrt(2.0)) < design.accuracy ? from : to) = middle;
  }
  const SectionScheme one{{{"all", "all", 1}}, {"all"}, ""};
  struct Study {
    ScoreInterval ours;
    Interval percentile, items;
  };
  std::vector<Study> made(static_cast<std::size_t>(studies));
  parallel_for(made.size(), threads, [&](std::size_t study) {
    const std::vector<JudgedRow> rows = simulated_rows(design, seed + study, from);
    Study& out = made[study];
    out.ours =
        section_scores(rows, replicates, seed + study, 1, design.rewardbench ? rewardbench_scheme() : one).overall;
    if (design.rewardbench) return;
    ClusterSums sums(design.clusters, 2);
    double right = 0;
    for (const JudgedRow& row : rows) {
      const auto cluster = static_cast<std::size_t>(std::stoul(row.cluster.substr(4)));
      sums.at(cluster, 0) += row.correct;
      sums.at(cluster, 1) += 1;
      right += row.correct;
    }
    BootstrapOptions options;
    options.replicates = replicates;
    options.seed = seed + study;
    options.threads = 1;
    const Bootstrap draws =
        bootstrap(sums, 1, [](std::span<const double> s, std::span<double> mean) { mean[0] = s[0] / s[1]; }, options);
    out.percentile = percentile_interval(draws.samples_of(0));
    out.items = wilson_interval(right, static_cast<double>(rows.size()));
  });
  ShareErrors out;
  out.studies = studies;
  for (const Study& study : made) {
    out.covered += study.ours.low <= design.accuracy && design.accuracy <= study.ours.high;
    out.below += study.ours.high < design.accuracy;
    out.percentile += study.percentile.contains(design.accuracy);
    out.by_items += study.items.contains(design.accuracy);
    out.width += (study.ours.high - study.ours.low) / static_cast<double>(studies);
  }
  return out;
}

}  // namespace ballot
