// What the newer sets make of the scores of several completions: RewardBench 2 (best of four, and its subset Ties) and
// RM-Bench (three styles of each answer). Formulas: rewardbench 0.1.4, scripts/run_v2.py and utils.py
// (process_single_model); RM-Bench, README. Pure functions.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "statistics/rewardbench_sections.h"

namespace ballot {

/// Best of several: 1 where the right one alone has the highest score, 1/m where m completions share it, 0 otherwise.
double best_of_credit(double right, std::span<const double> wrong);

/// A prompt of Ties: does the worst right answer lie above the best wrong one, and by how much?
struct TiesMargins {
  double margin = 0;             ///< worst right - best wrong
  std::optional<double> spread;  ///< best right - worst right; none with one right answer
  bool accurate() const { return margin > 0; }
};
TiesMargins ties_margins(std::span<const double> right, std::span<const double> wrong);

/// The parts of the subset Ties as judged rows ("Ties/tied", "Ties/ref", "Ties/wider than the spread",
/// "Ties/wider in both", "Ties/relative margin"), clustered by prompt number; rewardbench2_scheme() adds them up to
///   0.3 tied + 0.3 ref + 0.2 mean[M_tied > D] + 0.2 mean[min(M_ref, M_tied) > D] + 0.01 mean tanh(min(M)/D - 1).
/// `ref` and `tied`: by prompt number.
std::vector<JudgedRow> ties_rows(const std::map<std::string, TiesMargins>& ref,
                                 const std::map<std::string, TiesMargins>& tied);

/// RewardBench 2: six subsets, each a section of its own; the score is their plain mean.
const SectionScheme& rewardbench2_scheme();

/// Shares of the nine comparisons (chosen style i against rejected style j; styles in the order plain to fancy) that
/// the chosen one wins strictly: all nine, the diagonal (normal), above it (hard: a fancier rejected answer), below it
/// (easy).
struct StyleAccuracy {
  double all = 0, easy = 0, normal = 0, hard = 0;
};
StyleAccuracy style_accuracy(std::span<const double> chosen, std::span<const double> rejected);

/// RM-Bench: chat, code, math and safety (refuse and respond alike); the score is their plain mean.
const SectionScheme& rm_bench_scheme();

}  // namespace ballot
