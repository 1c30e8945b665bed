// Labels in answers that name no field (formats/answer_lines.h).
#include <algorithm>
#include <cctype>

#include "formats/answer_lines.h"
#include "formats/label_scanner.h"

namespace ballot {
namespace {

using State = FieldValue::State;

std::string lower_text(const PlainText& plain) {
  std::string all;
  for (const PlainText::Line& line : plain.lines) {
    for (const char c : line.text) all += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    all += '\n';
  }
  return all;
}

// "On the 1-5 scale I give 3.": one number behind a word of rating, in the last line.
std::optional<Match> rating_sentence(const PlainText& plain, const LabelField& field) {
  if (plain.lines.empty()) return {};
  std::string line;
  for (const char c : plain.lines.back().text) line += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string low = std::to_string(field.minimum), high = std::to_string(field.maximum);
  for (const std::string& scale :
       {low + "-" + high, low + " to " + high, low + " - " + high, "out of " + high, "/" + high, "/ " + high})
    for (std::size_t at = line.find(scale); at != std::string::npos; at = line.find(scale, at))
      line.replace(at, scale.size(), " ");
  std::size_t verb = std::string::npos;
  for (const std::string_view word : {"give", "gives", "rate", "rated", "score", "scored", "assign", "award",
                                      "deserves", "merits", "earns", "grade", "rating"})
    for (std::size_t at = line.find(word); at != std::string::npos; at = line.find(word, at + 1))
      if ((at == 0 || !is_word(line[at - 1])) && starts_with_words(std::string_view(line).substr(at), word))
        verb = std::min(verb, at);
  if (verb == std::string::npos) return {};
  std::optional<FieldValue> value;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (!std::isdigit(static_cast<unsigned char>(line[at])) ||
        (at > 0 && (is_word(line[at - 1]) || line[at - 1] == '.')))
      continue;
    if (value || at < verb) return {};  // two numbers, or one before the verb
    std::size_t before = at;
    while (before > 0 && (line[before - 1] == ' ' || line[before - 1] == '=')) --before;
    if (before > 0 && (line[before - 1] == '<' || line[before - 1] == '>' || (line[before - 1] & 0x80))) return {};
    value = read_number(std::string_view(line).substr(at), field);
    while (at + 1 < line.size() &&
           (std::isdigit(static_cast<unsigned char>(line[at + 1])) ||
            (line[at + 1] == '.' && at + 2 < line.size() && std::isdigit(static_cast<unsigned char>(line[at + 2])))))
      ++at;
    std::string_view rest = std::string_view(line).substr(at + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" *\"')"), rest.size()));
    const bool ends = rest.empty() || std::string_view(".,;:!(-").find(rest[0]) != std::string_view::npos;
    bool goes_on = false;
    for (const std::string_view word :
         {"because", "for", "as", "since", "stars", "points", "star", "point", "to", "overall"})
      goes_on = goes_on || starts_with_words(rest, word);
    if (!ends && !goes_on) return {};  // "I give 3 reasons"
  }
  if (!value || value->state == State::kNone) return {};
  value->repair = "sentence";
  return Match{plain.lines.size() - 1, plain.lines.back().paragraph, true, *value, "sentence", plain.lines.back().text};
}

// Above a list or an order: what its numbers are, or in which direction it runs.
struct Heading {
  bool scores = false, worst_first = false;
};
Heading heading_above(const PlainText& plain, std::size_t line) {
  if (line == 0) return {};
  std::string text;
  for (const char c : plain.lines[line - 1].text) text += lower(c);
  const auto has = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view w) { return text.find(w) != std::string::npos; });
  };
  return {has({"score", "rating", "rated", "points", "grade", "mark"}) && !has({"rank"}),
          has({"worst to best", "worst first", "from worst", "ascending", "lowest to highest", "least to most",
               "weakest to strongest"})};
}

}  // namespace

std::optional<Match> last_list(const PlainText& plain, std::size_t shown) {
  std::optional<Match> found;
  std::vector<std::pair<int, int>> entries;
  std::size_t first = 0;
  bool by_letter = false;  // "C: 1" in place of "1. C"
  for (std::size_t i = 0; i < plain.lines.size(); ++i) {
    const auto entry = read_list_entry(plain.lines[i].text);
    if (!entry) continue;
    const bool repeats = std::any_of(entries.begin(), entries.end(), [&](const auto& e) {
      return e.first == entry->first || e.second == entry->second;
    });
    if (repeats) entries.clear();
    if (entries.empty()) {
      first = i;
      const std::string& line = plain.lines[i].text;
      const auto begin = std::find_if(line.begin(), line.end(), is_word);
      by_letter = begin != line.end() && !is_digit(*begin);
    }
    entries.push_back(*entry);
    if (entries.size() < shown) continue;
    // "Scores:" over "A: 3" and "Worst to best:" over "1. E" would turn the order round.
    const Heading heading = heading_above(plain, first);
    if ((heading.scores && by_letter) || heading.worst_first) {
      entries.clear();
      continue;
    }
    FieldValue value = ranking_from_ranks(entries, shown);
    entries.clear();
    if (value.state != State::kOk) continue;
    value.repair = plain.lines[i].text.starts_with("|") ? "table" : "list";
    found = Match{i, plain.lines[i].paragraph, true, std::move(value), "list", plain.lines[i].text};
  }
  return found;
}

