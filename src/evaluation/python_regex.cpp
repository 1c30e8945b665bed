#include "evaluation/python_regex.h"

#include <algorithm>

#include "core/error.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

using Kind = PythonRegex::Instruction::Kind;
enum Assertion : std::size_t { kBegin, kBeginOfLine, kEnd, kEndOfLine, kTextEnd, kBoundary, kNoBoundary };

constexpr std::int64_t kMostSteps = 50'000'000;
constexpr std::size_t kMostRepeats = 1000;
constexpr std::size_t kNothing = PythonRegex::Match::kNone;

bool is_word(char32_t c) {
  return c == '_' || is_python_alphanumeric(c);
}

bool is_kind(char32_t kind, char32_t c) {
  switch (kind) {
    case 'w':
      return is_word(c);
    case 'W':
      return !is_word(c);
    case 's':
      return is_python_space(c);
    case 'S':
      return !is_python_space(c);
    case 'd':
      return is_python_decimal(c);
    default:
      return !is_python_decimal(c);
  }
}

/// Lower case, and the few characters that share theirs with another one as re sees it.
char32_t folded(char32_t c) {
  c = python_lower(c);
  return c == U'\u0131' ? U'i' : c == U'\u017F' ? U's' : c == U'\u00B5' ? U'\u03BC' : c == U'\u03C2' ? U'\u03C3' : c;
}

}  // namespace

/// From the text of an expression to code.
class RegexCompiler {
 public:
  RegexCompiler(std::u32string_view pattern, PythonRegex& regex) : pattern_(pattern), regex_(regex) {}

  void compile() {
    if (pattern_.starts_with(U"(?i)")) regex_.flags_.ignore_case = true, at_ = 4;
    alternatives();
    if (at_ < pattern_.size()) fail("a bracket is closed that was not opened");
    add(Kind::kMatch);
    if (code().front().kind == Kind::kCharacter) regex_.first_ = code().front().character;
  }

 private:
  using Code = std::vector<PythonRegex::Instruction>;
  Code& code() { return regex_.code_; }
  std::size_t here() const { return regex_.code_.size(); }

  [[noreturn]] void fail(const std::string& why) const {
    throw bad_input("cannot read the regular expression '{}': {}", encode_utf8(pattern_), why);
  }
  void add(Kind kind, std::size_t x = 0, std::size_t y = 0) { code().push_back({kind, 0, x, y}); }
  bool next_is(char32_t c) const { return at_ < pattern_.size() && pattern_[at_] == c; }

  void alternatives() {
    const std::size_t begin = here();
    sequence();
    if (!next_is('|')) return;
    // Split to this one and the rest, a jump behind it to the end of all.
    Code first(code().begin() + static_cast<std::ptrdiff_t>(begin), code().end());
    code().resize(begin);
    add(Kind::kSplit, begin + 1, 0);
    append(first, begin, begin + 1);
    const std::size_t jump = here();
    add(Kind::kJump);
    code()[begin].y = here();
    ++at_;
    alternatives();
    code()[jump].x = here();
  }

  void sequence() {
    while (at_ < pattern_.size() && pattern_[at_] != '|' && pattern_[at_] != ')') {
      const std::size_t begin = here();
      const bool quantifiable = atom();
      quantifier(begin, quantifiable);
    }
  }

  /// Code that stood at `from`, to stand at the end, which is `to`.
  void append(const Code& part, std::size_t from, std::size_t to) {
    for (PythonRegex::Instruction step : part) {
      if (step.kind == Kind::kSplit || step.kind == Kind::kJump) step.x = step.x - from + to;
      if (step.kind == Kind::kSplit || step.kind == Kind::kLook) step.y = step.y - from + to;
      code().push_back(step);
    }
  }

