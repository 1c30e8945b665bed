#include "data/json_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ballot {
namespace {

constexpr int kMaxDepth = 1024;

/// The first byte from `at` on that ends a run of plain text in a JSON string: a quote, a backslash or a control
/// character.
const char* end_of_run(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                                       _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
    if (const int mask = _mm_movemask_epi8(found)) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) > 0x1f) ++at;
  return at;
}

/// The first byte from `at` on that is not ASCII.
const char* end_of_ascii(const char* at, const char* end) {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16)
    if (const int mask = _mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))))
      return at + __builtin_ctz(static_cast<unsigned>(mask));
#endif
  while (at < end && static_cast<unsigned char>(*at) < 0x80) ++at;
  return at;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void refuse_repeated_keys(std::span<const Member> members) {
  const auto refuse = [](std::string_view name) {
    throw JsonProblem{"duplicate_key", fmt::format("the key '{}' is there twice", name)};
  };
  if (members.size() <= 16) {
    for (std::size_t i = 1; i < members.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (members[i].name == members[j].name) refuse(members[i].name);
    return;
  }
  std::vector<std::string_view> names;
  for (const Member& member : members) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) refuse(*twice);
}

template <class T>
std::span<const T> keep(std::vector<T>& stack, std::size_t from, std::pmr::memory_resource& memory) {
  const std::size_t n = stack.size() - from;
  auto* kept = static_cast<T*>(memory.allocate(n * sizeof(T) + 1, alignof(T)));
  std::uninitialized_copy_n(stack.begin() + static_cast<std::ptrdiff_t>(from), n, kept);
  stack.resize(from);
  return {kept, n};
}

}  // namespace

bool is_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto byte = [&](std::ptrdiff_t i) { return static_cast<unsigned char>(at[i]); };
  for (;;) {
    at = end_of_ascii(at, end);
    if (at == end) return true;
    // Runs of other characters stay here until the next ASCII byte.
    while (at < end && byte(0) >= 0x80) {
      const unsigned char first = byte(0);
      const std::ptrdiff_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
      if (size == 0 || end - at < size) return false;
      for (std::ptrdiff_t i = 1; i < size; ++i)
        if ((byte(i) & 0xC0) != 0x80) return false;
      if (first == 0xE0 && byte(1) < 0xA0) return false;  // overlong
      if (first == 0xED && byte(1) > 0x9F) return false;  // a surrogate
      if (first == 0xF0 && byte(1) < 0x90) return false;  // overlong
      if (first == 0xF4 && byte(1) > 0x8F) return false;  // above U+10FFFF
      at += size;
    }
  }
}

struct JsonParser::Cursor {
  const char* begin;
  char* at;
  char* end;
  std::pmr::memory_resource& memory;