std::optional<Match> without_name(const Format& format, const LabelField& field, const PlainText& plain,
                                  std::size_t shown, const ParseOptions& options) {
  if (plain.lines.empty()) return {};
  const LabelField* magnitude = format.field(FieldKind::kMagnitude);
  const auto as_match = [&](FieldValue value, const char* rule, const std::string& evidence, bool repaired) {
    if (repaired && value.repair.empty()) value.repair = rule;
    return Match{plain.lines.size() - 1, plain.lines.back().paragraph, true, std::move(value), rule, evidence};
  };
  for (const auto& [text, rule] : {std::pair{&plain.boxed, "boxed"}, {&plain.bracketed, "brackets"}}) {
    if (text->empty() || (field.kind == FieldKind::kMagnitude)) continue;
    FieldValue value = read_field(*text, field, shown, magnitude, options.infer_last);
    if (value.state == State::kNone || !value.whole()) continue;
    // "[[C, A, E, B, D]]" alone is a ranking in brackets, as asked for.
    value.repair = field.kind == FieldKind::kRanking && plain.lines.size() == 1 && std::string(rule) == "brackets"
                       ? value.repair
                       : rule;
    return as_match(value, rule, *text, false);
  }
  const std::string& last = plain.lines.back().text;
  const bool alone = plain.lines.size() == 1;
  if (field.kind == FieldKind::kRanking && heading_above(plain, plain.lines.size() - 1).worst_first) return {};
  // "5 = excellent" under other lines is the end of a scale that is told again.
  if (field.is_number() && !alone && last.find('=') != std::string::npos) return {};
  FieldValue value = read_field(last, field, shown, magnitude, options.infer_last);
  if (value.state != State::kNone && value.whole()) {
    if (field.is_letter()) return as_match(value, "bare_letter", last, true);
    if (field.kind == FieldKind::kRanking) {
      // "A: 3, B: 5, ..." without a word of what it is may be scores.
      if (value.repair == "list" && !is_digit(last.front())) return {};
      return as_match(value, "bare_ranking", last, !alone);
    }
    return as_match(value, "bare_number", last, !alone);
  }
  if (field.kind == FieldKind::kRating) return rating_sentence(plain, field);
  if (field.kind == FieldKind::kRanking) {
    // "So from best to worst it is C > A > E > B > D.": the chain at the end of the last line; commas alone would be a
    // list of names.
    for (const std::string_view early :
         {"stage 1", "stage one", "initial", "first ranking", "first order", "preliminary"})
      if (starts_with_words(last, early)) return {};
    for (std::size_t at = 0; at < last.size() && last.find('>', at) != std::string::npos; ++at) {
      if (!std::isupper(static_cast<unsigned char>(last[at])) || (at > 0 && is_word(last[at - 1]))) continue;
      FieldValue chain = read_ranking(std::string_view(last).substr(at), shown, options.infer_last);
      if (chain.state == State::kOk && chain.whole() && chain.repair.empty())
        return as_match(chain, "sentence", last, true);
    }
  }
  return {};
}

bool is_refusal(const PlainText& plain) {
  const std::string text = lower_text(plain);
  for (const char* phrase : {"i'm sorry, but", "i am sorry, but", "i apologize, but", "i must decline",
                             "i have to decline", "i decline to", "i'd rather not", "i refuse to"})
    if (text.find(phrase) != std::string::npos) return true;
  for (const std::string denial : {"i can't ", "i cannot ", "i can not ", "i won't ", "i will not ", "i'm unable to ",
                                   "i am unable to ", "i'm not able to ", "i am not able to ", "unable to "})
    for (std::size_t at = text.find(denial); at != std::string::npos; at = text.find(denial, at + 1)) {
      const std::string_view verb = std::string_view(text).substr(at + denial.size());
      for (const std::string_view word :
           {"help",   "assist",  "judge",   "evaluate", "compare",  "rate",        "rank",
            "comply", "provide", "fulfill", "continue", "engage",   "participate", "do this",
            "answer", "score",   "give",    "choose",   "complete", "discuss",     "make"})
        if (starts_with_words(verb, word)) return true;
    }
  return false;
}

}  // namespace ballot
