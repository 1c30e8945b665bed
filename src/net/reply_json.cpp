#include "net/reply_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ballot {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// How many bytes of `text` at `at` are one valid character (Unicode, table 3-7); 0: none.
std::size_t character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || at + size > text.size()) return 0;
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  return size;
}

/// "\ud83d" without its other half cannot be decoded; it becomes "\ufffd".
std::string without_lone_surrogates(std::string text) {
  const auto unit = [&](std::size_t at) -> int {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
    int value = 0;
    for (std::size_t i = at + 2; i < at + 6; ++i) {
      const char c = text[i];
      const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  };
  for (std::size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    const int value = unit(at);
    if (value < 0) {
      at += 2;
      continue;
    }
    const bool high = value >= 0xD800 && value < 0xDC00, low = value >= 0xDC00 && value < 0xE000;
    const int next = high ? unit(at + 6) : -1;
    if (high && next >= 0xDC00 && next < 0xE000) {
      at += 12;
      continue;
    }
    if (high || low) text.replace(at, 6, "\\ufffd");
    at += 6;
  }
  return text;
}

}  // namespace

std::string with_valid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_at(text, at);
    result += size > 0 ? text.substr(at, size) : kReplacement;
    at += std::max<std::size_t>(size, 1);
  }
  return result;
}

Json parse_reply(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) json = Json::parse(without_lone_surrogates(with_valid_utf8(text)), nullptr, false);
  return json;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::optional<std::int64_t> count_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0) return {};
  return found->get<std::int64_t>();
}

std::string start_of(std::string_view text) {
  std::string start = with_valid_utf8(text.substr(0, 200));
  for (char& c : start)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return start;
}

}  // namespace ballot
