#include <algorithm>
#include <optional>

#include "evaluation/math_evaluate.h"
#include "evaluation/math_matrix.h"
#include "evaluation/math_parser_rules.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

using T = MathToken;

constexpr std::pair<std::string_view, std::string_view> kGreekNames[] = {
    {"α", "alpha"},    {"β", "beta"},       {"γ", "gamma"},   {"Γ", "Gamma"},   {"δ", "delta"},  {"Δ", "Delta"},
    {"ε", "epsilon"},  {"ϵ", "varepsilon"}, {"ζ", "zeta"},    {"η", "eta"},     {"θ", "theta"},  {"Θ", "Theta"},
    {"ϑ", "vartheta"}, {"ι", "iota"},       {"κ", "kappa"},   {"λ", "lambda"},  {"Λ", "Lambda"}, {"μ", "mu"},
    {"ν", "nu"},       {"ξ", "xi"},         {"Ξ", "Xi"},      {"ο", "omicron"}, {"π", "pi"},     {"Π", "Pi"},
    {"ϖ", "varpi"},    {"ρ", "rho"},        {"ϱ", "varrho"},  {"σ", "sigma"},   {"Σ", "Sigma"},  {"ς", "varsigma"},
    {"τ", "tau"},      {"υ", "upsilon"},    {"Υ", "Upsilon"}, {"φ", "phi"},     {"Φ", "Phi"},    {"ϕ", "varphi"},
    {"χ", "chi"},      {"ψ", "psi"},        {"Ψ", "Psi"},     {"ω", "omega"},   {"Ω", "Omega"}};

std::string lower(const std::string& text) {
  return encode_utf8(python_lower(std::u32string_view(decode_utf8(text))));
}

std::string without(std::string text, std::string_view characters) {
  std::erase_if(text, [&](char c) { return characters.find(c) != std::string_view::npos; });
  return text;
}

bool is_symbol(T kind) {
  return kind == T::kLetter || kind == T::kGreek || kind == T::kOtherSymbol || kind == T::kAccent;
}

/// "arcsin", "arsinh", "arccosh" are asin, asinh, acosh.
std::string function_name(std::string name) {
  for (const std::string_view prefix : {"arc", "ar"})
    if (name.size() > prefix.size() + 2 && name.starts_with(prefix)) return "a" + name.substr(prefix.size());
  return name;
}

bool is_trigonometric(const std::string& name) {
  return name == "sin" || name == "cos" || name == "tan" || name == "csc" || name == "sec" || name == "cot" ||
         name == "sinh" || name == "cosh" || name == "tanh";
}

MathPtr call(std::vector<MathPtr> args, std::string name) {
  return math_node(MathKind::kCall, std::move(args), std::move(name));
}

MathPtr raised(MathPtr node, const MathPtr& exponent) {
  // An exponent of zero is dropped, as the reference does.
  if (!exponent || (exponent->kind == MathKind::kNumber && exponent->number.sign() == 0)) return node;
  return math_node(MathKind::kPow, {std::move(node), exponent});
}

MathPtr function_of(std::string name, const MathPtr& argument, const MathPtr& base, MathPtr exponent) {
  if (argument->kind == MathKind::kFailed) return argument;
  name = function_name(std::move(name));
  if (name == "log" || name == "ln") {
    const MathPtr usual = name == "log" ? math_number(10) : math_constant("E");
    return raised(call({argument, base ? base : usual}, "log"), exponent);
  }
  if (name == "det") return raised(determinant(argument), exponent);
  if (name == "trace" || name == "tr") return raised(trace(argument), exponent);
  if (name == "norm") return has_kind(*argument, MathKind::kMatrix) ? call({argument}, "norm") : math_failed();
  static constexpr std::string_view kMatrixWords[] = {
      "eye",         "cols",      "rows",        "rank",       "rref",         "nullspace", "eig", "eigen",
      "diagonalize", "eigenvals", "eigenvalues", "eigenvects", "eigenvectors", "svd",       "SVD"};
  if (std::find(std::begin(kMatrixWords), std::end(kMatrixWords), name) != std::end(kMatrixWords)) return math_failed();
  if (is_trigonometric(name) && exponent && is_integer(*exponent) && exponent->number == Rational(-1)) {
    name = "a" + name;
    exponent = nullptr;
  }
  return raised(call({argument}, lower(name)), exponent);
}

}  // namespace

