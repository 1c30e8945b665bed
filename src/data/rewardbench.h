// Rows in RewardBench's layout: `prompt` (text or messages), `chosen`, `rejected`, their models, `subset`, `id` (text
// or number).
//
// Kept with a warning: a repeated id ("duplicate_id"). Kept: chosen equal to rejected. Which subsets there are is the
// evaluation's affair.
#pragma once
#include <string>
#include <vector>

#include "data/records.h"
#include "data/rejects.h"

namespace ballot {

/// Rows in file order; bad ones (missing or empty texts) go to `rejects`. A row without an id gets its number in the
/// file, without a subset "". Throws Error (input) where the columns are missing or no row can be used.
std::vector<RewardBenchRow> read_rewardbench(const std::vector<std::string>& sources, RejectLog& rejects);

}  // namespace ballot
