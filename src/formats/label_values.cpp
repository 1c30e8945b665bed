#include "formats/label_values.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/label_scanner.h"

namespace ballot {
namespace {

using State = FieldValue::State;

constexpr std::array<std::string_view, 18> kNouns = {
    "completion", "response", "model",   "assistant", "answer", "option",     "candidate", "choice", "output",
    "reply",      "ai",       "chatbot", "text",      "letter", "assistants", "version",   "system", "solution"};
constexpr std::array<std::string_view, 7> kLeadWords = {"the", "for", "is", "to", "with", "clearly", "definitely"};

// Letters that are words of their own anywhere in a text. Without nouns before it "A" may be an article, so it counts
// here only where no small word follows.
std::set<int> letters_in(std::string_view text, std::size_t shown) {
  std::set<int> letters;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && (is_word(text[i - 1]) || text[i - 1] == '\'')) continue;
    LabelScanner scan(text.substr(i));
    const std::optional<int> letter = scan.take_letter();
    if (!letter || *letter >= static_cast<int>(shown)) continue;
    letters.insert(*letter);
  }
  return letters;
}

bool begins_any(std::string_view text, std::initializer_list<std::string_view> phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view phrase) { return starts_with_words(text, phrase); });
}

const std::map<std::string_view, int>& number_words() {
  static const std::map<std::string_view, int> words = {{"zero", 0},  {"one", 1},  {"two", 2}, {"three", 3},
                                                        {"four", 4},  {"five", 5}, {"six", 6}, {"seven", 7},
                                                        {"eight", 8}, {"nine", 9}, {"ten", 10}};
  return words;
}

// A step of the scale by its name, longest name first.
std::optional<int> take_step_word(LabelScanner& scan, const LabelField& field) {
  std::vector<std::pair<std::string_view, int>> names;
  for (const auto& [value, words] : field.words)
    for (const std::string& word : words) names.emplace_back(word, value);
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const auto& [name, value] : names)
    if (scan.take_words(name)) return value;
  return {};
}

// Takes "/5", "out of 5": false where another denominator stands there.
bool take_denominator(LabelScanner& scan, const LabelField& field) {
  LabelScanner ahead = scan;
  ahead.skip(" ");
  bool said = ahead.take("/");
  if (!said) said = ahead.take_words("out of") || ahead.take_words("of");
  if (!said) return true;
  ahead.skip(" ");
  const auto number = ahead.take_number();
  if (!number) return true;
  scan = ahead;
  return number->first == field.maximum && !number->second;
}

}  // namespace

// "the response", "Completion-": words that may stand before a letter. Returns whether a noun was among them.
bool skip_nouns(LabelScanner& scan) {
  bool noun = false;
  for (int words = 0; words < 5; ++words) {
    scan.skip(" \"'([{");
    LabelScanner ahead = scan;
    if (ahead.take_any(kNouns)) {
      noun = true;
      ahead.skip("-_:#");
    } else if (!ahead.take_any(kLeadWords)) {
      break;
    }
    scan = ahead;
  }
  scan.skip(kOpening);
  return noun;
}

bool only_punctuation(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return !is_word(c) && c != '<' && c != '>' && c != '='; });
}

bool starts_with_words(std::string_view text, std::string_view phrase) {
  if (text.size() < phrase.size()) return false;
  for (std::size_t i = 0; i < phrase.size(); ++i)
    if (lower(text[i]) != lower(phrase[i])) return false;
  return text.size() == phrase.size() || !is_word(text[phrase.size()]);
}

bool FieldValue::whole() const {
  return only_punctuation(rest);
}

