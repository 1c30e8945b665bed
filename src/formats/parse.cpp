#include "formats/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "formats/answer_lines.h"
#include "formats/answer_text.h"
#include "formats/json_answer.h"
#include "formats/label_fields.h"
#include "formats/label_values.h"

namespace ballot {
namespace {

using State = FieldValue::State;

void set_status(Label& label, const std::string& rule, const std::string& repair) {
  label.rule = rule;
  label.status = repair.empty() ? "ok" : "repaired:" + repair;
}

// False where the value contradicts what the label has: the best completion as the worst.
bool put(Label& label, const LabelField& field, std::size_t shown, const FieldValue& value) {
  if (field.kind == FieldKind::kRanking) {
    label.ranking = value.ranking;
    return true;
  }
  // A choice without a letter is the field's word for neither.
  const int word =
      field.is_number() ? value.number.value_or(0) - field.minimum : value.choice.value_or(static_cast<int>(shown));
  return put_word(field, shown, static_cast<std::size_t>(word), label);
}

// The label of the fields' values, or the status that says why there is none. The gravest fault wins.
Label label_of(const Format& format, std::size_t shown, const std::vector<std::optional<Match>>& matches) {
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
    if (state == State::kOk && !put(label, format.fields[f], shown, matches[f]->value)) worst = State::kConflicting;
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
  label.neither = false;
  label.magnitude.reset();
  label.rating.reset();
  label.ranking.clear();
  return label;
}

// "Rating: 1 (1 is best)": the judge says that it used the scale the other way.
bool turns_scale_round(const PlainText& plain, const LabelField& field) {
  const std::string least = std::to_string(field.minimum);
  for (const PlainText::Line& line : plain.lines)
    for (std::size_t at = line.text.find(least); at != std::string::npos; at = line.text.find(least, at + 1)) {
      const auto digit = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
      if ((at > 0 && (digit(line.text[at - 1]) || line.text[at - 1] == '-')) ||
          (at + least.size() < line.text.size() && digit(line.text[at + least.size()])))
        continue;
      std::string_view behind = std::string_view(line.text).substr(at + least.size());
      behind.remove_prefix(std::min(behind.find_first_not_of(' '), behind.size()));
      for (const std::string_view verb : {"is", "=", "being", "means"}) {
        if (!(verb == "=" ? behind.starts_with(verb) : starts_with_words(behind, verb))) continue;
        behind.remove_prefix(verb.size());
        behind.remove_prefix(std::min(behind.find_first_not_of(' '), behind.size()));
        if (starts_with_words(behind, "the")) behind.remove_prefix(std::min<std::size_t>(4, behind.size()));
        if (starts_with_words(behind, "best") || starts_with_words(behind, "highest")) return true;
        break;
      }
    }
  return false;
}

// What stands behind an answer line may take it back without its name: a line that is another answer by itself, or
// "Hmm, actually B.".
bool is_taken_back(const Match& answer, const LabelField& field, const PlainText& plain, std::size_t shown) {
  for (std::size_t i = answer.line + 1; i < plain.lines.size(); ++i) {
    const std::string& line = plain.lines[i].text;
    const FieldValue value = read_field(line, field, shown);
    if (value.state == State::kOk && value.whole() && !(value == answer.value)) return true;
    if (field.kind != FieldKind::kChoice || !answer.value.choice) continue;
    std::string small;
    for (const char c : line) small += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    bool doubt = false;
    for (const std::string_view cue : {"hmm", "wait", "actually", "hold on", "on second thought", "on reflection",
                                       "correction", "scratch that", "sorry", "no,", "no.", "or rather"})
      doubt = doubt || starts_with_words(small, cue);
    for (const std::string_view cue :
         {"change my answer", "change my mind", "change my preference", "change my verdict"})
      doubt = doubt || small.find(cue) != std::string::npos;
    if (doubt && names_another(line, *answer.value.choice, shown)) return true;
  }
  return false;
}

Label read_lines(const Format& format, std::size_t shown, const PlainText& plain, bool cut_off,
                 const ParseOptions& options) {
  std::vector<std::optional<Match>> chosen;
  for (const std::vector<Match>& of_field : find_matches(format, shown, plain, options))
    chosen.push_back(choose(of_field));
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
  if (chosen[0] && chosen[0]->value.state == State::kOk && chosen[0]->rule == "line" &&
      is_taken_back(*chosen[0], first, plain, shown))
    chosen[0]->value.state = State::kConflicting;
  if (first.kind == FieldKind::kRating && chosen[0] && turns_scale_round(plain, first))
    chosen[0]->value.state = State::kConflicting;
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
  return label_of(format, shown, chosen);
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
  Label label = label_of(format, shown, matches);
  // What stands behind the object may take it back; a verdict that is only quoted as JSON is answered by a later line.
  const std::string after = text.substr(json->end);
  const Label behind = read_lines(format, shown, plain_text(after), true, options);
  if (behind.usable() &&
      (behind.choice != label.choice || behind.neither != label.neither || behind.magnitude != label.magnitude ||
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

namespace {

// Letters in their order; equals joined by `equal`.
std::string order_text(const Label& label, const char* between, const char* equal) {
  std::string text;
  for (const std::vector<int>& group : label.ranking) {
    text += text.empty() ? "" : between;
    for (std::size_t i = 0; i < group.size(); ++i) text += (i > 0 ? equal : "") + std::string(1, letter_of(group[i]));
  }
  return text;
}

// How many completions the ballot of a label shows, as far as the label says.
std::size_t shown_of(const Format& format, const Label& label) {
  std::size_t shown = 0;
  for (const std::vector<int>& group : label.ranking) shown += group.size();
  return std::max<std::size_t>(shown > 0 ? shown : format.shown(0), 1);
}

}  // namespace

std::string answer_of(const Format& format, const Label& label) {
  std::string text;
  const std::size_t shown = shown_of(format, label);
  for (const LabelField& field : format.fields) {
    std::string value;
    if (field.kind == FieldKind::kRanking)
      value = order_text(label, " > ", " = ");
    else if (const std::optional<std::size_t> word = word_in(field, shown, label))
      value = field_words(field, shown).at(*word);
    text += (text.empty() ? "" : "\n") + field.name + ": " + value;
  }
  return text;
}

std::string structured_answer_of(const Format& format, const Label& label, const std::string& reason) {
  Json object = Json::object();
  if (!format.reason.empty()) object["reason"] = reason;
  for (const auto& [name, asked] : format.reasons) object[name] = reason;
  const std::size_t shown = shown_of(format, label);
  for (const LabelField& field : format.fields) {
    const std::size_t word = word_in(field, shown, label).value_or(0);
    if (field.kind == FieldKind::kRanking)
      object[field.key()] = order_text(label, ">", ">");
    else if (field.is_number())
      object[field.key()] = field.minimum + static_cast<int>(word);
    else
      object[field.key()] = field_words(field, shown).at(word);
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ballot
