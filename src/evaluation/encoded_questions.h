// Questions as token ids, by the harness's rules (api/model.py _encode_pair, models/huggingface.py):
//   1. white space at the end of the context moves to the front of the continuation
//   2. the continuation's ids are those of context + continuation behind as many as the context alone has
//   3. special tokens as the tokenizer puts them, but none where the text already begins with BOS
//   4. an empty context is BOS (EOS where there is none)
//   5. too long: the last max_length + 1 ids stay; the last of them is read, not computed
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/rejects.h"
#include "evaluation/questions.h"
#include "text/tokenizer.h"

namespace ballot {

struct EncodedQuestion {
  std::vector<TokenId> context;                     ///< whole
  std::vector<std::vector<TokenId>> continuations;  ///< one a choice, at least a token each
};

class QuestionEncoder {
 public:
  /// `bos`: "auto" (as the tokenizer does by default), "on", "off". Throws Error (usage) where BOS is wanted and the
  /// tokenizer has none.
  QuestionEncoder(const Tokenizer& tokenizer, std::string bos);
  /// In the order of the questions.
  std::vector<EncodedQuestion> encode(std::span<const Question> questions) const;
  /// Ids of the prompts of a task that generates: rules 3 and 4, their white space left where it is.
  std::vector<std::vector<TokenId>> encode_prompts(std::span<const Question> questions) const;
  /// How many BOS ids a context begins with.
  std::int64_t leading_bos(const EncodedQuestion& question) const;

 private:
  const Tokenizer& tokenizer_;
  std::string bos_, prefix_text_;
  TokenId prefix_ = -1;
};

/// Ids that the model reads for a choice, and how many of the last of them say the probabilities of the choice's
/// tokens: context + continuation without its last id, cut on the left.
std::vector<TokenId> model_input(const EncodedQuestion& question, std::size_t choice, std::int64_t max_length);
/// Some choice does not fit behind its whole context.
bool is_truncated(const EncodedQuestion& question, std::int64_t max_length);

}  // namespace ballot
