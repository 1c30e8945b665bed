// Whether an answer is the right one, by the rules of math_verify 0.9.0 (grader.py), which the harness's `exact_match`
// of the MATH tasks is: assignments keep their right side, relations may be turned round or scaled, sets have no order
// and tuples have, an open interval is a pair of numbers, words are compared without case, decimals after rounding
// to 6.
#pragma once
#include "evaluation/math_expression.h"

namespace ballot {

/// `gold`: the right answer; the comparison is not symmetric. Throws MathUndecided where it cannot be told.
bool verify_math(const MathPtr& gold, const MathPtr& answer);

}  // namespace ballot