  void quantifier(std::size_t begin, bool quantifiable) {
    std::size_t least = 0, most = kNothing;
    if (next_is('*')) {
      ++at_;
    } else if (next_is('+')) {
      least = 1, ++at_;
    } else if (next_is('?')) {
      most = 1, ++at_;
    } else if (!next_is('{') || !counts(least, most)) {
      return;
    }
    if (!quantifiable) fail("nothing to repeat");
    const bool lazy = next_is('?');
    if (lazy) ++at_;
    if (next_is('*') || next_is('+') || next_is('?')) fail("a repeat of a repeat");
    const Code part(code().begin() + static_cast<std::ptrdiff_t>(begin), code().end());
    code().resize(begin);
    for (std::size_t i = 0; i < least; ++i) append(part, begin, here());
    const auto split = [&] {
      add(Kind::kSplit);
      return here() - 1;
    };
    const auto set = [&](std::size_t pc, std::size_t body, std::size_t exit) {
      code()[pc].x = lazy ? exit : body;
      code()[pc].y = lazy ? body : exit;
    };
    if (most == kNothing) {
      const std::size_t loop = split();
      append(part, begin, here());
      add(Kind::kJump, loop);
      set(loop, loop + 1, here());
    } else {
      std::vector<std::size_t> splits;
      for (std::size_t i = least; i < most; ++i) {
        splits.push_back(split());
        append(part, begin, here());
      }
      for (const std::size_t pc : splits) set(pc, pc + 1, here());
    }
  }

  /// {n}, {n,}, {,m}, {n,m}; anything else after a brace is text.
  bool counts(std::size_t& least, std::size_t& most) {
    const std::size_t close = pattern_.find(U'}', at_);
    if (close == std::u32string_view::npos) return false;
    const std::string inside = encode_utf8(pattern_.substr(at_ + 1, close - at_ - 1));
    const std::size_t comma = inside.find(',');
    const std::string low = inside.substr(0, comma), high = comma == std::string::npos ? low : inside.substr(comma + 1);
    const auto digits = [](const std::string& text) { return text.empty() || is_ascii_digits(text); };
    if (inside.empty() || !digits(low) || !digits(high)) return false;
    if (low.size() > 4 || high.size() > 4) fail("a count is too large");
    least = low.empty() ? 0 : std::stoul(low);
    most = high.empty() ? kNothing : std::stoul(high);
    if (least > kMostRepeats || (most != kNothing && (most > kMostRepeats || most < least)))
      fail("a count is too large, or its ends are in the wrong order");
    at_ = close + 1;
    return true;
  }

  /// Returns whether it can be repeated.
  bool atom() {
    const char32_t c = pattern_[at_++];
    switch (c) {
      case '.':
        add(Kind::kAny);
        return true;
      case '^':
        add(Kind::kAssert, regex_.flags_.multi_line ? kBeginOfLine : kBegin);
        return false;
      case '$':
        add(Kind::kAssert, regex_.flags_.multi_line ? kEndOfLine : kEnd);
        return false;
      case '(':
        return group();
      case '[':
        add_class(bracket());
        return true;
      case '\\':
        return escape();
      case '*':
      case '+':
      case '?':
        fail("nothing to repeat");
      default:
        character(c);
        return true;
    }
  }

  void character(char32_t c) {
    add(Kind::kCharacter);
    code().back().character = regex_.flags_.ignore_case ? folded(c) : c;
  }
  void add_class(PythonRegex::CharacterClass set) {
    add(Kind::kClass, regex_.classes_.size());
    regex_.classes_.push_back(std::move(set));
  }

  bool group() {
    if (next_is('?')) {
      ++at_;
      if (next_is(':')) {
        ++at_;
        alternatives();
        close();
        return true;
      }
      if (next_is('=') || next_is('!')) {
        const bool wanted = pattern_[at_++] == '=';
        const std::size_t look = here();
        add(Kind::kLook, wanted);
        alternatives();
        add(Kind::kMatch);
        code()[look].y = here();
        close();
        return false;
      }
      if (next_is('<') && at_ + 1 < pattern_.size() && (pattern_[at_ + 1] == '=' || pattern_[at_ + 1] == '!')) {
        const bool wanted = pattern_[at_ + 1] == '=';
        at_ += 2;
        const std::size_t begin = here();
        alternatives();
        if (here() != begin + 1) fail("look-behind of more than one character is not read");
        PythonRegex::Instruction one = code().back();
        code().pop_back();
        if (one.kind == Kind::kCharacter)
          regex_.classes_.push_back({false, {{one.character, one.character}}, U""});
        else if (one.kind == Kind::kClass)
          regex_.classes_.push_back(regex_.classes_[one.x]);
        else
          fail("look-behind is read for a character or a class");
        add(Kind::kBehind, wanted, regex_.classes_.size() - 1);
        close();
        return false;
      }
      fail("this kind of group is not read");
    }
    const std::size_t number = regex_.groups_++;
    add(Kind::kSave, 2 * number);
    alternatives();
    add(Kind::kSave, 2 * number + 1);
    close();
    return true;
  }
  void close() {
    if (!next_is(')')) fail("a bracket is not closed");
    ++at_;
  }

