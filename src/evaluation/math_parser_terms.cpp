#include <algorithm>

#include "evaluation/math_evaluate.h"
#include "evaluation/math_matrix.h"
#include "evaluation/math_parser_rules.h"

namespace ballot {
namespace {

using T = MathToken;

/// What two things side by side mean: a whole number before a positive fraction is a mixed number, whatever stands
/// between them; anything else is a product.
MathPtr side_by_side(const MathPtr& left, const MathPtr& right) {
  if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
  if (is_integer(*left) && right->kind == MathKind::kNumber && !right->decimal && right->number.sign() > 0)
    return math_number(left->number.sign() < 0 ? left->number - right->number : left->number + right->number);
  return math_multiply(left, right);
}

}  // namespace

void MathParser::expression(std::size_t at, MathEnds& out) {
  chain<&MathParser::product<true>>(
      at, out, [&](std::size_t place) { return is_any(place, {T::kAdd, T::kSubtract}); },
      [&](std::size_t place, const MathPtr& left, const MathPtr& right) {
        return math_add(left, is(place, T::kAdd) ? right : math_negative(right));
      });
}

template <bool kFunctions>
void MathParser::product(std::size_t at, MathEnds& out) {
  chain<&MathParser::signed_term<kFunctions>>(
      at, out, [&](std::size_t place) { return is_any(place, {T::kMultiply, T::kDivide, T::kColon, T::kModulo}); },
      [&](std::size_t place, const MathPtr& left, const MathPtr& right) {
        if (is(place, T::kMultiply)) return math_multiply(left, right);
        if (is(place, T::kModulo)) return math_node(MathKind::kCall, {left, right}, "mod");
        return math_divide(left, right);
      });
}

template <bool kFunctions>
void MathParser::signed_term(std::size_t at, MathEnds& out) {
  if (is_any(at, {T::kAdd, T::kSubtract})) {
    for (const MathEnd& end : ends<&MathParser::signed_term<kFunctions>>(at + 1))
      emit(out, end.at, is(at, T::kAdd) ? end.node : math_negative(end.node));
    return;
  }
  for (const MathEnd& end : ends<&MathParser::factors<kFunctions>>(at)) emit(out, end.at, end.node);
}

/// Factors side by side, as many as there are. Inside a function without brackets only the first may be a function.
template <bool kFunctions>
void MathParser::factors(std::size_t at, MathEnds& out) {
  constexpr auto kRest = &MathParser::more_factors<kFunctions>;
  for (const MathEnd& first : ends<&MathParser::postfix<true>>(at)) {
    for (const MathEnd& rest : ends<kRest>(first.at)) emit(out, rest.at, side_by_side(first.node, rest.node));
    emit(out, first.at, first.node);
  }
}

template <bool kFunctions>
void MathParser::more_factors(std::size_t at, MathEnds& out) {
  for (const MathEnd& first : ends<&MathParser::postfix<kFunctions>>(at)) {
    for (const MathEnd& rest : ends<&MathParser::more_factors<kFunctions>>(first.at))
      emit(out, rest.at, side_by_side(first.node, rest.node));
    emit(out, first.at, first.node);
  }
}

template <bool kFunctions>
void MathParser::postfix(std::size_t at, MathEnds& out) {
  const auto go_on = [&](const auto& self, std::size_t place, const MathPtr& node) -> void {
    if (is(place, T::kFactorial)) {
      self(self, place + 1, math_node(MathKind::kCall, {node}, "factorial"));
    } else if (is(place, T::kTranspose)) {
      // Of a number it is the number; a derivative's dash is taken for it too.
      self(self, place + 1, has_kind(*node, MathKind::kMatrix) ? transposed(node) : node);
    } else if (is(place, T::kDegree)) {
      self(self, place + 1, node);
    }
    emit(out, place, node);
  };
  for (const MathEnd& base : ends<&MathParser::power<kFunctions>>(at)) go_on(go_on, base.at, base.node);
}

template <bool kFunctions>
void MathParser::power(std::size_t at, MathEnds& out) {
  std::vector<bool> seen(words_.size() + 1, false);
  const auto go_on = [&](const auto& self, std::size_t place, const MathPtr& base) -> void {
    if (seen[place]) return;
    seen[place] = true;
    for (const MathEnd& exponent : ends<&MathParser::superscript>(place)) {
      const MathPtr node = math_node(MathKind::kPow, {base, exponent.node});
      for (const MathEnd& ignored : ends<&MathParser::subscript>(exponent.at)) self(self, ignored.at, node);
      self(self, exponent.at, node);
    }
    emit(out, place, base);
  };
  for (const MathEnd& base : ends<&MathParser::component<kFunctions>>(at)) go_on(go_on, base.at, base.node);
}

template <bool kFunctions>
void MathParser::component(std::size_t at, MathEnds& out) {
  for (const MathEnd& end : ends<&MathParser::group>(at)) emit(out, end.at, end.node);
  if constexpr (kFunctions)
    for (const MathEnd& end : ends<&MathParser::function>(at)) emit(out, end.at, end.node);
  for (const MathEnd& end : ends<&MathParser::atom>(at)) emit(out, end.at, end.node);
  for (const MathEnd& end : ends<&MathParser::fraction>(at)) emit(out, end.at, end.node);
  for (const MathEnd& end : ends<&MathParser::binomial>(at)) emit(out, end.at, end.node);
  for (const MathEnd& end : ends<&MathParser::matrix>(at)) emit(out, end.at, end.node);
}

void MathParser::group(std::size_t at, MathEnds& out) {
  const auto itself = [](const MathPtr& node) { return node; };
  const auto call = [](const char* name) {
    return [name](const MathPtr& node) { return math_node(MathKind::kCall, {node}, name); };
  };
  const auto nothing = [](const MathPtr&) { return math_failed(); };
  constexpr auto kInner = &MathParser::expression;
  enclosed<kInner>(at, T::kLeftParenthesis, T::kRightParenthesis, out, itself);
  enclosed<kInner>(at, T::kLeftGroup, T::kRightGroup, out, itself);
  enclosed<kInner>(at, T::kLeftBrace, T::kRightBrace, out, itself);
  enclosed<kInner>(at, T::kLeftBracket, T::kRightBracket, out, itself);
  enclosed<kInner>(at, T::kLeftBraceVisual, T::kRightBraceVisual, out, itself);
  enclosed<kInner>(at, T::kLeftBraceCommand, T::kRightBraceCommand, out, itself);
  enclosed<kInner>(at, T::kLeftBrack, T::kRightBrack, out, itself);
  if (is_any(at, {T::kPhantom, T::kBoxed})) enclosed<kInner>(at + 1, T::kLeftBrace, T::kRightBrace, out, itself);
  enclosed<kInner>(at, T::kNorm, T::kNorm, out, [](const MathPtr& node) {
    return has_kind(*node, MathKind::kMatrix) ? math_node(MathKind::kCall, {node}, "norm") : math_failed();
  });
  enclosed<kInner>(at, T::kBar, T::kBar, out, call("abs"));
  enclosed<kInner>(at, T::kLeftVert, T::kRightVert, out, call("abs"));
  enclosed<kInner>(at, T::kVert, T::kVert, out, call("abs"));
  enclosed<kInner>(at, T::kLeftAngle, T::kRightAngle, out, nothing);
  enclosed<kInner>(at, T::kLeftFloor, T::kRightFloor, out, call("floor"));
  enclosed<kInner>(at, T::kLeftCorner, T::kRightCorner, out, call("floor"));
  enclosed<kInner>(at, T::kLeftCeil, T::kRightCeil, out, call("ceil"));
  enclosed<kInner>(at, T::kUpperLeftCorner, T::kUpperRightCorner, out, call("ceil"));
}

void MathParser::fraction(std::size_t at, MathEnds& out) {
  if (!is(at, T::kFraction) || !is(at + 1, T::kLeftBrace)) return;
  for (const MathEnd& top : ends<&MathParser::expression>(at + 2)) {
    if (!is(top.at, T::kRightBrace) || !is(top.at + 1, T::kLeftBrace)) continue;
    for (const MathEnd& bottom : ends<&MathParser::expression>(top.at + 2)) {
      if (!is(bottom.at, T::kRightBrace)) continue;
      // d/dx is a derivative, which is not read.
      const bool derivative = bottom.at == top.at + 3 && is(top.at + 2, T::kDifferential);
      emit(out, bottom.at + 1, derivative ? math_failed() : math_divide(top.node, bottom.node));
    }
  }
}

void MathParser::binomial(std::size_t at, MathEnds& out) {
  const auto node = [](const MathPtr& top, const MathPtr& bottom) {
    return computed(math_node(MathKind::kCall, {top, bottom}, "binomial"));
  };
  if (is(at, T::kLeftBrace))
    for (const MathEnd& top : ends<&MathParser::expression>(at + 1)) {
      if (!is(top.at, T::kChoose)) continue;
      for (const MathEnd& bottom : ends<&MathParser::expression>(top.at + 1))
        if (is(bottom.at, T::kRightBrace)) emit(out, bottom.at + 1, node(top.node, bottom.node));
    }
  if (!is(at, T::kBinomial) || !is(at + 1, T::kLeftBrace)) return;
  for (const MathEnd& top : ends<&MathParser::expression>(at + 2)) {
    if (!is(top.at, T::kRightBrace) || !is(top.at + 1, T::kLeftBrace)) continue;
    for (const MathEnd& bottom : ends<&MathParser::expression>(top.at + 2))
      if (is(bottom.at, T::kRightBrace)) emit(out, bottom.at + 1, node(top.node, bottom.node));
  }
}

void MathParser::matrix(std::size_t at, MathEnds& out) {
  const std::pair<T, T> kinds[] = {
      {T::kMatrixBegin, T::kMatrixEnd}, {T::kArrayBegin, T::kArrayEnd}, {T::kDeterminantBegin, T::kDeterminantEnd}};
  for (const auto& [open, close] : kinds) {
    if (!is(at, open)) continue;
    for (const MathEnd& rows : ends<&MathParser::matrix_rows>(at + 1)) {
      const std::size_t end = rows.at + (is(rows.at, T::kRow) ? 1 : 0);
      if (is(end, close)) emit(out, end + 1, open == T::kDeterminantBegin ? determinant(rows.node) : rows.node);
    }
  }
}

void MathParser::matrix_rows(std::size_t at, MathEnds& out) {
  MathEnds rows;
  const auto joined = [](const MathPtr& left, const MathPtr& right, const char* name) {
    if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
    std::vector<MathPtr> args = left->name == name ? left->args : std::vector<MathPtr>{left};
    args.push_back(right);
    return math_node(MathKind::kList, std::move(args), name);
  };
  chain<&MathParser::matrix_row>(
      at, rows, [&](std::size_t place) { return is(place, T::kRow); },
      [&](std::size_t, const MathPtr& left, const MathPtr& right) { return joined(left, right, "rows"); });
  for (const MathEnd& end : rows) {
    if (end.node->kind == MathKind::kFailed) {
      emit(out, end.at, end.node);
      continue;
    }
    const std::vector<MathPtr> list = end.node->name == "rows" ? end.node->args : std::vector<MathPtr>{end.node};
    auto node = std::make_shared<MathNode>();
    node->kind = MathKind::kMatrix;
    node->columns = list[0]->args.size();
    bool rectangular = true;
    for (const MathPtr& row : list) {
      rectangular = rectangular && row->args.size() == node->columns;
      node->args.insert(node->args.end(), row->args.begin(), row->args.end());
    }
    emit(out, end.at, rectangular ? MathPtr(node) : math_failed());
  }
}

void MathParser::matrix_row(std::size_t at, MathEnds& out) {
  MathEnds cells;
  chain<&MathParser::expression>(
      at, cells, [&](std::size_t place) { return is(place, T::kColumn); },
      [](std::size_t, const MathPtr& left, const MathPtr& right) {
        if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
        std::vector<MathPtr> args = left->name == "row" ? left->args : std::vector<MathPtr>{left};
        args.push_back(right);
        return math_node(MathKind::kList, std::move(args), "row");
      });
  for (const MathEnd& end : cells)
    emit(out, end.at,
         end.node->kind == MathKind::kFailed || end.node->name == "row"
             ? end.node
             : math_node(MathKind::kList, {end.node}, "row"));
}

// What other files of the parser use.
template void MathParser::product<false>(std::size_t, MathEnds&);

}  // namespace ballot
