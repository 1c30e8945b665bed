#include "evaluation/python_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace ballot {
namespace {

/// The code point that ends at `end`, and how many bytes it takes. Bytes that are no UTF-8 stand for themselves.
std::pair<char32_t, std::size_t> character_before(std::string_view text, std::size_t end) {
  std::size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  const std::size_t size = end - begin;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[begin + i]); };
  if (size == 2 && (byte(0) & 0xE0) == 0xC0) return {(byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu), 2};
  if (size == 3 && (byte(0) & 0xF0) == 0xE0)
    return {(byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu), 3};
  if (size == 4 && (byte(0) & 0xF8) == 0xF0)
    return {(byte(0) & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu), 4};
  return {static_cast<unsigned char>(text[end - 1]) < 0x80 ? static_cast<char32_t>(text[end - 1]) : U'\uFFFD', 1};
}

std::size_t leading_space(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at + 1;
    while (next < text.size() && next - at < 4 && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (!is_python_space(character_before(text.substr(0, next), next).first)) break;
    at = next;
  }
  return at;
}

std::string repr_text(const std::string& text) {
  const bool double_quotes = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + quote;
}

std::string repr(const Json& value) {
  if (value.is_string()) return repr_text(value.get_ref<const std::string&>());
  std::string out;
  if (value.is_array()) {
    for (const Json& item : value) out += (out.empty() ? "" : ", ") + repr(item);
    return "[" + out + "]";
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) out += (out.empty() ? "" : ", ") + repr_text(key) + ": " + repr(item);
    return "{" + out + "}";
  }
  return python_str(value);
}

}  // namespace

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::size_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const auto [character, size] = character_before(text, end);
    if (!is_python_space(character)) break;
    end -= size;
  }
  return text.size() - end;
}

std::string_view python_strip(std::string_view text) {
  text.remove_suffix(trailing_space(text));
  text.remove_prefix(leading_space(text));
  return text;
}

bool is_ascii_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string python_repr(double number) {
  if (std::isnan(number)) return "nan";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".ein") == std::string::npos) text += ".0";
  return text;
}

std::string python_str(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::null:
      return "None";
    case Json::value_t::boolean:
      return value.get<bool>() ? "True" : "False";
    case Json::value_t::number_float:
      return python_repr(value.get<double>());
    case Json::value_t::array:
    case Json::value_t::object:
      return repr(value);
    default:
      return value.dump();
  }
}

std::int64_t python_length(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

}  // namespace ballot
