// Sums in plain text, as a Python expression of numbers: "3 + 4/2", "2^10", "(1 - 5) * 2".
#pragma once
#include <string_view>

#include "evaluation/math_expression.h"

namespace ballot {

/// `^` is a power. Null where Python would not read it.
MathPtr parse_plain_sum(std::string_view text);

}  // namespace ballot
