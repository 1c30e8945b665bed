#include "evaluation/math_answers.h"

#include <exception>

#include "evaluation/math_extract.h"
#include "evaluation/math_original.h"
#include "evaluation/math_verify.h"

namespace ballot {
namespace {

bool matches(const MathExtraction& gold, const MathExtraction& answer, bool& undecided) {
  if (gold.value && answer.value) {
    try {
      if (verify_math(gold.value, answer.value)) return true;
    } catch (const MathUndecided&) {
      undecided = true;
    } catch (const std::exception&) {
      // A number outside what Boost's arithmetic can do.
      undecided = true;
    }
  }
  return gold.text && answer.text && !gold.text->empty() && *gold.text == *answer.text;
}

}  // namespace

MathVerdict score_math_answer(std::string_view solution, std::string_view response) {
  const MathExtraction gold = extract_math(solution, MathSources::kFormulas);
  const MathExtraction answer = extract_math(response, MathSources::kFormulasAndNumbers);
  MathVerdict out;
  out.undecided = gold.undecided || answer.undecided;
  out.exact_match = matches(gold, answer, out.undecided);
  out.gold = gold.text.value_or("");
  out.answer = answer.text.value_or("");
  const OriginalVerdict original = match_original(math_answer_of(solution), response, leaderboard_math_wording());
  out.exact_match_original = original.match;
  out.undecided = out.undecided || original.undecided;
  return out;
}

std::string math_answer_of(std::string_view solution) {
  return without_box(last_boxed(solution));
}

}  // namespace ballot
