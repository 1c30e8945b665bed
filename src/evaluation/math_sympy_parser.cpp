#include "evaluation/math_sympy_parser.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/math_evaluate.h"

namespace ballot {
namespace {

constexpr int kMaxDepth = 400;
constexpr std::size_t kMaxTokens = 4000;
constexpr std::int64_t kMaxSteps = 100000;

struct Malformed {};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

template <std::size_t N>
bool among(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 22> kSkipped = {"\\thinspace",   "\\medspace",
                                                       "\\thickspace",  "\\quad",
                                                       "\\qquad",       "\\negthinspace",
                                                       "\\negmedspace", "\\negthickspace",
                                                       "\\left",        "\\right",
                                                       "\\vrule",       "\\vcenter",
                                                       "\\vbox",        "\\vskip",
                                                       "\\vspace",      "\\hfil",
                                                       "\\,",           "\\:",
                                                       "\\;",           "\\!",
                                                       "\\*",           "\\-"};
constexpr std::array<std::string_view, 5> kSkippedSigns = {"\\.", "\\/", "\\\"", "\\(", "\\="};
constexpr std::array<std::string_view, 22> kFunctions = {
    "\\exp",  "\\log",  "\\lg",     "\\ln",     "\\sin",    "\\cos",    "\\tan",    "\\csc",
    "\\sec",  "\\cot",  "\\arcsin", "\\arccos", "\\arctan", "\\arccsc", "\\arcsec", "\\arccot",
    "\\sinh", "\\cosh", "\\tanh",   "\\arsinh", "\\arcosh", "\\artanh"};
/// Commands that are words of the grammar, so no symbols: relations, and what is not read here.
constexpr std::array<std::string_view, 24> kWords = {
    "\\langle",         "\\rangle", "\\lim",      "\\to",    "\\rightarrow", "\\Rightarrow", "\\longrightarrow",
    "\\Longrightarrow", "\\int",    "\\sum",      "\\prod",  "\\lfloor",     "\\rfloor",     "\\lceil",
    "\\rceil",          "\\sqrt",   "\\overline", "\\times", "\\cdot",       "\\div",        "\\mathit",
    "\\frac",           "\\dfrac",  "\\tfrac"};
constexpr std::array<std::string_view, 13> kMoreWords = {"\\binom", "\\dbinom",   "\\tbinom",   "\\neq", "\\leq",
                                                         "\\le",    "\\leqq",     "\\leqslant", "\\geq", "\\ge",
                                                         "\\geqq",  "\\geqslant", "\\limits"};
constexpr std::array<std::string_view, 12> kRelations = {
    "=", "<", ">", "\\neq", "\\leq", "\\le", "\\leqq", "\\leqslant", "\\geq", "\\ge", "\\geqq", "\\geqslant"};
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    std::size_t length = 1;
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (text[at] == '\\') {
      length = 2;
      while (is_letter(next) && at + length < text.size() && is_letter(text[at + length])) ++length;
      if (text.substr(at).starts_with("\\left|")) length = 6;
      if (text.substr(at).starts_with("\\right|")) length = 7;
    } else if (text[at] == 'd') {
      std::size_t end = at + 1;
      while (end < text.size() && is_blank(text[end])) ++end;
      if (end < text.size() && is_letter(text[end])) {
        length = end + 1 - at;
      } else if (end + 1 < text.size() && text[end] == '\\' && is_letter(text[end + 1])) {
        for (++end; end < text.size() && is_letter(text[end]);) ++end;
        length = end - at;
      }
    } else if (text[at] == '\'') {
      while (at + length < text.size() && text[at + length] == '\'') ++length;
    }
    const std::string_view word = text.substr(at, length);
    at += length;
    if (among(word, kSkipped) || among(word, kSkippedSigns)) continue;
    out.emplace_back(word);
    if (out.size() > kMaxTokens) throw MathUndecided();
  }
  return out;
}

/// A character that the grammar has no word for.
bool is_foreign(const std::string& token) {
  if (token.size() > 1) return token[0] == '\\' && !is_letter(token[1]) && token != "\\{" && token != "\\}";
  return !is_letter(token[0]) && !is_digit(token[0]) &&
         std::string_view("+-*/(){}[]|_^:=<>!',.").find(token[0]) == std::string_view::npos;
}

class SympyParser {
 public:
  explicit SympyParser(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}

