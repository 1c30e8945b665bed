// What every evaluation does around its scoring, be the answers a model's or given: read the tasks, name the inputs,
// and write the files.
#pragma once
#include <vector>

#include "core/manifest.h"
#include "evaluation/eval_journal.h"
#include "evaluation/harness_output.h"
#include "evaluation/options.h"
#include "evaluation/questions.h"

namespace ballot {

inline constexpr const char* kJournalFile = "journal.jsonl";  ///< in the output's folder, until it is finished

/// Throws Error (input) where --data or --fewshot-data name nothing.
TaskSettings eval_settings(const EvalOptions& options);

/// The tasks asked for, loaded. What is wrong with several of them is told at once.
std::vector<LoadedTask> load_tasks(const TaskSelection& selection, TaskSettings settings, const EvalOptions& options,
                                   const ChatTemplate* chat, RejectLog& rejects);

/// Inputs: the model, the tokenizer of a model on a server, or the given answers, the tasks' files, their data.
Manifest eval_manifest(const EvalOptions& options, const TaskSelection& selection,
                       const std::vector<LoadedTask>& tasks);

/// Writes samples, results, rejects and the manifest, and removes the journal. Returns {"results", "groups", "ballot",
/// "results_file", "samples_files", "out"}.
Json write_evaluation(const EvalOptions& options, const TaskSelection& selection, const std::vector<ScoredTask>& scored,
                      const EvalJournal& journal, RunFacts facts, const RejectLog& rejects, Manifest manifest,
                      std::int64_t computed_tokens);

}  // namespace ballot
