#include "evaluation/math_extract.h"

#include <algorithm>
#include <exception>
#include <initializer_list>

#include "core/error.h"
#include "evaluation/math_normalise.h"
#include "evaluation/math_parser.h"
#include "evaluation/math_plain.h"
#include "evaluation/python_regex.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

using Text = std::u32string;
using View = std::u32string_view;

constexpr std::size_t kJoined = 6;  // formulas that "and", "or" and commas join

enum class Found { kFormula, kBox, kNumber };

struct Pattern {
  int priority;
  Found found;
  PythonRegex regex;
  std::size_t groups_a_formula = 0;  ///< the last is that of a per cent sign
  std::size_t first_number = 0;      ///< group of the first kind of number; one before it is that of a sum
};

// The texts below are the reference's patterns with groups by number, [\s\S] for its point, which matches all.
const View kPercent = UR"((\\?%|[Pp]ercent|[Pp]ercentage|[Pp]ct))";
const View kFinalAnswer = U"[Ff][Ii][Nn][Aa][Ll] [Aa][Nn][Ss][Ww][Ee][Rr]";
const View kAnswer = U"[Aa][Nn][Ss][Ww][Ee][Rr]";

Text joined(std::initializer_list<View> parts) {
  Text out;
  for (const View part : parts) out.append(part);
  return out;
}

/// A formula between dollars, brackets or parentheses. boxed: only with a box inside.
Text formula(bool boxed) {
  const struct {
    View before, inside, after;
  } kinds[] = {
      {UR"((?<!\\)\$\$()", UR"((?:[^$]|\$(?!\$)))", UR"()(?<!\\)\$\$)"},
      {UR"((?<!\\)\\\[()", UR"((?:[^\\]|\\(?!\])))", UR"()(?<!\\)\\\])"},
      {UR"((?<![\\\d])\$()", UR"((?:\\[$]|[^\n$]))", UR"()(?<!\\)\$)"},
      {UR"((?<!\\)\\\(()", UR"((?:[^\\\n]|\\(?!\))))", UR"()(?<!\\)\\\))"},
      {UR"(\s\[()", UR"([^\n\]\[])", UR"()\]\s)"},
  };
  Text out;
  for (const auto& kind : kinds) {
    out += out.empty() ? U"(?:(?:" : U"|";
    out += kind.before;
    const View inside = kind.inside;
    out += boxed ? joined({inside, UR"(*?\\boxed\{)", inside, UR"(+?\})", inside, U"*?"}) : joined({inside, U"+?"});
    out += kind.after;
  }
  const View number = UR"(-?\d+(?:[.,]\d+)?)";
  if (!boxed) out += joined({UR"(|(-?\\frac\{)", number, UR"(\}\{)", number, UR"(\}))"});
  return joined({out, UR"()\s*)", kPercent, U"?)"});
}

Text formulas(bool boxed) {
  Text out = formula(boxed);
  for (std::size_t i = 1; i < kJoined; ++i)
    out += joined({boxed ? UR"(\s*)" : U"", UR"((?:\s*(?:,?and|,?or|,)\s*)", formula(boxed), U")?"});
  return boxed ? out : joined({U"(?:", out, U")"});
}

const Text& number() {
  static const Text pattern =
      UR"((?<!\d)(?:(-?[1-9]\d{0,2}(?:[ ,]\d{3})+)(\.\d+)?|(-?\d+)([.,]\d+)|(\.\d+)|(-?\d+)))"
      UR"((\s*(?:%|[Pp]ercent|\s*[Pp]ercentage|\s*[Pp]ct))?)";
  return pattern;
}
const View kBefore = UR"((?:^|\s|=)(?:\*\*)?)";
Text anchored_sum() {
  const View any = UR"([\d.\s+\-*×/^()÷])";
  return joined({U"(?:", kBefore, UR"((-?\(?-?\d)", any, UR"(*[+\-*×/^()÷])", any, UR"(+\)?))",
                 UR"((?:\*\*)?(?:\.|,|:|\s|\)|\$|$)))"});
}
Text anchored_number() {
  return joined({U"(?:", kBefore, U"[$€£¥₹₽₪₩₫฿₡₢₣₤₥₦₧₨₭₮₯₰₱₲₳₴₵₶₷₸₺₻₼₾₿]?", number(), U")"});
}