  MathPtr whole() {
    MathPtr node = sum();
    if (at_ < tokens_.size()) {
      if (among(token(), kRelations)) return math_failed();
      if (is_foreign(token()) || (token() == "." && is_digit(tokens_[at_ - 1].back()))) throw Malformed();
    }
    return node;
  }

 private:
  const std::string& token(std::size_t ahead = 0) const {
    static const std::string none;
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : none;
  }
  bool take(std::string_view word) {
    if (token() != word) return false;
    ++at_;
    return true;
  }
  void need(std::string_view word) {
    if (!take(word)) throw Malformed();
  }
  struct Nesting {
    explicit Nesting(int& depth) : depth_(depth) {
      if (++depth_ > kMaxDepth) throw MathUndecided();
    }
    ~Nesting() { --depth_; }
    int& depth_;
  };
  /// What goes on behind an expression. Where it is malformed the expression ends before it, which is no error: 2(1, 3)
  /// is 2.
  template <class Parse>
  std::optional<MathPtr> continuation(const Parse& parse) {
    if (++steps_ > kMaxSteps) throw MathUndecided();
    const std::size_t from = at_;
    try {
      return parse();
    } catch (const Malformed&) {
      at_ = from;
      return std::nullopt;
    }
  }

  MathPtr sum() {
    const Nesting nesting(depth_);
    MathPtr node = product(true);
    while (token() == "+" || token() == "-") {
      const bool plus = token() == "+";
      const std::optional<MathPtr> right = continuation([&] {
        ++at_;
        return product(true);
      });
      if (!right) break;
      node = math_add(node, plus ? *right : math_negative(*right));
    }
    return node;
  }

  static constexpr std::array<std::string_view, 3> kTimes = {"*", "\\times", "\\cdot"};
  static constexpr std::array<std::string_view, 3> kOver = {"/", "\\div", ":"};

  MathPtr product(bool functions) {
    MathPtr node = signed_term(functions);
    while (among(token(), kTimes) || among(token(), kOver)) {
      const bool times = among(token(), kTimes);
      const std::optional<MathPtr> right = continuation([&] {
        ++at_;
        return signed_term(functions);
      });
      if (!right) break;
      node = times ? math_multiply(node, *right) : quotient(node, *right);
    }
    return node;
  }
  static MathPtr quotient(const MathPtr& top, const MathPtr& bottom) {
    return math_multiply(top, math_node(MathKind::kPow, {bottom, math_number(-1)}));
  }

  MathPtr signed_term(bool functions) {
    const Nesting nesting(depth_);
    if (take("+")) return signed_term(functions);
    if (take("-")) return math_negative(signed_term(functions));
    std::vector<MathPtr> factors;
    // Inside a function without brackets, a second function is no longer its argument.
    for (bool may_be_function = true; starts_factor(may_be_function); may_be_function = functions) {
      if (factors.empty()) {
        factors.push_back(postfix(may_be_function));
        continue;
      }
      const std::optional<MathPtr> next = continuation([&] { return postfix(may_be_function); });
      if (!next) break;
      factors.push_back(*next);
    }
    if (factors.empty()) throw Malformed();
    MathPtr node;
    for (std::size_t i = factors.size(); i-- > 0;) {
      if (node && i > 0 && factors[i]->kind == MathKind::kSymbol && factors[i]->name == "x" &&
          !has_kind(*factors[i - 1], MathKind::kSymbol) && !has_kind(*factors[i + 1], MathKind::kSymbol))
        continue;
      node = node ? math_multiply(factors[i], node) : factors[i];
    }
    return node;
  }

  bool starts_factor(bool functions) const {
    const std::string& word = token();
    if (word.empty()) return false;
    if (is_letter(word[0]) || is_digit(word[0])) return true;
    if (word == "(" || word == "[" || word == "{" || word == "\\{" || word == "|" || word == "\\left|") return true;
    if (word[0] != '\\' || word.size() < 2 || !is_letter(word[1]) || word == "\\right|") return false;
    if (among(word, kFunctions)) return functions;
    if (!among(word, kWords) && !among(word, kMoreWords)) return true;
    if (word == "\\sqrt" || word == "\\overline" || word == "\\int" || word == "\\sum" || word == "\\prod" ||
        word == "\\lim")
      return functions;
    return word == "\\frac" || word == "\\dfrac" || word == "\\tfrac" || word == "\\binom" || word == "\\dbinom" ||
           word == "\\tbinom" || word == "\\lfloor" || word == "\\lceil" || word == "\\mathit" || word == "\\langle";
  }

