// The Python functions of the leaderboard's MATH tasks, natively (leaderboard/math/utils.py). The few-shot rows are a
// literal in that file and read from it.
#pragma once
#include <string>

#include "core/json.h"
#include "evaluation/documents.h"
#include "evaluation/native_functions.h"

namespace ballot {

/// Keeps the rows of level 5 and gives them the column `answer`, the content of the solution's last box.
void math_process_docs(Documents& documents, const ShuffleSource& shuffle);
/// "Problem:", the problem, "Solution:".
Json math_doc_to_text(const Json& row);
/// {"exact_match": 0 or 1, "exact_match_original": 0 or 1, "undecided": true where a bound of steps was met}. Throws
/// Error (input) where the row has no solution.
Json math_process_results(const Json& row, const std::string& answer);

}  // namespace ballot
