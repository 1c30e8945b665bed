// `ballot eval`: a model on tasks of lm-evaluation-harness, from the harness's own task files.
//
// OUT/results_DATE.json and OUT/samples_TASK_DATE.jsonl in the harness's layout (harness_output.h), and a manifest.
// While it runs, OUT/journal.jsonl holds what is computed: killed, the same command goes on.
#pragma once
#include <string>

#include "core/progress.h"
#include "evaluation/options.h"

namespace ballot {

/// Returns {"results", "groups", "ballot", "results_file", "samples_files", "out"}; with show_prompt also "prompts"
/// (and nothing else where there is no `out`). With the task `list`: {"tasks": [{"name", "kind", "status", "detail",
/// ...}]}, what there is and what is missing of it.
std::string run_eval(const EvalOptions& options, Progress& progress);

}  // namespace ballot
