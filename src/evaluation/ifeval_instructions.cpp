#include "evaluation/ifeval_instructions.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/suggest.h"
#include "evaluation/python_regex.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

using Text = std::u32string_view;

/// Thrown where the reference would draw a parameter at random.
struct Drawn {};

/// "less than" or "at least" so many.
struct Relation {
  bool less;
  double wanted;
  bool holds(std::size_t count) const {
    return less ? static_cast<double>(count) < wanted : static_cast<double>(count) >= wanted;
  }
};

/// An instruction's parameters. Empty values (null, 0, "", []) are as good as none.
class Parameters {
 public:
  Parameters(const std::string& id, const Json& values) : id_(id), values_(values) {}

  std::u32string text(const char* name) const {
    const Json& value = get(name);
    if (!value.is_string()) throw wrong(name, "a text");
    return decode_utf8(value.get_ref<const std::string&>());
  }
  std::vector<std::u32string> texts(const char* name) const {
    const Json& value = get(name);
    std::vector<std::u32string> list;
    if (!value.is_array()) throw wrong(name, "a list of texts");
    for (const Json& item : value) {
      if (!item.is_string()) throw wrong(name, "a list of texts");
      list.push_back(decode_utf8(item.get_ref<const std::string&>()));
    }
    return list;
  }
  double number(const char* name) const {
    const Json& value = get(name);
    if (!value.is_number()) throw wrong(name, "a number");
    if (value.get<double>() < 0) throw Drawn();
    return value.get<double>();
  }
  /// Read before what is counted, so that a parameter that would be drawn is found without counting.
  Relation relation(const char* frequency, const char* relation) const {
    const std::string word = encode_utf8(text(relation));
    if (word != "less than" && word != "at least") throw wrong(relation, "\"less than\" or \"at least\"");
    return {word == "less than", number(frequency)};
  }

 private:
  const Json& get(const char* name) const {
    const auto found = values_.is_object() ? values_.find(name) : values_.end();
    if (found == values_.end() || found->is_null() || found->empty() || *found == Json("") || *found == Json(0) ||
        *found == Json(false))
      throw Drawn();
    return *found;
  }
  Error wrong(const char* name, const char* wanted) const {
    return bad_input("the parameter '{}' of the instruction {} must be {}, found {}", name, id_, wanted,
                     values_.at(name).dump());
  }
  const std::string& id_;
  const Json& values_;
};

struct Context {
  Text text;
  const Parameters& parameters;
  const IfevalModels& models;
};

PythonRegex ignoring_case(const std::u32string& pattern) {
  return {pattern, {.ignore_case = true, .multi_line = false}};
}

bool contains(Text text, Text part) {
  return text.find(part) != Text::npos;
}

bool is_language(const Context& c, const std::string& wanted) {
  const std::optional<std::string> found = c.models.languages().detect(c.text);
  return !found || *found == wanted;  // no feature of any language: counts as followed
}

// --- keywords ---

bool keywords_exist(const Context& c) {
  const auto words = c.parameters.texts("keywords");
  return std::all_of(words.begin(), words.end(),
                     [&](const auto& word) { return ignoring_case(word).search(c.text).has_value(); });
}

bool keyword_frequency(const Context& c) {
  const std::u32string word(python_strip(c.parameters.text("keyword")));
  return c.parameters.relation("frequency", "relation").holds(ignoring_case(word).count(c.text));
}

bool forbidden_words(const Context& c) {
  const auto words = c.parameters.texts("forbidden_words");
  return std::none_of(words.begin(), words.end(), [&](const auto& word) {
    return ignoring_case(U"\\b" + word + U"\\b").search(c.text).has_value();
  });
}

bool letter_frequency(const Context& c) {
  const std::u32string letter = python_lower(c.parameters.text("letter"));
  if (letter.size() != 1 || letter[0] < 'a' || letter[0] > 'z') throw Drawn();
  const std::u32string low = python_lower(c.text);
  const auto count = static_cast<std::size_t>(std::count(low.begin(), low.end(), letter[0]));
  return c.parameters.relation("let_frequency", "let_relation").holds(count);
}

