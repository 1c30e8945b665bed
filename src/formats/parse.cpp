#include "formats/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "formats/answer_text.h"
#include "formats/json_answer.h"
#include "formats/label_values.h"

namespace ballot {
namespace {

using State = FieldValue::State;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || (static_cast<unsigned char>(c) & 0x80) != 0;
}

// A field's name found in a line, with what stands behind it read as its value.
struct Match {
  std::size_t line = 0;
  int paragraph = 0;
  bool strong = false;  ///< the line begins with it (or with another field's answer); else it stands inside a sentence
  FieldValue value;
  std::string rule;
  std::string evidence;
};

// Names in lower case, longest first.
std::vector<std::string> names_of(const LabelField& field) {
  std::vector<std::string> names = field.also;
  std::string own = field.name;
  std::transform(own.begin(), own.end(), own.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  names.push_back(own);
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return names;
}

// What may stand before a field's name at the beginning of a line: list marks and words such as "My final".
bool is_lead(std::string_view text) {
  static constexpr std::string_view words[] = {
      "so",     "therefore",  "thus",     "hence",     "my",       "the",     "your",  "our",       "final", "overall",
      "answer", "conclusion", "result",   "verdict",   "in",       "finally", "and",   "with",      "a",     "of",
      "output", "label",      "judgment", "judgement", "decision", "step",    "stage", "completion"};
  std::size_t i = 0;
  // "3.", "(b)", "-"
  if (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0]))) {
    while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]))) ++i;
    if (i >= text.size() || (text[i] != '.' && text[i] != ')')) return false;
    ++i;
  }
  bool names_something_else = false;
  while (i < text.size()) {
    if (!std::isalpha(static_cast<unsigned char>(text[i]))) {
      if (std::string_view(" -+.,:;()[]|/&\"'").find(text[i]) == std::string_view::npos) return false;
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string_view word = text.substr(i, end - i);
    bool known = false;
    for (const std::string_view candidate : words) known = known || starts_with_words(word, candidate);
    if (!known) return false;
    for (const std::string_view other : {"step", "stage", "completion"})
      names_something_else = names_something_else || starts_with_words(word, other);
    i = end;
  }
  return !names_something_else;
}

class FieldReader {
 public:
  FieldReader(const Format& format, std::size_t shown, const ParseOptions& options)
      : format_(format), shown_(shown), options_(options) {
    for (const LabelField& field : format.fields) names_.push_back(names_of(field));
  }

  // Every match of every field in a line. `next`: the line after, where a name may stand alone above its value; may be
  // null.
  void read(const PlainText& plain, std::size_t index, std::vector<std::vector<Match>>& matches) const {
    const std::string_view line = plain.lines[index].text;
    struct Place {
      std::size_t begin, end, field;
    };
    std::vector<Place> places;
    for (std::size_t at = 0; at < line.size(); ++at) {
      if (at > 0 && is_word(line[at - 1])) continue;
      for (std::size_t f = 0; f < names_.size(); ++f) {
        const auto name = std::find_if(names_[f].begin(), names_[f].end(),
                                       [&](const std::string& n) { return starts_with_words(line.substr(at), n); });
        if (name == names_[f].end()) continue;
        places.push_back({at, at + name->size(), f});
        at += name->size() - 1;
        break;
      }
    }
    std::size_t answered = 0;  // the end of the last answer on this line that began it
    bool strong_line = true;
    for (std::size_t p = 0; p < places.size(); ++p) {
      const Place& place = places[p];
      // A value ends where the next field is named.
      std::size_t end = line.size();
      for (std::size_t q = p + 1; q < places.size(); ++q)
        if (places[q].field != place.field) {
          end = places[q].begin;
          break;
        }
      const bool strong = strong_line && is_lead(line.substr(answered, place.begin - answered));
      Match match;
      match.line = index;
      match.paragraph = plain.lines[index].paragraph;
      match.strong = strong;
      std::string_view behind = line.substr(place.end, end - place.end);
      if (read_value(plain, index, place.field, strong, behind, match)) {
        if (strong && match.value.rest.data() >= line.data() && match.value.rest.data() <= line.data() + line.size())
          answered = static_cast<std::size_t>(match.value.rest.data() - line.data());
        else
          strong_line = false;
        if (!strong && quoted(line, place.begin)) continue;
        match.evidence = std::string(line.substr(place.begin, end - place.begin));
        matches[place.field].push_back(std::move(match));
      }
    }
  }