MathPtr MathParser::symbol_named(std::string name) const {
  for (const auto& [letter, word] : kGreekNames)
    if (name == letter) name = word;
  if (name.starts_with('\\')) name.erase(0, 1);
  const std::string small = name == "pi" || name == "gamma" || name == "Gamma" ? name : lower(name);
  if (small == "pi") return math_constant("pi");
  if (small == "gamma" || small == "Gamma") return math_constant("gamma");
  return math_symbol(small, real_);
}

MathPtr MathParser::symbol_of(const MathWord& word, const std::string& subscript) const {
  std::string name = word.text;
  if (word.kind == T::kAccent) {
    const std::size_t brace = name.find('{');
    std::string accent = name.substr(1, brace - 1);
    while (accent.ends_with(' ')) accent.pop_back();
    std::string inside = without(name.substr(brace + 1, name.size() - brace - 2), " ");
    if (accent == "overline") accent = "bar";
    if (accent == "overrightarrow") accent = "vec";
    if (accent == "widetilde") accent = "tilde";
    if (accent.find("text") != std::string::npos || accent.find("mbox") != std::string::npos) {
      // A word is the same in and out of \text, with or without brackets.
      accent.clear();
      inside = without(std::move(inside), "()");
    } else if (accent.find("math") != std::string::npos) {
      accent = "math";
    }
    name = accent.empty() ? inside : accent + "{" + inside + "}";
  }
  return symbol_named(name + subscript);
}

void MathParser::symbol(std::size_t at, MathEnds& out) {
  if (at >= words_.size() || !is_symbol(words_[at].kind)) return;
  const MathWord& word = words_[at];
  const auto node = [&](const std::string& subscript, const MathPtr& exponent) {
    if (word.kind == T::kLetter && word.text == "I") return math_constant("I");
    const MathPtr base = symbol_of(word, subscript);
    return exponent ? math_node(MathKind::kPow, {base, exponent}) : base;
  };
  for (const MathEnd& super : ends<&MathParser::superscript>(at + 1))
    for (const MathEnd& sub : ends<&MathParser::subscript>(super.at))
      emit(out, sub.at, node(sub.node->name, super.node));
  for (const MathEnd& sub : ends<&MathParser::subscript>(at + 1)) {
    for (const MathEnd& super : ends<&MathParser::superscript>(sub.at))
      emit(out, super.at, node(sub.node->name, super.node));
    emit(out, sub.at, node(sub.node->name, nullptr));
  }
  for (const MathEnd& super : ends<&MathParser::superscript>(at + 1)) emit(out, super.at, node("", super.node));
  emit(out, at + 1, node("", nullptr));
}

/// Its node is a list with the text, "_1" or "_{12}", for a name.
void MathParser::subscript(std::size_t at, MathEnds& out) {
  if (!is(at, T::kUnderscore)) return;
  const auto named = [&](std::size_t from, std::size_t to) {
    const std::string inside = text(from, to);
    return math_node(MathKind::kList, {}, python_length(inside) > 1 ? "_{" + inside + "}" : "_" + inside);
  };
  for (const MathEnd& end : ends<&MathParser::atom>(at + 1)) emit(out, end.at, named(at + 1, end.at));
  if (!is(at + 1, T::kLeftBrace)) return;
  for (const MathEnd& end : ends<&MathParser::arguments>(at + 2))
    if (is(end.at, T::kRightBrace)) emit(out, end.at + 1, named(at + 2, end.at));
}

void MathParser::superscript(std::size_t at, MathEnds& out) {
  if (!is(at, T::kCaret)) return;
  for (const MathEnd& end : ends<&MathParser::atom>(at + 1)) emit(out, end.at, end.node);
  enclosed<&MathParser::expression>(at + 1, T::kLeftBrace, T::kRightBrace, out,
                                    [](const MathPtr& node) { return node; });
}