// --- language and case ---

bool response_language(const Context& c) {
  return is_language(c, encode_utf8(c.parameters.text("language")));
}

bool english_capital(const Context& c) {
  return is_all_upper(c.text) && is_language(c, "en");
}

bool english_lowercase(const Context& c) {
  return is_all_lower(c.text) && is_language(c, "en");
}

bool capital_word_frequency(const Context& c) {
  const Relation relation = c.parameters.relation("capital_frequency", "capital_relation");
  std::size_t count = 0;
  for (const Text sentence : c.models.punkt().sentences(c.text))
    for (const std::u32string& word : treebank_words(sentence)) count += is_all_upper(word);
  return relation.holds(count);
}

// --- lengths ---

bool number_sentences(const Context& c) {
  const Relation relation = c.parameters.relation("num_sentences", "relation");
  return relation.holds(c.models.punkt().sentences(c.text).size());
}

bool number_words(const Context& c) {
  std::size_t words = 0;
  bool inside = false;
  for (const char32_t x : c.text) {
    const bool word = is_nltk_word(x);
    words += word && !inside;
    inside = word;
  }
  return c.parameters.relation("num_words", "relation").holds(words);
}

bool number_paragraphs(const Context& c) {
  const double wanted = c.parameters.number("num_paragraphs");
  // Split at three stars, with a blank before and behind where there is one.
  std::vector<Text> parts;
  std::size_t at = 0;
  for (std::size_t stars = c.text.find(U"***"); stars != Text::npos; stars = c.text.find(U"***", at)) {
    const bool blank_before = stars > at && is_python_space(c.text[stars - 1]);
    parts.push_back(c.text.substr(at, stars - at - (blank_before ? 1 : 0)));
    at = stars + 3;
    if (at < c.text.size() && is_python_space(c.text[at])) ++at;
  }
  parts.push_back(c.text.substr(at));
  std::size_t count = parts.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!is_blank(parts[i])) continue;
    if (i != 0 && i + 1 != parts.size()) return false;
    --count;
  }
  return static_cast<double>(count) == wanted;
}

bool nth_paragraph_first_word(const Context& c) {
  const double wanted = c.parameters.number("num_paragraphs"), nth = c.parameters.number("nth_paragraph");
  const std::u32string first_word = python_lower(c.parameters.text("first_word"));
  if (nth > wanted) throw Drawn();
  const std::vector<Text> paragraphs = split_at(c.text, U"\n\n");
  const auto count = static_cast<std::size_t>(
      std::count_if(paragraphs.begin(), paragraphs.end(), [](Text part) { return !is_blank(part); }));
  if (nth > static_cast<double>(count)) return false;
  // Counted among the filled paragraphs, looked up among all of them.
  const std::vector<Text> words = split_words(paragraphs[static_cast<std::size_t>(nth) - 1]);
  if (words.empty()) return false;
  Text word = strip_left(strip_left(words.front(), U'\''), U'"');
  word = word.substr(0, word.find_first_of(U".,?!'\""));
  std::u32string low;
  for (const char32_t& x : word) low += python_lower(Text(&x, 1));
  return static_cast<double>(count) == wanted && low == first_word;
}

// --- contents ---

bool number_placeholders(const Context& c) {
  std::size_t count = 0;
  for (const Text line : split_at(c.text, U"\n"))
    for (std::size_t open = line.find(U'['); open != Text::npos;) {
      const std::size_t close = line.find(U']', open);
      if (close == Text::npos) break;
      ++count;
      open = line.find(U'[', close);
    }
  return static_cast<double>(count) >= c.parameters.number("num_placeholders");
}

