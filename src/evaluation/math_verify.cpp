#include "evaluation/math_verify.h"

#include <algorithm>
#include <optional>

#include "evaluation/math_evaluate.h"
#include "evaluation/math_matrix.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

constexpr int kDecimals = 6;
/// 2^-52: what the reference takes for none when it evaluates the difference of two expressions.
constexpr double kChopped = 2.220446049250313e-16;
constexpr std::size_t kMostElements = 60;

bool is_relation(const MathNode& node) {
  return node.kind == MathKind::kRelation && node.name != "not in";
}
bool is_relations(const MathNode& node) {
  return is_relation(node) || node.kind == MathKind::kAnd;
}

bool is_equation(const MathNode& node) {
  if (node.kind == MathKind::kAnd)
    return std::all_of(node.args.begin(), node.args.end(), [](const MathPtr& arg) { return is_equation(*arg); });
  return node.kind == MathKind::kRelation && node.name == "=";
}

const MathNode& first_relation(const MathNode& node) {
  return node.kind == MathKind::kAnd ? *node.args[0] : node;
}
const MathNode& last_relation(const MathNode& node) {
  return node.kind == MathKind::kAnd ? *node.args.back() : node;
}

/// x = 5, or x = y = 5.
bool is_assignment(const MathNode& node) {
  return is_equation(node) && is_expression_of_symbols(*first_relation(node).args[0]);
}

MathPtr difference(const MathPtr& left, const MathPtr& right) {
  return math_add(left, math_negative(right));
}

std::string small(const std::string& name) {
  return python_length(name) > 1 ? encode_utf8(python_lower(std::u32string_view(decode_utf8(name)))) : name;
}

/// Letters side by side as one word: "v w" is "vw".
std::optional<std::string> word_of(const MathNode& product) {
  if (product.kind != MathKind::kMul) return std::nullopt;
  std::string word;
  for (const MathPtr& arg : product.args) {
    if (arg->kind == MathKind::kSymbol)
      word += arg->name;
    else if (arg->kind == MathKind::kConstant && arg->name == "E")
      word += "e";
    else
      return std::nullopt;
  }
  return encode_utf8(python_lower(std::u32string_view(decode_utf8(word))));
}

bool same_symbol(const MathNode& gold, const MathNode& answer) {
  const auto lower = [](const std::string& name) {
    return encode_utf8(python_lower(std::u32string_view(decode_utf8(name))));
  };
  const bool both = gold.kind == MathKind::kSymbol && answer.kind == MathKind::kSymbol;
  if (both) return small(gold.name) == small(answer.name);
  const MathNode& symbol = gold.kind == MathKind::kSymbol ? gold : answer;
  const MathNode& other = gold.kind == MathKind::kSymbol ? answer : gold;
  if (other.kind == MathKind::kConstant && other.name == "E") return lower(symbol.name) == "e";
  if (const std::optional<std::string> word = word_of(other)) return lower(symbol.name) == *word;
  return false;
}

const MathNode& without_percent(const MathNode& node) {
  return node.kind == MathKind::kPercent ? *node.args[0] : node;
}

bool same_number(const MathPtr& gold, const MathPtr& answer) {
  const MathNode &left = without_percent(*gold), &right = without_percent(*answer);
  const bool left_number = left.kind == MathKind::kNumber, right_number = right.kind == MathKind::kNumber;
  if ((left_number && left.decimal) || (right_number && right.decimal))
    return same_rounded(*gold, *answer, kDecimals) || same_value(*gold, *answer, {});
  // 9% and 9 are the same whole number.
  if (is_integer(left) && is_integer(right) && left.number == right.number) return true;
  if (left_number || right_number) return same_value(*gold, *answer, {});
  return same_value(*gold, *answer, {.absolute = kChopped});
}

bool same_matrix(const MathPtr& gold, const MathPtr& answer) {
  const std::optional<MathPtr> left = as_matrix(gold), right = as_matrix(answer);
  if (!left || !right || (*left)->columns != (*right)->columns || (*left)->args.size() != (*right)->args.size())
    return false;
  for (std::size_t i = 0; i < (*left)->args.size(); ++i)
    if (!same_number((*left)->args[i], (*right)->args[i])) return false;
  return true;
}

bool verify(const MathPtr& gold, const MathPtr& answer, int depth);

bool same_in_order(const std::vector<MathPtr>& gold, const std::vector<MathPtr>& answer, int depth) {
  return std::equal(gold.begin(), gold.end(), answer.begin(), answer.end(),
                    [depth](const MathPtr& a, const MathPtr& b) { return verify(a, b, depth); });
}

