// Log-likelihoods of the choices of questions, on the forest: what questions share (few-shot examples, a story) is
// computed once a batch, a question once, its choices as branches; a choice of one token costs no token of its own, its
// probability is read where the question ends. Nothing is padded, and the vocabulary's logits exist only for the
// positions that are read, a few hundred at a time. A score does not depend on what else is in the batch beyond
// rounding.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "evaluation/encoded_questions.h"

namespace ballot {

class Model;

struct ChoiceScore {
  double log_likelihood = 0;  ///< sum over the choice's tokens, natural logarithm
  bool greedy = false;        ///< every token of it is the most probable one
};

/// Consecutive questions of about `tokens` tokens of forest each: a question is never cut, so one may be larger. The
/// cuts follow from the questions and `tokens` alone.
struct QuestionRange {
  std::size_t begin = 0, end = 0;
};
std::vector<QuestionRange> cut_questions(std::span<const EncodedQuestion> questions, std::int64_t max_length,
                                         std::int64_t tokens);

/// [questions][choices]. `computed`: counts the tokens that went through the model. Throws Error (failed) where the
/// model gives NaN.
std::vector<std::vector<ChoiceScore>> score_choices(const Model& model, std::span<const EncodedQuestion> questions,
                                                    std::int64_t max_length, std::int64_t* computed = nullptr);

}  // namespace ballot