  [[noreturn]] void refuse(std::string_view what, const char* reason = "invalid_json") const {
    throw JsonProblem{reason, fmt::format("column {}: {}", at - begin + 1, what)};
  }
  void skip_space() {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) ++at;
  }
  bool take(char c) {
    skip_space();
    if (at >= end || *at != c) return false;
    ++at;
    return true;
  }
  bool take_word(std::string_view word) {
    if (std::string_view(at, static_cast<std::size_t>(end - at)).substr(0, word.size()) != word) return false;
    at += word.size();
    return true;
  }

  unsigned four_hex_digits() {
    if (end - at < 4) refuse("wanted four hexadecimal digits");
    unsigned code = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      const int digit = hex_digit(*at);
      if (digit < 0) refuse("wanted four hexadecimal digits");
      code = code * 16 + static_cast<unsigned>(digit);
    }
    return code;
  }

  /// Behind "\u"; writes the character to `to` and returns its end.
  char* unicode_escape(char* to) {
    unsigned code = four_hex_digits();
    if (code >= 0xDC00 && code < 0xE000) refuse("half of a surrogate pair", "lone_surrogate");
    if (code >= 0xD800 && code < 0xDC00) {
      if (end - at < 6 || at[0] != '\\' || at[1] != 'u') refuse("half of a surrogate pair", "lone_surrogate");
      at += 2;
      const unsigned low = four_hex_digits();
      if (low < 0xDC00 || low >= 0xE000) refuse("half of a surrogate pair", "lone_surrogate");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code < 0x80) {
      *to++ = static_cast<char>(code);
    } else if (code < 0x800) {
      *to++ = static_cast<char>(0xC0 | code >> 6);
      *to++ = static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      *to++ = static_cast<char>(0xE0 | code >> 12);
      *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
      *to++ = static_cast<char>(0x80 | (code & 0x3F));
    } else {
      *to++ = static_cast<char>(0xF0 | code >> 18);
      *to++ = static_cast<char>(0x80 | (code >> 12 & 0x3F));
      *to++ = static_cast<char>(0x80 | (code >> 6 & 0x3F));
      *to++ = static_cast<char>(0x80 | (code & 0x3F));
    }
    return to;
  }

  /// Behind the opening quote. An escape is never shorter than what it stands for, so the text is written over itself.
  std::string_view text() {
    char* const first = at;
    char* to = const_cast<char*>(end_of_run(at, end));
    at = to;
    for (;;) {
      if (at >= end) refuse("a text has no end");
      if (*at == '"') {
        ++at;
        return {first, static_cast<std::size_t>(to - first)};
      }
      if (*at != '\\') refuse("a control character in a text must be escaped");
      if (++at >= end) refuse("a text has no end");
      const char c = *at++;
      switch (c) {
        case 'n':
          *to++ = '\n';
          break;
        case 't':
          *to++ = '\t';
          break;
        case 'r':
          *to++ = '\r';
          break;
        case 'b':
          *to++ = '\b';
          break;
        case 'f':
          *to++ = '\f';
          break;
        case '"':
        case '\\':
        case '/':
          *to++ = c;
          break;
        case 'u':
          to = unicode_escape(to);
          break;
        default:
          --at;
          refuse("unknown escape");
      }
      const char* const stop = end_of_run(at, end);
      const auto n = static_cast<std::size_t>(stop - at);
      std::memmove(to, at, n);
      to += n;
      at += n;
    }
  }

  Value number() {
    const char* const first = at;
    const auto digit = [&] { return at < end && *at >= '0' && *at <= '9'; };
    const bool negative = *at == '-';
    if (negative) ++at;
    if (!digit()) refuse("wanted a value");
    const char* const digits = at;
    std::uint64_t whole = 0;
    if (*at == '0') {
      ++at;
    } else {
      while (digit()) whole = whole * 10 + static_cast<std::uint64_t>(*at++ - '0');
    }
    const std::ptrdiff_t n = at - digits;
    bool is_whole = true;
    if (at < end && *at == '.') {
      is_whole = false;
      ++at;
      if (!digit()) refuse("wanted a digit behind the point");
      while (digit()) ++at;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
      is_whole = false;
      ++at;
      if (at < end && (*at == '+' || *at == '-')) ++at;
      if (!digit()) refuse("wanted a digit in the exponent");
      while (digit()) ++at;
    }
    if (is_whole && n <= 18)
      return Value::integer(negative ? -static_cast<std::int64_t>(whole) : static_cast<std::int64_t>(whole));
    if (is_whole) {
      std::int64_t exact = 0;
      if (std::from_chars(first, at, exact).ec == std::errc()) return Value::integer(exact);
    }
    double value = 0;
    if (std::from_chars(first, at, value).ec == std::errc::result_out_of_range) {
      value = std::strtod(std::string(first, static_cast<const char*>(at)).c_str(),
                          nullptr);  // what is too small for a double is 0
      if (!std::isfinite(value)) refuse("the number is too large");
    }
    return Value::number(value);
  }
};

Value JsonParser::list(Cursor& at, int depth) {
  const std::size_t from = items_.size();
  if (!at.take(']')) {
    do items_.push_back(value(at, depth));
    while (at.take(','));
    if (!at.take(']')) at.refuse("wanted ',' or ']'");
  }
  return Value::list(keep(items_, from, at.memory));
}

Value JsonParser::object(Cursor& at, int depth) {
  const std::size_t from = members_.size();
  if (!at.take('}')) {
    do {
      if (!at.take('"')) at.refuse("wanted a key");
      const std::string_view name = at.text();
      if (!at.take(':')) at.refuse("wanted ':'");
      const Value member = value(at, depth);
      members_.push_back({name, member});
    } while (at.take(','));
    if (!at.take('}')) at.refuse("wanted ',' or '}'");
  }
  refuse_repeated_keys(std::span<const Member>(members_).subspan(from));
  return Value::object(keep(members_, from, at.memory));
}

Value JsonParser::value(Cursor& at, int depth) {
  if (depth >= kMaxDepth) at.refuse(fmt::format("nested deeper than {} levels", kMaxDepth));
  at.skip_space();
  if (at.at >= at.end) at.refuse("the text ends where a value is wanted");
  switch (*at.at) {
    case '{':
      ++at.at;
      return object(at, depth + 1);
    case '[':
      ++at.at;
      return list(at, depth + 1);
    case '"':
      ++at.at;
      return Value::text(at.text());
    case 't':
      if (at.take_word("true")) return Value::boolean(true);
      break;
    case 'f':
      if (at.take_word("false")) return Value::boolean(false);
      break;
    case 'n':
      if (at.take_word("null")) return Value();
      break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      return at.number();
    default:
      break;
  }
  at.refuse("wanted a value");
}

Value JsonParser::parse(char* text, std::size_t size, std::pmr::memory_resource& memory) {
  if (!is_utf8({text, size})) throw JsonProblem{"invalid_utf8", "the line is not valid UTF-8"};
  items_.clear();
  members_.clear();
  Cursor at{text, text, text + size, memory};
  const Value whole = value(at, 0);
  at.skip_space();
  if (at.at != at.end) at.refuse("something follows the value");
  return whole;
}

}  // namespace ballot
