// LaTeX as SymPy 1.14's parse_latex reads it, for the harness's older measure: another grammar than parse_math's.
// Every letter and command is a symbol of its own, \pi, e and i too, and stands for a complex number; \log is natural;
// `x` between numbers is a multiplication sign; what follows the first expression is not looked at, so that `1, 2`
// is 1.
#pragma once
#include <string_view>

#include "evaluation/math_expression.h"

namespace ballot {

/// kFailed outside the grammar, and for relations, derivatives, integrals, sums and limits, which are not compared.
/// Throws MathUndecided where it is too deep.
MathPtr parse_sympy_latex(std::string_view latex);

}  // namespace ballot
