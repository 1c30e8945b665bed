// One preference from a row in TRL's layouts. Inside the room only.
#pragma once
#include "data/records.h"
#include "data/rejects.h"
#include "data/value.h"

namespace ballot {

/// Throws RowProblem. Without `texts`, prompt, chosen and rejected stay empty: for rows that carry their ids.
Preference take_preference(const Value& row, bool texts = true);
/// What stays although it is odd: equal completions, empty ones.
void warn_of_preference(const Preference& preference, const std::string& file, std::int64_t row, RejectLog& rejects);

}  // namespace ballot