  MathPtr postfix(bool functions) {
    MathPtr node = component(functions);
    while (token() == "^") {
      const std::optional<MathPtr> power = continuation([&] {
        ++at_;
        MathPtr inner = exponent();
        if (token() == "_") subscript();
        return inner;
      });
      if (!power) break;
      node = math_node(MathKind::kPow, {node, *power});
    }
    while (take("!")) node = math_node(MathKind::kCall, {node}, "factorial");
    return node;
  }

  MathPtr exponent() { return token() == "{" ? enclosed("}") : atom(); }

  MathPtr enclosed(std::string_view close) {
    ++at_;
    MathPtr node = sum();
    need(close);
    return node;
  }

  MathPtr component(bool functions) {
    const Nesting nesting(depth_);
    const std::string word = token();
    if (word == "(") return enclosed(")");
    if (word == "[") return enclosed("]");
    if (word == "{") return enclosed("}");
    if (word == "\\{") return enclosed("\\}");
    if (word == "|") {
      ++at_;
      const MathPtr node = sum();
      need("|");
      return math_node(MathKind::kCall, {node}, "abs");
    }
    if (word == "\\lfloor") return math_node(MathKind::kCall, {enclosed("\\rfloor")}, "floor");
    if (word == "\\lceil") return math_node(MathKind::kCall, {enclosed("\\rceil")}, "ceil");
    if (functions && among(word, kFunctions)) return function();
    if (functions && word == "\\sqrt") return root();
    if (functions && word == "\\overline") {
      ++at_;
      if (token() != "{") throw Malformed();
      return math_node(MathKind::kCall, {enclosed("}")}, "'conjugate");
    }
    if (word == "\\int" || word == "\\sum" || word == "\\prod" || word == "\\lim" || word == "\\langle" ||
        word == "\\left|")
      throw Malformed();
    return atom(functions);
  }

  MathPtr root() {
    ++at_;
    MathPtr degree = math_number(2);
    if (token() == "[") degree = enclosed("]");
    if (token() != "{") throw Malformed();
    const MathPtr base = enclosed("}");
    return math_node(MathKind::kPow, {base, math_divide(math_number(1), degree)});
  }

  MathPtr function() {
    std::string name = tokens_[at_++].substr(1);
    MathPtr base, power;
    for (int i = 0; i < 2; ++i) {
      if (!base && take("_")) base = mark();
      if (!power && take("^")) power = mark();
    }
    MathPtr argument;
    if (token() == "(") {
      argument = enclosed_arguments();
    } else {
      argument = product(false);
    }
    if (name == "log" || name == "ln" || name == "lg") {
      const MathPtr usual = name == "lg" ? math_number(10) : math_constant("E");
      return raised(math_node(MathKind::kCall, {argument, base ? base : usual}, "log"), power);
    }
    if (name.starts_with("arc"))
      name = "a" + name.substr(3);
    else if (name.starts_with("ar"))
      name = "a" + name.substr(2);
    else if (name != "exp" && power && is_integer(*power) && power->number == Rational(-1)) {
      name = "a" + name;
      power = nullptr;
    }
    return raised(math_node(MathKind::kCall, {argument}, name), power);
  }
  /// What stands below or above a function's name. Of bare digits the last is its argument where nothing else is:
  /// \log_28 is the logarithm of 8.
  MathPtr mark() {
    const std::size_t from = at_;
    const MathPtr node = exponent();
    if (!is_digit(tokens_[from][0]) || at_ < from + 2 || starts_factor(true) || token() == "+" || token() == "-")
      return node;
    std::string digits;
    for (std::size_t i = from; i + 1 < at_; ++i) digits += tokens_[i];
    if (digits.find_first_not_of("0123456789") != std::string::npos) return node;
    --at_;
    return math_number(Rational::from_decimal(digits));
  }
  static MathPtr raised(const MathPtr& node, const MathPtr& power) {
    return power && !(power->kind == MathKind::kNumber && power->number.sign() == 0)
               ? math_node(MathKind::kPow, {node, power})
               : node;
  }
  MathPtr enclosed_arguments() {
    // Of several arguments the reference keeps the first.
    ++at_;
    const MathPtr first = sum();
    while (take(",")) sum();
    need(")");
    return first;
  }

