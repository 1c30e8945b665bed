#include "formats/render.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "formats/items.h"

namespace ballot {
namespace {

std::string marker(const std::string& what, const std::string& code) {
  return code.empty() ? "<<" + what + ">>" : "<<" + what + " " + code + ">>";
}

Json ballot_json(const Conversation& conversation, const std::vector<const std::string*>& completions,
                 const std::string& code) {
  Json turns = Json::array();
  for (const Message& message : conversation)
    turns.push_back({{"begin", marker(message.role, code)}, {"role", message.role}, {"content", message.content}});
  Json shown = Json::array();
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const std::string letter(1, letter_of(static_cast<int>(i)));
    shown.push_back({{"letter", letter},
                     {"begin", marker("completion " + letter, code)},
                     {"end", marker("end of completion " + letter, code)},
                     {"text", *completions[i]}});
  }
  return {{"conversation",
           {{"begin", marker("conversation", code)}, {"end", marker("end of conversation", code)}, {"turns", turns}}},
          {"completions", std::move(shown)},
          {"code", code}};
}

}  // namespace

bool has_marker(const std::string& text) {
  // Letters after "<<", with everything but ASCII letters left out: "< <\u200bConversation" is one, `cout << user` is
  // too (its ballot gets a code, which harms nothing).
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    std::size_t i = at + 1;
    const auto skip = [&] {
      while (i < text.size() && (text[i] == ' ' || text[i] == '\t' || static_cast<unsigned char>(text[i]) >= 0x80)) ++i;
    };
    skip();
    if (i >= text.size() || text[i] != '<') continue;
    std::string word;
    for (++i; i < text.size() && word.size() < 12; ++i) {
      const unsigned char c = static_cast<unsigned char>(text[i]);
      if (c == '>' || c == '\n') break;
      if (c < 0x80 && std::isalpha(c)) word += static_cast<char>(std::tolower(c));
    }
    for (const char* name : {"conversation", "completion", "endof", "user", "assistant", "system", "tool"})
      if (word.starts_with(name)) return true;
  }
  return false;
}

RenderedBallot render_ballot(const Format& format, const Item& item, const PoolRow& row) {
  std::vector<const std::string*> completions;
  for (const std::size_t place : item.shown) completions.push_back(&row.completions.at(place).text);
  bool marked = false;
  for (const Message& message : row.prompt) marked = marked || has_marker(message.content);
  for (const std::string* text : completions) marked = marked || has_marker(*text);
  RenderedBallot rendered;
  const auto occurs = [&](const std::string& code) {
    for (const Message& message : row.prompt)
      if (message.content.find(code) != std::string::npos) return true;
    for (const std::string* text : completions)
      if (text->find(code) != std::string::npos) return true;
    return false;
  };
  for (int n = 0; marked && (rendered.code.empty() || occurs(rendered.code)); ++n)
    rendered.code = Hasher().field("marker code").field(item.item_id).field(n).hex(6);
  rendered.messages = {
      {"system", format.system_text(item.shown.size())},
      {"user", format.user_text(item.shown.size(), ballot_json(row.prompt, completions, rendered.code))}};
  return rendered;
}

Json sample_ballot(std::size_t shown) {
  const Conversation conversation = {{"user", "How do I boil an egg?"}};
  const std::vector<std::string> texts(shown, "Ten minutes in boiling water.");
  std::vector<const std::string*> completions;
  for (const std::string& text : texts) completions.push_back(&text);
  return ballot_json(conversation, completions, "");
}

}  // namespace ballot
