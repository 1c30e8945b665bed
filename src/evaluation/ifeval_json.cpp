#include "evaluation/ifeval_instructions.h"

namespace ballot {
namespace {

constexpr int kDeepest = 900;              // Python's own limit is about that
constexpr std::size_t kMostDigits = 4300;  // of a whole number, as in Python

class Validator {
 public:
  explicit Validator(std::u32string_view text) : text_(text) {}

  bool whole() {
    blanks();
    if (!value(0)) return false;
    blanks();
    return at_ == text_.size();
  }

 private:
  char32_t here() const { return at_ < text_.size() ? text_[at_] : U'\0'; }
  bool take(std::u32string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void blanks() {
    while (here() == ' ' || here() == '\t' || here() == '\n' || here() == '\r') ++at_;
  }
  static bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }

  bool value(int depth) {
    if (depth > kDeepest) return false;
    switch (here()) {
      case '"':
        return text();
      case '{':
        return members(depth, U'}', true);
      case '[':
        return members(depth, U']', false);
      default:
        for (const std::u32string_view word : {U"true", U"false", U"null", U"NaN", U"Infinity", U"-Infinity"})
          if (take(word)) return true;
        return number();
    }
  }

  bool members(int depth, char32_t close, bool keys) {
    ++at_;
    blanks();
    if (here() == close && at_ < text_.size()) return ++at_, true;
    while (true) {
      if (keys) {
        if (here() != '"' || !text()) return false;
        blanks();
        if (!take(U":")) return false;
        blanks();
      }
      if (!value(depth + 1)) return false;
      blanks();
      if (here() == close && at_ < text_.size()) return ++at_, true;
      if (!take(U",")) return false;
      blanks();
    }
  }

  bool text() {
    for (++at_; at_ < text_.size(); ++at_) {
      const char32_t c = text_[at_];
      if (c == '"') return ++at_, true;
      if (c < 0x20) return false;
      if (c != '\\') continue;
      if (++at_ >= text_.size()) return false;
      if (text_[at_] != 'u') {
        if (std::u32string_view(U"\"\\/bfnrt").find(text_[at_]) == std::u32string_view::npos) return false;
        continue;
      }
      for (int digit = 0; digit < 4; ++digit) {
        ++at_;
        const char32_t low = here() | 0x20;
        if (!is_digit(here()) && !(low >= 'a' && low <= 'f')) return false;
      }
    }
    return false;
  }

  std::size_t digits() {
    const std::size_t begin = at_;
    while (is_digit(here())) ++at_;
    return at_ - begin;
  }

  bool number() {
    take(U"-");
    std::size_t whole = 1;
    if (here() == '0')
      ++at_;
    else
      whole = digits();
    if (whole == 0) return false;
    bool is_whole = true;
    const std::size_t before_point = at_;
    if (take(U".")) {
      is_whole = false;
      if (digits() == 0) {
        at_ = before_point;
        return true;
      }
    }
    const std::size_t before_exponent = at_;
    if (here() == 'e' || here() == 'E') {
      ++at_;
      if (here() == '+' || here() == '-') ++at_;
      is_whole = false;
      if (digits() == 0) at_ = before_exponent;
    }
    return !is_whole || whole <= kMostDigits;
  }

  std::u32string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_python_json(std::u32string_view text) {
  return Validator(text).whole();
}

}  // namespace ballot
