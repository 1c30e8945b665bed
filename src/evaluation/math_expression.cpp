#include "evaluation/math_expression.h"

#include <algorithm>
#include <set>

namespace ballot {
namespace {

bool any_failed(const std::vector<MathPtr>& args) {
  return std::any_of(args.begin(), args.end(), [](const MathPtr& arg) { return arg->kind == MathKind::kFailed; });
}

std::string_view word_of(MathKind kind) {
  switch (kind) {
    case MathKind::kAdd:
      return "+";
    case MathKind::kMul:
      return "*";
    case MathKind::kPow:
      return "^";
    case MathKind::kPercent:
      return "percent";
    case MathKind::kMatrix:
      return "matrix";
    case MathKind::kTuple:
      return "tuple";
    case MathKind::kSet:
      return "set";
    case MathKind::kInterval:
      return "interval";
    case MathKind::kUnion:
      return "union";
    case MathKind::kIntersection:
      return "intersection";
    case MathKind::kComplement:
      return "complement";
    case MathKind::kAnd:
      return "and";
    case MathKind::kList:
      return "list";
    case MathKind::kFailed:
      return "failed";
    default:
      return "";
  }
}

void write(const MathNode& node, std::string& out) {
  if (node.kind == MathKind::kNumber) {
    out += node.number.text() + (node.decimal ? "." : "");
    return;
  }
  if (node.args.empty()) {
    out += node.name.empty() ? word_of(node.kind) : std::string_view(node.name);
    if (node.kind == MathKind::kSymbol && !node.real) out += "~";
    return;
  }
  out += '(';
  out += node.name.empty() ? word_of(node.kind) : std::string_view(node.name);
  if (node.kind == MathKind::kInterval) {
    out += node.left_open ? "(" : "[";
    out += node.right_open ? ")" : "]";
  }
  if (node.kind == MathKind::kMatrix) out += std::to_string(node.columns);
  for (const MathPtr& arg : node.args) {
    out += ' ';
    write(*arg, out);
  }
  out += ')';
}

MathPtr flat(MathKind kind, const MathPtr& left, const MathPtr& right) {
  if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
  std::vector<MathPtr> args;
  for (const MathPtr& side : {left, right})
    if (side->kind == kind)
      args.insert(args.end(), side->args.begin(), side->args.end());
    else
      args.push_back(side);
  return math_node(kind, std::move(args));
}

}  // namespace

MathPtr math_failed() {
  static const MathPtr node = std::make_shared<MathNode>();
  return node;
}

MathPtr math_number(Rational number, bool decimal) {
  auto node = std::make_shared<MathNode>();
  node->kind = MathKind::kNumber;
  node->number = std::move(number);
  node->decimal = decimal;
  return node;
}

MathPtr math_constant(std::string name) {
  return math_node(MathKind::kConstant, {}, std::move(name));
}

MathPtr math_symbol(std::string name, bool real) {
  auto node = std::make_shared<MathNode>();
  node->kind = MathKind::kSymbol;
  node->name = std::move(name);
  node->real = real;
  return node;
}

MathPtr math_node(MathKind kind, std::vector<MathPtr> args, std::string name) {
  if (any_failed(args)) return math_failed();
  auto node = std::make_shared<MathNode>();
  node->kind = kind;
  node->args = std::move(args);
  node->name = std::move(name);
  return node;
}

MathPtr math_add(MathPtr left, MathPtr right) {
  return flat(MathKind::kAdd, left, right);
}
MathPtr math_multiply(MathPtr left, MathPtr right) {
  return flat(MathKind::kMul, left, right);
}

MathPtr math_negative(MathPtr node) {
  if (node->kind == MathKind::kNumber) return math_number(Rational(0) - node->number, node->decimal);
  return math_multiply(math_number(-1), std::move(node));
}

MathPtr math_divide(MathPtr top, MathPtr bottom) {
  if (is_integer(*top) && is_integer(*bottom)) {
    if (bottom->number.sign() == 0) return math_constant("zoo");
    return math_number(top->number / bottom->number);
  }
  // Not flat: the harness's parser keeps a quotient as one product of two.
  return math_node(MathKind::kMul, {std::move(top), math_node(MathKind::kPow, {std::move(bottom), math_number(-1)})});
}

MathPtr math_set(std::vector<MathPtr> elements) {
  if (any_failed(elements)) return math_failed();
  if (elements.empty()) return math_node(MathKind::kNamedSet, {}, "Empty");
  std::set<std::string> seen;
  std::vector<MathPtr> distinct;
  for (MathPtr& element : elements)
    if (seen.insert(math_text(*element)).second) distinct.push_back(std::move(element));
  return math_node(MathKind::kSet, std::move(distinct));
}

bool is_integer(const MathNode& node) {
  return node.kind == MathKind::kNumber && !node.decimal && node.number.is_integer();
}

bool has_kind(const MathNode& node, MathKind kind) {
  return node.kind == kind ||
         std::any_of(node.args.begin(), node.args.end(), [kind](const MathPtr& arg) { return has_kind(*arg, kind); });
}

bool has_decimal(const MathNode& node) {
  return node.decimal ||
         std::any_of(node.args.begin(), node.args.end(), [](const MathPtr& arg) { return has_decimal(*arg); });
}

bool is_set(const MathNode& node) {
  switch (node.kind) {
    case MathKind::kSet:
    case MathKind::kInterval:
    case MathKind::kUnion:
    case MathKind::kIntersection:
    case MathKind::kComplement:
    case MathKind::kNamedSet:
      return true;
    default:
      return false;
  }
}

std::string math_text(const MathNode& node) {
  std::string out;
  write(node, out);
  return out;
}

}  // namespace ballot
