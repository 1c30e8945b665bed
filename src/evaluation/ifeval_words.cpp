// Words of a sentence: every rule is a replacement that puts blanks around what becomes a word of its own.
#include "evaluation/ifeval_sentences.h"
#include "evaluation/python_regex.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

struct Rule {
  PythonRegex regex;
  std::u32string by;  ///< \1 to \3: groups; \0: the whole
};

Rule rule(std::u32string_view pattern, std::u32string_view by) {
  return {PythonRegex(pattern), std::u32string(by)};
}

std::u32string applied(const Rule& rule, const std::u32string& text) {
  return rule.regex.replace(text, [&](const PythonRegex::Match& match) {
    std::u32string out;
    for (std::size_t i = 0; i < rule.by.size(); ++i) {
      if (rule.by[i] == '\\')
        out += match.text_of(text, rule.by[++i] - U'0');
      else
        out += rule.by[i];
    }
    return out;
  });
}

const std::vector<Rule>& rules_before() {
  static const std::vector<Rule> rules = {
      // Quotes that open.
      rule(U"([\u00AB\u201C\u2018\u201E]|[`]+)", U" \\1 "),
      rule(U"^\"", U"``"),
      rule(U"(``)", U" \\1 "),
      rule(U"([ (\\[{<])(\"|'{2})", U"\\1 `` "),
      rule(U"(?i)(?<!\\w)(')(?!(?:re|ve|ll|m|t|s|d|n)\\b)(?=\\w)", U"\\1 "),
      // Punctuation; the last point of a sentence, also before closing quotes and brackets.
      rule(U"([^.])(\\.)([\\])}>\"'\u00BB\u201D\u2019 ]*)\\s*$", U"\\1 \\2 \\3 "),
      rule(U"([:,])([^\\d])", U" \\1 \\2"),
      rule(U"([:,])$", U" \\1 "),
      rule(U"\\.{2,}", U" \\0 "),
      rule(U"[;@#$%&]", U" \\0 "),
      rule(U"[\u2012-\u2015]", U" \\0 "),
      rule(U"([^.])(\\.)([\\])}>\"']*)\\s*$", U"\\1 \\2\\3 "),
      rule(U"[?!]", U" \\0 "),
      rule(U"([^'])' ", U"\\1 ' "),
      rule(U"[*]", U" \\0 "),
      rule(U"[\\]\\[(){}<>]", U" \\0 "),
      rule(U"--", U" -- "),
  };
  return rules;
}

const std::vector<Rule>& rules_after() {
  static const std::vector<Rule> rules = {
      // Quotes that close, and what an apostrophe shortens.
      rule(U"([\u00BB\u201D\u2019])", U" \\1 "),
      rule(U"''", U" '' "),
      rule(U"\"", U" '' "),
      rule(U"\\s+", U" "),
      rule(U"([^' ])('[sS]|'[mM]|'[dD]|') ", U"\\1 \\2 "),
      rule(U"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", U"\\1 \\2 "),
      // Words that are two.
      rule(U"(?i)\\b(can)(not)\\b", U" \\1 \\2 "),
      rule(U"(?i)\\b(d)('ye)\\b", U" \\1 \\2 "),
      rule(U"(?i)\\b(gim)(me)\\b", U" \\1 \\2 "),
      rule(U"(?i)\\b(gon)(na)\\b", U" \\1 \\2 "),
      rule(U"(?i)\\b(got)(ta)\\b", U" \\1 \\2 "),
      rule(U"(?i)\\b(lem)(me)\\b", U" \\1 \\2 "),
      rule(U"(?i)\\b(more)('n)\\b", U" \\1 \\2 "),
      rule(U"(?i)\\b(wan)(na)(?=\\s)", U" \\1 \\2 "),
      rule(U"(?i) ('t)(is)\\b", U" \\1 \\2 "),
      rule(U"(?i) ('t)(was)\\b", U" \\1 \\2 "),
  };
  return rules;
}

}  // namespace

std::vector<std::u32string> treebank_words(std::u32string_view sentence) {
  std::u32string text(sentence);
  for (const Rule& rule : rules_before()) text = applied(rule, text);
  text = U" " + text + U" ";
  for (const Rule& rule : rules_after()) text = applied(rule, text);
  std::vector<std::u32string> words;
  for (const std::u32string_view word : split_words(text)) words.emplace_back(word);
  return words;
}

}  // namespace ballot