  bool escape() {
    if (at_ >= pattern_.size()) fail("it ends with a backslash");
    const char32_t c = pattern_[at_++];
    if (std::u32string_view(U"wWsSdD").find(c) != std::u32string_view::npos) {
      add_class({false, {}, std::u32string(1, c)});
      return true;
    }
    if (c == 'b' || c == 'B' || c == 'A' || c == 'Z') {
      add(Kind::kAssert, c == 'b' ? kBoundary : c == 'B' ? kNoBoundary : c == 'A' ? kBegin : kTextEnd);
      return false;
    }
    character(plain_escape(c));
    return true;
  }

  char32_t plain_escape(char32_t c) {
    static constexpr std::u32string_view kNames = U"afnrtv", kValues = U"\a\f\n\r\t\v";
    if (const std::size_t found = kNames.find(c); found != std::u32string_view::npos) return kValues[found];
    if ((c < 0x80 && is_python_alphanumeric(c)) || c == 0) fail("this escape is not read");
    return c;
  }

  PythonRegex::CharacterClass bracket() {
    PythonRegex::CharacterClass set;
    if (next_is('^')) set.negated = true, ++at_;
    for (bool first = true; first || !next_is(']'); first = false) {
      char32_t low = 0;
      if (!member(set, low)) continue;
      char32_t high = low;
      if (next_is('-') && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
        ++at_;
        if (!member(set, high) || high < low) fail("a range of characters is in the wrong order");
      }
      set.ranges.emplace_back(low, high);
    }
    ++at_;
    return set;
  }
  /// One character of a class, or a kind of them (then false).
  bool member(PythonRegex::CharacterClass& set, char32_t& c) {
    if (at_ >= pattern_.size()) fail("a [ is not closed");
    c = pattern_[at_++];
    if (c != '\\') return true;
    if (at_ >= pattern_.size()) fail("it ends with a backslash");
    c = pattern_[at_++];
    if (std::u32string_view(U"wWsSdD").find(c) != std::u32string_view::npos) {
      set.kinds += c;
      return false;
    }
    c = c == 'b' ? U'\b' : plain_escape(c);
    return true;
  }

  std::u32string_view pattern_;
  PythonRegex& regex_;
  std::size_t at_ = 0;
};

PythonRegex::PythonRegex(std::u32string_view pattern, Flags flags) : flags_(flags) {
  RegexCompiler(pattern, *this).compile();
}

std::u32string_view PythonRegex::Match::text_of(std::u32string_view text, std::size_t group) const {
  const auto [from, to] = group == 0 ? std::pair{begin, end} : groups.at(group - 1);
  return from == kNone ? std::u32string_view() : text.substr(from, to - from);
}

bool PythonRegex::in_class(const CharacterClass& set, char32_t c) const {
  const auto has = [&](char32_t x) {
    return std::any_of(set.ranges.begin(), set.ranges.end(),
                       [x](const auto& range) { return range.first <= x && x <= range.second; }) ||
           std::any_of(set.kinds.begin(), set.kinds.end(), [x](char32_t kind) { return is_kind(kind, x); });
  };
  bool found = has(c);
  if (!found && flags_.ignore_case) {
    const char32_t low = folded(c);
    found = has(low) || std::any_of(set.ranges.begin(), set.ranges.end(), [&](const auto& range) {
              return range.second - range.first < 128 && [&] {
                for (char32_t x = range.first; x <= range.second; ++x)
                  if (folded(x) == low) return true;
                return false;
              }();
            });
  }
  return found != set.negated;
}

bool PythonRegex::holds(std::size_t assertion, std::u32string_view text, std::size_t at) const {
  switch (assertion) {
    case kBegin:
      return at == 0;
    case kBeginOfLine:
      return at == 0 || text[at - 1] == '\n';
    case kEnd:
      return at == text.size() || (at + 1 == text.size() && text[at] == '\n');
    case kEndOfLine:
      return at == text.size() || text[at] == '\n';
    case kTextEnd:
      return at == text.size();
    default: {
      const bool before = at > 0 && is_word(text[at - 1]), after = at < text.size() && is_word(text[at]);
      return (before != after) == (assertion == kBoundary);
    }
  }
}

