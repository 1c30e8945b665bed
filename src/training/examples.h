// From rows of text to token ids, once: prompts, their completions, and the examples (pairs, answers, rankings) made of
// them.
//
// Where a completion begins. The prompt is rendered with the header of the assistant's turn, prompt and completion
// without it; the completion begins at the first token in which the two differ (for a pair: the earlier of the two
// places), and all that follows is scored, the end of the turn included. With most templates that is the prompt's own
// end, so all completions of a prompt share one prompt. Where tokens merge across the border it is earlier; such rows
// get a shorter prompt of their own and are counted ("prompt_not_a_prefix"). This is what TRL 1.16 does.
//
// Plain text (no roles) is encoded with the tokenizer's own special tokens, and the EOS token is put at the end of a
// completion that lacks it. Reward models read the whole conversation and no generation prompt; here as well only the
// completions differ between the sequences of a prompt.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "data/records.h"
#include "data/rejects.h"
#include "text/tokenizer.h"

namespace ballot {

/// A completion of a prompt, in tokens.
struct TokenCompletion {
  std::string completion_id;
  std::string content;  ///< hash of the ids from the prompt's first to its own last: names its log-probability
  std::vector<TokenId> ids;
  /// [begin, end) in ids that is scored. One span, the whole, except for conversations with several assistant turns.
  std::vector<std::pair<std::int32_t, std::int32_t>> scored;
  std::int64_t scored_tokens() const;
};

/// A prompt with its completions, each once, whatever number of pairs they are in.
struct TokenPrompt {
  std::string prompt_id;
  std::vector<TokenId> ids;
  std::vector<TokenCompletion> completions;
};

/// What a batch is counted in: a pair (chosen, rejected), an answer to learn, or a ranking.
struct Example {
  std::string id;
  std::int32_t prompt = 0;  ///< into TrainingSet::prompts
  std::int32_t group = 0;   ///< rows of one prompt_id; only differs from `prompt` where prompts were cut differently
  std::vector<std::int32_t> completions;  ///< into the prompt's; a pair: chosen, rejected
  double margin = 0, target = 1, weight = 1;
  std::vector<std::vector<std::int32_t>>
      ranking;                  ///< places in `completions`, best first, ties as groups; empty: a pair or answer
  std::vector<double> ratings;  ///< of `completions`, for regression
};

struct TrainingSet {
  std::vector<TokenPrompt> prompts;
  std::vector<Example> examples;  ///< in the data's order
  std::int64_t groups = 0;        ///< distinct prompt ids

  std::int64_t completions() const;
  /// Tokens as TRL counts an example: each of its sequences with the whole prompt.
  std::int64_t sequence_tokens(const Example& example) const;
};

struct ExampleOptions {
  std::int64_t max_length = 2048;
  std::string truncate = "drop";             ///< "drop", "prompt_left", "completion_right"
  std::string on_control_tokens = "reject";  ///< "reject", "encode"
  std::string split = "train";               ///< rows of other splits are filtered ("other_split"); "all": none is
  std::string file;                          ///< what rejects name as the file
  int threads = 0;
};

/// One example a pair. Reasons of rejects: `control_token`, `too_long` (drop), `prompt_too_long` (completion_right),
/// `completion_too_long` (prompt_left), `empty_completion`; of warnings: `completion_truncated`, `prompt_truncated`,
/// `prompt_not_a_prefix`, `identical_completions`. Throws Error (input) where no row is left.
TrainingSet pair_examples(const std::vector<Preference>& rows, const Tokenizer& tokenizer,
                          const ExampleOptions& options, RejectLog& rejects);
/// One example a row; scored are the completion (TRL's `prompt` and `completion`) or every assistant's turn
/// (`messages`).
TrainingSet answer_examples(const std::vector<SftRow>& rows, const Tokenizer& tokenizer, const ExampleOptions& options,
                            RejectLog& rejects);
/// One example an annotation: rankings of `ranking` ballots, or, with `ratings`, the rated completions of a prompt. A
/// completion that the pool lacks is rejected (`unknown_completion`), unusable annotations are filtered (`unusable`).
TrainingSet ranking_examples(const std::vector<Annotation>& annotations, const std::vector<PoolRow>& pool, bool ratings,
                             const Tokenizer& tokenizer, const ExampleOptions& options, RejectLog& rejects);

/// Oddities of the first batch that training would hide, each one line; empty: none. `end_ids`: what ends a text. (A
/// template that changes the prompt once the answer is there is counted over all rows: `prompt_not_a_prefix`.)
///   two_bos            a sequence begins with the BOS token twice
///   no_turn_end        no completion holds a token that ends a text: the model would not learn to stop
///   nothing_scored     an example without a scored token
///   identical          chosen and rejected are the same tokens
///   ends_in_pad        reward models: a sequence ends in the pad token, so that others would read the score one token
///   early
std::vector<std::string> lint(const TrainingSet& set, std::span<const std::int32_t> examples,
                              const Tokenizer& tokenizer, std::span<const TokenId> end_ids, bool reward);

}  // namespace ballot
