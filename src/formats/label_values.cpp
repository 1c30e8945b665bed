#include "formats/label_values.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <set>

namespace ballot {
namespace {

using State = FieldValue::State;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Takes things off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  std::string_view rest() const { return text_.substr(at_); }
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  void move(std::size_t n) { at_ += n; }

  void skip(std::string_view characters) {
    while (!done() && characters.find(peek()) != std::string_view::npos) ++at_;
  }
  bool take(std::string_view exact) {
    if (!rest().starts_with(exact)) return false;
    at_ += exact.size();
    return true;
  }
  bool take_words(std::string_view phrase) {
    if (!starts_with_words(rest(), phrase)) return false;
    at_ += phrase.size();
    return true;
  }
  template <std::size_t N>
  bool take_any(const std::array<std::string_view, N>& phrases) {
    for (const std::string_view phrase : phrases)
      if (take_words(phrase)) return true;
    return false;
  }
  /// A capital letter that is a word of its own: no letter, digit or apostrophe follows.
  std::optional<int> take_letter() {
    if (done() || !std::isupper(static_cast<unsigned char>(peek()))) return {};
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : ' ';
    if (is_word(next) || next == '_') return {};
    if (next == '\'' && at_ + 2 < text_.size() && is_word(text_[at_ + 2])) return {};
    return text_[at_++] - 'A';
  }
  /// Digits, with a point and more of them where there is one: {value, has a fraction other than 0}.
  std::optional<std::pair<int, bool>> take_number() {
    std::size_t end = at_;
    const bool negative = end < text_.size() && text_[end] == '-' && end + 1 < text_.size() && is_digit(text_[end + 1]);
    if (negative || (end < text_.size() && text_[end] == '+')) ++end;
    const std::size_t digits = end;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (end == digits || end - digits > 6) return {};
    int value = 0;
    std::from_chars(text_.data() + digits, text_.data() + end, value);
    bool fraction = false;
    if (end + 1 < text_.size() && (text_[end] == '.' || text_[end] == ',') && is_digit(text_[end + 1])) {
      for (++end; end < text_.size() && is_digit(text_[end]); ++end) fraction = fraction || text_[end] != '0';
    }
    if (end < text_.size() && is_word(text_[end])) return {};  // "4th"
    at_ = end;
    return std::pair{negative ? -value : value, fraction};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

constexpr std::string_view kOpening = " \"'([{<";
constexpr std::string_view kClosing = "\"')]}";

constexpr std::array<std::string_view, 18> kNouns = {
    "completion", "response", "model",   "assistant", "answer", "option",     "candidate", "choice", "output",
    "reply",      "ai",       "chatbot", "text",      "letter", "assistants", "version",   "system", "solution"};
constexpr std::array<std::string_view, 7> kLeadWords = {"the", "for", "is", "to", "with", "clearly", "definitely"};

// "the response", "Completion-": words that may stand before a letter. Returns whether a noun was among them.
bool skip_nouns(Scanner& scan) {
  bool noun = false;
  for (int words = 0; words < 5; ++words) {
    scan.skip(" \"'([{");
    Scanner ahead = scan;
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

// Letters that are words of their own anywhere in a text. Without nouns before it "A" may be an article, so it counts
// here only where no small word follows.
std::set<int> letters_in(std::string_view text, std::size_t shown) {
  std::set<int> letters;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && (is_word(text[i - 1]) || text[i - 1] == '\'')) continue;
    Scanner scan(text.substr(i));
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

bool only_punctuation(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return !is_word(c) && c != '<' && c != '>' && c != '='; });
}

const std::map<std::string_view, int>& number_words() {
  static const std::map<std::string_view, int> words = {{"zero", 0},  {"one", 1},  {"two", 2}, {"three", 3},
                                                        {"four", 4},  {"five", 5}, {"six", 6}, {"seven", 7},
                                                        {"eight", 8}, {"nine", 9}, {"ten", 10}};
  return words;
}

// A step of the scale by its name, longest name first.
std::optional<int> take_step_word(Scanner& scan, const LabelField& field) {
  std::vector<std::pair<std::string_view, int>> names;
  for (const auto& [value, words] : field.words)
    for (const std::string& word : words) names.emplace_back(word, value);
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const auto& [name, value] : names)
    if (scan.take_words(name)) return value;
  return {};
}

// Takes "/5", "out of 5": false where another denominator stands there.
bool take_denominator(Scanner& scan, const LabelField& field) {
  Scanner ahead = scan;
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

bool starts_with_words(std::string_view text, std::string_view phrase) {
  if (text.size() < phrase.size()) return false;
  for (std::size_t i = 0; i < phrase.size(); ++i)
    if (lower(text[i]) != lower(phrase[i])) return false;
  return text.size() == phrase.size() || !is_word(text[phrase.size()]);
}

bool FieldValue::whole() const {
  return only_punctuation(rest);
}

FieldValue read_choice(std::string_view text, std::size_t shown, const LabelField* magnitude) {
  FieldValue value;
  Scanner scan(text);
  scan.skip(kOpening);
  {
    Scanner tie = scan;
    static constexpr std::array<std::string_view, 6> lead = {"it's", "it is", "a", "an", "the", "about"};
    for (int n = 0; n < 2 && tie.take_any(lead); ++n) tie.skip(" ");
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
      return value;
    }
  }
  const bool noun = skip_nouns(scan);
  const std::optional<int> letter = scan.take_letter();
  if (!letter) return value;
  scan.skip(kClosing);
  std::string_view rest = scan.rest();
  value.choice = letter;
  value.state = *letter < static_cast<int>(shown) ? State::kOk : State::kOutOfRange;

  // "A or B", "A/B", "A, B", "A = B": two answers. "A > B" says which is better; "B, A is weaker" explains itself.
  Scanner after(rest);
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
  Scanner bracket(rest);
  bracket.skip(" ");
  if (magnitude && value.state == State::kOk &&
      (bracket.take("(") || bracket.take("[") || bracket.take("- ") || bracket.take(", "))) {
    const FieldValue strength = read_number(bracket.rest(), *magnitude);
    if (strength.state == State::kOk) {
      value.magnitude = strength.number;
      value.repair = strength.repair.empty() ? "bracket" : strength.repair;
      Scanner closing(strength.rest);
      closing.skip(" )].");
      value.rest = closing.rest();
      return value;
    }
  }

  value.rest = rest;
  if (only_punctuation(rest)) return value;
  Scanner tail(rest);
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
  Scanner denial(tail.rest());
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
  Scanner scan(text);
  scan.skip(kOpening);
  for (int n = 0; n < 2; ++n) {
    Scanner ahead = scan;
    static constexpr std::array<std::string_view, 4> lead = {"a", "an", "level", "is"};
    if (!ahead.take_any(lead)) break;
    ahead.skip(" ");
    scan = ahead;
  }
  bool by_word = false;
  std::optional<int> number;
  if (const auto digits = scan.take_number()) {
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
  Scanner range(value.rest);
  range.skip(" ");
  static constexpr std::array<std::string_view, 4> joins = {"or", "and", "to", "-"};
  const bool slash = range.take("/") || range.take("-") || range.take("~") || range.take("&") ||
                     (range.rest().starts_with(",") && range.take(","));
  const bool joined = slash || range.take_any(joins);
  range.skip(" ");
  if (joined) {
    Scanner other = range;
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
  Scanner named(value.rest);
  named.skip(" -:,(=[\"'");
  Scanner words = named;
  const std::optional<int> step = take_step_word(words, field);
  if (step) {
    Scanner behind = words;
    behind.skip(" )]\"'");
    const bool closed = behind.done() || !is_word(behind.peek());
    if (closed && *step != *number) {
      value.state = State::kConflicting;
      value.rest = words.rest();
      return value;
    }
    if (closed) value.rest = behind.rest();
  } else if (by_word) {
    Scanner behind = named;
    if (const auto digits = behind.take_number();
        digits && value.rest.find('(') != std::string_view::npos && digits->first != *number) {
      value.state = State::kConflicting;
      return value;
    }
  }
  return value;
}

FieldValue ranking_from_ranks(const std::vector<std::pair<int, int>>& place_rank, std::size_t shown) {
  FieldValue value;
  std::map<int, std::vector<int>> groups;
  std::set<int> seen;
  value.state = State::kOk;
  for (const auto& [place, rank] : place_rank) {
    if (place < 0 || place >= static_cast<int>(shown) || rank < 1 || rank > static_cast<int>(shown) ||
        !seen.insert(place).second)
      value.state = State::kOutOfRange;
    groups[rank].push_back(place);
  }
  if (value.state == State::kOk && seen.size() < shown) value.state = State::kIncomplete;
  for (auto& [rank, places] : groups) {
    std::sort(places.begin(), places.end());
    value.ranking.push_back(places);
  }
  return value;
}

namespace {

// Closes a list of groups: every letter once, none that was not shown.
void check_permutation(FieldValue& value, std::size_t shown, bool infer_last) {
  std::set<int> seen;
  for (const std::vector<int>& group : value.ranking)
    for (const int place : group)
      if (place >= static_cast<int>(shown) || !seen.insert(place).second) value.state = State::kOutOfRange;
  if (value.state != State::kOk) return;
  if (seen.size() == shown) return;
  if (infer_last && seen.size() + 1 == shown) {
    for (int place = 0; place < static_cast<int>(shown); ++place)
      if (!seen.contains(place)) value.ranking.push_back({place});
    value.repair = "infer_last";
    return;
  }
  value.state = State::kIncomplete;
}

}  // namespace

FieldValue read_ranking(std::string_view text, std::size_t shown, bool infer_last) {
  FieldValue value;
  Scanner scan(text);
  scan.skip(kOpening);
  {
    // "CAEBD": one word of just so many letters.
    Scanner compact = scan;
    std::size_t length = 0;
    const std::string_view rest = compact.rest();
    while (length < rest.size() && std::isupper(static_cast<unsigned char>(rest[length]))) ++length;
    if (length > 1 && length == shown && (length == rest.size() || !is_word(rest[length]))) {
      value.state = State::kOk;
      value.repair = "compact";
      for (std::size_t i = 0; i < length; ++i) value.ranking.push_back({rest[i] - 'A'});
      compact.move(length);
      value.rest = compact.rest();
      check_permutation(value, shown, infer_last);
      return value.state == State::kOk || value.state == State::kOutOfRange ? value : FieldValue();
    }
  }
  skip_nouns(scan);
  std::optional<int> letter = scan.take_letter();
  if (!letter) return value;
  bool greater = false, less = false, listed = false, blanks = false, dangling = false;
  value.ranking.push_back({*letter});
  value.rest = scan.rest();
  std::size_t letters = 1;
  while (true) {
    scan.skip(kClosing);
    value.rest = scan.rest();
    scan.skip(" ");
    enum { kNothing, kGreater, kLess, kTie, kList, kBlank } separator = kNothing;
    if (scan.take("->") || scan.take(">>") ||
        (scan.rest().starts_with(">") && !scan.rest().starts_with(">=") && scan.take(">"))) {
      separator = kGreater;
      scan.skip(">");
    } else if (scan.rest().starts_with("<") && !scan.rest().starts_with("<=") && scan.take("<")) {
      separator = kLess;
      scan.skip("<");
    } else if (scan.take("==") || scan.take("=")) {
      separator = kTie;
    } else if (scan.take(",") || scan.take(";") || scan.take("|")) {
      separator = kList;
      scan.skip(" ");
      static constexpr std::array<std::string_view, 4> words = {"and then", "and finally", "and", "then"};
      scan.take_any(words);
    } else if (scan.take_words("then") || scan.take_words("followed by")) {
      separator = kList;
    } else if (value.rest.starts_with(" ")) {
      separator = kBlank;
    }
    if (separator == kNothing) break;
    skip_nouns(scan);
    letter = scan.take_letter();
    if (!letter) {
      dangling = separator == kGreater || separator == kLess || separator == kTie;
      break;
    }
    greater = greater || separator == kGreater;
    less = less || separator == kLess;
    listed = listed || separator == kList;
    blanks = blanks || separator == kBlank;
    if (separator == kTie)
      value.ranking.back().push_back(*letter);
    else
      value.ranking.push_back({*letter});
    ++letters;
  }
  if (letters < 2) return FieldValue();
  for (std::vector<int>& group : value.ranking) std::sort(group.begin(), group.end());
  value.state = State::kOk;
  if ((greater && less) || ((greater || less) && listed) || (blanks && (greater || less || listed))) {
    value.state = State::kConflicting;  // in which order, or whether a comma is a tie, is not said
    return value;
  }
  if (less) {
    std::reverse(value.ranking.begin(), value.ranking.end());
    value.repair = "reversed";
  }
  if (blanks) value.repair = "blanks";
  check_permutation(value, shown, infer_last && !dangling);
  if (dangling && value.state == State::kOk) value.state = State::kIncomplete;
  return value;
}

FieldValue read_field(std::string_view text, const LabelField& field, std::size_t shown, const LabelField* magnitude,
                      bool infer_last) {
  switch (field.kind) {
    case FieldKind::kChoice:
      return read_choice(text, shown, magnitude);
    case FieldKind::kRanking:
      return read_ranking(text, shown, infer_last);
    default:
      return read_number(text, field);
  }
}

std::optional<std::pair<int, int>> read_list_entry(std::string_view line) {
  Scanner scan(line);
  scan.skip(" |(-");
  static constexpr std::array<std::string_view, 3> lead = {"rank", "place", "position"};
  scan.take_any(lead);
  scan.skip(" #:");
  Scanner number = scan;
  int rank = 0;
  std::size_t digits = 0;
  while (digits < 2 && is_digit(number.peek())) {
    rank = rank * 10 + (number.peek() - '0');
    number.move(1);
    ++digits;
  }
  if (digits > 0 && !is_digit(number.peek())) {  // "1. C", "1) C", "1st: C", "| 1 | C |"
    const std::string_view suffix = number.rest();
    for (const std::string_view ordinal : {"st", "nd", "rd", "th"})
      if (suffix.starts_with(ordinal)) number.move(2);
    const std::size_t before = number.rest().size();
    number.skip(" .):|-=>");
    if (number.rest().size() == before) return {};
    skip_nouns(number);
    if (const std::optional<int> letter = number.take_letter()) return std::pair{*letter, rank};
    return {};
  }
  // "C: 1", "Completion C - 1", "| C | 1 |"
  skip_nouns(scan);
  const std::optional<int> letter = scan.take_letter();
  if (!letter) return {};
  scan.skip(kClosing);
  const std::size_t before = scan.rest().size();
  scan.skip(" :|-=>");
  if (scan.rest().size() == before) return {};
  scan.take_any(lead);
  scan.skip(" #");
  if (const auto value = scan.take_number(); value && !value->second && only_punctuation(scan.rest()))
    return std::pair{*letter, value->first};
  return {};
}

}  // namespace ballot
