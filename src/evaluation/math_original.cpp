#include "evaluation/math_original.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/version.h"
#include "evaluation/math_evaluate.h"
#include "evaluation/math_sympy_parser.h"
#include "evaluation/python_literal.h"
#include "evaluation/python_regex.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

/// `by`: "#1" is what the first group took.
std::u32string substituted(const PythonRegex& regex, std::u32string_view text, std::u32string_view by) {
  return regex.replace(text, [&](const PythonRegex::Match& match) {
    std::u32string out;
    for (std::size_t i = 0; i < by.size(); ++i) {
      if (by[i] == '#')
        out += match.text_of(text, static_cast<std::size_t>(by[++i] - '0'));
      else
        out += by[i];
    }
    return out;
  });
}

bool has_infinity(const MathNode& node) {
  return (node.kind == MathKind::kConstant && node.name == "oo") ||
         std::any_of(node.args.begin(), node.args.end(), [](const MathPtr& arg) { return has_infinity(*arg); });
}

}  // namespace

MathWording read_math_wording(const std::filesystem::path& utils_py) {
  const std::string source = read_file(utils_py);
  MathWording out;
  for (const Json& pair : find_python_literal(source, "SUBSTITUTIONS"))
    out.substitutions.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
  for (const Json& text : find_python_literal(source, "REMOVED_EXPRESSIONS")) out.removed.push_back(text);
  return out;
}

const MathWording& leaderboard_math_wording() {
  static const MathWording wording = read_math_wording(deps_folder() / "lm_eval/tasks/leaderboard/math/utils.py");
  return wording;
}

std::string last_boxed(std::string_view text) {
  constexpr std::string_view kSpaced = "\\boxed ";
  if (const std::size_t spaced = text.rfind(kSpaced); spaced != std::string_view::npos) {
    const std::string_view rest = text.substr(spaced + kSpaced.size());
    return std::string(kSpaced) + std::string(rest.substr(0, rest.find('$')));
  }
  std::size_t from = text.rfind("\\boxed");
  if (from == std::string_view::npos) from = text.rfind("\\fbox");
  if (from == std::string_view::npos) return std::string(kInvalidAnswer);
  int open = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '{') ++open;
    if (text[i] == '}' && --open == 0) return std::string(text.substr(from, i + 1 - from));
  }
  return std::string(kInvalidAnswer);
}

std::string without_box(std::string_view boxed) {
  constexpr std::string_view kSpaced = "\\boxed ", kBraced = "\\boxed{";
  if (boxed.find(kSpaced) != std::string_view::npos)
    return boxed.starts_with(kSpaced) ? std::string(boxed.substr(kSpaced.size())) : std::string(kInvalidAnswer);
  if (!boxed.starts_with(kBraced) || !boxed.ends_with('}')) return std::string(kInvalidAnswer);
  return std::string(boxed.substr(kBraced.size(), boxed.size() - kBraced.size() - 1));
}

std::string stated_answer(std::string_view response) {
  constexpr std::string_view kBefore = "Final Answer: The final answer is", kAfter = " I hope it is correct";
  // The reference's pattern, whose points match any character but a newline, on the text with this behind it.
  const std::string text = std::string(response) + "I hope it is correct.";
  for (std::size_t from = text.find(kBefore); from != std::string::npos; from = text.find(kBefore, from + 1)) {
    const std::size_t begin = from + kBefore.size();
    const std::size_t line = std::min(text.find('\n', begin), text.size());
    for (std::size_t after = text.find(kAfter, begin + 1); after < line; after = text.find(kAfter, after + 1)) {
      if (after + kAfter.size() >= line) break;
      // One character before it, of whatever length in UTF-8.
      std::size_t end = after - 1;
      while (end > begin && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
      return std::string(python_strip(std::string_view(text).substr(begin, end - begin)));
    }
  }
  return std::string(kInvalidAnswer);
}

std::string normalised_answer(std::string_view answer, const MathWording& wording) {
  std::string text(answer.substr(answer.rfind('=') + 1));
  for (const auto& [from, to] : wording.substitutions) text = replaced(text, from, to);
  for (const std::string& expression : wording.removed) text = replaced(text, expression, "");

  struct Step {
    PythonRegex regex;
    std::u32string by;
  };
  static const Step steps[] = {
      {PythonRegex(UR"((.*?)(\$)(.*?)(\$)(.*))"), U"$#3$"}, {PythonRegex(UR"((\\text\{)(.*?)(\}))"), U"#2"},
      {PythonRegex(UR"((\\textbf\{)(.*?)(\}))"), U"#2"},    {PythonRegex(UR"((\\overline\{)(.*?)(\}))"), U"#2"},
      {PythonRegex(UR"((\\boxed\{)(.*)(\}))"), U"#2"},      {PythonRegex(U"(frac)([^{])(.)"), U"frac{#2}{#3}"},
      {PythonRegex(U"(sqrt)([^{])"), U"sqrt{#2}"},
  };
  std::u32string wide = decode_utf8(text);
  for (const Step& step : steps) wide = substituted(step.regex, wide, step.by);
  text = replaced(encode_utf8(wide), "$", "");
  const std::string digits = replaced(text, ",", "");
  return is_ascii_digits(digits) ? digits : text;
}

OriginalVerdict same_expression(std::string_view a, std::string_view b) try {
  const MathPtr left = parse_sympy_latex(python_strip(a)), right = parse_sympy_latex(python_strip(b));
  if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return {};
  // Infinity less infinity is not zero.
  if (has_infinity(*left) || has_infinity(*right)) return {};
  return {same_value(*left, *right, {}), false};
} catch (const MathUndecided&) {
  return {false, true};
} catch (const std::exception&) {
  // A number outside what Boost's arithmetic can do.
  return {false, true};
}

OriginalVerdict match_original(std::string_view gold, std::string_view response, const MathWording& wording) try {
  const std::string answer = normalised_answer(stated_answer(response), wording);
  const std::string right = normalised_answer(gold, wording);
  if (answer == kInvalidAnswer) return {};
  if (python_strip(answer) == python_strip(right)) return {true, false};
  return same_expression(answer, right);
} catch (const Error&) {
  return {false, true};
}

}  // namespace ballot
