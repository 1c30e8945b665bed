// A look at a server before anything is spent: does it take token ids as they are (no second BOS), does it give the
// log-probabilities of a prompt's tokens, and are they any good. A server that ignores what it is asked for answers 200
// all the same, and every choice would score alike; so nothing is believed that was not seen:
//
//   count      as many prompt tokens are counted and scored as were sent, the first without a probability
//   tokens     they are the ones that were sent, where the server names ids
//   numbers    log-probabilities, not all the same
//   twice      two prompts with the same beginning get the same numbers for it
//   next       the list of next tokens, where there is one, agrees with the prompt's numbers (else it is not used)
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "evaluation/completion_client.h"
#include "evaluation/json_value.h"

namespace ballot {

struct CompletionProbe {
  std::string model;         ///< as the server's answers call it; empty: they do not
  std::string software;      ///< "vllm", "llamacpp", ...: who owns the model, as /models says; empty: not told
  std::int64_t context = 0;  ///< tokens of prompt and answer; 0: not told
  bool own_fields = true;    ///< fields beyond OpenAI's are taken
  PromptScores scores = PromptScores::kNone;
  std::string problem;           ///< why there are none, in words
  std::int64_t next_tokens = 0;  ///< how many of the next token's log-probabilities may be asked for; 0: not by id
  JsonValue json() const;        ///< for the results
};

/// `prompt`: ids of some sentences, as contexts begin. `ends`: two ids that may follow. Throws Error (failed) where the
/// server cannot be reached, refuses the key or the model, or reads other prompts than it is sent.
CompletionProbe probe_completions(CompletionClient& client, const std::string& model, std::span<const TokenId> prompt,
                                  std::pair<TokenId, TokenId> ends, bool scores_wanted);

}  // namespace ballot
