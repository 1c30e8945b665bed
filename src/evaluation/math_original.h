// The harness's older measure of a MATH answer, `exact_match_original`: the text after "Final Answer: The final answer
// is", stripped of units and of what is only typography, equal as a text or as an expression. (lm-evaluation-harness
// 0.4.13, tasks/leaderboard/math/utils.py: process_result_v1. The lists of what is stripped are read from that file.)
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballot {

inline constexpr std::string_view kInvalidAnswer = "[invalidanswer]";

/// What the normaliser replaces and removes, in order.
struct MathWording {
  std::vector<std::pair<std::string, std::string>> substitutions;
  std::vector<std::string> removed;
};
/// SUBSTITUTIONS and REMOVED_EXPRESSIONS of the file. Throws Error where they are not there.
MathWording read_math_wording(const std::filesystem::path& utils_py);
/// Those of the fetched harness.
const MathWording& leaderboard_math_wording();

/// The last \boxed or \fbox of a solution with its braces, or kInvalidAnswer.
std::string last_boxed(std::string_view text);
/// What is inside the box, or kInvalidAnswer.
std::string without_box(std::string_view boxed);
/// What stands between "Final Answer: The final answer is" and " I hope it is correct", or kInvalidAnswer.
std::string stated_answer(std::string_view response);
std::string normalised_answer(std::string_view answer, const MathWording& wording);

struct OriginalVerdict {
  bool match = false, undecided = false;
};
/// `gold`: the content of the solution's last box.
OriginalVerdict match_original(std::string_view gold, std::string_view response, const MathWording& wording);
/// Two normalised answers, as SymPy's parser and simplify see them.
OriginalVerdict same_expression(std::string_view a, std::string_view b);

}  // namespace ballot