/// Some order of the answer's elements fits the right ones.
bool same_in_any_order(const std::vector<MathPtr>& gold, const std::vector<MathPtr>& answer, int depth) {
  if (gold.size() != answer.size()) return false;
  if (gold.size() > kMostElements) throw MathUndecided();
  std::vector<int> taken_by(answer.size(), -1);
  std::vector<std::vector<int>> fits(gold.size(), std::vector<int>(answer.size(), -1));
  const auto place = [&](const auto& self, std::size_t i, std::vector<bool>& seen) -> bool {
    for (std::size_t k = 0; k < answer.size(); ++k) {
      if (seen[k]) continue;
      if (fits[i][k] < 0) fits[i][k] = verify(gold[i], answer[k], depth) ? 1 : 0;
      if (fits[i][k] == 0) continue;
      seen[k] = true;
      if (taken_by[k] < 0 || self(self, static_cast<std::size_t>(taken_by[k]), seen)) {
        taken_by[k] = static_cast<int>(i);
        return true;
      }
    }
    return false;
  };
  for (std::size_t i = 0; i < gold.size(); ++i) {
    std::vector<bool> seen(answer.size(), false);
    if (!place(place, i, seen)) return false;
  }
  return true;
}

bool is_collection(const MathNode& node) {
  return node.kind == MathKind::kSet || node.kind == MathKind::kTuple;
}

bool same_elements(const MathNode& gold, const MathNode& answer, int depth) {
  if (gold.kind == MathKind::kSet) return same_in_any_order(gold.args, answer.args, depth);
  return same_in_order(gold.args, answer.args, depth);
}

bool is_open_interval(const MathNode& node) {
  return node.kind == MathKind::kInterval && node.left_open && node.right_open;
}

bool same_set(const MathPtr& gold, const MathPtr& answer, int depth) {
  const auto as_set = [](const MathPtr& node) {
    return is_set(*node) || node->kind == MathKind::kTuple ? node : math_set({node});
  };
  const MathPtr a = as_set(gold), b = as_set(answer);
  if (a->kind == MathKind::kInterval && b->kind == MathKind::kInterval)
    return a->left_open == b->left_open && a->right_open == b->right_open && same_in_order(a->args, b->args, depth);
  if (math_text(*a) == math_text(*b)) return true;
  if (is_set(*a) && is_set(*b) && same_real_set(*a, *b).value_or(false)) return true;
  if (is_collection(*a) && is_collection(*b)) return same_elements(*a, *b, depth);
  // (1, 2) is read as an interval, 1, 2 as a set.
  if (is_open_interval(*a) && is_collection(*b) && b->args.size() == 2) return same_in_order(a->args, b->args, depth);
  if (is_open_interval(*b) && is_collection(*a) && a->args.size() == 2)
    return a->kind == MathKind::kSet ? same_in_any_order(a->args, b->args, depth)
                                     : same_in_order(a->args, b->args, depth);
  return false;
}

std::string flipped(const std::string& name) {
  if (name == "<") return ">";
  if (name == "<=") return ">=";
  if (name == ">") return "<";
  if (name == ">=") return "<=";
  return name;
}

bool same_relation(const MathPtr& gold, const MathPtr& answer, int depth) {
  if (gold->kind == MathKind::kAnd && answer->kind == MathKind::kAnd)
    return gold->args.size() == answer->args.size() &&
           std::equal(gold->args.begin(), gold->args.end(), answer->args.begin(),
                      [depth](const MathPtr& a, const MathPtr& b) { return same_relation(a, b, depth); });
  if (!is_relation(*gold) || !is_relation(*answer)) return false;
  if (is_set(*gold->args[1]) || is_set(*answer->args[1]) || gold->args[0]->kind == MathKind::kTuple ||
      answer->args[0]->kind == MathKind::kTuple)
    return gold->name == answer->name && verify(gold->args[0], answer->args[0], depth) &&
           verify(gold->args[1], answer->args[1], depth);
  const MathPtr left = difference(gold->args[0], gold->args[1]), right = difference(answer->args[0], answer->args[1]);
  if (gold->name == answer->name && verify(left, right, depth)) return true;
  if (flipped(gold->name) == answer->name && verify(left, difference(answer->args[1], answer->args[0]), depth))
    return true;
  if (gold->name != "=" || answer->name != "=") return false;
  // 2x = 4 and x = 2 have the same solutions. (Of inequalities the reference finds that out for none.)
  return constant_ratio(*left, *right) || same_linear_root(*left, *right);
}

MathPtr with_number(const MathPtr& node, const std::string& letter, std::int64_t number) {
  if (node->kind == MathKind::kSymbol) return math_text(*node) == letter ? math_number(number) : node;
  if (node->args.empty()) return node;
  auto out = std::make_shared<MathNode>(*node);
  for (MathPtr& arg : out->args) arg = with_number(arg, letter, number);
  return out;
}

void collect_letters(const MathNode& node, std::vector<std::string>& out) {
  if (node.kind == MathKind::kSymbol && std::find(out.begin(), out.end(), math_text(node)) == out.end())
    out.push_back(math_text(node));
  for (const MathPtr& arg : node.args) collect_letters(*arg, out);
}

