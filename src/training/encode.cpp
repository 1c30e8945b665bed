#include "training/encode.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "data/preferences.h"
#include "training/examples.h"

namespace ballot {
namespace {

std::size_t common_prefix(const std::vector<TokenId>& a, const std::vector<TokenId>& b, std::size_t limit) {
  const std::size_t n = std::min(std::min(a.size(), b.size()), limit);
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + n, b.begin()).first - a.begin());
}

bool is_assistant(const Message& message) {
  return message.role == "assistant";
}

}  // namespace

ConversationEncoder::ConversationEncoder(const Tokenizer& tokenizer, bool reject_control_tokens)
    : tokenizer_(tokenizer), reject_control_tokens_(reject_control_tokens) {
  if (tokenizer.eos_id())
    for (const auto& [id, text] : tokenizer.special_tokens())
      if (id == *tokenizer.eos_id()) eos_ = text;
}

std::vector<TokenId> ConversationEncoder::ids(const Conversation& messages, bool generation_prompt) const {
  return tokenizer_.conversation_ids(messages, generation_prompt);
}

bool ConversationEncoder::allowed(const std::string& text, std::string& reason, std::string& message) const {
  if (!reject_control_tokens_) return true;
  const auto found = tokenizer_.find_special(text);
  if (!found) return true;
  reason = "control_token";
  message =
      fmt::format("the text holds the special token {}; --on-control-tokens encode takes it as that token", *found);
  return false;
}

std::string ConversationEncoder::with_eos(const std::string& text) const {
  return eos_.empty() || text.ends_with(eos_) ? text : text + eos_;
}

EncodedPrompt ConversationEncoder::prompt(const Conversation& prompt) const {
  EncodedPrompt encoded;
  for (const Message& message : prompt)
    if (!allowed(message.content, encoded.reason, encoded.message)) return encoded;
  try {
    encoded.ids = is_plain_text(prompt) ? tokenizer_.encode(prompt[0].content, true) : ids(prompt, true);
  } catch (const Error& error) {
    encoded.reason = "template_refused";
    encoded.message = error.message();
  }
  return encoded;
}

EncodedCompletion ConversationEncoder::completion(const Conversation& prompt, const EncodedPrompt& before,
                                                  const std::string& text) const {
  EncodedCompletion encoded;
  if (!before.reason.empty()) {
    encoded.in_prompt = true;
    encoded.reason = before.reason;
    encoded.message = before.message;
    return encoded;
  }
  const bool plain = is_plain_text(prompt);
  // A plain completion may end in the EOS token that it is to be learnt with.
  const std::string own =
      plain && !eos_.empty() && text.ends_with(eos_) ? text.substr(0, text.size() - eos_.size()) : text;
  if (!allowed(own, encoded.reason, encoded.message)) return encoded;
  try {
    if (plain) {
      encoded.ids = tokenizer_.encode(prompt[0].content + with_eos(text), true);
    } else {
      Conversation whole = prompt;
      whole.push_back({"assistant", text});
      encoded.ids = ids(whole, false);
    }
  } catch (const Error& error) {
    encoded.reason = "template_refused";
    encoded.message = error.message();
    return encoded;
  }
  encoded.begin = common_prefix(before.ids, encoded.ids, SIZE_MAX);
  return encoded;
}

EncodedAnswers ConversationEncoder::answers(const SftRow& row) const {
  EncodedAnswers encoded;
  const auto refuse = [&](const char* field, std::string reason, std::string message) {
    encoded.field = field;
    encoded.reason = std::move(reason);
    encoded.message = std::move(message);
  };
  const std::int32_t count = static_cast<std::int32_t>(row.messages.size());
  const bool plain = count > 0 && row.messages[0].role == kPlainTextRole;
  std::string reason, message;
  for (std::int32_t i = 0; i < count; ++i) {
    std::string text = row.messages[i].content;
    if (plain && i + 1 == count && !eos_.empty() && text.ends_with(eos_)) text.resize(text.size() - eos_.size());
    if (!allowed(text, reason, message)) return refuse("messages", reason, message), encoded;
  }
  try {
    if (plain) {
      if (count != 2)
        return refuse("messages", "not_prompt_and_completion", "plain text rows have a prompt and a completion"),
               encoded;
      const std::vector<TokenId> prompt = tokenizer_.encode(row.messages[0].content, true);
      encoded.ids = tokenizer_.encode(row.messages[0].content + with_eos(row.messages[1].content), true);
      const std::size_t begin = common_prefix(prompt, encoded.ids, SIZE_MAX);
      encoded.prompt_changed = begin < prompt.size();
      encoded.scored = {{static_cast<std::int32_t>(begin), static_cast<std::int32_t>(encoded.ids.size())}};
    } else {
      encoded.ids = ids(row.messages, false);
      // Learnt are the turns after the prompt, or every assistant's turn: each from where the conversation up to it,
      // with its header, ends, to where the conversation with it ends.
      for (std::int32_t i = 0; i < count; ++i) {
        const bool learnt = row.prompt_messages >= 0 ? i == row.prompt_messages : is_assistant(row.messages[i]);
        if (!learnt) continue;
        const Conversation before(row.messages.begin(), row.messages.begin() + i);
        const std::vector<TokenId> prompt = ids(before, true);
        const std::size_t begin = common_prefix(prompt, encoded.ids, SIZE_MAX);
        encoded.prompt_changed |= begin < prompt.size();
        std::size_t end = encoded.ids.size();
        if (row.prompt_messages < 0 && i + 1 < count) {
          const Conversation with(row.messages.begin(), row.messages.begin() + i + 1);
          end = common_prefix(ids(with, false), encoded.ids, SIZE_MAX);
        }
        const std::int32_t from =
            std::max(static_cast<std::int32_t>(begin), encoded.scored.empty() ? 0 : encoded.scored.back().second);
        if (from < static_cast<std::int32_t>(end)) encoded.scored.emplace_back(from, static_cast<std::int32_t>(end));
      }
    }
  } catch (const Error& error) {
    return refuse("messages", "template_refused", error.message()), encoded;
  }
  if (encoded.scored.empty()) refuse("messages", "no_answer", "no assistant's turn holds a token to learn");
  return encoded;
}

std::string content_hash(const std::vector<TokenId>& prompt, const TokenCompletion& completion) {
  const auto bytes = [](const std::vector<TokenId>& ids) {
    return std::string_view(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId));
  };
  Hasher hasher;
  hasher.field(bytes(prompt)).field(bytes(completion.ids));
  for (const auto& [begin, end] : completion.scored) hasher.field(begin).field(end);
  return hasher.hex(32);
}

}  // namespace ballot
