#include "evaluation/math_evaluate.h"

#include <algorithm>
#include <cmath>

#include "evaluation/math_evaluate_value.h"
#include "evaluation/math_rational_value.h"

namespace ballot {
namespace {

using std::optional;

constexpr int kSamples = 6;       // points where two expressions are compared
constexpr int kSampleTries = 14;  // points tried until so many have a value on both sides
const double kRounding = 1e-36;   // relative, of 50 digits
/// A written decimal has 15 to 17 digits in the reference, so products of them differ there in the last one.
const double kDecimalRounding = 1e-14;

MathInteger integer_part(const MathFraction& number) {
  MathInteger quotient = numerator(number) / denominator(number);
  if (number < 0 && quotient * denominator(number) != numerator(number)) --quotient;
  return quotient;
}

optional<MathFraction> power_of(const MathFraction& base, const MathFraction& exponent) {
  if (denominator(exponent) != 1) return std::nullopt;
  const MathInteger n = numerator(exponent);
  if (base == 0) return n > 0 ? optional<MathFraction>(MathFraction(0)) : std::nullopt;
  const bool one = base == 1 || base == -1;
  if (one) return n % 2 == 0 ? MathFraction(1) : base;
  if (abs(n) > kMathBits) return std::nullopt;
  const auto count = static_cast<unsigned>(MathInteger(abs(n)));
  if (bits_of(base) * static_cast<std::int64_t>(count) > kMathBits) return std::nullopt;
  const MathInteger top = pow(MathInteger(numerator(base)), count), bottom = pow(MathInteger(denominator(base)), count);
  if (n > 0) return MathFraction(top, bottom);
  // Boost wants the sign above.
  return top < 0 ? MathFraction(MathInteger(-bottom), MathInteger(-top)) : MathFraction(bottom, top);
}

optional<MathFraction> factorial_of(const MathFraction& number) {
  if (denominator(number) != 1 || number < 0 || number > 2500) return std::nullopt;
  MathInteger product = 1;
  for (int i = 2; i <= static_cast<int>(numerator(number)); ++i) product *= i;
  return MathFraction(product);
}

optional<MathFraction> binomial_of(const MathFraction& top, const MathFraction& bottom) {
  if (denominator(top) != 1 || denominator(bottom) != 1) return std::nullopt;
  if (bottom < 0) return MathFraction(0);
  if (bottom > 2500 || bits_of(top) > 64) return std::nullopt;
  MathFraction product = 1;
  for (int i = 0; i < static_cast<int>(numerator(bottom)); ++i) {
    product *= MathFraction(numerator(top) - i, MathInteger(i + 1));
    if (bits_of(product) > kMathBits) return std::nullopt;
  }
  return product;
}

optional<MathFraction> exact_call(const std::string& name, const std::vector<MathFraction>& args) {
  const auto whole = [&] {
    return std::all_of(args.begin(), args.end(), [](const MathFraction& arg) { return denominator(arg) == 1; });
  };
  if (args.empty()) return std::nullopt;
  if (name == "abs" && args.size() == 1) return args[0] < 0 ? MathFraction(-args[0]) : args[0];
  if (name == "floor" && args.size() == 1) return MathFraction(integer_part(args[0]));
  if (name == "ceil" && args.size() == 1) return MathFraction(MathInteger(-integer_part(MathFraction(-args[0]))));
  if (name == "factorial" && args.size() == 1) return factorial_of(args[0]);
  if (name == "binomial" && args.size() == 2) return binomial_of(args[0], args[1]);
  if (name == "mod" && args.size() == 2 && args[1] != 0)
    return MathFraction(args[0] - args[1] * integer_part(MathFraction(args[0] / args[1])));
  if (name == "max") return *std::max_element(args.begin(), args.end());
  if (name == "min") return *std::min_element(args.begin(), args.end());
  if ((name == "gcd" || name == "lcm") && whole()) {
    MathInteger so_far = abs(numerator(args[0]));
    for (std::size_t i = 1; i < args.size(); ++i) {
      const MathInteger next = abs(numerator(args[i]));
      so_far = name == "gcd" ? MathInteger(gcd(so_far, next)) : MathInteger(lcm(so_far, next));
    }
    return MathFraction(so_far);
  }
  return std::nullopt;
}

optional<MathFraction> exact(const MathNode& node) {
  std::vector<MathFraction> args;
  if (node.kind != MathKind::kNumber && node.kind != MathKind::kAdd && node.kind != MathKind::kMul &&
      node.kind != MathKind::kPow && node.kind != MathKind::kCall && node.kind != MathKind::kPercent)
    return std::nullopt;
  for (const MathPtr& arg : node.args) {
    const optional<MathFraction> value = exact(*arg);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  switch (node.kind) {
    case MathKind::kNumber:
      return node.number.value().fraction;
    case MathKind::kAdd:
    case MathKind::kMul: {
      MathFraction so_far = node.kind == MathKind::kAdd ? 0 : 1;
      for (const MathFraction& arg : args) {
        if (node.kind == MathKind::kAdd)
          so_far += arg;
        else
          so_far *= arg;
        if (bits_of(so_far) > kMathBits) return std::nullopt;
      }
      return so_far;
    }
    case MathKind::kPow:
      return power_of(args[0], args[1]);
    case MathKind::kPercent:
      return MathFraction(args[0] / 100);
    default:
      return exact_call(node.name, args);
  }
}

bool has_letters(const MathNode& node) {
  return node.kind == MathKind::kSymbol || (node.kind == MathKind::kCall && node.name.starts_with('\'')) ||
         std::any_of(node.args.begin(), node.args.end(), [](const MathPtr& arg) { return has_letters(*arg); });
}

optional<int> infinite_sign(const MathNode& node) {
  if (node.kind == MathKind::kConstant && node.name == "oo") return 1;
  if (node.kind == MathKind::kMul && node.args.size() == 2 && node.args[0]->kind == MathKind::kNumber)
    if (const optional<int> sign = infinite_sign(*node.args[1])) return node.args[0]->number.sign() * *sign;
  return std::nullopt;
}

MathReal magnitude(const MathComplex& value) {
  return std::max(MathReal(abs(value.real())), MathReal(abs(value.imag())));
}

/// Both at the same point; nothing where one has no value there.
optional<std::pair<MathComplex, MathComplex>> values_at(const MathNode& a, const MathNode& b, int sample) {
  try {
    return std::pair{math_value(a, sample), math_value(b, sample)};
  } catch (const MathUndecided&) {
    return std::nullopt;
  }
}

optional<MathReal> real_constant(const MathNode& node) {
  if (has_letters(node)) return std::nullopt;
  try {
    const MathComplex value = math_value(node, 0);
    if (abs(value.imag()) > kRounding * std::max(MathReal(1), MathReal(abs(value.real())))) return std::nullopt;
    return value.real();
  } catch (const MathUndecided&) {
    return std::nullopt;
  }
}

bool close(const MathComplex& a, const MathComplex& b, double relative, double absolute) {
  const MathReal scale = std::max({MathReal(1), magnitude(a), magnitude(b)});
  const MathReal difference = magnitude(MathComplex(a - b));
  if (difference <= absolute) return true;
  if (difference > relative * scale) return false;
  // So large that 50 digits do not reach below the point.
  if (scale > MathReal("1e30")) throw MathUndecided();
  return true;
}

/// As the reference's 53 bits have it, operation by operation: 0.1 + 0.2 is not 0.3. Nothing where there is more than
/// arithmetic.
optional<double> double_value(const MathNode& node) {
  if (!has_decimal(node)) {
    const optional<MathFraction> value = exact(node);  // fractions are exact until a decimal meets them
    return value ? optional<double>(static_cast<double>(*value)) : std::nullopt;
  }
  std::vector<double> args;
  for (const MathPtr& arg : node.args) {
    const optional<double> value = double_value(*arg);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  switch (node.kind) {
    case MathKind::kNumber:
      return static_cast<double>(node.number.value().fraction);
    case MathKind::kAdd: {
      double sum = 0;
      for (const double arg : args) sum += arg;
      return sum;
    }
    case MathKind::kMul: {
      double product = 1;
      for (const double arg : args) product *= arg;
      return product;
    }
    case MathKind::kPow:
      if (args[0] == 0 || args[1] != std::round(args[1]) || std::abs(args[1]) > 1000) return std::nullopt;
      return std::pow(args[0], args[1]);
    case MathKind::kPercent:
      return args[0] / 100;
    default:
      return std::nullopt;
  }
}

}  // namespace

optional<Rational> exact_value(const MathNode& node) {
  const optional<MathFraction> value = exact(node);
  return value ? optional<Rational>(Rational(Rational::Value{*value})) : std::nullopt;
}

MathPtr computed(MathPtr node) {
  if (node->kind == MathKind::kFailed) return node;
  const optional<Rational> value = exact_value(*node);
  return value ? math_number(*value, has_decimal(*node)) : node;
}

bool is_infinite(const MathNode& node) {
  return infinite_sign(node).has_value();
}

bool may_be_real(const MathNode& node) {
  if (node.kind == MathKind::kSymbol) return node.real;
  if (node.kind == MathKind::kMul) {
    // A number times a letter that stands for no real number is none either.
    const auto letters =
        std::count_if(node.args.begin(), node.args.end(), [](const MathPtr& arg) { return has_letters(*arg); });
    if (letters == 1)
      return std::none_of(node.args.begin(), node.args.end(),
                          [](const MathPtr& arg) { return arg->kind == MathKind::kSymbol && !arg->real; });
  }
  if (has_letters(node) || is_infinite(node)) return true;
  return real_constant(node).has_value();
}

optional<int> compare_constants(const MathNode& a, const MathNode& b) {
  const optional<int> infinite_a = infinite_sign(a), infinite_b = infinite_sign(b);
  if (infinite_a || infinite_b) {
    if (!(infinite_a || real_constant(a)) || !(infinite_b || real_constant(b))) return std::nullopt;
    const int left = infinite_a.value_or(0), right = infinite_b.value_or(0);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const optional<MathFraction> exact_a = exact(a), exact_b = exact(b);
  if (exact_a && exact_b) return *exact_a < *exact_b ? -1 : *exact_a > *exact_b ? 1 : 0;
  const optional<MathReal> left = real_constant(a), right = real_constant(b);
  if (!left || !right) return std::nullopt;
  const MathReal difference = *left - *right;
  if (abs(difference) <= kRounding * std::max({MathReal(1), MathReal(abs(*left)), MathReal(abs(*right))})) return 0;
  return difference < 0 ? -1 : 1;
}

bool is_expression_of_symbols(const MathNode& node) {
  if (node.kind == MathKind::kSymbol) return true;
  // a / b too: its power of -1 is looked through.
  if (node.kind == MathKind::kPow && node.args[1]->kind == MathKind::kNumber && node.args[1]->number == Rational(-1))
    return is_expression_of_symbols(*node.args[0]);
  return !node.args.empty() && std::all_of(node.args.begin(), node.args.end(),
                                           [](const MathPtr& arg) { return is_expression_of_symbols(*arg); });
}

bool same_value(const MathNode& a, const MathNode& b, const MathTolerance& tolerance) {
  if (math_text(a) == math_text(b)) return true;
  if (is_infinite(a) || is_infinite(b)) {
    const optional<int> order = compare_constants(a, b);
    return order && *order == 0;
  }
  const bool decimals = has_decimal(a) || has_decimal(b);
  const double relative = decimals ? kDecimalRounding : kRounding;
  if (!has_letters(a) && !has_letters(b)) {
    const optional<MathFraction> exact_a = exact(a), exact_b = exact(b);
    if (exact_a && exact_b && !decimals && tolerance.absolute == 0) return *exact_a == *exact_b;
    if (decimals && tolerance.absolute == 0)
      if (const optional<double> left = double_value(a), right = double_value(b); left && right) return *left == *right;
    if (exact_a && exact_b && *exact_a == *exact_b) return true;
    return close(math_value(a, 0), math_value(b, 0), relative, tolerance.absolute);
  }
  int compared = 0;
  for (int sample = 1; sample <= kSampleTries && compared < kSamples; ++sample) {
    const auto values = values_at(a, b, sample);
    if (!values) continue;
    if (!close(values->first, values->second, relative, 0)) return false;
    ++compared;
  }
  if (compared < kSamples / 2) throw MathUndecided();
  return true;
}

bool same_rounded(const MathNode& a, const MathNode& b, int decimals) {
  if (has_letters(a) || has_letters(b) || is_infinite(a) || is_infinite(b)) return false;
  const MathComplex left = math_value(a, 0), right = math_value(b, 0);
  const auto is_whole = [](const MathNode& node, const MathComplex& value) {
    return !has_decimal(node) && magnitude(MathComplex(value - MathComplex(round(value.real())))) < kRounding;
  };
  if (is_whole(a, left) || is_whole(b, right)) return close(left, right, 1e-15, 0);
  const MathReal unit = pow(MathReal(10), decimals);
  const auto rounded = [&](const MathReal& value) {
    const MathReal scaled = value * unit, down = floor(scaled), rest = scaled - down;
    if (rest == MathReal(0.5)) return MathReal(2 * round(MathReal(down / 2)));
    return MathReal(rest < MathReal(0.5) ? down : MathReal(down + 1));
  };
  return rounded(left.real()) == rounded(right.real()) && rounded(left.imag()) == rounded(right.imag());
}

bool constant_ratio(const MathNode& a, const MathNode& b) {
  optional<MathComplex> ratio;
  int compared = 0;
  for (int sample = 1; sample <= kSampleTries && compared < kSamples; ++sample) {
    const auto values = values_at(a, b, sample);
    if (!values || magnitude(values->second) < MathReal("1e-30")) continue;
    const MathComplex next = values->first / values->second;
    if (magnitude(next) < MathReal("1e-30")) return false;
    if (ratio && !close(next, *ratio, has_decimal(a) || has_decimal(b) ? kDecimalRounding : kRounding, 0)) return false;
    ratio = next;
    ++compared;
  }
  return ratio && compared >= kSamples / 2;
}

namespace {

void collect_letters(const MathNode& node, std::vector<MathPtr>& out) {
  for (const MathPtr& arg : node.args) {
    if (arg->kind == MathKind::kSymbol &&
        std::none_of(out.begin(), out.end(), [&](const MathPtr& one) { return math_text(*one) == math_text(*arg); }))
      out.push_back(arg);
    collect_letters(*arg, out);
  }
}

/// The value of the letter for which a linear expression is 0, the other letters at a sample's point.
optional<MathComplex> linear_root(const MathNode& node, const std::string& letter, int sample) {
  const auto at = [&](int value) { return math_value(node, sample, letter, MathComplex(value)); };
  try {
    const MathComplex zero = at(7), slope = at(8) - zero;
    for (const int further : {11, -5})
      if (!close(at(further), MathComplex(zero + MathComplex(further - 7) * slope), kRounding, 0)) return std::nullopt;
    if (magnitude(slope) < MathReal("1e-30")) return std::nullopt;
    return MathComplex(7) - zero / slope;
  } catch (const MathUndecided&) {
    return std::nullopt;
  }
}

}  // namespace

bool same_linear_root(const MathNode& a, const MathNode& b) {
  std::vector<MathPtr> letters_a, letters_b;
  collect_letters(a, letters_a);
  collect_letters(b, letters_b);
  if (letters_a.size() != letters_b.size()) return false;
  for (const MathPtr& letter : letters_a) {
    const std::string name = math_text(*letter);
    int compared = 0;
    bool same = true;
    for (int sample = 1; sample <= kSamples && same; ++sample) {
      const optional<MathComplex> left = linear_root(a, name, sample), right = linear_root(b, name, sample);
      if (!left || !right) break;
      same = close(*left, *right, kRounding, 0);
      ++compared;
    }
    if (compared == kSamples) return same;
  }
  return false;
}

}  // namespace ballot
