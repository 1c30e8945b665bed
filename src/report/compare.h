// `ballot compare`: paired differences between results over the same items, one family, corrected together.
//
// Results are folders of `ballot rewardbench` (scores.parquet; RewardBench, RewardBench 2 and RM-Bench by their own
// scores, report/suite_items.h), folders of `ballot eval` (samples_*.jsonl: every task by its main metric), or
// scores.parquet files (accuracy on pairs). Items are matched by their ids; what only one side has is counted and left
// out.
//
// Clusters are what items share: a column `cluster` or `prompt_id` where the file has one; code problems in several
// languages; the story of a MuSR question, the question of a GPQA item; otherwise each item is its own.
#pragma once
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "report/paired.h"

namespace ballot {

struct CompareOptions {
  std::vector<std::string> results;    ///< NAME=PATH names one
  std::optional<std::string> against;  ///< only contrasts with this result
  bool sections = false;               ///< reward suites: also section by section
  std::optional<std::string> metric;   ///< eval: this metric instead of each task's main one
  std::int64_t bootstrap = 10000;
};
void visit_options(OptionVisitor& visit, CompareOptions& options);

struct ResultContrast {
  std::string outcome;              ///< "RewardBench score", "RM-Bench hard", "leaderboard_bbh, acc_norm", "accuracy"
  std::string a, b;                 ///< names of results: a minus b
  double value_a = 0, value_b = 0;  ///< over the items of both
  PairedContrast paired;
  double p_holm = 1;
  std::string verdict;                  ///< "better", "worse" (of a), "not distinguished"
  std::int64_t only_a = 0, only_b = 0;  ///< items that the other side lacks
};

/// Throws Error (input) where a result cannot be read or two share no item, (usage) with fewer than two results.
std::vector<ResultContrast> compare_results(const CompareOptions& options, std::uint64_t seed, int threads);
Json compare_json(const std::vector<ResultContrast>& contrasts, const CompareOptions& options, std::uint64_t seed);
std::string compare_text(const std::vector<ResultContrast>& contrasts, const CompareOptions& options);

}  // namespace ballot
