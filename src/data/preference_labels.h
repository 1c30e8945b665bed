// Preferences as labels only: who won which pair, without prompts and answers, for statistics over many large files.
//
// The text columns of a Parquet file with ids are never read (a hundredth of the bytes). A row without ids is read
// whole, since its ids follow from its texts (data/ids.h); the texts are then left out of what the caller sees.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "data/records.h"
#include "data/rejects.h"

namespace ballot {

/// Calls `use` with every sound row of a preferences file or folder, in order, prompt, chosen and rejected empty.
/// `fields`: beside the ids only these columns are needed (empty: all). Throws Error (input) where the columns are
/// missing. Returns how many rows there were.
std::int64_t for_each_label(
    const std::string& source, const std::vector<std::string>& fields, RejectLog& rejects,
    const std::function<void(const std::string& file, std::int64_t row, const Preference& label)>& use);

}  // namespace ballot