 private:
  // Inside quotation marks: the judge repeats what somebody else said.
  static bool quoted(std::string_view line, std::size_t at) {
    return std::count(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(at), '"') % 2 == 1 ||
           (at > 0 && line[at - 1] == '\'');
  }

  bool read_value(const PlainText& plain, std::size_t index, std::size_t f, bool strong, std::string_view behind,
                  Match& match) const {
    const LabelField& field = format_.fields[f];
    const auto skip_blanks = [&] { behind.remove_prefix(std::min(behind.find_first_not_of(" \"'"), behind.size())); };
    skip_blanks();
    bool worst_first = false;
    if (behind.starts_with("(")) {  // "Score (1-5):", "Ranking (best to worst):": said about the scale, not the answer
      const std::size_t close = behind.find(')');
      if (close == std::string_view::npos || close > 60) return false;
      std::string inside(behind.substr(0, close));
      std::transform(inside.begin(), inside.end(), inside.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      worst_first =
          inside.find("worst to best") != std::string::npos || inside.find("worst first") != std::string::npos;
      std::string_view next = behind.substr(close + 1);
      next.remove_prefix(std::min(next.find_first_not_of(' '), next.size()));
      if (!next.starts_with(":") && !next.starts_with("=") && !next.starts_with("-") && !next.starts_with("is"))
        return false;
      behind = next;
    }
    bool separated = false;
    if (behind.starts_with(":") || behind.starts_with("=")) {
      while (behind.starts_with(":") || behind.starts_with("=")) behind.remove_prefix(1);
      separated = true;
    } else if (strong) {
      if (behind.starts_with("->") || behind.starts_with("-")) {
        behind.remove_prefix(behind.starts_with("->") ? 2 : 1);
        separated = true;
      } else if (starts_with_words(behind, "is") || starts_with_words(behind, "would be")) {
        behind.remove_prefix(starts_with_words(behind, "is") ? 2 : 8);
        if (behind.starts_with(" :") || behind.starts_with(":")) behind.remove_prefix(behind.find(':') + 1);
        separated = true;
      }
    } else {
      return false;  // inside a sentence a name counts only with its colon
    }
    const LabelField* magnitude = format_.field(FieldKind::kMagnitude);
    match.value = read_field(behind, field, shown_, magnitude, options_.infer_last);
    match.rule = "line";
    if (match.value.state == State::kNone && strong && separated &&
        behind.find_first_not_of(" .") == std::string_view::npos && index + 1 < plain.lines.size()) {
      // The name alone, its value on the next line.
      match.value = read_field(plain.lines[index + 1].text, field, shown_, magnitude, options_.infer_last);
      if (!match.value.whole()) match.value = FieldValue();
      if (match.value.repair.empty()) match.value.repair = "next_line";
    }
    if (!separated && !(strong && match.value.whole())) match.value = FieldValue();
    if (!separated && match.value.repair.empty()) match.value.repair = "no_separator";
    if (!strong && match.value.repair.empty()) match.value.repair = "inline";
    if (worst_first && field.kind == FieldKind::kRanking && match.value.state == State::kOk) {
      // "worst to best: D, B, A" is turned round; with '>' it contradicts itself.
      if (behind.find('>') != std::string_view::npos || behind.find('<') != std::string_view::npos) {
        match.value.state = State::kConflicting;
      } else {
        std::reverse(match.value.ranking.begin(), match.value.ranking.end());
        match.value.repair = "reversed";
      }
    }
    return match.value.state != State::kNone;
  }

  const Format& format_;
  const std::size_t shown_;
  const ParseOptions options_;
  std::vector<std::vector<std::string>> names_;
};

// The last match that begins a line, else the last one inside a sentence; kConflicting where its paragraph holds
// another answer.
std::optional<Match> choose(const std::vector<Match>& matches) {
  const Match* last = nullptr;
  for (const Match& match : matches)
    if (match.strong || !last || !last->strong) last = &match;
  if (!last) return {};
  Match chosen = *last;
  for (const Match& other : matches) {
    const bool counts = other.paragraph == chosen.paragraph && (other.strong || !chosen.strong || &other > last);
    const bool later = &other > last;  // an afterthought inside a sentence, in any paragraph
    if ((counts || later) && !(other.value == chosen.value)) chosen.value.state = State::kConflicting;
  }
  return chosen;
}

// Rankings written as lists, tables or "C: 1" lines: the last complete one.
std::optional<Match> last_list(const PlainText& plain, std::size_t shown) {
  std::optional<Match> found;
  std::vector<std::pair<int, int>> entries;
  for (std::size_t i = 0; i < plain.lines.size(); ++i) {
    const auto entry = read_list_entry(plain.lines[i].text);
    if (!entry) continue;
    const bool repeats = std::any_of(entries.begin(), entries.end(), [&](const auto& e) {
      return e.first == entry->first || e.second == entry->second;
    });
    if (repeats) entries.clear();
    entries.push_back(*entry);
    if (entries.size() < shown) continue;
    FieldValue value = ranking_from_ranks(entries, shown);
    entries.clear();
    if (value.state != State::kOk) continue;
    value.repair = plain.lines[i].text.starts_with("|") ? "table" : "list";
    found = Match{i, plain.lines[i].paragraph, true, std::move(value), "list", plain.lines[i].text};
  }
  return found;
}

std::string lower_text(const PlainText& plain) {
  std::string all;
  for (const PlainText::Line& line : plain.lines) {
    for (const char c : line.text) all += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    all += '\n';
  }
  return all;
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

// No line carries the field's name: what else is unmistakable. Never tried on an answer that was cut off.
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
  FieldValue value = read_field(last, field, shown, magnitude, options.infer_last);
  if (value.state != State::kNone && value.whole()) {
    if (field.kind == FieldKind::kChoice) return as_match(value, "bare_letter", last, true);
    if (field.kind == FieldKind::kRanking) return as_match(value, "bare_ranking", last, !alone);
    return as_match(value, "bare_number", last, !alone);
  }
  if (field.kind == FieldKind::kRating) return rating_sentence(plain, field);
  return {};
}

void set_status(Label& label, const std::string& rule, const std::string& repair) {
  label.rule = rule;
  label.status = repair.empty() ? "ok" : "repaired:" + repair;
}

void put(Label& label, const LabelField& field, const FieldValue& value) {
  switch (field.kind) {
    case FieldKind::kChoice:
      label.choice = value.choice;
      break;
    case FieldKind::kMagnitude:
      label.magnitude = value.number;
      break;
    case FieldKind::kRating:
      label.rating = value.number;
      break;
    case FieldKind::kRanking:
      label.ranking = value.ranking;
      break;
  }
}

// The label of the fields' values, or the status that says why there is none. The gravest fault wins.
Label label_of(const Format& format, const std::vector<std::optional<Match>>& matches) {
  Label label;
  std::string repair, rule;
  State worst = State::kOk;
  const auto gravity = [](State s) {
    switch (s) {
      case State::kOk:
        return 0;
      case State::kTie:
        return 1;
      case State::kIncomplete:
        return 2;
      case State::kNone:
        return 3;
      case State::kOutOfRange:
        return 4;
      case State::kConflicting:
        return 5;
    }
    return 3;
  };
  for (std::size_t f = 0; f < format.fields.size(); ++f) {
    const State state = matches[f] ? matches[f]->value.state : State::kNone;
    if (gravity(state) > gravity(worst)) worst = state;
    if (!matches[f]) continue;
    label.evidence += (label.evidence.empty() ? "" : "; ") + matches[f]->evidence;
    if (rule.empty() || matches[f]->rule != "line") rule = matches[f]->rule;
    if (repair.empty()) repair = matches[f]->value.repair;
    if (state == State::kOk) put(label, format.fields[f], matches[f]->value);
  }
  // "Preference: Tie" without a magnitude is a tie, too.
  if (matches[0] && matches[0]->value.state == State::kTie && worst == State::kNone) worst = State::kTie;
  switch (worst) {
    case State::kOk:
      set_status(label, rule, repair);
      return label;
    case State::kTie:
      label.status = "tie_without_preference";
      break;
    case State::kOutOfRange:
      label.status = "out_of_range";
      break;
    case State::kConflicting:
      label.status = "conflicting";
      break;
    default:
      label.status = "unparsable";
  }
  label.rule = rule;
  label.choice.reset();
  label.magnitude.reset();
  label.rating.reset();
  label.ranking.clear();
  return label;
}

Label read_lines(const Format& format, std::size_t shown, const PlainText& plain, bool cut_off,
                 const ParseOptions& options) {
  std::vector<std::vector<Match>> matches(format.fields.size());
  const FieldReader reader(format, shown, options);
  for (std::size_t i = 0; i < plain.lines.size(); ++i) reader.read(plain, i, matches);
  std::vector<std::optional<Match>> chosen;
  for (const std::vector<Match>& of_field : matches) chosen.push_back(choose(of_field));
  const LabelField& first = format.fields[0];
  if (!cut_off) {
    if (first.kind == FieldKind::kRanking) {
      const std::optional<Match> list = last_list(plain, shown);
      if (list && (!chosen[0] || list->line > chosen[0]->line)) {
        const bool same_paragraph = chosen[0] && list->paragraph == chosen[0]->paragraph &&
                                    !(list->value == chosen[0]->value) && chosen[0]->value.state == State::kOk;
        // A list right under its own answer line tells the reasons of that order.
        const bool agrees = chosen[0] && list->value == chosen[0]->value;
        if (!agrees) chosen[0] = list;
        if (same_paragraph) chosen[0]->value.state = State::kConflicting;
      }
    }
    if (!chosen[0]) chosen[0] = without_name(format, first, plain, shown, options);
  }
  for (std::size_t f = 1; f < format.fields.size(); ++f) {
    // "Preference: A (2)": the magnitude in brackets behind the letter.
    if (chosen[f] || format.fields[f].kind != FieldKind::kMagnitude || !chosen[0] || !chosen[0]->value.magnitude)
      continue;
    Match match = *chosen[0];
    match.value.number = match.value.magnitude;
    chosen[f] = std::move(match);
  }
  // A bracket that the magnitude's own line makes superfluous repairs nothing, but must agree with it.
  if (chosen[0] && chosen[0]->value.magnitude && chosen.size() > 1 && chosen[1] && chosen[1]->rule == "line" &&
      chosen[1]->line != chosen[0]->line) {
    if (chosen[1]->value.number != chosen[0]->value.magnitude && chosen[1]->value.state == State::kOk)
      chosen[1]->value.state = State::kConflicting;
    chosen[0]->value.repair.clear();
  }
  return label_of(format, chosen);
}

Label failed_as(std::string status) {
  Label label;
  label.status = std::move(status);
  return label;
}

// A JSON object that holds the fields, and what the text around it says.
Label read_text(const Format& format, std::size_t shown, const std::string& text, bool cut_off,
                const ParseOptions& options) {
  const std::optional<JsonAnswer> json = find_json_answer(format, shown, text, options.infer_last);
  if (!json) {
    const PlainText plain = plain_text(text);
    Label label = read_lines(format, shown, plain, cut_off, options);
    if (label.status == "unparsable" && cut_off) label.status = "truncated";
    if (label.status == "unparsable" && is_refusal(plain)) label.status = "refused";
    return label;
  }
  std::vector<std::optional<Match>> matches;
  for (const FieldValue& value : json->values) matches.push_back(Match{0, 0, true, value, "json", json->text});
  Label label = label_of(format, matches);
  // What stands behind the object may take it back; a verdict that is only quoted as JSON is answered by a later line.
  const std::string after = text.substr(json->end);
  const Label behind = read_lines(format, shown, plain_text(after), true, options);
  if (behind.usable() && (behind.choice != label.choice || behind.magnitude != label.magnitude ||
                          behind.rating != label.rating || behind.ranking != label.ranking)) {
    const std::size_t line_end = after.find_first_not_of(" \t\r`}");
    const std::size_t blank = after.find("\n\n");
    const bool apart = !label.usable() || blank != std::string::npos || line_end == std::string::npos;
    return apart ? behind : failed_as("conflicting");
  }
  return label;
}

}  // namespace

