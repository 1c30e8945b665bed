// Takes letters, numbers and words off the front of a plain text: what the readers of label values are made of.
#pragma once
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "formats/label_values.h"

namespace ballot {

inline bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || (static_cast<unsigned char>(c) & 0x80) != 0;
}
/// The first byte of a Chinese, Japanese or Korean character: such a word may follow a letter or number without a blank.
inline bool is_cjk(char c) {
  return static_cast<unsigned char>(c) >= 0xE3 && static_cast<unsigned char>(c) <= 0xED;
}
inline bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
inline char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

class LabelScanner {
 public:
  explicit LabelScanner(std::string_view text) : text_(text) {}
  std::string_view rest() const { return text_.substr(at_); }
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  void move(std::size_t n) { at_ += n; }

  void skip(std::string_view characters) {
    while (!done() && characters.find(peek()) != std::string_view::npos) ++at_;
  }
  bool take(std::string_view exact) {
    if (!rest().starts_with(exact)) return false;
    at_ += exact.size();
    return true;
  }
  bool take_words(std::string_view phrase) {
    if (!starts_with_words(rest(), phrase)) return false;
    at_ += phrase.size();
    return true;
  }
  template <std::size_t N>
  bool take_any(const std::array<std::string_view, N>& phrases) {
    for (const std::string_view phrase : phrases)
      if (take_words(phrase)) return true;
    return false;
  }
  /// A capital letter that is a word of its own: no letter, digit or apostrophe follows.
  std::optional<int> take_letter() {
    if (done() || !std::isupper(static_cast<unsigned char>(peek()))) return {};
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : ' ';
    if ((is_word(next) && !is_cjk(next)) || next == '_') return {};
    if (next == '\'' && at_ + 2 < text_.size() && is_word(text_[at_ + 2])) return {};
    return text_[at_++] - 'A';
  }
  /// Digits, with a point and more of them where there is one: {value, has a fraction other than 0}.
  std::optional<std::pair<int, bool>> take_number() {
    std::size_t end = at_;
    const bool negative = end < text_.size() && text_[end] == '-' && end + 1 < text_.size() && is_digit(text_[end + 1]);
    if (negative || (end < text_.size() && text_[end] == '+')) ++end;
    const std::size_t digits = end;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (end == digits || end - digits > 6) return {};
    int value = 0;
    std::from_chars(text_.data() + digits, text_.data() + end, value);
    bool fraction = false;
    if (end + 1 < text_.size() && (text_[end] == '.' || text_[end] == ',') && is_digit(text_[end + 1])) {
      for (++end; end < text_.size() && is_digit(text_[end]); ++end) fraction = fraction || text_[end] != '0';
    }
    if (end < text_.size() && is_word(text_[end]) && !is_cjk(text_[end])) return {};  // "4th"
    at_ = end;
    return std::pair{negative ? -value : value, fraction};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

inline constexpr std::string_view kOpening = " \"'([{<";
inline constexpr std::string_view kClosing = "\"')]}";

/// Takes "the response", "Completion-" and opening quotes or brackets before a letter. Returns whether a noun was among
/// them.
bool skip_nouns(LabelScanner& scan);
/// True where nothing but punctuation is left.
bool only_punctuation(std::string_view text);

}  // namespace ballot
