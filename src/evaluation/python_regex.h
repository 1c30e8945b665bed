// The part of Python's re that IFEval's checks are written in, over code points: literals, . and classes, \w \s \d \b
// and their opposites, ^ $, groups, alternatives, the quantifiers with their lazy forms, look-ahead, look-behind of one
// character; the flags i and m. A keyword of IFEval is such an expression, unescaped, so it can be anything.
//
// Matching is by backtracking with a stack of its own, so a long text costs memory and no recursion; what would take
// too many steps is an error, where Python would hang.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballot {

class PythonRegex {
 public:
  struct Flags {
    bool ignore_case = false, multi_line = false;
  };
  struct Match {
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    std::size_t begin = 0, end = 0;
    std::vector<std::pair<std::size_t, std::size_t>> groups;  ///< from group 1; kNone where it took no part
    std::u32string_view text_of(std::u32string_view text, std::size_t group) const;
  };

  /// Throws Error (input) where the expression is wrong, or uses what is not here (back references, named groups).
  PythonRegex(std::u32string_view pattern, Flags flags);
  explicit PythonRegex(std::u32string_view pattern) : PythonRegex(pattern, Flags()) {}

  /// The first match that begins at `from` or later. Throws Error (failed) where it takes too many steps.
  std::optional<Match> search(std::u32string_view text, std::size_t from = 0) const;
  /// re.findall and its like: matches that do not overlap.
  std::vector<Match> find_all(std::u32string_view text) const;
  std::size_t count(std::u32string_view text) const { return find_all(text).size(); }
  /// re.split, of an expression without groups.
  std::vector<std::u32string_view> split(std::u32string_view text) const;
  /// re.sub.
  std::u32string replace(std::u32string_view text, const std::function<std::u32string(const Match&)>& by) const;

  struct Instruction {
    enum class Kind : std::uint8_t {
      kCharacter,
      kAny,
      kClass,
      kSplit,   ///< goes on at x, and if that fails at y
      kJump,    ///< to x
      kSave,    ///< the position into slot x
      kAssert,  ///< x is one of the assertions
      kLook,    ///< the code up to y must match here (x = 1) or must not (x = 0)
      kBehind,  ///< the character before is one of the class (x = 1) or none such is there (x = 0)
      kMatch,
    } kind;
    char32_t character = 0;
    std::size_t x = 0, y = 0;
  };
  struct CharacterClass {
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    std::u32string kinds;  ///< of w W s S d D
  };

 private:
  friend class RegexCompiler;
  /// What to try next: a place to go on from, or (pc == kNone) a slot to set back.
  struct Choice {
    std::size_t pc, at, old;
  };
  struct Search {
    std::vector<std::size_t> slots;
    std::vector<Choice> choices;
    std::int64_t steps = 0;
  };
  std::optional<Match> match_from(std::u32string_view text, std::size_t from, bool must_advance) const;
  bool run(std::u32string_view text, std::size_t pc, std::size_t at, std::size_t refused_end, Search& search,
           std::size_t& end) const;
  bool in_class(const CharacterClass& set, char32_t c) const;
  bool holds(std::size_t assertion, std::u32string_view text, std::size_t at) const;

  Flags flags_;
  std::vector<Instruction> code_;
  std::vector<CharacterClass> classes_;
  std::size_t groups_ = 0;
  std::optional<char32_t> first_;  ///< every match begins with it
};

}  // namespace ballot
