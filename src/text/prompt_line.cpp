#include "text/prompt_line.h"

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {

std::vector<TokenId> prompt_line_ids(const Tokenizer& tokenizer, const std::string& line, bool add_special,
                                     bool add_generation_prompt) {
  Json row;
  try {
    row = Json::parse(line);
  } catch (const Json::exception& error) {
    throw bad_input("it is not JSON: {}", error.what());
  }
  if (row.is_object() && row.contains("text") && row["text"].is_string())
    return tokenizer.encode(row["text"].get<std::string>(), add_special);
  if (row.is_object() && row.contains("messages") && row["messages"].is_array()) {
    std::vector<Message> messages;
    for (const Json& turn : row["messages"]) {
      if (!turn.is_object() || !turn.contains("role") || !turn["role"].is_string() || !turn.contains("content") ||
          !turn["content"].is_string())
        throw bad_input("a message needs a role and a content, both texts");
      messages.push_back({turn["role"].get<std::string>(), turn["content"].get<std::string>()});
    }
    return tokenizer.conversation_ids(messages, add_generation_prompt);
  }
  throw bad_input("it has neither a 'text' nor 'messages'");
}

}  // namespace ballot
