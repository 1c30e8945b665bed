#include "formats/label_values.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/label_scanner.h"

namespace ballot {
namespace {

using State = FieldValue::State;

constexpr std::array<std::string_view, 21> kNouns = {
    "completion", "response", "model",  "assistant",   "answer",    "option",     "candidate",
    "choice",     "output",   "reply",  "ai",          "chatbot",   "text",       "letter",
    "assistants", "version",  "system", "completions", "responses", "candidates", "solution"};
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

// "5 = excellent": a step with its sign of equality.
bool defines_steps(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (!is_digit(text[i]) || (i > 0 && is_word(text[i - 1]))) continue;
    std::size_t end = i;
    while (end < text.size() && is_digit(text[end])) ++end;
    while (end < text.size() && text[end] == ' ') ++end;
    if (end < text.size() && text[end] == '=') return true;
    i = end;
  }
  return false;
}

// What may stand behind a score. "3 sentences are wrong" and "4 of the facts" count something, "2 points deducted" is
// taken off one, and "5 for style, 2 for facts" are two.
bool ends_a_score(std::string_view rest, const LabelField& field) {
  LabelScanner scan(rest);
  const bool adjacent = scan.peek() != ' ';
  scan.skip(" ");
  static constexpr std::array<std::string_view, 4> units = {"points", "point", "stars", "star"};
  if (scan.take_any(units)) {
    scan.skip(" ");
    return !begins_any(scan.rest(), {"deducted", "off", "less", "lost", "were", "taken", "short", "below"});
  }
  if (scan.done() || !std::islower(static_cast<unsigned char>(scan.peek())) || adjacent) return true;
  LabelScanner word = scan;
  if (take_step_word(word, field)) return true;
  if (begins_any(scan.rest(), {"for", "on", "in"})) {
    for (std::size_t i = 0; i < rest.size(); ++i)
      if (is_digit(rest[i]) && (i == 0 || !is_word(rest[i - 1]))) {
        LabelScanner other(rest.substr(i));
        const auto number = other.take_number();
        other.skip(" ");
        if (number && !number->second && begins_any(other.rest(), {"for", "on", "in"})) return false;
      }
    return true;
  }
  return begins_any(scan.rest(), {"out",   "or",          "to",  "and",      "because",  "as",    "since",    "overall",
                                  "but",   "with",        "is",  "was",      "based",    "due",   "given",    "though",
                                  "while", "considering", "at",  "by",       "would",    "seems", "reflects", "from",
                                  "it",    "this",        "the", "although", "magnitude"});
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

bool names_another(std::string_view text, int place, std::size_t shown) {
  std::set<int> letters = letters_in(text, shown);
  letters.erase(place);
  return !letters.empty();
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
  // "I prefer B": no letter I.
  static constexpr std::array<std::string_view, 8> said = {
      "i prefer", "i choose", "i pick", "i would choose", "i would pick", "i would prefer", "i'd choose", "i'd pick"};
  if (scan.take_any(said)) scan.skip(" ");
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
  bool greater = false;
  while (after.take(">")) greater = true;
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

  // "A (for style), B (for facts)": two answers.
  if (LabelScanner aside(rest); aside.skip(" "), aside.peek() == '(') {
    const std::size_t close = aside.rest().find(')');
    LabelScanner next(close == std::string_view::npos ? std::string_view() : aside.rest().substr(close + 1));
    static constexpr std::array<std::string_view, 3> joins = {"and", "or", "but"};
    bool goes_on = next.take(",") || next.take(";") || next.take("/");
    next.skip(" ");
    goes_on = next.take_any(joins) || goes_on;
    next.skip(" ");
    skip_nouns(next);
    const std::optional<int> other = goes_on ? next.take_letter() : std::nullopt;
    next.skip(" ");
    if (other && *other != *letter && (next.done() || next.peek() == '(' || only_punctuation(next.rest()))) {
      value.state = State::kConflicting;
      value.rest = next.rest();
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
  std::set<int> others = letters_in(rest, shown);
  others.erase(*letter);
  // "A -> B", "A? B!": which of them is not said.
  if (!others.empty() && (tail.rest().starts_with("->") || tail.peek() == '?')) {
    value.state = State::kConflicting;
    return value;
  }
  if (!punctuated) {
    // "A is better", "B wins": what may follow a letter. "A great answer" begins with an article.
    const bool verb = begins_any(
        tail.rest(), {"is",     "was",  "are",      "wins",      "has",   "over",    "because", "since",    "as",
                      "for",    "with", "though",   "but",       "by",    "than",    "does",    "provides", "gives",
                      "better", "much", "slightly", "magnitude", "seems", "remains", "beats",   "rather",   "instead"});
    const bool foreign = (static_cast<unsigned char>(tail.peek()) & 0x80) != 0;  // no article stands before it
    LabelScanner negated(tail.rest());
    const bool not_other = negated.take_words("not") && (negated.skip(" "), skip_nouns(negated), negated.take_letter());
    if (!verb && !not_other) {
      if (*letter == 0 && !noun && !foreign) return FieldValue();
      if (!others.empty() || starts_with_words(tail.rest(), "not")) {  // "B loses to A", "B or rather A"
        value.state = State::kConflicting;
        return value;
      }
    }
  }
  // "A is not better", "A is worse": the letter is not the answer.
  static constexpr std::array<std::string_view, 5> verbs = {"is", "was", "are", "does", "seems"};
  LabelScanner denial(tail.rest());
  if (denial.take_any(verbs)) {
    denial.skip(" ");
    if (denial.take("n't") ||
        begins_any(denial.rest(), {"not", "worse", "inferior", "weaker", "much worse", "slightly worse", "no better",
                                   "clearly worse", "less", "rejected", "wrong", "incorrect", "the worse", "the worst",
                                   "the weaker", "beaten", "outperformed", "surpassed"})) {
      value.state = State::kConflicting;
      return value;
    }
  }
  if (begins_any(tail.rest(), {"isn't", "wasn't", "doesn't", "loses", "lost", "fails", "failed", "lacks", "has no"}))
    value.state = State::kConflicting;
  return value;
}

FieldValue read_number(std::string_view text, const LabelField& field) {
  FieldValue value;
  LabelScanner scan(text);
  scan.skip(kOpening);
  // "<4>" is a 4 in brackets, "< 4" is not a 4.
  const std::string_view opening = text.substr(0, text.size() - scan.rest().size());
  const bool less = opening.find('<') != std::string_view::npos && scan.rest().find('>') == std::string_view::npos;
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
    if (digits->second || less) value.state = State::kOutOfRange;  // between two steps
    if (scan.peek() == '+') value.state = State::kOutOfRange;      // "4+" is none of the steps
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
  if (LabelScanner worse = scan; by_word && (worse.skip(" "), worse.take_words("worse"))) {
    value.state = State::kConflicting;  // "slightly worse" under the letter of the better one
    return value;
  }
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
  range.skip(" >");  // "3 -> 4"
  static constexpr std::array<std::string_view, 5> perhaps = {"maybe", "perhaps", "possibly", "or", "even"};
  if (joined && range.take_any(perhaps)) range.skip(" ");
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
  if (field.kind == FieldKind::kRating && !by_word && !ends_a_score(value.rest, field)) return FieldValue();
  LabelScanner named(value.rest);
  named.skip(" -:,(=[\"'");
  LabelScanner words = named;
  const std::optional<int> step = take_step_word(words, field);
  if (step) {
    LabelScanner behind = words;
    behind.skip(" )]\"'");
    const bool closed = behind.done() || !is_word(behind.peek());
    if (defines_steps(behind.rest())) return FieldValue();  // "1 = terrible, 5 = excellent": the scale, not the answer
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