  std::string subscript() {
    need("_");
    const MathPtr inner = exponent();
    return "_{" + (inner->kind == MathKind::kSymbol ? inner->name : math_text(*inner)) + "}";
  }

  MathPtr fraction() {
    ++at_;
    const auto part = [&] {
      if (token().size() == 1 && is_digit(token()[0])) return math_number(Rational(tokens_[at_++][0] - '0'));
      if (token() != "{") throw Malformed();
      return enclosed("}");
    };
    const MathPtr top = part();
    const std::size_t from = at_;
    const MathPtr bottom = part();
    if (at_ == from + 3 && tokens_[from + 1][0] == 'd' && tokens_[from + 1].size() > 1) return math_failed();
    return quotient(top, bottom);
  }

  MathPtr number() {
    std::string digits;
    const auto run = [&] {
      while (token().size() == 1 && is_digit(token()[0])) digits += tokens_[at_++];
    };
    const auto digit_at = [&](std::size_t ahead) { return token(ahead).size() == 1 && is_digit(token(ahead)[0]); };
    run();
    while (token() == "," && digit_at(1) && digit_at(2) && digit_at(3))
      for (std::size_t i = (++at_, 0); i < 3; ++i) digits += tokens_[at_++];
    bool point = false;
    if (token() == "." && digit_at(1)) {
      point = true;
      digits += tokens_[at_++];
      run();
    }
    // 05 is no number to SymPy, 00 is.
    if (!point && digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos)
      return math_failed();
    return math_number(Rational::from_decimal(digits), point);
  }

  MathPtr atom(bool functions = false) {
    const std::string word = token();
    if (word.empty() || is_foreign(word)) throw Malformed();
    if (is_digit(word[0])) return number();
    if (word == "\\frac" || word == "\\dfrac" || word == "\\tfrac") return fraction();
    if (word == "\\binom" || word == "\\dbinom" || word == "\\tbinom") {
      ++at_;
      if (token() != "{") throw Malformed();
      const MathPtr top = enclosed("}");
      if (token() != "{") throw Malformed();
      return math_node(MathKind::kCall, {top, enclosed("}")}, "binomial");
    }
    if (word == "\\mathit") {
      ++at_;
      need("{");
      std::string name;
      while (token().size() == 1 && is_letter(token()[0])) name += tokens_[at_++];
      need("}");
      return math_symbol(name, false);
    }
    if (word[0] == 'd' && word.size() > 1) {
      ++at_;
      std::string name = word.substr(1);
      std::erase_if(name, is_blank);
      if (name.starts_with('\\')) name.erase(0, 1);
      return math_symbol("d" + name, false);
    }
    const bool command = word[0] == '\\';
    if (!(is_letter(word[0]) || (command && !among(word, kWords) && !among(word, kMoreWords) &&
                                 !among(word, kFunctions) && word.size() > 1 && is_letter(word[1]))))
      throw Malformed();
    ++at_;
    if (word == "\\infty") return math_constant("oo");
    std::string name = command ? word.substr(1) : word;
    for (int i = 0; i < 2; ++i) {
      if (token() == "_") name += subscript();
      if (!token().empty() && token()[0] == '\'') name += tokens_[at_++];
    }
    if (functions && token() == "(") {
      const std::optional<MathPtr> call = continuation([&] {
        ++at_;
        std::vector<MathPtr> args{sum()};
        while (take(",")) args.push_back(sum());
        need(")");
        return math_node(MathKind::kCall, std::move(args), "'" + name);
      });
      if (call) return *call;
    }
    return math_symbol(name, false);
  }

  std::vector<std::string> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace

MathPtr parse_sympy_latex(std::string_view latex) try {
  return SympyParser(tokens_of(latex)).whole();
} catch (const Malformed&) {
  return math_failed();
}

}  // namespace ballot
