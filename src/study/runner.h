// Runs what is not yet done. What is done is never done again; what was interrupted goes on where it was.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/progress.h"
#include "study/stage.h"

namespace ballot {

struct RunOptions {
  std::string only;      ///< one stage (or all below a prefix, "annotate/"): what it needs must be there
  std::string until;     ///< stop after the last stage of that name or prefix
  bool dry_run = false;  ///< say what would run
  bool explain = false;  ///< say why each stage runs or is kept
  int threads = 0;
};

struct StageOutcome {
  std::string stage;
  std::string what;  ///< "kept", "made", "would run"
  std::string why;
  double seconds = 0;
};

/// Throws the Error of the stage that failed, with the stage's name in front; what was made before stays made.
std::vector<StageOutcome> run_stages(const std::filesystem::path& folder, const std::vector<Stage>& stages,
                                     const RunOptions& options, Progress& progress);

/// One line a stage for `ballot status`.
struct StageStatus {
  std::string stage, state, detail;  ///< "done", "running", "waiting", "failed", "out of date"
  double seconds = 0;
};
std::vector<StageStatus> study_status(const std::filesystem::path& folder, const std::vector<Stage>& stages);

/// Recomputes every recorded key and the hash of every artefact. One line a disagreement; empty: all is as it was
/// recorded.
std::vector<std::string> verify_study(const std::filesystem::path& folder, Progress& progress);

}  // namespace ballot
