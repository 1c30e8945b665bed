// Scores of completions, one a completion whatever number of pairs it is in: a reward model's score at the last token,
// or a policy's summed log-probability. Nothing is padded, a prompt is computed once for all its completions, and a
// score does not depend on what else is in the batch beyond rounding.
//     C completions of a batch
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/progress.h"
#include "evaluation/options.h"
#include "text/tokenizer.h"
#include "training/examples.h"

namespace ballot {

class Model;

/// Throws Error (usage) where neither or both of model and policy are given, or options do not go together.
void check_scorer_options(const ScorerOptions& options);

/// What gives the scores: a reward model, or a policy and its reference (log π − log π_ref; β is left out: a positive
/// factor changes no comparison).
class Scorer {
 public:
  /// Loads the model(s). Throws Error as check_scorer_options does, and (input) where the model has no score layer, the
  /// two tokenizers differ, or there is no chat template and a conversation to render.
  Scorer(const ScorerOptions& options, Progress& progress);
  ~Scorer();

  const Tokenizer& tokenizer() const { return tokenizer_; }
  /// Tokens of prompt and completion that are scored at most: --max-length, or fewer where the model has no more
  /// positions.
  std::int64_t max_length() const { return max_length_; }
  const ScorerOptions& options() const { return options_; }
  /// [prompts][completions] of the set, in double.
  std::vector<std::vector<double>> scores(const TrainingSet& set, Progress& progress) const;
  /// {"model": name, "hash": ...} or policy and reference: for results and manifests.
  Json description() const;
  /// The first pair as the model reads it, and the hash of its template.
  std::string first_sample(const TrainingSet& set) const;

 private:
  ScorerOptions options_;
  Tokenizer tokenizer_;
  std::unique_ptr<Model> model_, reference_;
  std::int64_t max_length_ = 0;
};

/// [prompts][completions]: Σ log p of the scored tokens under the model.
std::vector<std::vector<double>> completion_log_probabilities(const Model& model, const TrainingSet& set,
                                                              std::int64_t tokens_per_batch,
                                                              const std::function<void(std::int64_t)>& done);
/// [prompts][completions]: of the scored tokens' log-probabilities the mean ("avg"), the sum ("sum"), or minus their
/// Euclidean norm ("norm"): rewardbench's scores of a policy without a reference (rewardbench/dpo.py).
std::vector<std::vector<double>> reference_free_scores(const Model& model, const TrainingSet& set,
                                                       const std::string& type, std::int64_t tokens_per_batch,
                                                       const std::function<void(std::int64_t)>& done);
/// [prompts][completions]: the score layer at the completion's last token, fp32.
std::vector<std::vector<double>> completion_rewards(const Model& model, const TrainingSet& set,
                                                    std::int64_t tokens_per_batch,
                                                    const std::function<void(std::int64_t)>& done);

}  // namespace ballot
