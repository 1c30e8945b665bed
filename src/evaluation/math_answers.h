// Scoring answers of the harness's MATH tasks: both of its measures, natively (docs/evaluation.md lists where they
// differ from the reference).
//
//   exact_match            math_verify: the answer found in the response is the one found in the solution
//   exact_match_original   Minerva's way: the stated answer, normalised, is the content of the solution's last box
//
// Every input ends within bounded steps. Where a bound is met the answer counts as wrong and is `undecided`.
#pragma once
#include <string>
#include <string_view>

namespace ballot {

struct MathVerdict {
  bool exact_match = false, exact_match_original = false;
  bool undecided = false;    ///< in either measure
  std::string gold, answer;  ///< the texts that exact_match compared, normalised; empty where nothing was found
};

/// `solution`: the row's worked solution, with the answer in a box. `response`: what the model wrote, UTF-8.
MathVerdict score_math_answer(std::string_view solution, std::string_view response);
/// The content of the solution's last box: the column `answer` that process_docs adds.
std::string math_answer_of(std::string_view solution);

}  // namespace ballot