FieldValue read_choice(std::string_view text, std::size_t shown, const LabelField* magnitude,
                       const std::vector<std::string>& ties) {
  FieldValue value;
  LabelScanner scan(text);
  scan.skip(kOpening);
  {
    LabelScanner tie = scan;
    static constexpr std::array<std::string_view, 6> lead = {"it's", "it is", "a", "an", "the", "about"};
    for (int n = 0; n < 2 && tie.take_any(lead); ++n) tie.skip(" ");
    for (const std::string& word : ties)
      if (LabelScanner own = tie; own.take_words(word)) {
        own.skip(kClosing);
        value.rest = own.rest();
        value.state = letters_in(value.rest, shown).size() == 1 ? State::kConflicting : State::kOk;
        return value;
      }
    static constexpr std::array<std::string_view, 22> words = {"neither",
                                                               "tie",
                                                               "tied",
                                                               "neutral",
                                                               "equally",
                                                               "equal",
                                                               "both",
                                                               "none",
                                                               "draw",
                                                               "same",
                                                               "no preference",
                                                               "no difference",
                                                               "no clear preference",
                                                               "no clear winner",
                                                               "undecided",
                                                               "indifferent",
                                                               "even",
                                                               "n/a",
                                                               "cannot decide",
                                                               "can't decide",
                                                               "cannot be determined",
                                                               "not applicable"};
    if (tie.take_any(words)) {
      value.rest = tie.rest();
      value.state = letters_in(value.rest, shown).size() == 1 ? State::kConflicting : State::kTie;
      if (value.state == State::kTie && !ties.empty()) {  // in other words than the format's own
        value.state = State::kOk;
        value.repair = "word";
      }
      return value;
    }
  }
  const bool noun = skip_nouns(scan);
  const std::optional<int> letter = scan.take_letter();
  if (!letter) return value;
  scan.skip(kClosing);
  if (text.substr(0, text.size() - scan.rest().size()).find('<') != std::string_view::npos) scan.skip(">");  // "<A>"
  std::string_view rest = scan.rest();
  value.choice = letter;
  value.state = *letter < static_cast<int>(shown) ? State::kOk : State::kOutOfRange;

  // "A or B", "A/B", "A, B", "A = B": two answers. "A > B" says which is better; "B, A is weaker" explains itself.
  LabelScanner after(rest);
  after.skip(" ");
  const bool greater = after.take(">");
  const bool comma = !greater && after.take(",");
  bool joined = greater || comma;
  if (!joined) {
    static constexpr std::array<std::string_view, 6> words = {"or", "and", "vs", "versus", "nor", "to"};
    for (const std::string_view sign : {"/", "&", "|", "=", "<"}) joined = joined || after.take(sign);
    if (!joined) joined = after.take_any(words);
  }
  after.skip(" .");
  skip_nouns(after);
  const std::optional<int> second = joined ? after.take_letter() : std::nullopt;
  if (second && *second != *letter) {
    const std::string_view behind = after.rest();
    const bool explains =
        comma && behind.size() > 1 && behind[0] == ' ' && std::islower(static_cast<unsigned char>(behind[1]));
    if (greater && value.state == State::kOk) {
      value.repair = "comparison";
      value.rest = {};
      return value;
    }
    if (!explains) {
      value.state = State::kConflicting;
      value.rest = behind;
      return value;
    }
  }

  // "A (2)", "B (slightly better)".
  LabelScanner bracket(rest);
  bracket.skip(" ");
  if (magnitude && value.state == State::kOk &&
      (bracket.take("(") || bracket.take("[") || bracket.take("- ") || bracket.take(", "))) {
    const FieldValue strength = read_number(bracket.rest(), *magnitude);
    if (strength.state == State::kOk) {
      value.magnitude = strength.number;
      value.repair = strength.repair.empty() ? "bracket" : strength.repair;
      LabelScanner closing(strength.rest);
      closing.skip(" )].");
      value.rest = closing.rest();
      return value;
    }
  }

  value.rest = rest;
  if (only_punctuation(rest)) return value;
  LabelScanner tail(rest);
  tail.skip(" ");
  const bool punctuated = !tail.done() && std::string_view(".;:!(-,").find(tail.peek()) != std::string_view::npos;
  if (!punctuated) {
    // "A is better", "B wins": what may follow a letter. "A great answer" begins with an article.
    const bool verb = begins_any(
        tail.rest(), {"is",     "was",  "are",      "wins",      "has",   "over",    "because", "since",    "as",
                      "for",    "with", "though",   "but",       "by",    "than",    "does",    "provides", "gives",
                      "better", "much", "slightly", "magnitude", "seems", "remains", "beats"});
    if (!verb && *letter == 0 && !noun) return FieldValue();
  }
  // "A is not better", "A is worse": the letter is not the answer.
  static constexpr std::array<std::string_view, 5> verbs = {"is", "was", "are", "does", "seems"};
  LabelScanner denial(tail.rest());
  if (denial.take_any(verbs)) {
    denial.skip(" ");
    if (denial.take("n't") || begins_any(denial.rest(), {"not", "worse", "inferior", "weaker", "much worse",
                                                         "slightly worse", "no better", "clearly worse"})) {
      value.state = State::kConflicting;
      return value;
    }
  }
  if (tail.rest().starts_with("isn't") || tail.rest().starts_with("wasn't")) value.state = State::kConflicting;
  return value;
}