bool postscript(const Context& c) {
  const std::u32string marker(python_strip(c.parameters.text("postscript_marker")));
  const std::u32string low = python_lower(c.text);
  // Blanks before it and the rest of its line always match.
  const std::u32string pattern = marker == U"P.P.S"  ? U"p\\.\\s?p\\.\\s?s"
                                 : marker == U"P.S." ? U"p\\.\\s?s\\."
                                                     : U"\\s*" + python_lower(Text(marker)) + U".*$";
  return PythonRegex(pattern, {.ignore_case = false, .multi_line = true}).search(low).has_value();
}

/// Lines that begin with the sign, blanks and empty lines before it aside; a star only where no second one follows.
std::size_t bullets(Text text, char32_t sign, bool star) {
  std::size_t count = 0;
  for (std::size_t line = 0; line <= text.size();) {
    std::size_t at = line;
    while (at < text.size() && is_python_space(text[at])) ++at;
    if (at == text.size()) break;
    std::size_t end = at + 1;
    if (text[at] == sign && (!star || (end < text.size() && text[end] != '*'))) {
      ++count;
      if (star) ++end;  // that second character may be the line's end: then the next line belongs to it
    }
    end = text.find(U'\n', end);
    if (end == Text::npos) break;
    line = end + 1;
  }
  return count;
}

bool number_bullet_lists(const Context& c) {
  return static_cast<double>(bullets(c.text, U'*', true) + bullets(c.text, U'-', false)) ==
         c.parameters.number("num_bullets");
}

bool constrained_response(const Context& c) {
  return contains(c.text, U"My answer is yes.") || contains(c.text, U"My answer is no.") ||
         contains(c.text, U"My answer is maybe.");
}

bool number_highlighted_sections(const Context& c) {
  std::size_t count = 0;
  for (const Text line : split_at(c.text, U"\n")) {
    for (std::size_t open = line.find(U'*'); open != Text::npos;) {
      const std::size_t close = line.find(U'*', open + 1);
      if (close == Text::npos) break;
      count += !is_blank(line.substr(open + 1, close - open - 1));
      open = line.find(U'*', close + 1);
    }
    // Bold text counts here, and above as well.
    for (std::size_t open = line.find(U"**"); open != Text::npos;) {
      const std::size_t close = line.find(U'*', open + 2);
      if (close == Text::npos) break;
      if (!line.substr(close).starts_with(U"**")) {
        open = line.find(U"**", open + 1);
        continue;
      }
      count += !is_blank(line.substr(open + 2, close - open - 2));
      open = line.find(U"**", close + 2);
    }
  }
  return static_cast<double>(count) >= c.parameters.number("num_highlights");
}

bool multiple_sections(const Context& c) {
  const std::u32string splitter(python_strip(c.parameters.text("section_spliter")));
  const std::size_t sections = PythonRegex(U"\\s?" + splitter + U"\\s?\\d+\\s?").count(c.text);
  return static_cast<double>(sections) >= c.parameters.number("num_sections");
}

bool json_format(const Context& c) {
  Text text = python_strip(c.text);
  for (const Text fence : {U"```json", U"```Json", U"```JSON", U"```"})
    if (text.starts_with(fence)) text.remove_prefix(fence.size());
  if (text.ends_with(U"```")) text.remove_suffix(3);
  return is_python_json(python_strip(text));
}

bool title(const Context& c) {
  for (const Text line : split_at(c.text, U"\n")) {
    const std::size_t open = line.find(U"<<"), close = line.rfind(U">>");
    if (open == Text::npos || close == Text::npos || close < open + 3) continue;
    const Text inside = strip_right(strip_left(line.substr(open, close + 2 - open), U'<'), U'>');
    if (!is_blank(inside)) return true;
  }
  return false;
}

// --- combinations, beginning and end ---

bool two_responses(const Context& c) {
  const std::vector<Text> parts = split_at(c.text, U"******");
  std::vector<Text> filled;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!is_blank(parts[i]))
      filled.push_back(python_strip(parts[i]));
    else if (i != 0 && i + 1 != parts.size())
      return false;
  }
  return filled.size() == 2 && filled[0] != filled[1];
}

