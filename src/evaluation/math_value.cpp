#include <cmath>
#include <map>

#include "core/hash.h"
#include "evaluation/math_evaluate.h"
#include "evaluation/math_evaluate_value.h"
#include "evaluation/math_rational_value.h"

namespace ballot {
namespace {

const MathReal& pi() {
  static const MathReal value = 4 * atan(MathReal(1));
  return value;
}

MathComplex checked(MathComplex value) {
  if (!isfinite(value.real()) || !isfinite(value.imag())) throw MathUndecided();
  return value;
}

bool is_real(const MathComplex& value) {
  return value.imag() == 0;
}

/// In [0.3, 2.9), either sign.
MathReal random_number(const std::string& seed) {
  const std::uint64_t bits = hash64(seed);
  const MathReal size = MathReal(0.3) + MathReal(bits >> 12) / MathReal(std::uint64_t(1) << 52) * MathReal(2.6);
  return bits & 1 ? size : MathReal(-size);
}

MathComplex logarithm(const MathComplex& value) {
  if (value == MathComplex(0)) throw MathUndecided();
  if (is_real(value))
    return value.real() > 0 ? MathComplex(log(value.real())) : MathComplex(log(MathReal(-value.real())), pi());
  return log(value);
}

MathComplex power(const MathComplex& base, const MathComplex& exponent) {
  if (base == MathComplex(0)) {
    if (is_real(exponent) && exponent.real() > 0) return MathComplex(0);
    if (exponent == MathComplex(0)) return MathComplex(1);
    throw MathUndecided();
  }
  if (is_real(exponent) && exponent.real() == round(exponent.real()) && abs(exponent.real()) < 100000) {
    // By squaring: exact for whole numbers, and no side of a cut is chosen by rounding.
    long count = std::labs(static_cast<long>(exponent.real()));
    MathComplex product(1), square = base;
    for (; count > 0; count /= 2) {
      if (count % 2 == 1) product *= square;
      if (count > 1) square *= square;
    }
    return exponent.real() < 0 ? MathComplex(MathComplex(1) / product) : product;
  }
  if (is_real(base) && is_real(exponent) && base.real() > 0) return MathComplex(pow(base.real(), exponent.real()));
  if (is_real(base) && is_real(exponent) && exponent.real() == MathReal(0.5))
    return MathComplex(0, sqrt(MathReal(-base.real())));
  return exp(MathComplex(exponent * logarithm(base)));
}

using Function = MathComplex (*)(const MathComplex&);

MathComplex small_angle(const MathComplex& x) {
  if (abs(x.real()) > 1000000 || abs(x.imag()) > 1000) throw MathUndecided();
  return x;
}
MathComplex sine(const MathComplex& x) {
  return is_real(small_angle(x)) ? MathComplex(sin(x.real())) : MathComplex(sin(x));
}
MathComplex cosine(const MathComplex& x) {
  return is_real(small_angle(x)) ? MathComplex(cos(x.real())) : MathComplex(cos(x));
}
/// A pole that rounding hides.
MathComplex inverse(const MathComplex& x) {
  if (abs(x.real()) < MathReal("1e-40") && abs(x.imag()) < MathReal("1e-40")) throw MathUndecided();
  return MathComplex(1) / x;
}
MathComplex arc_sine(const MathComplex& x) {
  return is_real(x) && abs(x.real()) <= 1 ? MathComplex(asin(x.real())) : MathComplex(asin(x));
}
MathComplex arc_cosine(const MathComplex& x) {
  return is_real(x) && abs(x.real()) <= 1 ? MathComplex(acos(x.real())) : MathComplex(acos(x));
}
MathComplex arc_tangent(const MathComplex& x) {
  return is_real(x) ? MathComplex(atan(x.real())) : MathComplex(atan(x));
}
MathComplex exponential(const MathComplex& x) {
  return is_real(x) ? MathComplex(exp(x.real())) : MathComplex(exp(x));
}

const std::map<std::string, Function>& functions() {
  using C = const MathComplex&;
  static const std::map<std::string, Function> table = {
      {"sin", sine},
      {"cos", cosine},
      {"tan", [](C x) { return MathComplex(sine(x) * inverse(cosine(x))); }},
      {"csc", [](C x) { return inverse(sine(x)); }},
      {"sec", [](C x) { return inverse(cosine(x)); }},
      {"cot", [](C x) { return MathComplex(cosine(x) * inverse(sine(x))); }},
      {"asin", arc_sine},
      {"acos", arc_cosine},
      {"atan", arc_tangent},
      {"acsc", [](C x) { return arc_sine(inverse(x)); }},
      {"asec", [](C x) { return arc_cosine(inverse(x)); }},
      {"acot", [](C x) { return arc_tangent(inverse(x)); }},
      {"sinh", [](C x) { return MathComplex((exponential(x) - exponential(-x)) / 2); }},
      {"cosh", [](C x) { return MathComplex((exponential(x) + exponential(-x)) / 2); }},
      {"tanh",
       [](C x) { return MathComplex((exponential(x) - exponential(-x)) * inverse(exponential(x) + exponential(-x))); }},
      {"asinh", [](C x) { return logarithm(x + power(x * x + MathComplex(1), MathComplex(0.5))); }},
      {"acosh",
       [](C x) {
         return logarithm(x +
                          power(x + MathComplex(1), MathComplex(0.5)) * power(x - MathComplex(1), MathComplex(0.5)));
       }},
      {"atanh", [](C x) { return MathComplex((logarithm(MathComplex(1) + x) - logarithm(MathComplex(1) - x)) / 2); }},
      {"exp", exponential},
  };
  return table;
}

class Evaluation {
 public:
  Evaluation(int sample, const std::string& letter, const MathComplex& at)
      : sample_(sample), letter_(letter), at_(at) {}

