// Chat templates: a conversation to the text that a model was trained on.
//
// Templates are Jinja as the Hugging Face ecosystem uses it: blocks trimmed, loop controls, Python's string methods,
// `tojson`, `raise_exception` (a refusal of the template arrives as an Error of kind input that carries its words) and
// `strftime_now`. Whether a text begins with BOS is the template's affair: ids of a rendered text are taken without
// special tokens (Tokenizer::conversation_ids).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/json.h"
#include "text/message.h"

namespace ballot {

class JinjaTemplate;

/// ChatML byte for byte as TRL wrote it up to 0.2x: no BOS, no default system turn, a newline after every `<|im_end|>`.
extern const std::string_view kChatMlTemplate;

struct ChatTemplateOptions {
  bool add_generation_prompt = false;  ///< end with the header of the assistant's turn
  /// More variables of the template, an object: {"date_string": "26 Jul 2024"}, {"enable_thinking": false}.
  const Json* variables = nullptr;
  /// What strftime_now takes for now, in seconds since 1970 (UTC); none: the clock.
  std::optional<std::int64_t> now = {};
};

/// Cheap to copy; const functions may be called from many threads.
class ChatTemplate {
 public:
  /// `special_tokens`: what the template may name, e.g. {"bos_token": "<s>", "eos_token": "</s>"}.
  /// Throws Error (input) with line and cause where the template is not valid.
  explicit ChatTemplate(std::string source, std::map<std::string, std::string> special_tokens = {});

  std::string render(std::span<const Message> messages, const ChatTemplateOptions& options = {}) const;
  std::string render(std::span<const Message> messages, bool add_generation_prompt) const;
  /// Messages as JSON, for turns with more fields than role and content.
  std::string render_json(const Json& messages, const ChatTemplateOptions& options = {}) const;

  const std::string& source() const { return *source_; }
  /// The template asks for today's date: unless `now` or its own variable is given, the same conversation has other ids
  /// tomorrow.
  bool depends_on_date() const;

 private:
  std::shared_ptr<const std::string> source_;
  std::shared_ptr<const JinjaTemplate> template_;
  std::map<std::string, std::string> special_tokens_;
};

}  // namespace ballot
