#include "evaluation/math_rational.h"

#include <charconv>

#include "evaluation/math_rational_value.h"

namespace ballot {
namespace {

constexpr std::size_t kMaxDigits = 4000;

Rational bounded(MathFraction fraction) {
  if (bits_of(fraction) > kMathBits) throw MathUndecided();
  return Rational(Rational::Value{std::move(fraction)});
}

}  // namespace

Rational::Rational(std::int64_t number) : value_(std::make_shared<Value>(Value{MathFraction(number)})) {}
Rational::Rational(const Value& value) : value_(std::make_shared<Value>(value)) {}

Rational Rational::from_decimal(std::string_view text) {
  std::int64_t exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error != std::errc() || end != digits.data() + digits.size()) throw MathUndecided();
    text = text.substr(0, e);
  }
  bool negative = false;
  if (text.starts_with('-')) {
    negative = true;
    text.remove_prefix(1);
  }
  std::string digits;
  bool point = false;
  for (const char c : text) {
    if (c == '.') {
      point = true;
    } else {
      digits += c;
      if (point) --exponent;
    }
  }
  // A leading zero would make Boost read the digits as octal.
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.size() > kMaxDigits || exponent > 4000 || exponent < -4000) throw MathUndecided();
  const MathInteger whole(digits.empty() ? "0" : digits.c_str());
  const MathInteger ten = pow(MathInteger(10), static_cast<unsigned>(exponent < 0 ? -exponent : exponent));
  MathFraction fraction = exponent < 0 ? MathFraction(whole, ten) : MathFraction(MathInteger(whole * ten));
  return bounded(negative ? MathFraction(-fraction) : fraction);
}

bool Rational::is_integer() const {
  return boost::multiprecision::denominator(value_->fraction) == 1;
}
int Rational::sign() const {
  return value_->fraction.sign();
}
std::string Rational::text() const {
  return value_->fraction.str();
}
Rational Rational::numerator() const {
  return Rational(Value{MathFraction(boost::multiprecision::numerator(value_->fraction))});
}
Rational Rational::denominator() const {
  return Rational(Value{MathFraction(boost::multiprecision::denominator(value_->fraction))});
}

Rational operator+(const Rational& a, const Rational& b) {
  return bounded(MathFraction(a.value().fraction + b.value().fraction));
}
Rational operator-(const Rational& a, const Rational& b) {
  return bounded(MathFraction(a.value().fraction - b.value().fraction));
}
Rational operator*(const Rational& a, const Rational& b) {
  return bounded(MathFraction(a.value().fraction * b.value().fraction));
}
Rational operator/(const Rational& a, const Rational& b) {
  if (b.sign() == 0) throw MathUndecided();
  return bounded(MathFraction(a.value().fraction / b.value().fraction));
}
bool operator==(const Rational& a, const Rational& b) {
  return a.value().fraction == b.value().fraction;
}
bool operator<(const Rational& a, const Rational& b) {
  return a.value().fraction < b.value().fraction;
}

}  // namespace ballot
