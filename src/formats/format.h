// What a ballot is, as data: a format is one YAML file, and adding one needs no compiler.
//
// The file says which of the three kinds it is (one completion, two, or all of a prompt's), which fields a label has
// and what they are called, the texts and the layout of the prompt, how a label becomes preferences, what its margin is
// and what a tie means. The four of the study stand in ballots/, inside the binary; a user's own is given by its path.
// The language is described in docs/formats.md; unknown keys are errors with line, column and the nearest valid key.
//
//   const Format format = Format::load("ranking");      // or "mine/preference7.yaml"
//   format.answer_lines(5);                             // {"Ranking: X > X > X > X > X"}
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "formats/item.h"

namespace ballot {

class JinjaTemplate;

enum class FieldKind {
  kChoice,      ///< a letter: the better completion; or, where the field has a word for it, neither
  kMagnitude,   ///< a whole number: how much better
  kRating,      ///< a whole number: how good
  kRanking,     ///< all letters, best first; '=' between equals
  kComparison,  ///< a step of one scale from "the first is much better" to "the second is much better"
  kBest,        ///< a letter: the best of all shown
  kWorst,       ///< a letter: the worst of all shown
};

/// One field of a label: one answer line.
struct LabelField {
  FieldKind kind = FieldKind::kChoice;
  std::string name;               ///< as the answer line has it: "Preference"
  std::vector<std::string> also;  ///< other names that are read in its place, lower case
  int minimum = 0, maximum = 0;   ///< of magnitude, rating and comparison
  std::map<int, std::vector<std::string>>
      words;                      ///< what a number is called; the first word is the one the prompt uses
  std::vector<std::string> ties;  ///< of a choice: what says "neither" in place of a letter; empty: nothing does

  std::string key() const;  ///< of a structured answer: the name in lower case, blanks as '_'
  bool is_number() const {
    return kind == FieldKind::kMagnitude || kind == FieldKind::kRating || kind == FieldKind::kComparison;
  }
  bool is_letter() const { return kind == FieldKind::kChoice || kind == FieldKind::kBest || kind == FieldKind::kWorst; }
  int steps() const { return maximum - minimum + 1; }
};

enum class MarginRule {
  kNone,             ///< the format has none: 0
  kMagnitude,        ///< the magnitude; of a comparison, the steps from the middle of its scale
  kScoreDifference,  ///< rating of the chosen less rating of the rejected
  kRankDifference,   ///< rank of the rejected less rank of the chosen, among those judged
  kGroupDifference,  ///< the same, equals counted as one: 1 between neighbouring groups
};

enum class TieRule {
  kNever,          ///< every label has a direction
  kMagnitudeZero,  ///< a magnitude of 0: the letter stays, the margin is 0
  kEqualScores,
  kEqualRanks,
  kNeither,  ///< the label says that neither is better: no letter
};

class Format {
 public:
  /// A name of `format_names()` or a YAML file. Throws Error (usage): an unknown name with the nearest, a fault of the
  /// file with line and column.
  static Format load(const std::string& name_or_file);
  /// From YAML text; `file` stands for it in errors. Files that it includes are looked for beside `file`, then in the
  /// binary.
  static Format parse(const std::string& yaml, const std::string& file);

  std::string name;   ///< "binary_magnitude": what annotations carry
  std::string title;  ///< "BINARYMAGN": what tables print
  std::int64_t version = 1;
  FormatKind kind = FormatKind::kPairwise;
  std::size_t completions = 2;  ///< shown on a ballot; 0: all that a prompt has
  std::vector<LabelField> fields;
  MarginRule margin = MarginRule::kNone;
  TieRule tie = TieRule::kNever;
  std::string reason;  ///< what a structured answer's `reason` is asked for; empty: it has none
  std::vector<std::pair<std::string, std::string>>
      reasons;           ///< several in its place: name and what is asked for, in the order of the answer
  std::string hash;      ///< of the whole content, included files too: another text, another hash
  std::string resolved;  ///< the format with what it includes, as one file of the same language (and the same hash)

  const LabelField* field(FieldKind kind) const;  ///< null where the format has none
  /// How many completions a ballot of a prompt with `of_prompt` completions shows.
  std::size_t shown(std::size_t of_prompt) const { return completions == 0 ? of_prompt : completions; }
  /// How many ballots it takes to judge such a prompt once.
  std::size_t ballots(std::size_t of_prompt) const;
  /// The largest margin; 0 where the format has none.
  int margin_maximum(std::size_t shown) const;
  /// What the answer ends with, one line a field: "Preference: X", "Magnitude: N".
  std::vector<std::string> answer_lines(std::size_t shown) const;
  /// JSON schema of a structured answer: every field an enum, in the order reason, fields; nothing else allowed.
  Json answer_schema(std::size_t shown) const;
  /// Every label that the fields allow, in the order of `Annotation::probabilities`: by the first field's words
  /// (letters, then the word for neither; numbers from the least), then the second's. Empty for listwise formats.
  std::vector<Label> labels(std::size_t shown) const;

  /// The system turn of a ballot that shows so many.
  std::string system_text(std::size_t shown) const;
  /// The user turn. `ballot`: what formats/render.h gives the layout ("conversation", "completions", "code").
  std::string user_text(std::size_t shown, Json ballot) const;

 private:
  struct Texts;
  std::shared_ptr<const Texts> texts_;
};

/// The keys of a format file, by the mapping that has them ("", "fields", "preferences", "structured", "texts",
/// "layout"): what docs/format.schema.json is checked against.
std::map<std::string, std::vector<std::string>> format_file_keys();
/// The words of the language, by the key that takes them ("kind", "fields.kind", "margin", "tie").
std::map<std::string, std::vector<std::string>> format_file_words();

/// The formats inside the binary, in the study's order, then others by name.
std::vector<std::string> format_names();
std::string to_string(FormatKind kind);
std::string to_string(FieldKind kind);
std::string to_string(MarginRule rule);
std::string to_string(TieRule rule);
/// 0 -> 'A'.
char letter_of(int place);

}  // namespace ballot
