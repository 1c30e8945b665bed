// From scores to what a suite makes of them: sections with clustered intervals, the baselines that know nothing but
// length or nothing at all, and how far the scores follow length.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "data/reward_items.h"
#include "evaluation/scored_items.h"
#include "statistics/rewardbench_sections.h"

namespace ballot {

/// What an item belongs together with: items of one prompt; the same problem in RewardBench's six code subsets (by
/// place, where all subsets present have equally many); "ref:N" and "tied:N" of RewardBench 2.
std::vector<std::string> item_clusters(const std::string& suite, std::span<const RewardItem> items);

/// How right an item is: 1 or 0 for a pair (strictly higher); a share among those that tie for the best (RewardBench
/// 2); all right ones above all wrong ones (Ties); the share of nine comparisons (RM-Bench).
double item_credit(const std::string& suite, const RewardItem& item, const ItemScores& scores);

/// Characters (code points) of a UTF-8 text: the length that the baselines compare.
std::int64_t characters(const std::string& text);

/// {"suite", "sections", "score", "score_low", "score_high", "subsets", "baselines", "accuracy", "n", "ties", "length",
/// ...}: docs/evaluation.md. `clusters`: of `items`. `replicates`: of each interval.
Json reward_results(const std::string& suite, std::span<const RewardItem> items,
                    const std::vector<std::string>& clusters, std::span<const ItemScores> scores,
                    std::int64_t replicates, std::uint64_t seed);

}  // namespace ballot