/// x > 2 as (2, oo), 1 < x < 2 as (1, 2), 2x > 4 as (2, oo): what a relation says about its one letter, which it has to
/// the first degree.
std::optional<MathPtr> set_of_relation(const MathNode& node) {
  if (node.kind == MathKind::kAnd) {
    MathPtr so_far;
    for (const MathPtr& arg : node.args) {
      const std::optional<MathPtr> part = set_of_relation(*arg);
      if (!part) return std::nullopt;
      so_far = so_far ? math_node(MathKind::kIntersection, {so_far, *part}) : *part;
    }
    return so_far;
  }
  std::vector<std::string> letters;
  collect_letters(node, letters);
  if (!is_relation(node) || letters.size() != 1 || is_set(*node.args[1])) return std::nullopt;
  const bool left = node.args[0]->kind == MathKind::kSymbol, right = node.args[1]->kind == MathKind::kSymbol;
  std::string name = node.name;
  MathPtr bound;
  if (left != right && !has_kind(*node.args[left ? 1 : 0], MathKind::kSymbol)) {
    bound = node.args[left ? 1 : 0];
    if (right) name = flipped(name);
  } else {
    const MathPtr all = difference(node.args[0], node.args[1]);
    const MathPtr at0 = with_number(all, letters[0], 0);
    const MathPtr slope = difference(with_number(all, letters[0], 1), at0);
    const MathPtr again = difference(with_number(all, letters[0], 9), with_number(all, letters[0], 8));
    const std::optional<int> sign = compare_constants(*slope, *math_number(0));
    if (!sign || *sign == 0 || !same_value(*slope, *again, {})) return std::nullopt;
    bound = computed(math_divide(math_negative(at0), slope));
    if (*sign < 0) name = flipped(name);
  }
  const MathPtr infinity = math_constant("oo");
  const auto interval = [](MathPtr from, MathPtr to, bool left_open, bool right_open) {
    auto out = std::make_shared<MathNode>();
    out->kind = MathKind::kInterval;
    out->args = {std::move(from), std::move(to)};
    out->left_open = left_open || is_infinite(*out->args[0]);
    out->right_open = right_open || is_infinite(*out->args[1]);
    return MathPtr(out);
  };
  const MathPtr below = math_negative(infinity);
  if (name == "=") return math_set({bound});
  if (name == "<") return interval(below, bound, true, true);
  if (name == "<=") return interval(below, bound, true, false);
  if (name == ">") return interval(bound, infinity, true, true);
  if (name == ">=") return interval(bound, infinity, false, true);
  return math_node(MathKind::kUnion, {interval(below, bound, true, true), interval(bound, infinity, true, true)});
}

MathPtr shortened(const MathPtr& node) {
  if (node->kind != MathKind::kAnd) return node;
  return math_node(MathKind::kRelation, {first_relation(*node).args[0], last_relation(*node).args[1]}, "=");
}

bool verify(const MathPtr& right, const MathPtr& given, int depth) {
  if (depth > 20) throw MathUndecided();
  MathPtr gold = right, answer = given;
  const bool gold_assigns = is_assignment(*gold), answer_assigns = is_assignment(*answer);
  const bool gold_equation = is_equation(*gold), answer_equation = is_equation(*answer);
  if (gold_assigns) gold = shortened(gold);
  if (answer_assigns) answer = shortened(answer);
  if (answer_equation && !gold_equation)
    answer = last_relation(*answer).args[1];
  else if (gold_assigns && !answer_equation)
    gold = last_relation(*gold).args[1];
  if (is_relations(*gold) && is_set(*answer))
    if (const std::optional<MathPtr> set = set_of_relation(*gold)) gold = *set;
  // Nothing is equal to a division by zero.
  if (gold->kind == MathKind::kConstant && gold->name == "zoo") return false;
  if (math_text(*gold) == math_text(*answer)) return true;

  if (is_relations(*gold) && is_relations(*answer)) return same_relation(gold, answer, depth + 1);
  const auto is_set_or_tuple = [](const MathNode& node) { return is_set(node) || node.kind == MathKind::kTuple; };
  if (is_set_or_tuple(*gold) || is_set_or_tuple(*answer)) return same_set(gold, answer, depth + 1);
  if (gold->kind == MathKind::kSymbol || answer->kind == MathKind::kSymbol) return same_symbol(*gold, *answer);
  if (is_relations(*gold) || is_relations(*answer)) return false;
  if (has_kind(*gold, MathKind::kMatrix) || has_kind(*answer, MathKind::kMatrix)) return same_matrix(gold, answer);
  return same_number(gold, answer);
}

}  // namespace

bool verify_math(const MathPtr& gold, const MathPtr& answer) {
  return verify(gold, answer, 0);
}

}  // namespace ballot