bool PythonRegex::run(std::u32string_view text, std::size_t pc, std::size_t at, std::size_t refused_end, Search& search,
                      std::size_t& end) const {
  std::vector<Choice>& choices = search.choices;
  std::vector<std::size_t>& slots = search.slots;
  const std::size_t before = choices.size();  // of the run that this one looks ahead for
  while (true) {
    if (++search.steps > kMostSteps)
      throw Error(ErrorKind::kFailed, "a regular expression takes too many steps on this text",
                  "look at the keyword that it was made from");
    const Instruction& step = code_[pc];
    bool fits = true;
    switch (step.kind) {
      case Kind::kCharacter:
        fits = at < text.size() && (flags_.ignore_case ? folded(text[at]) : text[at]) == step.character;
        ++at, ++pc;
        break;
      case Kind::kAny:
        fits = at < text.size() && text[at] != '\n';
        ++at, ++pc;
        break;
      case Kind::kClass:
        fits = at < text.size() && in_class(classes_[step.x], text[at]);
        ++at, ++pc;
        break;
      case Kind::kSplit:
        choices.push_back({step.y, at, 0});
        pc = step.x;
        break;
      case Kind::kJump:
        pc = step.x;
        break;
      case Kind::kSave:
        choices.push_back({kNothing, step.x, slots[step.x]});
        slots[step.x] = at;
        ++pc;
        break;
      case Kind::kAssert:
        fits = holds(step.x, text, at);
        ++pc;
        break;
      case Kind::kLook: {
        std::size_t ignored = 0;
        fits = run(text, pc + 1, at, kNothing, search, ignored) == (step.x == 1);
        pc = step.y;
        break;
      }
      case Kind::kBehind:
        fits = (at > 0 && in_class(classes_[step.y], text[at - 1])) == (step.x == 1);
        ++pc;
        break;
      case Kind::kMatch:
        if (at != refused_end) {
          end = at;
          choices.resize(before);
          return true;
        }
        fits = false;
        break;
    }
    if (fits) continue;
    while (choices.size() > before && choices.back().pc == kNothing) {
      slots[choices.back().at] = choices.back().old;
      choices.pop_back();
    }
    if (choices.size() == before) return false;
    pc = choices.back().pc;
    at = choices.back().at;
    choices.pop_back();
  }
}

std::optional<PythonRegex::Match> PythonRegex::match_from(std::u32string_view text, std::size_t from,
                                                          bool must_advance) const {
  Search search;
  search.slots.resize(2 * groups_);
  std::vector<std::size_t>& slots = search.slots;
  for (std::size_t at = from; at <= text.size(); ++at) {
    if (first_) {
      while (at < text.size() && (flags_.ignore_case ? folded(text[at]) : text[at]) != *first_) ++at;
      if (at == text.size()) return std::nullopt;
    }
    std::fill(slots.begin(), slots.end(), kNothing);
    std::size_t end = 0;
    if (!run(text, 0, at, must_advance && at == from ? from : kNothing, search, end)) continue;
    Match match;
    match.begin = at;
    match.end = end;
    for (std::size_t g = 0; g < groups_; ++g) {
      const bool whole = slots[2 * g] != kNothing && slots[2 * g + 1] != kNothing;
      match.groups.emplace_back(whole ? slots[2 * g] : kNothing, whole ? slots[2 * g + 1] : kNothing);
    }
    return match;
  }
  return std::nullopt;
}

std::optional<PythonRegex::Match> PythonRegex::search(std::u32string_view text, std::size_t from) const {
  return match_from(text, from, false);
}

std::vector<PythonRegex::Match> PythonRegex::find_all(std::u32string_view text) const {
  std::vector<Match> matches;
  bool must_advance = false;
  for (std::size_t at = 0; at <= text.size();) {
    const std::optional<Match> match = match_from(text, at, must_advance);
    if (!match) break;
    matches.push_back(*match);
    at = match->end;
    must_advance = match->begin == match->end;
  }
  return matches;
}

std::vector<std::u32string_view> PythonRegex::split(std::u32string_view text) const {
  std::vector<std::u32string_view> parts;
  std::size_t at = 0;
  for (const Match& match : find_all(text)) {
    parts.push_back(text.substr(at, match.begin - at));
    at = match.end;
  }
  parts.push_back(text.substr(at));
  return parts;
}

std::u32string PythonRegex::replace(std::u32string_view text,
                                    const std::function<std::u32string(const Match&)>& by) const {
  std::u32string out;
  std::size_t at = 0;
  for (const Match& match : find_all(text)) {
    out += text.substr(at, match.begin - at);
    out += by(match);
    at = match.end;
  }
  return out += text.substr(at);
}

}  // namespace ballot
