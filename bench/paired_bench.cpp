// rooms: report
// How often `ballot compare` errs: 10,000 simulated studies a design, items clustered by prompt, no difference (type I
// error, 5%) or a known one (coverage of the 95% intervals).
//   answer: the shares below    unit: percent, with the simulation's own standard error of 0.2
//   peer: none; a test that ignores the clusters rejects up to 14% of true nulls (the last column)
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "report/simulated_pairs.h"

namespace {

using namespace ballot;

/// The same studies, every item a cluster of its own.
double rejected_by_items(const SimulatedDesign& design, std::int64_t studies, std::uint64_t seed) {
  double rejected = 0;
  for (std::int64_t study = 0; study < studies; ++study) {
    std::vector<PairedItem> items = simulated_items(design, seed + static_cast<std::uint64_t>(study));
    for (std::size_t i = 0; i < items.size(); ++i) items[i].cluster = std::to_string(i);
    rejected += paired_contrast(items, 0, seed, 1).p < 0.05;
  }
  return rejected / static_cast<double>(studies);
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t studies = argc > 1 ? std::atoll(argv[1]) : 10000;
  const SimulatedDesign designs[] = {{"40 prompts of ten pairs", 40, 10, 10, 0.5},
                                     {"300 prompts of ten pairs", 300, 10, 10, 0.5},
                                     {"100 clusters of 1 to 12 items", 100, 1, 12, 1},
                                     {"600 items on their own", 600, 1, 1, 0},
                                     {"four sections of 50, weighed 1 to 4", 50, 1, 4, 1, 4},
                                     {"40 prompts, a true difference", 40, 10, 10, 0.5, 1, 0.2},
                                     {"100 clusters, a true difference", 100, 1, 12, 1, 1, 0.3}};
  fmt::print("{:<38} {:>8} {:>8} {:>8} {:>10} {:>8}\n", "", "p<.05 %", "claims %", "covers %", "by items %", "s");
  for (const SimulatedDesign& design : designs) {
    const auto start = std::chrono::steady_clock::now();
    const SimulatedErrors e = simulate(design, studies, 1000, 1, 1);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double naive = rejected_by_items(design, std::min<std::int64_t>(studies, 1000), 1);
    fmt::print("{:<38} {:8.2f} {:8.2f} {:8.2f} {:10.1f} {:8.1f}\n", design.name, 100 * e.rejected, 100 * e.verdicts,
               100 * e.covered, 100 * naive, seconds);
    std::fflush(stdout);
  }
}