FieldValue read_number(std::string_view text, const LabelField& field) {
  FieldValue value;
  LabelScanner scan(text);
  scan.skip(kOpening);
  // A step's own name first: "A is better" does not begin with an article.
  std::optional<int> number = take_step_word(scan, field);
  bool by_word = number.has_value();
  for (int n = 0; n < 2 && !number; ++n) {
    LabelScanner ahead = scan;
    static constexpr std::array<std::string_view, 4> lead = {"a", "an", "level", "is"};
    if (!ahead.take_any(lead)) break;
    ahead.skip(" ");
    scan = ahead;
  }
  if (by_word) {
    // told by its name
  } else if (const auto digits = scan.take_number()) {
    number = digits->first;
    if (digits->second) value.state = State::kOutOfRange;  // between two steps
    scan.skip(kClosing);
    if (!take_denominator(scan, field)) value.state = State::kOutOfRange;
  } else if (const std::optional<int> step = take_step_word(scan, field)) {
    number = step;
    by_word = true;
  } else {
    for (const auto& [word, n] : number_words())
      if (scan.take_words(word)) {
        number = n;
        by_word = true;
        take_denominator(scan, field);
        break;
      }
  }
  if (!number) return value;
  value.number = number;
  value.rest = scan.rest();
  if (by_word) value.repair = "word";
  if (value.state == State::kOutOfRange) return value;
  value.state = *number >= field.minimum && *number <= field.maximum ? State::kOk : State::kOutOfRange;

  // "3-4", "3 or 4", "good to excellent": two answers. "4 (Poor)": name and number disagree.
  LabelScanner range(value.rest);
  range.skip(" ");
  static constexpr std::array<std::string_view, 4> joins = {"or", "and", "to", "-"};
  const bool slash = range.take("/") || range.take("-") || range.take("~") || range.take("&") ||
                     (range.rest().starts_with(",") && range.take(","));
  const bool joined = slash || range.take_any(joins);
  range.skip(" ");
  if (joined) {
    LabelScanner other = range;
    if (const auto upper = other.take_number(); upper && upper->first != *number) {
      // "Rating: 4 - 2 errors" reads the same as a range; asking again is cheaper than a wrong label.
      value.state = State::kConflicting;
      value.rest = other.rest();
      return value;
    }
    if (const auto upper = take_step_word(other, field); upper && *upper != *number) {
      value.state = State::kConflicting;
      value.rest = other.rest();
      return value;
    }
  }
  LabelScanner named(value.rest);
  named.skip(" -:,(=[\"'");
  LabelScanner words = named;
  const std::optional<int> step = take_step_word(words, field);
  if (step) {
    LabelScanner behind = words;
    behind.skip(" )]\"'");
    const bool closed = behind.done() || !is_word(behind.peek());
    if (closed && *step != *number) {
      value.state = State::kConflicting;
      value.rest = words.rest();
      return value;
    }
    if (closed) value.rest = behind.rest();
  } else if (by_word) {
    LabelScanner behind = named;
    if (const auto digits = behind.take_number();
        digits && value.rest.find('(') != std::string_view::npos && digits->first != *number) {
      value.state = State::kConflicting;
      return value;
    }
  }
  return value;
}

FieldValue read_field(std::string_view text, const LabelField& field, std::size_t shown, const LabelField* magnitude,
                      bool infer_last) {
  switch (field.kind) {
    case FieldKind::kChoice:
      return read_choice(text, shown, magnitude, field.ties);
    case FieldKind::kBest:
    case FieldKind::kWorst:
      return read_choice(text, shown);
    case FieldKind::kRanking:
      return read_ranking(text, shown, infer_last);
    default:
      return read_number(text, field);
  }
}

}  // namespace ballot
