// A reply of POST /v1/completions in one shape, whoever sends it. What servers say of log-probabilities differs:
//
//   vLLM: prompt_logprobs     choices[0].prompt_logprobs: [null, {"ID": {"logprob", "rank"}, ...}, ...]
//   OpenAI's old API: echo    choices[0].logprobs: {tokens, token_logprobs, top_logprobs}, the prompt's tokens first;
//                             vLLM spells tokens "token_id:ID" where asked to; SGLang
//   llama.cpp                 choices[0].logprobs.content: [{id, token, logprob, top_logprobs: [...]}], of the
//                             generated tokens alone, whatever `echo` asks for
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace ballot {

/// A reply that cannot be believed or is none; `word()` is a stable one for counting ("not_json", "error_in_200",
/// "no_choices", "wrong_count", "other_tokens", ...).
class CompletionProblem : public std::runtime_error {
 public:
  CompletionProblem(std::string word, const std::string& message)
      : std::runtime_error(message), word_(std::move(word)) {}
  const std::string& word() const { return word_; }

 private:
  std::string word_;
};

/// What the server says of one token.
struct TokenReading {
  std::optional<TokenId> id;  ///< where it names ids
  std::string text;
  std::optional<double> log_probability;                 ///< none for a first token, which follows nothing
  std::vector<std::pair<TokenId, double>> alternatives;  ///< by id, where it names ids; this one may be among them
  double largest = 0;                                    ///< of all log-probabilities given at this place
};

struct CompletionReply {
  std::string model, text, finish_reason;
  std::optional<std::int64_t> prompt_tokens, completion_tokens;
  std::vector<TokenReading> prompt;  ///< vLLM's prompt_logprobs: only `alternatives` and `largest` are set
  std::vector<TokenReading> tokens;  ///< `logprobs`: of the generated tokens, with `echo` the prompt's in front
};

/// Throws CompletionProblem where it is no completion.
CompletionReply read_completion(std::string_view body);

/// How the log-probabilities of a prompt's tokens are asked for.
enum class PromptScores {
  kNone,
  kPromptLogprobs,  ///< prompt_logprobs: 1
  kEchoIds,         ///< echo, logprobs: 1, return_tokens_as_token_ids
  kEcho,            ///< echo, logprobs: 1
};
/// "none", "prompt_logprobs", "echo_ids", "echo".
std::string to_string(PromptScores way);

/// One token of a prompt: its log-probability behind those before it (none for the first), and whether no token is more
/// probable there.
struct PromptToken {
  std::optional<double> log_probability;
  bool greedy = false;
};
/// The reply holds exactly these for the prompt that was sent, or a CompletionProblem says what is wrong: none are
/// given, another number of tokens, other tokens, a probability of the first token (then something stands in front of
/// it: a second BOS), numbers that are no log-probabilities.
std::vector<PromptToken> prompt_tokens(const CompletionReply& reply, std::span<const TokenId> sent, PromptScores way);

/// The log-probabilities of what may follow a prompt, by id, as far as the server lists them; empty where it names no
/// ids. `largest`: of the first generated token's list.
struct NextTokens {
  std::vector<std::pair<TokenId, double>> log_probabilities;
  double largest = 0;
  TokenId generated = -1;
  std::optional<double> of(TokenId id) const;
};
NextTokens next_tokens(const CompletionReply& reply);

/// The server counts as many prompt tokens as were sent, or does not count. Throws CompletionProblem.
void check_prompt_count(const CompletionReply& reply, std::size_t sent);

}  // namespace ballot
