#include "evaluation/math_normalise.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "evaluation/math_rational.h"
#include "evaluation/python_regex.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

using Text = std::u32string;
using View = std::u32string_view;
constexpr std::size_t kNone = Text::npos;

bool contains(View text, View part) {
  return text.find(part) != kNone;
}

Text replaced(View text, View from, View to) {
  Text out;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == kNone) return out;
    out += to;
    at = found + from.size();
  }
}

/// A rewriting rule. In `by`, "#1" stands for what the first group took.
class Rule {
 public:
  Rule(View pattern, Text by) : regex_(pattern), by_(std::move(by)) {}
  Text apply(View text) const {
    return regex_.replace(text, [&](const PythonRegex::Match& match) {
      Text out;
      for (std::size_t i = 0; i < by_.size(); ++i) {
        if (by_[i] == '#')
          out += match.text_of(text, static_cast<std::size_t>(by_[++i] - '0'));
        else
          out += by_[i];
      }
      return out;
    });
  }

 private:
  PythonRegex regex_;
  Text by_;
};

const Rule& left_delimiter() {
  static const Rule rule(
      UR"(\\m?left(\\\{|\{|\\\||\||\[|\(|\\rbracl|\\lgroup|\\lbrace|\\lbrack|\\vert|\\lvert|\\lceil|\\lfloor|\\langle|\\llcorner|\\ulcorner))",
      U"#1");
  return rule;
}
const Rule& right_delimiter() {
  static const Rule rule(
      UR"(\\m?right(\\\}|\}|\\\||\||\]|\)|\\rbrack|\\rgroup|\\rbrace|\\vert|\\rvert|\\rceil|\\rfloor|\\rangle|\\lrcorner|\\urcorner))",
      U"#1");
  return rule;
}
/// (n)_{k}, permutations.
const Rule& permutations() {
  static const Rule rule(UR"(\(([a-zA-Z0-9+\-*/\\ ]+?)\)_\{([a-zA-Z0-9+\-*/\\ ]+?)\})",
                         UR"(\frac{(#1)!}{((#1)-(#2))!})");
  return rule;
}
const Rule& useless() {
  static const Rule rule(UR"(\\mathrm\{th\}|\\!\s*|\\text\s*\{\s*\}|\\\$|\$|(?<!\\)["']|\\displaystyle)", U"");
  return rule;
}

/// One pass over the text: at each place the first that fits.
struct Replacement {
  View pattern, by;
};
constexpr Replacement kReplacements[] = {
    {UR"(\\math(?:rm|it|bf))", UR"(\text)"},
    {UR"(\\text(?:normal|bf|it|rm))", UR"(\text)"},
    {UR"(\\(?:d|t|c)frac)", UR"(\frac)"},
    {UR"(\s\.)", U" 0."},
    {UR"(\{\.)", U"{0."},
    {UR"(~=)", UR"(\approx)"},
    {UR"(\s*\{\s*,\s*\})", U","},
    {UR"((?<![a-zA-Z]),?\s*(?:and|or)(?![a-zA-Z]))", U","},
    {UR"(,?\s*\\text\{\s*(?:and|or)\s*\})", U","},
    {UR"((?<!\\)\\\s)", U" "},
    {UR"(infinity)", UR"(\infty)"},
    {UR"(,?\\ldots)", U" "},
    {UR"(\s*\bpercentage\b)", UR"(\%)"},
    {UR"(\\text\{percentage\})", U"%"},
    {UR"(\s*\bpercent\b)", UR"(\%)"},
    {UR"(\\text\{percent\})", U"%"},
    {UR"(\s*\bpct\b)", UR"(\%)"},
    {UR"(\\text\{pct\})", U"%"},
    {UR"((?<!\\)inf(?!inity))", UR"(\infty)"},
    {UR"( sqrt)", UR"(\sqrt)"},
};

Text with_replacements(View text) {
  // Which alternative took part is told by its group.
  static const PythonRegex regex = [] {
    Text pattern;
    for (const Replacement& one : kReplacements) pattern += (pattern.empty() ? U"(" : U"|(") + Text(one.pattern) + U")";
    return PythonRegex(pattern);
  }();
  return regex.replace(text, [](const PythonRegex::Match& match) {
    for (std::size_t i = 0; i < match.groups.size(); ++i)
      if (match.groups[i].first != PythonRegex::Match::kNone) return Text(kReplacements[i].by);
    return Text();
  });
}

/// What the reference takes for a unit at the end of an answer, as expressions (a point is any character).
constexpr View kUnits =
    U"integerpoint|feet|sue|digit|pound|meal|edge|student|children ticket|multiple|east|degree|mph|kmph|ft|m square| m "
    U"east|sq m|deg|mile|q .|monkey|prime|ratio|profit of rs|rd|o|gm|p . m|lb|tile|per|dm|lt|gain|ab|way|west|a .|b "
    U".|c .|d .|e .|f .|g .|h .|t|h|no change|men|soldier|pie|bc|excess|st|inches|noon|cent|by|gal|kmh|c|acre|rise|a "
    U". m|th|π r 2|sq|mark|l|toy|coin|sq . m|gallon|° f|profit|minw|yr|women|am|pm|hr|cu cm|square|v â € "
    U"™|are|rupee|rounds|cubic|cc|mtr|s|ohm|number|day|hour|minute|min|second|man|woman|sec|cube|mt|sq inch|mp|∏ cm "
    U"³|hectare|more|unit|cu . m|cm 2|rs .|rs|kg|g|month|km|m|cm|mm|apple|liter|loss|yard|pure|year|increase|"
    U"decrease|d|less|Surface|litre|pi sq m|s .|metre|meter|inch";

Text without_units(Text text) {
  static const Rule superscript(UR"(\\(?:text|mbox)\{.*?\}(?:\^\d|\{\^\d\})?$)", U"");
  static const Rule units(UR"((\d|\}|\s)\s*(?:)" + Text(kUnits) + UR"()(?:s|es)?\s*$)", U"#1");
  Text next(python_strip(superscript.apply(text)));
  if (!next.empty()) text = next;
  for (int pass = 0; pass < 2; ++pass) {
    next = units.apply(text);
    if (!next.empty()) text = next;
  }
  return text;
}

Text with_fixed_operators(Text text) {
  static const Rule rules[] = {
      {UR"(\^\s?\((.*?)\))", U"^{#1}"},
      {UR"(sqrt\s?\((.*?)\))", UR"(\sqrt{#1})"},
      {UR"(\\frac\s?(\d)\s?(\d+))", UR"(\frac{#1}{#2})"},
      {UR"(\\log_\s?(\d)\s?(\d+))", UR"(\log_{#1}{#2})"},
      {UR"(\\frac\s?\{(.*?)\}\s?(\d))", UR"(\frac{#1}{#2})"},
      {UR"(\\frac\s?(\d)\s?\{(.*?)\})", UR"(\frac{#1}{#2})"},
      {UR"(\\sqrt\s?(\d))", UR"(\sqrt{#1})"},
  };
  for (const Rule& rule : rules) text = rule.apply(text);
  return replaced(text, U" sqrt", UR"(\sqrt)");
}

View stripped_left(View text) {
  while (!text.empty() && is_python_space(text.front())) text.remove_prefix(1);
  return text;
}

/// \sqrt3 is \sqrt{3}.
Text with_fixed_roots(const Text& text) {
  const std::vector<View> parts = split_at(text, UR"(\sqrt)");
  Text out(parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const View part = stripped_left(parts[i]);
    out += UR"(\sqrt)";
    if (!part.empty() && part[0] != '{' && part[0] != '[') {
      out += U"{" + Text(1, part[0]) + U"}";
      out += part.substr(1);
    } else {
      out += part;
    }
  }
  return out;
}

/// \frac12 is \frac{1}{2}, \frac1{2} too. A fraction that ends too early leaves the whole text as it was.
Text with_fixed_fractions(const Text& text) {
  const std::vector<View> parts = split_at(text, UR"(\frac)");
  Text out(parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const View part = stripped_left(parts[i]);
    out += UR"(\frac)";
    if (!part.empty() && part[0] == '{') {
      out += part;
    } else if (part.size() < 2) {
      return text;
    } else {
      out += U"{" + Text(1, part[0]) + U"}";
      out += part[1] == '{' ? Text(1, part[1]) : U"{" + Text(1, part[1]) + U"}";
      out += part.substr(2);
    }
  }
  return out;
}

/// 2/3, and nothing else, is \frac{2}{3}.
Text with_fixed_slash(const Text& text) {
  const std::vector<View> parts = split_at(text, U"/");
  if (parts.size() != 2) return text;
  const auto is_canonical = [](View number) {
    if (number.starts_with('-')) number.remove_prefix(1);
    return !number.empty() &&
           std::all_of(number.begin(), number.end(), [](char32_t c) { return c >= '0' && c <= '9'; }) &&
           (number[0] != '0' || number.size() == 1);
  };
  if (!is_canonical(parts[0]) || !is_canonical(parts[1]) || parts[0] == U"-0" || parts[1] == U"-0") return text;
  return UR"(\frac{)" + Text(parts[0]) + U"}{" + Text(parts[1]) + U"}";
}

std::size_t closing_brace(View text, std::size_t open, std::size_t limit) {
  int depth = 1;
  for (std::size_t i = open + 1; i < limit; ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return kNone;
}

std::size_t last_before(View text, View word, std::size_t end) {
  // As rfind in text[0:end]: the word must lie before the end.
  return end < word.size() ? kNone : text.rfind(word, end - word.size());
}

}  // namespace

Text boxed_content(View text, MathBoxes boxes) {
  static const PythonRegex separator(UR"(\b(?:and|or)\b|,|;)");
  std::vector<Text> results;
  std::size_t current = text.size(), limit = text.size();
  std::size_t last_start = kNone;
  while (true) {
    const std::size_t boxed = last_before(text, UR"(\boxed)", current),
                      framed = last_before(text, UR"(\fbox)", current);
    if (boxed == kNone && framed == kNone) break;
    const bool is_boxed = framed == kNone || (boxed != kNone && boxed > framed);
    const std::size_t start = is_boxed ? boxed : framed;
    std::size_t next = start + (is_boxed ? 6 : 5);
    while (next < limit && is_python_space(text[next])) ++next;
    if (next >= limit) break;
    if (text[next] != '{') {
      if (results.empty()) results.emplace_back(text.substr(next));
      break;
    }
    const std::size_t end = closing_brace(text, next, limit);
    if (end == kNone) {
      if (results.empty()) results.emplace_back(text.substr(next));
      break;
    }
    const Text content(python_strip(text.substr(next + 1, end - next - 1)));
    if (boxes == MathBoxes::kLast && last_start != kNone) {
      const View between = text.substr(end + 1, last_start - end - 1);
      const Text& later = results.empty() ? content : results.back();
      const bool joined =
          between.size() < 10 || (later != content && between.size() < 70 && separator.search(between).has_value());
      if (!joined) break;
    }
    if (results.empty() || results.back() != content) results.push_back(content);
    last_start = limit = current = start;
  }
  if (results.empty()) return Text(text);
  Text out;
  for (auto part = results.rbegin(); part != results.rend(); ++part)
    out += (part == results.rbegin() ? U"" : U",") + *part;
  return out;
}

Text normalised_latex(View source, MathBoxes boxes) try {
  Text text = boxed_content(source, boxes);
  text = replaced(text, UR"(\mathrm{T})", U"T");
  text = replaced(replaced(text, UR"(\mathrm{d})", U"d"), UR"({\rm d})", U"d");
  text = replaced(text, UR"(\left[\begin{matrix})", UR"(\begin{bmatrix})");
  text = replaced(text, UR"(\end{matrix}\right])", UR"(\end{bmatrix})");
  text = permutations().apply(right_delimiter().apply(left_delimiter().apply(text)));
  text = with_replacements(useless().apply(text));
  std::replace(text.begin(), text.end(), U'\n', U' ');
  std::replace(text.begin(), text.end(), U'\t', U' ');
  if (!contains(text, U"matrix")) {
    static const Rule doubled(UR"(\\\\(?=[a-zA-Z]))", UR"(\)");
    text = doubled.apply(text);
  }
  text = without_units(std::move(text));
  if (text.starts_with('.')) text = U"0" + text;
  if (text == U"0.5") text = UR"(\frac{1}{2})";
  text = with_fixed_operators(std::move(text));
  text = with_fixed_slash(with_fixed_fractions(with_fixed_roots(text)));
  return Text(python_strip(View(text)));
} catch (const Error&) {
  throw MathUndecided();
}

}  // namespace ballot
