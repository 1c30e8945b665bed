// What a Rational holds. Only for the files that compute with it: Boost's header is long.
#pragma once
#include <boost/multiprecision/cpp_int.hpp>

#include "evaluation/math_rational.h"

namespace ballot {

using MathInteger = boost::multiprecision::cpp_int;
using MathFraction = boost::multiprecision::cpp_rational;

struct Rational::Value {
  MathFraction fraction;
};

inline std::int64_t bits_of(const MathInteger& number) {
  return number == 0 ? 0 : static_cast<std::int64_t>(boost::multiprecision::msb(MathInteger(abs(number)))) + 1;
}
inline std::int64_t bits_of(const MathFraction& number) {
  return bits_of(MathInteger(numerator(number))) + bits_of(MathInteger(denominator(number)));
}

}  // namespace ballot
