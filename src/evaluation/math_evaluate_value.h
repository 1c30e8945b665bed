// Numbers of 50 digits for math_evaluate's files. Boost's headers are long: include it nowhere else.
#pragma once
#include <boost/multiprecision/cpp_complex.hpp>
#include <string>

#include "evaluation/math_expression.h"

namespace ballot {

using MathReal = boost::multiprecision::cpp_bin_float_50;
using MathComplex = boost::multiprecision::cpp_complex_50;

/// The value with letters at the sample's random points: real ones of both signs for real letters. An unknown function
/// has a random value that depends on its name and its arguments' values. `letter` (as math_text gives it) stands for
/// `at`. Throws MathUndecided where it is no finite number.
MathComplex math_value(const MathNode& node, int sample, const std::string& letter = "",
                       const MathComplex& at = MathComplex(0));

}  // namespace ballot
