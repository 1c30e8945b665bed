// Answers of a model to the prompts of a task that generates, by the harness's rules (models/huggingface.py
// generate_until): greedy unless the task says otherwise, up to max_gen_toks tokens, cut before the first of the task's
// stop texts or at the end of the answer; a prompt keeps its last max_length - max_gen_toks tokens.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/progress.h"
#include "evaluation/evaluated_model.h"
#include "evaluation/questions.h"
#include "models/options.h"

namespace ballot {

/// The task's generation_kwargs with the harness's defaults (256 tokens, greedy). Throws Error (usage) on one that is
/// not done here; `problem_of_generation` says it in a few words, for lists of tasks.
SamplingOptions generation_rules(const TaskConfig& config);
std::string problem_of_generation(const Json& generation_kwargs);

struct GeneratedAnswers {
  std::vector<std::string> answers;            ///< in the order of the questions
  std::int64_t truncated = 0;                  ///< prompts that lost their beginning
  std::int64_t cut_by_length = 0;              ///< answers that ended because they were as long as is allowed
  std::map<std::size_t, std::string> refused;  ///< prompts that get no answer (theirs above is empty), and why
};

/// What the journal has is not made again; each answer is written there when it is finished. `seed` is for tasks that
/// draw. Throws Error (usage) where the model's length leaves no room for a prompt.
GeneratedAnswers generate_answers(EvaluatedModel& model, const LoadedTask& task,
                                  const std::vector<std::vector<TokenId>>& prompts, std::int64_t seed,
                                  EvalJournal& journal, Progress& progress);

}  // namespace ballot
