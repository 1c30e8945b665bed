// The files of an evaluation in lm-evaluation-harness's layout, so that its viewers read them: samples_<task>_<date>
// .jsonl, a line a row, and results_<date>.json. What Ballot adds stands under one key, `ballot`.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "evaluation/options.h"
#include "evaluation/task_scores.h"

namespace ballot {

/// The version of the harness whose task files and rules are followed.
inline constexpr const char* kHarnessVersion = "0.4.13";

/// A task with what was computed for it.
struct ScoredTask {
  const LoadedTask* task = nullptr;
  std::vector<std::vector<ChoiceScore>> scores;  ///< [questions][choices]
  /// By metric: [questions], or where a question has several (IFEval: one an instruction) all of them in order.
  std::map<std::string, std::vector<double>> values;
  std::map<std::string, std::vector<std::size_t>> rows;  ///< the question of each; empty: one value a question
  std::vector<std::string> answers;                      ///< of a task that generates: [questions]
  std::vector<JsonValue> answer_scores;                  ///< each answer's, by metric
  std::int64_t cut_by_length = 0;                        ///< answers that ended because they may not be longer
  std::int64_t truncated = 0;                            ///< questions that lost tokens on the left
  /// Answers whose checking met its bound of steps: wrong in that measure. None: a task whose checks have no bound.
  std::optional<std::int64_t> undecided;
  std::map<std::string, ClusteredScore> intervals;  ///< by metric
};

/// The values of a metric with the cluster of each.
TaskValues values_of(const ScoredTask& scored, const std::string& metric);

/// One line of the samples file. Rows that are confidential are given by their hashes.
Json sample_line(const ScoredTask& scored, std::size_t question);
/// Writes the samples of a task, atomically; returns the task's hash (over the hashes of its rows).
std::string write_samples(const std::filesystem::path& path, const ScoredTask& scored);

/// What results say of the run beside the scores.
struct RunFacts {
  std::string model_name, model_hash, dtype;
  std::string responses;  ///< the file of given answers; then there is no model
  JsonValue server;       ///< of a model on a server: where, how it was asked, what it said of itself; else null
  std::int64_t parameters = 0, max_length = 0, tokens_per_batch = 0, leading_bos = 0;
  std::string chat_template;                  ///< empty: none
  JsonValue bos_token, eos_token, pad_token;  ///< [text, "id"] or null
  double started = 0, seconds = 0;
  std::map<std::string, std::string> task_hashes;
  JsonValue rejects;
};

/// The whole results object.
Json results_json(const std::vector<ScoredTask>& tasks, const std::vector<TaskSelection::Group>& groups,
                  const EvalOptions& options, const RunFacts& facts);

/// A model's name as a part of file names: each run of "<>:/|\?*[] becomes __.
std::string sanitized_name(const std::string& name);

}  // namespace ballot
