// Exact rational numbers of any size, for the answers of mathematics problems. Sizes are bounded: what would need more
// than kMathBits bits throws MathUndecided instead of filling the memory.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ballot {

/// Thrown inside the mathematics files where the step budget, a size limit or the known functions end. It never leaves
/// them: the public functions (math_answers.h) report it as "undecided", which counts as no match.
struct MathUndecided {};

inline constexpr std::int64_t kMathBits = 40000;

class Rational {
 public:
  struct Value;  ///< math_rational_value.h, for the files that compute

  Rational(std::int64_t number = 0);
  explicit Rational(const Value& value);
  /// "12", "0.50", ".5", "2E5", "2E-3".
  static Rational from_decimal(std::string_view text);

  const Value& value() const { return *value_; }
  bool is_integer() const;
  int sign() const;  ///< -1, 0, 1
  std::string text() const;
  /// Numerator and denominator as integers.
  Rational numerator() const, denominator() const;

  friend Rational operator+(const Rational& a, const Rational& b);
  friend Rational operator-(const Rational& a, const Rational& b);
  friend Rational operator*(const Rational& a, const Rational& b);
  /// Throws MathUndecided where b is zero.
  friend Rational operator/(const Rational& a, const Rational& b);
  friend bool operator==(const Rational& a, const Rational& b);
  friend bool operator<(const Rational& a, const Rational& b);

 private:
  std::shared_ptr<const Value> value_;
};

}  // namespace ballot
