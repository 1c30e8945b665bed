#include "evaluation/python_literal.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : text_(text) {}

  Json value() {
    skip();
    if (at_ >= text_.size()) fail("it ends where a value should stand");
    const char c = text_[at_];
    if (c == '[') return sequence('[', ']');
    if (c == '(') return sequence('(', ')');
    if (c == '{') return mapping();
    if (text_.substr(at_).starts_with("frozenset(")) {
      at_ += 9;
      return sequence('(', ')');
    }
    if (is_text_start()) return text();
    if (c == '-' || c == '+' || c == '.' || (c >= '0' && c <= '9')) return number();
    for (const auto& [word, meaning] :
         {std::pair<std::string_view, Json>{"True", true}, {"False", false}, {"None", nullptr}})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return meaning;
      }
    fail("only texts, numbers, True, False, None, lists, tuples, dicts and frozensets are read");
  }

  void end() {
    skip();
    if (at_ != text_.size()) fail("something follows the literal");
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw bad_input("cannot read a Python literal: {} (character {} of {})", why, at_ + 1,
                    text_.size() > 60 ? std::string(text_.substr(0, 60)) + "..." : std::string(text_));
  }

  void skip() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#')
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')
        ++at_;
      else if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n')
        at_ += 2;
      else
        break;
    }
  }

  Json sequence(char open, char close) {
    Json list = Json::array();
    ++at_;
    for (bool comma = true;;) {
      skip();
      if (at_ >= text_.size()) fail("a bracket is not closed");
      if (text_[at_] == close) {
        ++at_;
        // (1) is a number in brackets, (1,) a tuple.
        return open == '(' && list.size() == 1 && !comma ? Json(list[0]) : list;
      }
      if (!comma) fail("a comma is missing");
      list.push_back(value());
      skip();
      comma = at_ < text_.size() && text_[at_] == ',';
      if (comma) ++at_;
    }
  }

  Json mapping() {
    Json object = Json::object();
    ++at_;
    for (bool comma = true;;) {
      skip();
      if (at_ >= text_.size()) fail("a { is not closed");
      if (text_[at_] == '}') {
        ++at_;
        return object;
      }
      if (!comma) fail("a comma is missing");
      const Json key = value();
      if (!key.is_string()) fail("the keys of a dict must be texts");
      skip();
      if (at_ >= text_.size() || text_[at_] != ':') fail("a colon is missing");
      ++at_;
      object[key.get<std::string>()] = value();
      skip();
      comma = at_ < text_.size() && text_[at_] == ',';
      if (comma) ++at_;
    }
  }

  Json number() {
    const std::size_t begin = at_;
    std::string digits;
    if (text_[at_] == '-' || text_[at_] == '+') {
      if (text_[at_] == '-') digits = "-";
      ++at_;
    }
    bool whole = true;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '_') continue;
      const bool exponent_sign = (c == '-' || c == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
      if (c == '.' || c == 'e' || c == 'E' || exponent_sign)
        whole = false;
      else if (c < '0' || c > '9')
        break;
      digits += c;
    }
    const std::size_t first = digits.find_first_not_of('-');
    if (whole && first != std::string::npos && digits[first] == '0' &&
        digits.find_first_not_of('0', first) != std::string::npos)
      at_ = begin, fail("a whole number begins with 0");
    if (whole) {
      std::int64_t n = 0;
      if (const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
          error == std::errc() && stop == digits.data() + digits.size())
        return n;
    }
    double x = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), x);
    if (error != std::errc() || stop != digits.data() + digits.size()) at_ = begin, fail("not a number");
    return x;
  }

  bool is_text_start() const {
    std::size_t at = at_;
    while (at < text_.size() && at - at_ < 2 && std::string_view("rRuU").find(text_[at]) != std::string_view::npos)
      ++at;
    return at < text_.size() && (text_[at] == '\'' || text_[at] == '"');
  }

  /// One text or several beside each other, which Python joins.
  Json text() {
    std::string out;
    do {
      one_text(out);
      skip();
    } while (at_ < text_.size() && is_text_start());
    return out;
  }

  void one_text(std::string& out) {
    bool raw = false;
    for (; text_[at_] != '\'' && text_[at_] != '"'; ++at_) raw = raw || text_[at_] == 'r' || text_[at_] == 'R';
    const char quote = text_[at_];
    const bool triple = text_.substr(at_).starts_with(std::string(3, quote));
    const std::string end(triple ? 3 : 1, quote);
    at_ += end.size();
    while (true) {
      if (at_ >= text_.size() || (!triple && text_[at_] == '\n')) fail("a text is not closed");
      if (text_.substr(at_).starts_with(end)) {
        at_ += end.size();
        return;
      }
      if (text_[at_] != '\\') {
        out += text_[at_++];
        continue;
      }
      if (at_ + 1 >= text_.size()) fail("a text is not closed");
      if (raw) {
        out += text_[at_++];
        out += text_[at_++];
        continue;
      }
      escape(out);
    }
  }

  void escape(std::string& out) {
    const char c = text_[at_ + 1];
    at_ += 2;
    static constexpr std::string_view kNames = "abfnrtv\\'\"", kValues = "\a\b\f\n\r\t\v\\'\"";
    if (const std::size_t found = kNames.find(c); found != std::string_view::npos) {
      out += kValues[found];
    } else if (c == '\n') {
      // The line goes on.
    } else if (c == 'x' || c == 'u' || c == 'U') {
      append_utf8(out, code(16, c == 'x' ? 2 : c == 'u' ? 4 : 8));
    } else if (c >= '0' && c <= '7') {
      --at_;
      std::size_t digits = 1;
      while (digits < 3 && at_ + digits < text_.size() && text_[at_ + digits] >= '0' && text_[at_ + digits] <= '7')
        ++digits;
      append_utf8(out, code(8, digits));
    } else if (c == 'N') {
      fail("characters by name (\\N) are not read");
    } else {
      // Python keeps a backslash that begins no escape.
      out += '\\';
      out += c;
    }
  }

  std::uint32_t code(int base, std::size_t digits) {
    std::uint32_t number = 0;
    const std::string_view part = text_.substr(at_, digits);
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), number, base);
    if (part.size() < digits || error != std::errc() || stop != part.data() + part.size())
      fail("an escape is incomplete");
    at_ += digits;
    return number;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// The place behind `before` where it begins a line, or npos.
