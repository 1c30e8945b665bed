#include "formats/answer_lines.h"

#include <algorithm>
#include <cctype>

#include "formats/label_scanner.h"

namespace ballot {
namespace {

using State = FieldValue::State;

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
      if (behind.starts_with("|")) {  // a row of a table
        behind.remove_prefix(1);
        separated = true;
      } else if (behind.starts_with("->") || behind.starts_with("-")) {
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

}  // namespace

std::vector<std::vector<Match>> find_matches(const Format& format, std::size_t shown, const PlainText& plain,
                                             const ParseOptions& options) {
  std::vector<std::vector<Match>> matches(format.fields.size());
  const FieldReader reader(format, shown, options);
  for (std::size_t i = 0; i < plain.lines.size(); ++i) reader.read(plain, i, matches);
  return matches;
}

std::optional<Match> choose(const std::vector<Match>& matches) {
  const Match* last = nullptr;
  for (const Match& match : matches)
    if (match.strong || !last || !last->strong) last = &match;
  if (!last) return {};
  Match chosen = *last;
  for (const Match& other : matches) {
    // Of answers inside sentences alone ("Harmlessness rating: 2") none is the last word.
    const bool counts = !chosen.strong || (other.paragraph == chosen.paragraph && (other.strong || &other > last));
    const bool later = &other > last;  // an afterthought inside a sentence, in any paragraph
    if ((counts || later) && !(other.value == chosen.value)) chosen.value.state = State::kConflicting;
  }
  return chosen;
}

}  // namespace ballot