const std::vector<Pattern>& formula_patterns() {
  static const std::vector<Pattern> patterns = [] {
    const Text plain = formulas(false);
    std::vector<Pattern> out;
    const auto add = [&](int priority, const Text& pattern, std::size_t groups, Found found = Found::kFormula) {
      out.push_back({priority, found, PythonRegex(pattern), groups});
    };
    add(0, joined({kFinalAnswer, UR"( [Ii][Ss]:?\s*)", plain, UR"(\.?\s?I hope)"}), 7);
    add(50, joined({kFinalAnswer, UR"([\s\S]{0,100}?\s+is:?\s*)", plain}), 7);
    add(100, joined({kAnswer, UR"(:[\s\S]{0,50}?)", plain}), 7);
    add(200, joined({kAnswer, UR"([\s\S]{0,50}?)", plain}), 7);
    add(300, plain, 7);
    add(50, formulas(true), 6);
    add(50, UR"((\\boxed\{[\s\S]+\}))", 1, Found::kBox);
    return out;
  }();
  return patterns;
}

const std::vector<Pattern>& number_patterns() {
  static const std::vector<Pattern> patterns = [] {
    const Text either = joined({U"(?:", anchored_sum(), U"|", anchored_number(), U")"});
    std::vector<Pattern> out;
    const auto add = [&](int priority, const Text& pattern, std::size_t first_number) {
      out.push_back({priority, Found::kNumber, PythonRegex(pattern), 0, first_number});
    };
    add(0, joined({kFinalAnswer, UR"( [Ii][Ss]:?\s*)", either, UR"(\.?\s?I hope)"}), 2);
    add(50, joined({kFinalAnswer, UR"([\s\S]{0,100}?\s+is:?)", either}), 2);
    const Text after = joined({UR"((?:[\s\S]{0,100}=\s*|[\s\S]{0,50}?))", either, UR"((?!\s*=))"});
    add(100, joined({kAnswer, U":", after}), 2);
    add(200, joined({kAnswer, after}), 2);
    add(300, anchored_sum(), 2);
    add(300, anchored_number(), 1);
    return out;
  }();
  return patterns;
}

/// Letters stand for complex numbers where the formula speaks of them.
bool is_complex(View latex) {
  static const PythonRegex regex(
      UR"(\\mathbb\{C\}|\\i\b|\bi\b|\\text\{i\}|\\mathrm\{i\}|\\imath\b|\\det|\\operatorname\{(?:tr|rank|Re|Im)\})"
      UR"(|\\text\{(?:rank|Re|Im)\}|\\arg\{|\\Re\{|\\Im\{)");
  return regex.search(latex).has_value();
}

/// The part behind the last "=" of a = b = c.
std::optional<View> last_side(View latex) {
  if (latex.find_first_of(U",;") != View::npos) return std::nullopt;
  std::size_t signs = 0, last = 0;
  for (std::size_t i = 0; i < latex.size(); ++i)
    if (latex[i] == '=' && (i == 0 || View(UR"(\<!>)").find(latex[i - 1]) == View::npos)) {
      ++signs;
      last = i + 1;
    }
  return signs > 1 ? std::optional<View>(latex.substr(last)) : std::nullopt;
}

MathPtr parsed(View latex) {
  MathPtr node = parse_math(encode_utf8(latex), !is_complex(latex));
  if (node->kind == MathKind::kFailed)
    if (const std::optional<View> side = last_side(latex)) node = parse_math(encode_utf8(*side), !is_complex(*side));
  return node->kind == MathKind::kFailed ? nullptr : node;
}

struct Candidate {
  MathPtr value;
  std::string text;
};