std::size_t line_that_begins(std::string_view source, const std::string& before) {
  for (std::size_t at = source.find(before); at != std::string_view::npos; at = source.find(before, at + 1))
    if (at == 0 || source[at - 1] == '\n') return at;
  return std::string_view::npos;
}

/// The lines of a function that begins at `begin`: up to the next line that is not indented.
std::string_view function_at(std::string_view source, std::size_t begin) {
  std::size_t end = source.find('\n', begin);
  while (end != std::string_view::npos && end + 1 < source.size()) {
    const char next = source[end + 1];
    if (next != ' ' && next != '\t' && next != '\n' && next != ')') break;
    end = source.find('\n', end + 1);
  }
  std::string_view text = source.substr(begin, end == std::string_view::npos ? end : end + 1 - begin);
  while (text.ends_with("\n\n")) text.remove_suffix(1);
  return text;
}

}  // namespace

Json parse_python_literal(std::string_view text) {
  LiteralParser parser(text);
  Json value = parser.value();
  parser.end();
  return value;
}

Json find_python_literal(std::string_view source, std::string_view name) {
  const std::string word(name);
  std::size_t at = line_that_begins(source, word + " = ");
  if (at != std::string_view::npos) return LiteralParser(source.substr(at + word.size() + 3)).value();
  at = line_that_begins(source, "def " + word + "(");
  if (at != std::string_view::npos) {
    const std::string_view body = function_at(source, at);
    if (const std::size_t begin = body.find("return "); begin != std::string_view::npos)
      return LiteralParser(body.substr(begin + 7)).value();
  }
  throw bad_input("cannot find the Python constant or function '{}' in a task's file", name);
}

std::string python_function_source(std::string_view source, std::string_view name) {
  const std::size_t at = line_that_begins(source, "def " + std::string(name) + "(");
  return at == std::string_view::npos ? std::string() : std::string(function_at(source, at));
}

}  // namespace ballot
