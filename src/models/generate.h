// Generation: many sequences at a time over one cache; what prompts share is computed once.
//
//     S sequences    V rows of the vocabulary
//
// Draws come from core/random: the same seed gives the same answer whatever else is in the batch, up to the rounding of
// products in batches of another size.
#pragma once
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/random.h"
#include "models/options.h"

namespace at {
class Tensor;
}

namespace ballot {

class Model;
class Progress;
class Tokenizer;

/// Sequences that are extended token by token. For judges that choose among labels and for generate().
class Decoder {
 public:
  explicit Decoder(const Model& model);
  ~Decoder();
  /// New sequences. Each must have a token. Returns their numbers.
  std::vector<std::int32_t> add(std::span<const std::vector<std::int32_t>> prompts);
  /// A second sequence with the same tokens, sharing what is computed.
  std::int32_t fork(std::int32_t sequence);
  /// fp32 [S, V]: the logits of the token after each of the sequences. Whatever was appended since is computed now, all
  /// at once.
  at::Tensor next_logits(std::span<const std::int32_t> sequences);
  void append(std::int32_t sequence, std::int32_t token);
  void append(std::int32_t sequence, std::span<const std::int32_t> tokens);
  /// Frees it.
  void drop(std::int32_t sequence);
  /// Forgets every shared beginning that no sequence stands on any more, so that what is computed next does not depend
  /// on what was asked before (a local judge's batches are the same after an interruption).
  void forget_unused();
  const std::vector<std::int32_t>& tokens(std::int32_t sequence) const;
  /// Tokens of the sequence's prompt that were there for another one already.
  std::int64_t cached_tokens(std::int32_t sequence) const;
  std::int64_t computed_tokens() const;  ///< pushed through the model so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Log-probabilities over the candidates alone (they sum to one) from one row of logits [V].
std::vector<double> candidate_log_probabilities(const at::Tensor& logits_V, std::span<const std::int32_t> candidates);

/// The next token by `sampling`, as transformers' processors do it: logits of tokens in `history` divided (positive) or
/// multiplied (negative) by the penalty; divided by the temperature; all but the top_k largest dropped (those equal to
/// the last one stay); the least probable ones dropped while what is left keeps top_p of the mass; those below min_p
/// times the largest dropped; one drawn from the rest.
std::int32_t sample_token(const at::Tensor& logits_V, std::span<const std::int32_t> history,
                          const SamplingOptions& sampling, Random& random);

struct Generation {
  std::vector<std::int32_t> ids;                      ///< without the token that ended it
  std::string text;                                   ///< special tokens left out; cut before a stop text
  std::string finish_reason;                          ///< "stop" or "length"
  std::int64_t prompt_tokens = 0, cached_tokens = 0;  ///< cached: of the prompt, computed for another sequence already
};

/// The ids that end a text: generation_config's eos_token_id (a number or a list), the config's, the tokenizer's EOS
/// and
/// `<|im_end|>` where it has one.
std::vector<std::int32_t> end_ids(const Model& model, const Tokenizer& tokenizer);

/// Answers to prompts, in their order. `seeds` [S]: one a prompt. `done(index, generation)` is called as each is
/// finished; generation ends early where `stop` returns true (those not finished have an empty finish_reason).
std::vector<Generation> generate(const Model& model, const Tokenizer& tokenizer,
                                 std::span<const std::vector<std::int32_t>> prompts, const SamplingOptions& sampling,
                                 std::span<const std::uint64_t> seeds, std::int64_t batch_size = 16,
                                 const std::function<void(std::size_t, const Generation&)>& done = {},
                                 const std::function<bool()>& stop = {});

/// `ballot generate`: JSONL lines of {"text"} or {"messages"} in, lines of {"text", "ids", "finish_reason"} out, in
/// their order.
void generate_lines(const GenerateOptions& options, std::istream& in, std::ostream& out, Progress& progress);

}  // namespace ballot
