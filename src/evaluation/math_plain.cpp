#include "evaluation/math_plain.h"

#include <string>

namespace ballot {
namespace {

struct NotPython {};
constexpr int kMaxDepth = 200;

class PlainParser {
 public:
  explicit PlainParser(std::string_view text) {
    for (const char c : text)
      if (c == '^')
        text_ += "**";
      else
        text_ += c == '\n' ? ' ' : c;
  }

  MathPtr whole() {
    MathPtr node = sum();
    skip();
    if (at_ != text_.size()) throw NotPython();
    return node;
  }

 private:
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  bool take(std::string_view word) {
    skip();
    if (!std::string_view(text_).substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool next_is(std::string_view word) {
    skip();
    return std::string_view(text_).substr(at_).starts_with(word);
  }

  MathPtr sum() {
    MathPtr node = product();
    while (true) {
      if (take("+"))
        node = math_add(node, product());
      else if (take("-"))
        node = math_add(node, math_negative(product()));
      else
        return node;
    }
  }

  MathPtr product() {
    MathPtr node = factor();
    while (true) {
      if (next_is("**") || next_is("//")) throw NotPython();
      if (take("*"))
        node = math_multiply(node, factor());
      else if (take("/"))
        node = math_node(MathKind::kMul, {node, math_node(MathKind::kPow, {factor(), math_number(-1)})});
      else
        return node;
    }
  }

  MathPtr factor() {
    if (++depth_ > kMaxDepth) throw NotPython();
    MathPtr node;
    if (take("+")) {
      node = factor();
    } else if (take("-")) {
      node = math_negative(factor());
    } else {
      node = primary();
      if (take("**")) node = math_node(MathKind::kPow, {node, factor()});
    }
    --depth_;
    return node;
  }

  MathPtr primary() {
    MathPtr node;
    if (take("(")) {
      if (++depth_ > kMaxDepth) throw NotPython();
      node = sum();
      if (!take(")")) throw NotPython();
      --depth_;
    } else {
      node = number();
    }
    // 2(3) would be a call.
    if (next_is("(")) throw NotPython();
    return node;
  }

  MathPtr number() {
    skip();
    const std::size_t from = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      return at_ - first;
    };
    const std::size_t whole = digits();
    std::size_t after = 0;
    const bool point = at_ < text_.size() && text_[at_] == '.';
    if (point) {
      ++at_;
      after = digits();
    }
    if (whole + after == 0) throw NotPython();
    const std::string literal = text_.substr(from, at_ - from);
    if (!point && literal.size() > 1 && literal[0] == '0' && literal.find_first_not_of('0') != std::string::npos)
      throw NotPython();
    return math_number(Rational::from_decimal(literal), point);
  }

  std::string text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

MathPtr parse_plain_sum(std::string_view text) try { return PlainParser(text).whole(); } catch (const NotPython&) {
  return nullptr;
}

}  // namespace ballot
