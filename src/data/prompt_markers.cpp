#include "data/prompt_markers.h"

#include <fmt/format.h>

#include <array>

#include "data/fields.h"

namespace ballot {
namespace {

constexpr std::string_view kHuman = "Human:", kAssistant = "Assistant:";

bool is_blank_text(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// The next place from `at` on where a marker stands behind a blank line; npos where there is none.
std::size_t next_marker(std::string_view text, std::size_t at) {
  for (std::size_t found = text.find("\n\n", at); found != std::string_view::npos;
       found = text.find("\n\n", found + 1)) {
    const std::string_view rest = text.substr(found + 2);
    if (rest.starts_with(kHuman) || rest.starts_with(kAssistant)) return found;
  }
  return std::string_view::npos;
}

}  // namespace

Conversation split_human_assistant(std::string_view prompt) {
  const std::size_t begin = prompt.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) refuse("prompt", "prompt_empty", "the text is empty");
  if (!prompt.substr(begin).starts_with(kHuman))
    refuse("prompt", "prompt_without_human", "wanted a text that begins with \"Human:\"");
  Conversation turns;
  for (std::size_t at = begin;;) {
    const bool human = prompt.substr(at).starts_with(kHuman);
    at += human ? kHuman.size() : kAssistant.size();
    const std::size_t end = next_marker(prompt, at);
    std::string_view content = prompt.substr(at, end == std::string_view::npos ? end : end - at);
    if (content.starts_with(' ')) content.remove_prefix(1);
    const std::string role = human ? "user" : "assistant";
    if (!turns.empty() && turns.back().role == role)
      refuse("prompt", "roles_do_not_alternate",
             fmt::format("two turns of {} follow each other", human ? "Human" : "Assistant"));
    const bool last = end == std::string_view::npos;
    if (last && human) refuse("prompt", "prompt_without_assistant", "wanted \"Assistant:\" at the end of the text");
    if (last && !is_blank_text(content))
      refuse("prompt", "prompt_ends_with_answer", "the text goes on behind the last \"Assistant:\"");
    if (last) return turns;
    if (is_blank_text(content)) refuse("prompt", "prompt_empty", "a turn of the prompt is empty");
    turns.push_back({role, std::string(content)});
    at = end + 2;
  }
}

Conversation split_extra_id(std::string_view prompt) {
  constexpr std::string_view kMarker = "<extra_id_1>";
  if (is_blank_text(prompt)) refuse("prompt", "prompt_empty", "the text is empty");
  Conversation turns;
  std::string role = "user";
  for (std::size_t at = 0;;) {
    const std::size_t end = prompt.find(kMarker, at);
    std::string_view content = prompt.substr(at, end == std::string_view::npos ? end : end - at);
    if (end != std::string_view::npos && content.ends_with('\n')) content.remove_suffix(1);
    const bool leading = at == 0 && content.empty() && end == 0;  // a marker before the first turn, too
    if (!leading) {
      if (is_blank_text(content)) refuse("prompt", "prompt_empty", "a turn of the prompt is empty");
      if (!turns.empty() && turns.back().role == role)
        refuse("prompt", "roles_do_not_alternate", fmt::format("two turns of {} follow each other", role));
      turns.push_back({role, std::string(content)});
    }
    if (end == std::string_view::npos) break;
    at = end + kMarker.size();
    const std::string_view rest = prompt.substr(at);
    std::string_view name;
    for (const std::string_view candidate : {"User", "Assistant", "System"})
      if (rest.starts_with(candidate)) name = candidate;
    if (name.empty()) refuse("prompt", "unknown_role", "behind <extra_id_1> wanted User, Assistant or System");
    role = name == "User" ? "user" : name == "Assistant" ? "assistant" : "system";
    at += name.size();
    if (prompt.substr(at).starts_with('\n')) ++at;
    // A last "<extra_id_1>Assistant" asks for the answer.
    if (role == "assistant" && is_blank_text(prompt.substr(at))) break;
  }
  if (turns.empty() || turns.back().role != "user")
    refuse("prompt", "prompt_ends_with_answer", "the last turn of the prompt is not the user's");
  return turns;
}

}  // namespace ballot
