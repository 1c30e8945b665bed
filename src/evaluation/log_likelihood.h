// Log-likelihoods of the choices of questions, on the forest: what all questions of a task begin with (few-shot
// examples) is computed once a task and kept as keys and values, what some of them share (a story) once a batch, a
// question once, its choices as branches; a choice of one token costs no token of its own, its probability is read
// where the question ends. Nothing is padded, and the vocabulary's logits exist only for the positions that are read, a
// few hundred at a time. A score does not depend on what else is in the batch beyond rounding.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "evaluation/encoded_questions.h"

namespace ballot {

class Model;

struct ChoiceScore {
  double log_likelihood = 0;  ///< sum over the choice's tokens, natural logarithm
  bool greedy = false;        ///< every token of it is the most probable one
};

/// How many tokens all questions begin with, so that every choice's first probability is read behind them; 0 where that
/// is too little to be worth keeping. Questions that are cut on the left share nothing and do not count.
std::int64_t common_beginning(std::span<const EncodedQuestion> questions, std::int64_t max_length);

/// Consecutive questions of about `tokens` tokens of forest each, `kept` tokens of the first question's not counted (a
/// ChoiceScorer has them): a question is never cut, so one may be larger. The cuts follow from the questions, `tokens`
/// and `kept` alone.
struct QuestionRange {
  std::size_t begin = 0, end = 0;
};
std::vector<QuestionRange> cut_questions(std::span<const EncodedQuestion> questions, std::int64_t max_length,
                                         std::int64_t tokens, std::int64_t kept = 0);

/// The questions of a task, batch by batch, over their common beginning. Holds references to the model and questions.
class ChoiceScorer {
 public:
  ChoiceScorer(const Model& model, std::span<const EncodedQuestion> questions, std::int64_t max_length);
  ~ChoiceScorer();
  std::vector<QuestionRange> cut(std::int64_t tokens) const;  ///< cut_questions with what is kept
  /// [questions of the range][choices]. Throws Error (failed) where the model gives NaN.
  std::vector<std::vector<ChoiceScore>> score(QuestionRange range);
  std::int64_t computed_tokens() const;  ///< that went through the model so far

 private:
  struct Kept;
  const Model& model_;
  std::span<const EncodedQuestion> questions_;
  std::int64_t max_length_, computed_ = 0;
  std::unique_ptr<Kept> kept_;
};

/// [questions][choices] of one batch on its own. `computed`: counts the tokens that went through the model. Throws
/// Error (failed) where the model gives NaN.
std::vector<std::vector<ChoiceScore>> score_choices(const Model& model, std::span<const EncodedQuestion> questions,
                                                    std::int64_t max_length, std::int64_t* computed = nullptr);

}  // namespace ballot
