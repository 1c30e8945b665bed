// rooms: report
// How often `ballot compare` errs, over simulated studies of the shapes that it meets: type I error where there is no
// difference (5%), coverage of the 95% intervals without and with one.
//   answer: the shares below, each with its own 95% interval (Wilson) over the studies    unit: percent
//   peer: a test that takes every item for independent (the last column)
// paired_bench [STUDIES [WORD]]: 2,000 studies a design; only designs whose name holds WORD.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "report/simulated_pairs.h"
#include "statistics/rewardbench_sections.h"

namespace {

using namespace ballot;

constexpr std::int64_t kReplicates = 1000;

/// RewardBench as published: its subsets' rows, sections and weights, six languages of the same problems, and
/// differences that vary from subset to subset (none in the mean where `spread` is 0).
SimulatedDesign rewardbench_design(double cut, double spread) {
  SimulatedDesign design{fmt::format("RewardBench{}", cut > 1.6 ? ", strong models" : ""), {}};
  std::map<std::string, double> section_weight;
  for (const RewardBenchSubset& subset : rewardbench_subsets()) section_weight[subset.section] += subset.weight;
  for (const RewardBenchSubset& subset : rewardbench_subsets()) {
    const bool code = subset.name.starts_with("hep-");
    SimulatedPart part;
    part.clusters = static_cast<std::size_t>(subset.name == "math-prm" ? 447 : subset.weight);
    part.shared = code ? 1 : 0;
    part.cut = cut;
    part.difference = design.parts.size() % 2 == 0 ? spread : -spread;
    part.stratum = static_cast<std::size_t>(std::distance(section_weight.begin(), section_weight.find(subset.section)));
    part.share = subset.weight / section_weight[subset.section];
    part.same_clusters = code && subset.name != "hep-cpp";
    design.parts.push_back(part);
  }
  return design;
}

/// The same studies, every item a cluster of its own.
std::int64_t rejected_by_items(const SimulatedDesign& design, std::int64_t studies, std::uint64_t seed) {
  std::vector<char> rejected(static_cast<std::size_t>(studies), 0);
  parallel_for(rejected.size(), 0, [&](std::size_t study) {
    std::vector<PairedItem> items = simulated_items(design, seed + study);
    for (std::size_t i = 0; i < items.size(); ++i) items[i].cluster = std::to_string(i);
    rejected[study] = paired_contrast(items, 0, seed + study, 1).p < 0.05 ? 1 : 0;
  });
  return std::count(rejected.begin(), rejected.end(), 1);
}

std::string percent(std::int64_t count, std::int64_t studies) {
  const Interval i = wilson_interval(static_cast<double>(count), static_cast<double>(studies));
  return fmt::format("{:.2f} [{:.1f}, {:.1f}]", 100.0 * static_cast<double>(count) / static_cast<double>(studies),
                     100 * i.low, 100 * i.high);
}

void print(const SimulatedDesign& design, std::int64_t studies) {
  const auto start = std::chrono::steady_clock::now();
  const SimulatedErrors e = simulate(design, studies, kReplicates, 1, 0);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double truth = true_difference(design);
  const bool null = std::fabs(truth) < 1e-12;
  const std::int64_t some = std::min<std::int64_t>(studies, 500);
  fmt::print("{:<52} {:+.3f} {:>18} {:>8.2f} {:>20} {:>6.2f} {:>6.2f} {:>7.3f} {:>9} {:>6.1f}\n", design.name, truth,
             percent(e.rejected, studies), 100 * e.share(e.verdicts), percent(e.covered, studies),
             100 * e.share(e.below), 100 * e.share(e.studies - e.covered - e.below), e.width,
             null ? fmt::format("{:.1f}", 100.0 * static_cast<double>(rejected_by_items(design, some, 1)) /
                                              static_cast<double>(some))
                  : "",
             seconds);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t studies = argc > 1 ? std::max(1ll, std::atoll(argv[1])) : 2000;
  const std::string word = argc > 2 ? argv[2] : "";
  //                                                    clusters, items from, to, shared, cut
  const std::vector<SimulatedDesign> designs = {{"10 prompts of ten pairs", {{10, 10, 10, 0.5, 0.6}}},
                                                {"20 prompts of ten pairs", {{20, 10, 10, 0.5, 0.6}}},
                                                {"40 prompts of ten pairs", {{40, 10, 10, 0.5, 0.6}}},
                                                {"300 prompts of ten pairs", {{300, 10, 10, 0.5, 0.6}}},
                                                {"20 clusters of 1 to 40", {{20, 1, 40, 1, 0.6}}},
                                                {"100 clusters of 1 to 12", {{100, 1, 12, 1, 0.6}}},
                                                {"a BBH subtask: 250 questions", {{250, 1, 1, 0, 1.2}}},
                                                {"MATH, 1 answer in 50 differs: 200 problems", {{200, 1, 1, 0, 2.4}}},
                                                {"MuSR: 250 stories of three questions", {{250, 3, 3, 0.7, 1.0}}},
                                                {"IFEval: 541 prompts of one to three", {{541, 1, 3, 0.8, 1.0}}},
                                                {"four sections of 50 prompts, weighed 1 to 4",
                                                 {{50, 1, 4, 1, 0.6, 0, 0, 1},
                                                  {50, 1, 4, 1, 0.6, 0, 1, 2},
                                                  {50, 1, 4, 1, 0.6, 0, 2, 3},
                                                  {50, 1, 4, 1, 0.6, 0, 3, 4}}},
                                                rewardbench_design(1.2, 0),
                                                rewardbench_design(2.0, 0)};
  fmt::print(
      "{} studies a design, {} replicates, 10,000 flips\n{:<52} {:>6} {:>18} {:>8} {:>20} {:>6} {:>6} {:>7} {:>9} "
      "{:>6}\n",
      studies, kReplicates, "", "truth", "p<.05 %", "claims %", "interval holds it %", "below", "above", "width",
      "by items", "s");
  const auto chosen = [&](const std::string& name) { return name.find(word) != std::string::npos; };
  for (const SimulatedDesign& design : designs) {
    if (chosen(design.name)) print(design, studies);
    if (const SimulatedDesign other = with_difference(design, 0.3); chosen(other.name)) print(other, studies);
  }
  SimulatedDesign varied = rewardbench_design(1.2, 0.5);
  varied.name = "RewardBench, a true difference of either sign by subset";
  if (chosen(varied.name)) print(varied, studies);
  const std::string family = "six contrasts of four equal formats, any claim (Holm)";
  if (chosen(family))
    fmt::print("{:<52} {:+.3f} {:>18}\n", family, 0.0,
               percent(false_claims(4, 60, 5, studies, kReplicates, 1, 0), studies));
}
