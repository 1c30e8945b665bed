// What a judge said, read as a label: of free text by the format's own field declarations, or of a structured answer.
//
// The rules, in order (each earned by a fault seen in a neighbouring tool):
//   1. Read `content`; if it is empty, the last 2,000 characters of `reasoning` (servers misroute):
//   "repaired:from_reasoning".
//   2. Thinking is cut; thinking that never ended, or an answer cut off before its answer line, is "truncated" and not
//   read.
//   3. A plain copy is read (formats/answer_text.h); the raw text is kept.
//   4. A JSON object with the format's fields counts as the answer; the last one that is valid.
//   5. Else the last line that begins with the field's name, never the first match anywhere: judges quote what
//   candidates plant.
//      Two different ones in its paragraph are "conflicting".
//   6. Letters and numbers must be on the ballot, a ranking must name each letter once.
//   7. There is no default label.
// Status: ok, repaired:RULE, tie_without_preference, refused, truncated, unparsable, conflicting, out_of_range,
// transport.
#pragma once
#include <string>
#include <string_view>

#include "formats/format.h"
#include "formats/item.h"

namespace ballot {

struct JudgeText {
  std::string_view content = {}, reasoning = {};
  std::string_view finish_reason = "stop";  ///< "stop", "length", "tool_calls", ...; what is unknown counts as failed
};

struct ParseOptions {
  bool infer_last = false;  ///< a ranking that lacks one letter has it last ("repaired:infer_last")
};

/// `shown`: how many completions the ballot shows.
Label parse_answer(const Format& format, std::size_t shown, const JudgeText& said, const ParseOptions& options = {});

/// The answer lines that say a label: what a judge is asked to end with ("Preference: B\nMagnitude: 2").
std::string answer_of(const Format& format, const Label& label);
/// The same as a structured answer.
std::string structured_answer_of(const Format& format, const Label& label, const std::string& reason);

}  // namespace ballot
