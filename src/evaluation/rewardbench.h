// `ballot rewardbench` and `ballot score`: right completions against wrong ones, by a reward model or an implicit
// reward.
#pragma once
#include <string>

#include "core/progress.h"
#include "evaluation/options.h"

namespace ballot {

/// Writes OUT/results.json, OUT/scores.parquet and the manifest. Returns the results object.
std::string run_rewardbench(const RewardBenchOptions& options, Progress& progress);
/// Writes scores.parquet and its manifest. Returns {"n", "accuracy", "ties", ...}.
std::string run_score(const ScoreOptions& options, Progress& progress);

}  // namespace ballot
