// `ballot rewardbench` and `ballot score`: pairs, chosen against rejected, by a reward model or an implicit reward.
#pragma once
#include <string>
#include <vector>

#include "core/progress.h"
#include "data/records.h"
#include "evaluation/options.h"
#include "statistics/rewardbench_sections.h"

namespace ballot {

/// A pair with its two scores.
struct ScoredPair {
  std::string id, subset, cluster;  ///< cluster: rows that share a prompt, or a problem in several languages
  double score_chosen = 0, score_rejected = 0;
  bool correct() const { return score_chosen > score_rejected; }  ///< strictly, as the reference counts
  bool tie() const { return score_chosen == score_rejected; }
};

/// Writes OUT/results.json, OUT/scores.parquet and the manifest. Returns the results object.
std::string run_rewardbench(const RewardBenchOptions& options, Progress& progress);
/// Writes scores.parquet and its manifest. Returns {"n", "accuracy", "ties", ...}.
std::string run_score(const ScoreOptions& options, Progress& progress);

/// The cluster of each row: rows of one prompt belong together, and so do the same problem's rows in the six code
/// subsets (by their place in the subset, where all subsets present have equally many).
std::vector<std::string> rewardbench_clusters(const std::vector<RewardBenchRow>& rows);

/// Characters (code points) of a UTF-8 text: the length that the baselines compare.
std::int64_t characters(const std::string& text);

}  // namespace ballot