void MathParser::atom(std::size_t at, MathEnds& out) {
  if (at >= words_.size()) return;
  const MathWord& word = words_[at];
  switch (word.kind) {
    case T::kInfinity:
      emit(out, at + 1, math_constant("oo"));
      return;
    case T::kNumber: {
      const MathPtr node = math_number(Rational::from_decimal(word.text), word.text.find('.') != std::string::npos);
      // The base of a number, as in 11_2, is not looked at.
      for (const MathEnd& sub : ends<&MathParser::subscript>(at + 1)) emit(out, sub.at, node);
      emit(out, at + 1, node);
      return;
    }
    case T::kPercentNumber:
      emit(out, at + 1, math_failed());
      return;
    case T::kScientific:
      emit(out, at + 1, math_number(Rational::from_decimal(word.text), true));
      return;
    case T::kCapitalE:
      emit(out, at + 1, math_symbol("e", real_));
      return;
    case T::kDifferential: {
      std::string name = without(word.text.substr(1), " \t\r\n");
      if (name.starts_with('\\')) name.erase(0, 1);
      emit(out, at + 1, math_symbol("d" + name, real_));
      return;
    }
    default:
      for (const MathEnd& end : ends<&MathParser::symbol>(at)) emit(out, end.at, end.node);
  }
}

void MathParser::function(std::size_t at, MathEnds& out) {
  if (at >= words_.size()) return;
  const MathWord& word = words_[at];
  if (word.kind == T::kFunction) named_function(at + 1, word.text.substr(1), out);
  if (word.kind == T::kManyFunction) many_function(at + 1, word.text.substr(1), out);
  if (word.kind == T::kOperatorName && is(at + 1, T::kLeftBrace) && is(at + 3, T::kRightBrace)) {
    if (is(at + 2, T::kFunctionName)) named_function(at + 4, words_[at + 2].text, out);
    if (is(at + 2, T::kManyFunctionName)) many_function(at + 4, words_[at + 2].text, out);
  }
  if (is_symbol(word.kind)) unknown_function(at, out);
  if (word.kind == T::kSquareRoot) {
    const auto root = [&](std::size_t place, const MathPtr& degree) {
      enclosed<&MathParser::expression>(place, T::kLeftBrace, T::kRightBrace, out, [&](const MathPtr& node) {
        return math_node(MathKind::kPow, {node, math_divide(math_number(1), degree)});
      });
    };
    if (is(at + 1, T::kLeftBracket))
      for (const MathEnd& degree : ends<&MathParser::expression>(at + 2))
        if (is(degree.at, T::kRightBracket)) root(degree.at + 1, degree.node);
    root(at + 1, math_number(2));
  }
  if (word.kind == T::kE) {
    for (const MathEnd& exponent : ends<&MathParser::superscript>(at + 1))
      emit(out, exponent.at, call({exponent.node}, "exp"));
    emit(out, at + 1, math_constant("E"));
  }
}

/// `at`: behind the name. A base below and a power above it may follow, then its argument.
void MathParser::named_function(std::size_t at, const std::string& name, MathEnds& out) {
  const auto argument = [&](std::size_t place, const MathPtr& base, const MathPtr& exponent) {
    const auto make = [&](const MathPtr& node) { return function_of(name, node, base, exponent); };
    enclosed<&MathParser::expression>(place, T::kLeftParenthesis, T::kRightParenthesis, out, make);
    for (const MathEnd& end : ends<&MathParser::product<false>>(place)) emit(out, end.at, make(end.node));
  };
  const auto base_of = [&](std::size_t from, const MathEnd& sub) -> MathPtr {
    for (const MathEnd& end :
         is(from + 1, T::kLeftBrace) ? ends<&MathParser::expression>(from + 2) : ends<&MathParser::atom>(from + 1))
      if (end.at + (is(from + 1, T::kLeftBrace) ? 1 : 0) == sub.at) return end.node;
    return math_failed();
  };
  for (const MathEnd& sub : ends<&MathParser::subscript>(at)) {
    const MathPtr base = base_of(at, sub);
    for (const MathEnd& super : ends<&MathParser::superscript>(sub.at)) argument(super.at, base, super.node);
    argument(sub.at, base, nullptr);
  }
  for (const MathEnd& super : ends<&MathParser::superscript>(at)) {
    for (const MathEnd& sub : ends<&MathParser::subscript>(super.at))
      argument(sub.at, base_of(super.at, sub), super.node);
    argument(super.at, nullptr, super.node);
  }
  argument(at, nullptr, nullptr);
}

