// Where in an answer a label field stands: on a line that begins with its name, or unmistakably without one.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "formats/answer_text.h"
#include "formats/format.h"
#include "formats/label_values.h"
#include "formats/parse.h"

namespace ballot {

// A field's name found in a line, with what stands behind it read as its value.
struct Match {
  std::size_t line = 0;
  int paragraph = 0;
  bool strong = false;  ///< the line begins with it (or with another field's answer); else it stands inside a sentence
  FieldValue value;
  std::string rule;
  std::string evidence;
};

/// Of every field of the format, all places where the text names it and gives it a value, in their order.
std::vector<std::vector<Match>> find_matches(const Format& format, std::size_t shown, const PlainText& plain,
                                             const ParseOptions& options);

/// The last match that begins a line, else the last one inside a sentence; conflicting where its paragraph holds
/// another answer, or an afterthought behind it does.
std::optional<Match> choose(const std::vector<Match>& matches);

/// Rankings written as lists, tables or "C: 1" lines: the last complete one.
std::optional<Match> last_list(const PlainText& plain, std::size_t shown);

/// No line carries the field's name: what else is unmistakable (a boxed letter, a letter alone on the last line, "I
/// give 3."). Not for an answer that was cut off.
std::optional<Match> without_name(const Format& format, const LabelField& field, const PlainText& plain,
                                  std::size_t shown, const ParseOptions& options);

/// The text declines to judge.
bool is_refusal(const PlainText& plain);

}  // namespace ballot
