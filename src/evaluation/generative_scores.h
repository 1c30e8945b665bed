// The numbers of a task that generates, from its answers: each answer's scores by the task's process_results (native)
// or exact match, and what they come to over the rows.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "evaluation/harness_output.h"
#include "evaluation/options.h"
#include "evaluation/questions.h"

namespace ballot {

bool is_generative(const TaskConfig& config);

/// The scores of an answer by metric: true or false, a number, or a list of them.
Json answer_scores(const LoadedTask& task, const Question& question, const std::string& answer);

/// Scores every answer, in the order of the questions. A row that cannot be scored (its columns are not what the task
/// needs) goes to `rejects` and leaves the task. `task` is kept by the result.
ScoredTask score_answers(LoadedTask& task, std::vector<std::string> answers, const EvalOptions& options,
                         RejectLog& rejects);

}  // namespace ballot
