// Conversations to token ids with the place where each completion begins: the one place that knows about templates,
// generation prompts, plain text and control tokens. What is made of it stands in examples.h.
#pragma once
#include <string>
#include <vector>

#include "data/records.h"
#include "text/tokenizer.h"

namespace ballot {

struct TokenCompletion;

struct EncodedPrompt {
  std::vector<TokenId> ids;     ///< with the generation prompt
  std::string reason, message;  ///< why it cannot be used; empty: it can
};

struct EncodedCompletion {
  std::vector<TokenId> ids;  ///< prompt and completion, without the generation prompt
  std::size_t begin = 0;     ///< where they first differ from the prompt's ids
  bool in_prompt = false;    ///< the reason lies in the prompt
  std::string reason, message;
};

struct EncodedAnswers {
  std::vector<TokenId> ids;
  std::vector<std::pair<std::int32_t, std::int32_t>>
      scored;                   ///< [begin, end), in order, at least one where there is no reason
  bool prompt_changed = false;  ///< the prompt's ids are no beginning of ids
  std::string field, reason, message;
};

class ConversationEncoder {
 public:
  /// `reject_control_tokens`: texts that hold a special token's text get the reason `control_token`.
  ConversationEncoder(const Tokenizer& tokenizer, bool reject_control_tokens);
  EncodedPrompt prompt(const Conversation& prompt) const;
  EncodedCompletion completion(const Conversation& prompt, const EncodedPrompt& encoded, const std::string& text) const;
  EncodedAnswers answers(const SftRow& row) const;

 private:
  std::vector<TokenId> ids(const Conversation& messages, bool generation_prompt) const;
  bool allowed(const std::string& text, std::string& reason, std::string& message) const;
  std::string with_eos(const std::string& text) const;
  const Tokenizer& tokenizer_;
  bool reject_control_tokens_;
  std::string eos_;  ///< the EOS token's text; empty: the tokenizer has none
};

/// Names a completion below its prompt by the ids and by what is scored of them.
std::string content_hash(const std::vector<TokenId>& prompt, const TokenCompletion& completion);

}  // namespace ballot