  MathComplex value(const MathNode& node) const {
    switch (node.kind) {
      case MathKind::kNumber: {
        const MathFraction& fraction = node.number.value().fraction;
        return checked(MathComplex(MathReal(numerator(fraction)) / MathReal(denominator(fraction))));
      }
      case MathKind::kConstant:
        return constant(node.name);
      case MathKind::kSymbol: {
        const std::string name = math_text(node);
        if (name == letter_) return at_;
        const std::string seed = name + "\n" + std::to_string(sample_);
        const MathReal real = random_number(seed);
        return node.real ? MathComplex(real) : MathComplex(real, random_number(seed + "\ni"));
      }
      case MathKind::kAdd: {
        MathComplex sum(0);
        for (const MathPtr& arg : node.args) sum += value(*arg);
        return checked(sum);
      }
      case MathKind::kMul: {
        MathComplex product(1);
        for (const MathPtr& arg : node.args) product = times(product, value(*arg));
        return checked(product);
      }
      case MathKind::kPow:
        return checked(power(value(*node.args[0]), value(*node.args[1])));
      case MathKind::kPercent:
        return value(*node.args[0]) / MathComplex(100);
      case MathKind::kCall:
        return checked(call(node));
      default:
        throw MathUndecided();
    }
  }

 private:
  /// Of two real numbers a real one: no zero of the wrong sign beside it.
  static MathComplex times(const MathComplex& a, const MathComplex& b) {
    return is_real(a) && is_real(b) ? MathComplex(a.real() * b.real()) : MathComplex(a * b);
  }

  MathComplex constant(const std::string& name) const {
    if (name == "pi") return MathComplex(pi());
    if (name == "E") return MathComplex(exp(MathReal(1)));
    if (name == "I") return MathComplex(0, 1);
    if (name == "gamma")
      return MathComplex(MathReal("0.57721566490153286060651209008240243104215933593992359880576723"));
    throw MathUndecided();
  }

  MathComplex call(const MathNode& node) const {
    // Whole numbers have exact values that 50 digits lack.
    if (const std::optional<Rational> exact = exact_value(node)) return value(*math_number(*exact));
    std::vector<MathComplex> args;
    for (const MathPtr& arg : node.args) args.push_back(value(*arg));
    if (const auto found = functions().find(node.name); found != functions().end() && args.size() == 1)
      return found->second(args[0]);
    if (node.name == "log" && args.size() == 2) return MathComplex(logarithm(args[0]) * inverse(logarithm(args[1])));
    if (node.name == "abs") return MathComplex(abs(args.at(0)));
    const bool all_real = std::all_of(args.begin(), args.end(), is_real);
    if (all_real && node.name == "floor") return MathComplex(floor(args[0].real()));
    if (all_real && node.name == "ceil") return MathComplex(ceil(args[0].real()));
    if (all_real && (node.name == "max" || node.name == "min")) {
      MathReal best = args.at(0).real();
      for (const MathComplex& arg : args)
        best = node.name == "max" ? std::max(best, MathReal(arg.real())) : std::min(best, MathReal(arg.real()));
      return MathComplex(best);
    }
    // Unknown: a value of its own for these arguments.
    std::string seed = node.name;
    for (const MathComplex& arg : args)
      seed += "\n" + arg.real().str(20, std::ios::scientific) + " " + arg.imag().str(20, std::ios::scientific);
    return MathComplex(random_number(seed));
  }

  int sample_;
  const std::string& letter_;
  const MathComplex& at_;
};

}  // namespace

MathComplex math_value(const MathNode& node, int sample, const std::string& letter, const MathComplex& at) {
  return Evaluation(sample, letter, at).value(node);
}

}  // namespace ballot
