// Requests of POST /v1/completions as JSON texts. Prompts are lists of token ids, which servers take as they are.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evaluation/completion_reply.h"
#include "models/options.h"

namespace ballot {

/// The log-probabilities of the prompt's own tokens; one token is generated, as servers want at least one.
std::string scores_request(const std::string& model, std::span<const TokenId> prompt, PromptScores way);

/// The `count` most probable next tokens with their log-probabilities, before any sampling.
std::string next_tokens_request(const std::string& model, std::span<const TokenId> prompt, std::int64_t count);

struct AnswerRequest {
  SamplingOptions rules;
  std::vector<TokenId> ends;           ///< ids that end an answer
  std::vector<std::string> end_texts;  ///< the same as texts, for servers that take no ids
  /// Fields beyond OpenAI's may be sent. vLLM fills those that are missing from the model's own settings, so all are.
  bool own_fields = true;
};
std::string answer_request(const std::string& model, std::span<const TokenId> prompt, const AnswerRequest& request,
                           std::uint64_t seed);

}  // namespace ballot
