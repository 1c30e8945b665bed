// Answers of mathematics problems as trees, with the distinctions that the harness's checker makes: a written number
// is exact or a decimal, `2^3` is a power and no number, an interval is not a tuple, a symbol is known by its name.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "evaluation/math_rational.h"

namespace ballot {

enum class MathKind {
  kNumber,        ///< number; decimal: written with a point, compared after rounding
  kConstant,      ///< name: "pi", "E", "I", "gamma", "oo" (infinity), "zoo" (a division by zero)
  kSymbol,        ///< name; real: taken to be a real number
  kAdd,           ///< args
  kMul,           ///< args
  kPow,           ///< args: base, exponent
  kCall,          ///< name: "sin", "log" (argument, base), "factorial", "abs"... or "'f" for an unknown function f
  kPercent,       ///< args[0] / 100
  kMatrix,        ///< args row by row; columns
  kTuple,         ///< args, ordered
  kSet,           ///< args, in the order written; no two alike
  kInterval,      ///< args: from, to; left_open, right_open
  kUnion,         ///< args
  kIntersection,  ///< args
  kComplement,    ///< args: from, without
  kNamedSet,      ///< name: "Reals", "Integers", "Empty"...
  kRelation,      ///< name: "=", "!=", "<", "<=", ">", ">="; args: left, right
  kAnd,           ///< args: relations, a chain as in 1 < x < 2
  kList,          ///< inside the parsers only
  kFailed,        ///< inside the parsers only: it parses, but has no meaning there
};

struct MathNode;
using MathPtr = std::shared_ptr<const MathNode>;

struct MathNode {
  MathKind kind = MathKind::kFailed;
  std::string name;
  Rational number;
  bool decimal = false, real = true, left_open = false, right_open = false;
  std::size_t columns = 0;
  std::vector<MathPtr> args;
};

/// Each gives kFailed where an argument is kFailed. Nothing is computed except where the harness's parser does.
MathPtr math_failed();
MathPtr math_number(Rational number, bool decimal = false);
MathPtr math_constant(std::string name);
MathPtr math_symbol(std::string name, bool real);
MathPtr math_node(MathKind kind, std::vector<MathPtr> args, std::string name = "");
/// Sums and products are flat: an argument of the same kind gives its own.
MathPtr math_add(MathPtr left, MathPtr right);
MathPtr math_multiply(MathPtr left, MathPtr right);
/// A number is negated, anything else multiplied by -1.
MathPtr math_negative(MathPtr node);
/// Whole numbers give a fraction (or "zoo"), anything else a product with a power of -1.
MathPtr math_divide(MathPtr top, MathPtr bottom);
/// Without repeated elements; the empty set where there are none.
MathPtr math_set(std::vector<MathPtr> elements);

bool is_integer(const MathNode& node);               ///< a whole number, written so
bool has_kind(const MathNode& node, MathKind kind);  ///< somewhere in the tree
bool has_decimal(const MathNode& node);
bool is_set(const MathNode& node);  ///< kSet, kInterval, kUnion, kIntersection, kComplement, kNamedSet

/// A text that is equal for equal trees: "(+ 1 (* 2 x))".
std::string math_text(const MathNode& node);

}  // namespace ballot
