// What an evaluation needs of a model, be it computed here (local_model.h) or behind an address (server_model.h):
// log-likelihoods of a task's choices, batch by batch, and answers to prompts. Both get token ids, so what is in front
// of a prompt (BOS) is decided once, by QuestionEncoder.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "evaluation/encoded_questions.h"
#include "evaluation/eval_journal.h"
#include "evaluation/harness_output.h"
#include "evaluation/log_likelihood.h"
#include "models/options.h"

namespace ballot {

/// A question or prompt that will never be answered (a server refuses it), and why. The others go on.
using Refused = std::function<void(std::size_t index, const std::string& why)>;

/// The questions of one task, batch by batch. Holds references to the model and to the questions.
class ChoiceBatches {
 public:
  virtual ~ChoiceBatches() = default;
  /// Follows from the questions and the model's options alone, so that a run that goes on cuts them the same way.
  virtual std::vector<QuestionRange> cut() const = 0;
  /// [questions of the range][choices], empty for a question that was refused (`index` counts over all questions).
  /// Throws Error where nothing can go on, and where the run is interrupted.
  virtual std::vector<std::vector<ChoiceScore>> score(QuestionRange range, const Refused& refused) = 0;
};

class EvaluatedModel {
 public:
  virtual ~EvaluatedModel() = default;
  /// Ids that it reads at once: a longer prompt loses its beginning.
  virtual std::int64_t max_length() const = 0;
  virtual std::unique_ptr<ChoiceBatches> choices(std::span<const EncodedQuestion> questions) = 0;
  /// The model's own settings ask for such a penalty (1: none); transformers applies it where a task says nothing.
  virtual double repetition_penalty() const = 0;
  /// Answers to prompts, each handed over as it is finished; ends early where an interruption is asked for. `seeds`:
  /// one a prompt.
  virtual void answer(std::span<const std::vector<TokenId>> prompts, const SamplingOptions& rules,
                      std::span<const std::uint64_t> seeds,
                      const std::function<void(std::size_t, const JournalAnswer&)>& done, const Refused& refused) = 0;
  /// Tokens that went through the model so far, as far as that is known.
  virtual std::int64_t computed_tokens() const = 0;
  /// Who it is and how it was asked, for the results.
  virtual void describe(RunFacts& facts) const = 0;
};

}  // namespace ballot
