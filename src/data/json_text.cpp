#include "data/json_text.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <nlohmann/json.hpp>

namespace ballot {
namespace {

constexpr int kMaxDepth = 1024;

/// nlohmann's "[json.exception.parse_error.101] parse error at line 1, column 5: ..." without its bracket and the line,
/// which is always the first.
std::string plain_words(std::string message) {
  if (const std::size_t end = message.find("] "); message.starts_with("[") && end != std::string::npos)
    message.erase(0, end + 2);
  if (const std::size_t at = message.find("at line 1, column "); at != std::string::npos) message.erase(at + 3, 8);
  if (message.size() > 300) message.resize(300);  // it quotes what was read so far
  return message;
}

}  // namespace

std::string_view take_line(std::string_view text, std::size_t& at) {
  const void* found = std::memchr(text.data() + at, '\n', text.size() - at);
  const std::size_t end = found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.size();
  std::string_view line = text.substr(at, end - at);
  at = end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

bool nested_deeper_than(std::string_view text, int levels) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > levels) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

JsonProblem explain_bad_json(std::string_view line) {
  if (!simdjson::validate_utf8(line.data(), line.size())) return {"invalid_utf8", "the line is not valid UTF-8"};
  if (nested_deeper_than(line, kMaxDepth))
    return {"invalid_json", fmt::format("nested deeper than {} levels", kMaxDepth)};
  try {
    const Json json = Json::parse(line.begin(), line.end());
    if (!json.is_object()) return {"not_an_object", fmt::format("wanted an object, found {}", json.type_name())};
    return {"invalid_json", "not valid JSON"};
  } catch (const nlohmann::json::exception& error) {
    return {"invalid_json", plain_words(error.what())};
  }
}

Json parse_json_line(std::string_view line) {
  if (!simdjson::validate_utf8(line.data(), line.size()) || nested_deeper_than(line, kMaxDepth))
    throw explain_bad_json(line);
  try {
    Json json = Json::parse(line.begin(), line.end());
    if (!json.is_object())
      throw JsonProblem{"not_an_object", fmt::format("wanted an object, found {}", json.type_name())};
    return json;
  } catch (const nlohmann::json::exception& error) {
    throw JsonProblem{"invalid_json", plain_words(error.what())};
  }
}

}  // namespace ballot
