// From an answer's LaTeX to its tree, by the grammar and the meanings of math_verify's parser (latex2sympy2_extended
// 1.11.0), its oddities included: `2(3)` and `2 3` are mixed numbers, so 5; letters are taken in lower case; `I` is the
// imaginary unit and `i` a letter; an answer with a number in per cent has no meaning. Integrals, sums and limits are
// not read: such an answer counts as unreadable.
#pragma once
#include <string_view>

#include "evaluation/math_expression.h"

namespace ballot {

/// `real`: letters stand for real numbers. kFailed where the text is outside the grammar or has no meaning there.
/// Throws MathUndecided where it is too long or too deep.
MathPtr parse_math(std::string_view latex, bool real);

}  // namespace ballot