bool repeat_prompt(const Context& c) {
  const std::u32string prompt = c.parameters.text("prompt_to_repeat");
  return python_lower(python_strip(c.text)).starts_with(python_lower(python_strip(prompt)));
}

bool end_checker(const Context& c) {
  const std::u32string phrase = c.parameters.text("end_phrase");
  const Text text = strip_right(strip_left(python_strip(c.text), U'"'), U'"');
  return python_lower(text).ends_with(python_lower(python_strip(phrase)));
}

bool quotation(const Context& c) {
  const Text text = python_strip(c.text);
  return text.size() > 1 && text.front() == '"' && text.back() == '"';
}

bool no_comma(const Context& c) {
  return !contains(c.text, U",");
}

struct Instruction {
  std::string id;
  bool (*check)(const Context& context);
};

const std::vector<Instruction>& instructions() {
  static const std::vector<Instruction> table = {
      {"change_case:capital_word_frequency", capital_word_frequency},
      {"change_case:english_capital", english_capital},
      {"change_case:english_lowercase", english_lowercase},
      {"combination:repeat_prompt", repeat_prompt},
      {"combination:two_responses", two_responses},
      {"detectable_content:number_placeholders", number_placeholders},
      {"detectable_content:postscript", postscript},
      {"detectable_format:constrained_response", constrained_response},
      {"detectable_format:json_format", json_format},
      {"detectable_format:multiple_sections", multiple_sections},
      {"detectable_format:number_bullet_lists", number_bullet_lists},
      {"detectable_format:number_highlighted_sections", number_highlighted_sections},
      {"detectable_format:title", title},
      {"keywords:existence", keywords_exist},
      {"keywords:forbidden_words", forbidden_words},
      {"keywords:frequency", keyword_frequency},
      {"keywords:letter_frequency", letter_frequency},
      {"language:response_language", response_language},
      {"length_constraints:nth_paragraph_first_word", nth_paragraph_first_word},
      {"length_constraints:number_paragraphs", number_paragraphs},
      {"length_constraints:number_sentences", number_sentences},
      {"length_constraints:number_words", number_words},
      {"punctuation:no_comma", no_comma},
      {"startend:end_checker", end_checker},
      {"startend:quotation", quotation},
  };
  return table;
}

const Instruction& find_instruction(const std::string& id) {
  for (const Instruction& instruction : instructions())
    if (instruction.id == id) return instruction;
  throw bad_input("there is no instruction '{}' in IFEval{}", id, did_you_mean(id, instruction_ids()));
}

}  // namespace

const PunktModel& IfevalModels::punkt() const {
  if (!punkt_) punkt_ = std::make_unique<PunktModel>(folder_ / "punkt/english.py");
  return *punkt_;
}

const LanguageDetector& IfevalModels::languages() const {
  if (!languages_) languages_ = std::make_unique<LanguageDetector>(folder_ / "langdetect");
  return *languages_;
}

bool follows(const std::string& id, const Json& parameters, std::u32string_view text, const IfevalModels& models) {
  try {
    return find_instruction(id).check({text, Parameters(id, parameters), models});
  } catch (const Drawn&) {
    return false;
  } catch (const Error& error) {
    // A keyword that is an expression of too many steps on this text, where the reference would not come back.
    if (error.kind() == ErrorKind::kFailed) return false;
    throw;
  }
}

bool draws_a_parameter(const std::string& id, const Json& parameters) {
  // Any text that is not blank makes a check read its parameters.
  static const IfevalModels none{std::filesystem::path()};
  try {
    find_instruction(id).check({U"x", Parameters(id, parameters), none});
  } catch (const Drawn&) {
    return true;
  } catch (const Error&) {
  }
  return false;
}

const std::vector<std::string>& instruction_ids() {
  static const std::vector<std::string> ids = [] {
    std::vector<std::string> list;
    for (const Instruction& instruction : instructions()) list.push_back(instruction.id);
    return list;
  }();
  return ids;
}

}  // namespace ballot
