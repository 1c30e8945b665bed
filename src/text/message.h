// One turn of a conversation.
#pragma once
#include <string>

namespace ballot {

struct Message {
  std::string role;     ///< "system", "user", "assistant", or what the chat template knows
  std::string content;  ///< UTF-8

  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace ballot