Label parse_answer(const Format& format, std::size_t shown, const JudgeText& said, const ParseOptions& options) {
  constexpr std::size_t kReasoningTail = 2000;
  const auto blank = [](std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; };
  const bool cut_off = said.finish_reason == "length" || said.finish_reason == "max_tokens";
  static constexpr std::string_view ended[] = {"stop",      "tool_calls", "function_call", "eos",
                                               "eos_token", "end_turn",   "stop_sequence", ""};
  if (said.finish_reason == "content_filter" || said.finish_reason == "refusal") return failed_as("refused");
  if (!cut_off && std::find(std::begin(ended), std::end(ended), said.finish_reason) == std::end(ended))
    return failed_as("transport");

  const bool misrouted = blank(said.content);
  if (misrouted && blank(said.reasoning)) return failed_as(cut_off ? "truncated" : "unparsable");
  if (misrouted && cut_off) return failed_as("truncated");
  const AnswerPart part = cut_thinking(misrouted ? tail_of(said.reasoning, kReasoningTail) : said.content);
  if (part.unfinished_thinking) return failed_as("truncated");
  Label label = read_text(format, shown, part.text, cut_off, options);
  if (misrouted && label.usable()) label.status = "repaired:from_reasoning";
  return label;
}

std::string answer_of(const Format& format, const Label& label) {
  std::string text;
  for (const LabelField& field : format.fields) {
    std::string value;
    switch (field.kind) {
      case FieldKind::kChoice:
        value = label.choice ? std::string(1, letter_of(*label.choice)) : "";
        break;
      case FieldKind::kMagnitude:
        value = label.magnitude ? std::to_string(*label.magnitude) : "";
        break;
      case FieldKind::kRating:
        value = label.rating ? std::to_string(*label.rating) : "";
        break;
      case FieldKind::kRanking:
        for (const std::vector<int>& group : label.ranking) {
          value += value.empty() ? "" : " > ";
          for (std::size_t i = 0; i < group.size(); ++i)
            value += (i > 0 ? " = " : "") + std::string(1, letter_of(group[i]));
        }
    }
    text += (text.empty() ? "" : "\n") + field.name + ": " + value;
  }
  return text;
}

std::string structured_answer_of(const Format& format, const Label& label, const std::string& reason) {
  Json object = Json::object();
  if (!format.reason.empty()) object["reason"] = reason;
  for (const LabelField& field : format.fields) {
    switch (field.kind) {
      case FieldKind::kChoice:
        object[field.key()] = std::string(1, letter_of(label.choice.value_or(0)));
        break;
      case FieldKind::kMagnitude:
        object[field.key()] = label.magnitude.value_or(0);
        break;
      case FieldKind::kRating:
        object[field.key()] = label.rating.value_or(0);
        break;
      case FieldKind::kRanking: {
        std::string order;
        for (const std::vector<int>& group : label.ranking)
          for (const int place : group) order += (order.empty() ? "" : ">") + std::string(1, letter_of(place));
        object[field.key()] = order;
      }
    }
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ballot
