// A ballot as the judge reads it: a system turn that is the same for every ballot of the format, and a user turn with
// the conversation, then the completions in the order shown.
//
// Conversation, turns and completions stand between marker lines ("<<completion A>>", "<<end of completion A>>"). Where
// a text has such markers itself (a planted verdict, a quoted ballot), the markers of this ballot carry a code
// ("<<completion A 7f3a19>>") that occurs in none of its texts, and the user turn says that only lines with the code
// are real. The code follows from the item and its texts, so that every rendering of the ballot is the same.
#pragma once
#include <string>

#include "core/json.h"
#include "data/records.h"
#include "formats/format.h"
#include "formats/item.h"

namespace ballot {

struct RenderedBallot {
  Conversation messages;  ///< system turn, user turn
  std::string code;       ///< of the markers; empty where none was needed
};

RenderedBallot render_ballot(const Format& format, const Item& item, const PoolRow& row);

/// True where a text holds what looks like a marker line, in any case and with blanks or invisible characters put
/// between.
bool has_marker(const std::string& text);

/// What a layout sees of one ballot, with made-up texts: to try a format's templates.
Json sample_ballot(std::size_t shown);

}  // namespace ballot