Candidate formula_of(View text, const Pattern& pattern, const PythonRegex::Match& match, bool& undecided) {
  std::vector<MathPtr> values;
  std::vector<std::string> texts;
  const std::size_t a_formula = pattern.groups_a_formula;
  const std::size_t kinds = pattern.found == Found::kBox ? 1 : a_formula - 1;
  for (std::size_t first = 1; first + kinds <= match.groups.size() + 1; first += a_formula) {
    View latex;
    for (std::size_t group = first; group < first + kinds && latex.empty(); ++group) latex = match.text_of(text, group);
    if (latex.empty()) continue;
    const bool percent = pattern.found == Found::kFormula && !match.text_of(text, first + kinds).empty();
    MathPtr value;
    try {
      const Text normal = normalised_latex(latex, pattern.found == Found::kBox ? MathBoxes::kLast : MathBoxes::kAll);
      texts.push_back(encode_utf8(normal));
      value = parsed(normal);
    } catch (const MathUndecided&) {
      undecided = true;
      if (texts.size() == values.size()) texts.emplace_back();
    } catch (const std::exception&) {
      // A number outside what Boost's arithmetic can do.
      undecided = true;
    }
    if (value && percent) value = math_node(MathKind::kPercent, {value});
    values.push_back(value);
  }
  if (values.empty()) return {};
  if (values.size() == 1 || std::find(values.begin(), values.end(), nullptr) != values.end())
    return {values[0], texts[0]};
  std::vector<MathPtr> elements;
  std::string all_texts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    all_texts += (i == 0 ? "" : " and ") + texts[i];
    if (values[i]->kind == MathKind::kSet)
      elements.insert(elements.end(), values[i]->args.begin(), values[i]->args.end());
    else
      elements.push_back(values[i]);
  }
  return {math_set(std::move(elements)), all_texts};
}

Candidate number_of(View text, const Pattern& pattern, const PythonRegex::Match& match) {
  const auto group = [&](std::size_t offset) -> Text {
    const std::size_t number = pattern.first_number + offset;
    return number <= match.groups.size() ? Text(match.text_of(text, number)) : Text();
  };
  const auto first_of = [&](std::initializer_list<std::size_t> offsets) {
    for (const std::size_t offset : offsets)
      if (Text found = group(offset); !found.empty()) return found;
    return Text();
  };
  Text integer = first_of({0, 2, 5}), decimal = first_of({1, 3, 4});
  if (!integer.empty() || !decimal.empty()) {
    std::erase_if(integer, [](char32_t c) { return c == ',' || c == ' '; });
    integer.erase(0, std::min(integer.find_first_not_of(U'0'), integer.size()));
    if (integer.empty()) integer = U"0";
    std::replace(decimal.begin(), decimal.end(), U',', U'.');
    const std::string digits = encode_utf8(integer + decimal);
    MathPtr value = math_number(Rational::from_decimal(digits), !decimal.empty());
    if (!group(6).empty()) value = math_node(MathKind::kPercent, {value});
    return {value, digits};
  }
  if (pattern.first_number != 2) return {};
  const std::string sum = encode_utf8(match.text_of(text, 1));
  return {sum.empty() ? nullptr : parse_plain_sum(sum), sum};
}

}  // namespace

MathExtraction extract_math(std::string_view source, MathSources sources) {
  MathExtraction out;
  const Text text = decode_utf8(source);
  std::vector<const Pattern*> patterns;
  for (const Pattern& pattern : formula_patterns()) patterns.push_back(&pattern);
  if (sources == MathSources::kFormulasAndNumbers)
    for (const Pattern& pattern : number_patterns()) patterns.push_back(&pattern);
  std::stable_sort(patterns.begin(), patterns.end(),
                   [](const Pattern* a, const Pattern* b) { return a->priority < b->priority; });
  const auto note = [&](const std::string& tried) {
    if (!tried.empty() && !out.text) out.text = tried;
  };
  try {
    for (std::size_t i = 0; i < patterns.size() && !out.value;) {
      struct Place {
        const Pattern* pattern;
        PythonRegex::Match match;
      };
      std::vector<Place> places;
      for (const int priority = patterns[i]->priority; i < patterns.size() && patterns[i]->priority == priority; ++i)
        for (PythonRegex::Match& match : patterns[i]->regex.find_all(text))
          places.push_back({patterns[i], std::move(match)});
      std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
        return a.match.end != b.match.end ? a.match.end > b.match.end : a.match.begin < b.match.begin;
      });
      for (const Place& place : places) {
        Candidate candidate;
        try {
          candidate = place.pattern->found == Found::kNumber
                          ? number_of(text, *place.pattern, place.match)
                          : formula_of(text, *place.pattern, place.match, out.undecided);
        } catch (const MathUndecided&) {
          out.undecided = true;
        }
        note(candidate.text);
        if (candidate.value) {
          out.value = candidate.value;
          break;
        }
      }
    }
  } catch (const Error&) {
    // A pattern took too many steps: the reference's time limit gives no answer at all then.
    return {nullptr, std::nullopt, true};
  }
  return out;
}

}  // namespace ballot