void MathParser::many_function(std::size_t at, const std::string& name, MathEnds& out) {
  const bool known = name == "gcd" || name == "lcm" || name == "max" || name == "min";
  const auto arguments_at = [&](std::size_t place, const MathPtr& exponent) {
    enclosed<&MathParser::arguments>(place, T::kLeftParenthesis, T::kRightParenthesis, out, [&](const MathPtr& list) {
      if (!known || list->kind == MathKind::kFailed) return math_failed();
      return raised(call(list->args, name), exponent);
    });
    for (const MathEnd& end : ends<&MathParser::product<false>>(place)) emit(out, end.at, math_failed());
  };
  for (const MathEnd& super : ends<&MathParser::superscript>(at)) arguments_at(super.at, super.node);
  arguments_at(at, nullptr);
}

/// f(x), but only of an atom or of several arguments: a(b + 1) is a product.
void MathParser::unknown_function(std::size_t at, MathEnds& out) {
  const auto arguments_at = [&](std::size_t place, std::size_t name_end, const MathPtr& exponent) {
    const std::string name = "'" + text(at, name_end);
    const auto of_list = [&](const MathPtr& list) {
      return list->kind == MathKind::kFailed ? list : raised(call(list->args, name), exponent);
    };
    const auto open = [&](std::size_t from, T left, T right, std::size_t more) {
      if (!is(from, left)) return;
      const auto closed = [&](std::size_t end) { return is(end, right) && (more == 0 || is(end + 1, T::kRightBrace)); };
      for (const MathEnd& one : ends<&MathParser::atom>(from + 1))
        if (closed(one.at)) emit(out, one.at + 1 + more, of_list(math_node(MathKind::kList, {one.node})));
      for (const MathEnd& one : ends<&MathParser::expression>(from + 1))
        if (is(one.at, T::kComma) && closed(one.at + 1))
          emit(out, one.at + 2 + more, of_list(math_node(MathKind::kList, {one.node})));
      for (const MathEnd& list : ends<&MathParser::arguments>(from + 1))
        if (closed(list.at) && list.node->kind == MathKind::kList && list.node->args.size() > 1)
          emit(out, list.at + 1 + more, of_list(list.node));
    };
    open(place, T::kLeftParenthesis, T::kRightParenthesis, 0);
    open(place, T::kLeftBracket, T::kRightBracket, 0);
    if (is(place, T::kLeftBrace)) {
      open(place + 1, T::kLeftParenthesis, T::kRightParenthesis, 1);
      open(place + 1, T::kLeftBracket, T::kRightBracket, 1);
    }
  };
  const auto powers = [&](std::size_t name_end) {
    for (const MathEnd& super : ends<&MathParser::superscript>(name_end)) arguments_at(super.at, name_end, super.node);
    arguments_at(name_end, name_end, nullptr);
  };
  for (const MathEnd& sub : ends<&MathParser::subscript>(at + 1)) powers(sub.at);
  powers(at + 1);
}

void MathParser::arguments(std::size_t at, MathEnds& out) {
  MathEnds found;
  chain<&MathParser::expression>(
      at, found, [&](std::size_t place) { return is(place, T::kComma); },
      [](std::size_t, const MathPtr& left, const MathPtr& right) {
        if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
        std::vector<MathPtr> args = left->name == "arguments" ? left->args : std::vector<MathPtr>{left};
        args.push_back(right);
        return math_node(MathKind::kList, std::move(args), "arguments");
      });
  for (const MathEnd& end : found)
    emit(out, end.at,
         end.node->kind == MathKind::kFailed || end.node->name == "arguments"
             ? end.node
             : math_node(MathKind::kList, {end.node}, "arguments"));
}

}  // namespace ballot
