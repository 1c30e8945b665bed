// internal to report: the items of RewardBench 1, RewardBench 2 and RM-Bench as `ballot compare` pairs them, each with
// what the suite itself makes of its scores.
//
//   RewardBench     pair right or wrong; subsets weighed within sections, sections equal
//   RewardBench 2   best of four (1/m where m share the top); Ties as its five weighted parts, paired by prompt number;
//                   the mean of the six subsets
//   RM-Bench        shares of the nine comparisons of three styles; all, easy, normal and hard; the mean of the domains
#pragma once
#include <string>
#include <vector>

#include "data/table.h"
#include "report/result_items.h"

namespace ballot {

/// "rewardbench", "rewardbench2", "rm_bench", or "" for plain pairs. `stated`: what results.json beside the scores
/// says, or "". Throws Error (input) where the scores of one of the newer suites lack the column `scores`, which holds
/// those of all completions: without it a prompt has no unit that could be paired.
std::string suite_of_scores(const Table& table, const std::string& stated);

/// Outcomes of a newer suite; `sections`: also section by section. Throws Error (input, with file and row) where the
/// column `scores` cannot be read.
std::vector<ResultOutcome> suite_outcomes(const Table& table, const std::string& suite, bool sections);

/// The outcome cut into one for each section that it has items of: "RewardBench Chat".
std::vector<ResultOutcome> section_outcomes(const ResultOutcome& whole, const std::string& name);

/// Sets stratum, subset and weight of the items, so that their weighted mean times the return value is the scheme's
/// score; drops items of subsets that enter no section. `subset`: of each item.
double weigh_by_scheme(const SectionScheme& scheme, const std::vector<std::string>& subset,
                       std::vector<PairedItem>& items);

}  // namespace ballot
