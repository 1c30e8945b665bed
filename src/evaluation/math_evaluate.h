// What an answer is worth: exactly where it is rational, otherwise to 50 digits, and with letters at random points.
// Two expressions with letters are taken to be equal where they are at every point; for the polynomials, fractions,
// roots and trigonometric functions of answers that is as good as an algebra system, and it cannot run away.
#pragma once
#include <optional>

#include "evaluation/math_expression.h"

namespace ballot {

/// The exact value of an expression without letters, roots and the like. Nothing where it has none, or too many digits.
std::optional<Rational> exact_value(const MathNode& node);
/// The node as a number where it has an exact value.
MathPtr computed(MathPtr node);

bool is_infinite(const MathNode& node);
/// False for what is certainly no real number.
bool may_be_real(const MathNode& node);
/// -1, 0 or 1 where both are real numbers or infinite; nothing where there are letters, or it cannot be told.
std::optional<int> compare_constants(const MathNode& a, const MathNode& b);

/// A letter, or built from letters alone: what may stand left of "=" in the assignment of an answer.
bool is_expression_of_symbols(const MathNode& node);

struct MathTolerance {
  /// Differences of constants up to this count as none, beside what rounding leaves.
  double absolute = 0;
};
/// Whether they are equal at every point. Throws MathUndecided where the values cannot be had.
bool same_value(const MathNode& a, const MathNode& b, const MathTolerance& tolerance);
/// Equal after rounding to so many decimals, by the rules for a written decimal against anything: a whole number must
/// be met exactly. False where there are letters.
bool same_rounded(const MathNode& a, const MathNode& b, int decimals);
/// Whether a / b is one constant, which is neither 0 nor infinite.
bool constant_ratio(const MathNode& a, const MathNode& b);
/// Both are 0 for the same value of one of their letters, for any values of the others; tried for a letter that each
/// contains to the first degree.
bool same_linear_root(const MathNode& a, const MathNode& b);

/// Whether two sets of real numbers, without letters, are equal. Nothing where they are not such sets.
std::optional<bool> same_real_set(const MathNode& a, const MathNode& b);

}  // namespace ballot
