// rooms: statistics
// How often the 95% interval of a single accuracy misses it (`ballot rewardbench`, `ballot eval`), over simulated
// results.
//   answer: the share of intervals that hold the truth, with its own 95% interval (Wilson)    unit: percent
//   peers: the plain percentile of the same draws; Wilson's interval with every item for itself
// interval_bench [STUDIES [WORD]]: 2,000 studies a design; only designs whose name holds WORD.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "statistics/simulated_shares.h"

int main(int argc, char** argv) {
  using namespace ballot;
  const std::int64_t studies = argc > 1 ? std::max(1ll, std::atoll(argv[1])) : 2000;
  const std::string word = argc > 2 ? argv[2] : "";
  const std::vector<SimulatedShare> designs = {// clusters, items from, to, shared, accuracy
                                               {"10 prompts of ten pairs", 10, 10, 10, 0.5, 0.7},
                                               {"20 prompts of ten pairs", 20, 10, 10, 0.5, 0.7},
                                               {"300 prompts of ten pairs", 300, 10, 10, 0.5, 0.7},
                                               {"20 clusters of 1 to 40", 20, 1, 40, 1, 0.5},
                                               {"a BBH subtask: 250 questions", 250, 1, 1, 0, 0.6},
                                               {"MATH: 200 problems, 1 in 50 right", 200, 1, 1, 0, 0.02},
                                               {"MATH: 200 problems, 1 in 200 right", 200, 1, 1, 0, 0.005},
                                               {"MuSR: 250 stories of three questions", 250, 3, 3, 0.7, 0.55},
                                               {"IFEval: 541 prompts of one to three", 541, 1, 3, 0.8, 0.85},
                                               {"RewardBench, 75% right", 0, 1, 1, 0.7, 0.75, true},
                                               {"RewardBench, 97% right", 0, 1, 1, 0.7, 0.97, true}};
  const auto percent = [&](std::int64_t count) {
    const Interval i = wilson_interval(static_cast<double>(count), static_cast<double>(studies));
    return fmt::format("{:.1f} [{:.1f}, {:.1f}]", 100.0 * static_cast<double>(count) / static_cast<double>(studies),
                       100 * i.low, 100 * i.high);
  };
  fmt::print("{} studies a design, 1,000 replicates\n{:<40} {:>6} {:>20} {:>6} {:>7} {:>20} {:>20}\n", studies, "",
             "truth", "holds it %", "below", "width", "plain percentile %", "items alone %");
  for (const SimulatedShare& design : designs) {
    if (design.name.find(word) == std::string::npos) continue;
    const ShareErrors e = simulate_shares(design, studies, 1000, 1, 0);
    fmt::print("{:<40} {:>6.3f} {:>20} {:>6.2f} {:>7.3f} {:>20} {:>20}\n", design.name, design.accuracy,
               percent(e.covered), 100.0 * static_cast<double>(e.below) / static_cast<double>(studies), e.width,
               design.rewardbench ? "" : percent(e.percentile), design.rewardbench ? "" : percent(e.by_items));
    std::fflush(stdout);
  }
}
