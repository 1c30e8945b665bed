#include "evaluation/python_unicode.h"

#include <algorithm>

#include "evaluation/python_text.h"
#include "evaluation/unicode_tables.h"

namespace ballot {
namespace {

bool is_in(const std::vector<unicode::CharacterRange>& ranges, char32_t c) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c,
                                      [](char32_t x, const unicode::CharacterRange& range) { return x < range.first; });
  return after != ranges.begin() && c <= std::prev(after)->last;
}

bool is_title(char32_t c) {
  return c >= 0x80 && is_in(unicode::kTitle, c);
}
bool is_cased(char32_t c) {
  return is_python_upper(c) || is_python_lower(c) || is_title(c);
}

/// A sigma is final where a letter stands before it and none behind it, marks aside.
bool is_final_sigma(std::u32string_view text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_in(unicode::kCaseIgnorable, text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  std::size_t behind = at + 1;
  while (behind < text.size() && is_in(unicode::kCaseIgnorable, text[behind])) ++behind;
  return behind == text.size() || !is_cased(text[behind]);
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      out += static_cast<char32_t>(byte);
      ++at;
      continue;
    }
    const std::size_t length = (byte & 0xE0) == 0xC0 ? 2 : (byte & 0xF0) == 0xE0 ? 3 : (byte & 0xF8) == 0xF0 ? 4 : 0;
    char32_t c = length == 2 ? byte & 0x1Fu : length == 3 ? byte & 0x0Fu : byte & 0x07u;
    bool valid = length > 0 && at + length <= text.size();
    for (std::size_t i = 1; valid && i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      valid = (next & 0xC0) == 0x80;
      c = c << 6 | (next & 0x3Fu);
    }
    static constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    valid = valid && c >= kSmallest[length] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
    out += valid ? c : U'\uFFFD';
    at += valid ? length : 1;
  }
  return out;
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    const auto byte = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
    if (c < 0x80) {
      byte(c);
    } else if (c < 0x800) {
      byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
    } else {
      byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
    }
  }
  return out;
}

bool is_python_alphanumeric(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return is_in(unicode::kAlphanumeric, c);
}
bool is_python_decimal(char32_t c) {
  return c < 0x80 ? c >= '0' && c <= '9' : is_in(unicode::kDecimal, c);
}
bool is_nltk_word(char32_t c) {
  return c < 0x80 ? c == '_' || is_python_alphanumeric(c) : is_in(unicode::kNltkWord, c);
}
bool is_python_upper(char32_t c) {
  return c < 0x80 ? c >= 'A' && c <= 'Z' : is_in(unicode::kUpper, c);
}
bool is_python_lower(char32_t c) {
  return c < 0x80 ? c >= 'a' && c <= 'z' : is_in(unicode::kLower, c);
}

char32_t python_lower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  const auto& ranges = unicode::kToLower;
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c,
                                      [](char32_t x, const unicode::LowerRange& range) { return x < range.first; });
  if (after == ranges.begin()) return c;
  const unicode::LowerRange& range = *std::prev(after);
  if (c > range.last || (c - range.first) % static_cast<char32_t>(range.step) != 0) return c;
  return static_cast<char32_t>(static_cast<std::int32_t>(c) + range.delta);
}

std::u32string python_lower(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char32_t c = text[at];
    if (c == U'\u0130')
      out += U"i\u0307";
    else if (c == U'\u03A3')
      out += is_final_sigma(text, at) ? U'\u03C2' : U'\u03C3';
    else
      out += python_lower(c);
  }
  return out;
}

bool is_all_upper(std::u32string_view text) {
  bool some = false;
  for (const char32_t c : text) {
    if (is_python_lower(c) || is_title(c)) return false;
    some = some || is_python_upper(c);
  }
  return some;
}

bool is_all_lower(std::u32string_view text) {
  bool some = false;
  for (const char32_t c : text) {
    if (is_python_upper(c) || is_title(c)) return false;
    some = some || is_python_lower(c);
  }
  return some;
}

std::u32string_view python_strip(std::u32string_view text) {
  while (!text.empty() && is_python_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_python_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_blank(std::u32string_view text) {
  return std::all_of(text.begin(), text.end(), is_python_space);
}

std::u32string_view strip_left(std::u32string_view text, char32_t character) {
  while (text.starts_with(character)) text.remove_prefix(1);
  return text;
}
std::u32string_view strip_right(std::u32string_view text, char32_t character) {
  while (text.ends_with(character)) text.remove_suffix(1);
  return text;
}

std::vector<std::u32string_view> split_at(std::u32string_view text, std::u32string_view separator) {
  std::vector<std::u32string_view> parts;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(separator, at);
    parts.push_back(text.substr(at, found == std::u32string_view::npos ? found : found - at));
    if (found == std::u32string_view::npos) return parts;
    at = found + separator.size();
  }
}

std::vector<std::u32string_view> split_words(std::u32string_view text) {
  std::vector<std::u32string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_python_space(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && !is_python_space(text[end])) ++end;
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace ballot
