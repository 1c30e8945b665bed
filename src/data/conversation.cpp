#include "data/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/suggest.h"
#include "core/terminal.h"
#include "data/fields.h"

namespace ballot {

void check_conversation(const Conversation& messages, const std::string& field) {
  static const std::vector<std::string> roles = {"system", "user", "assistant", "tool"};
  std::string before;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const std::string place = fmt::format("{}[{}]", field, i);
    if (std::find(roles.begin(), roles.end(), message.role) == roles.end())
      refuse(place + ".role", "unknown_role",
             fmt::format("unknown role '{}'{}", printable(message.role), did_you_mean(message.role, roles)));
    if (message.content.find_first_not_of(" \t\r\n") == std::string::npos)
      refuse(place + ".content", message.role == "assistant" ? "answer_empty" : "content_empty",
             fmt::format("the {}'s turn is empty", message.role));
    const bool fits = message.role == "system"      ? i == 0
                      : message.role == "user"      ? i == 0 || before == "system" || before == "assistant"
                      : message.role == "assistant" ? before == "user" || before == "tool"
                                                    : before == "assistant" || before == "tool";
    if (!fits)
      refuse(place + ".role", "roles_do_not_alternate",
             i == 0 ? fmt::format("a conversation cannot begin with the {}'s turn", message.role)
                    : fmt::format("a turn of {} cannot follow one of {}", message.role, before));
    before = message.role;
  }
  if (before != "assistant")
    refuse(field, "no_answer", fmt::format("the last turn is the {}'s, wanted the assistant's", before));
}

}  // namespace ballot
