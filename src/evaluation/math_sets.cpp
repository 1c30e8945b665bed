// Sets of real numbers as sorted, disjoint pieces: what a union or an intersection in an answer amounts to.
#include <algorithm>
#include <limits>
#include <optional>

#include "evaluation/math_evaluate.h"
#include "evaluation/math_evaluate_value.h"

namespace ballot {
namespace {

constexpr std::size_t kMostPieces = 500;

struct Edge {
  MathReal at;
  bool beyond = false;  ///< just above `at`: where an open piece begins or a closed one ends
};
const MathReal kClose("1e-36");

int order(const Edge& a, const Edge& b) {
  const bool infinite = isinf(a.at) || isinf(b.at);
  if (infinite ? a.at != b.at : abs(MathReal(a.at - b.at)) > kClose * std::max(MathReal(1), MathReal(abs(a.at))))
    return a.at < b.at ? -1 : 1;
  return a.beyond == b.beyond ? 0 : a.beyond ? 1 : -1;
}

struct Piece {
  Edge from, to;
};
using Pieces = std::vector<Piece>;

Pieces merged(Pieces pieces) {
  if (pieces.size() > kMostPieces) throw MathUndecided();
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return order(a.from, b.from) < 0; });
  Pieces out;
  for (const Piece& piece : pieces) {
    if (order(piece.from, piece.to) >= 0) continue;
    if (!out.empty() && order(piece.from, out.back().to) <= 0) {
      if (order(out.back().to, piece.to) < 0) out.back().to = piece.to;
    } else {
      out.push_back(piece);
    }
  }
  return out;
}

Edge infinity(int sign) {
  const MathReal limit = std::numeric_limits<MathReal>::infinity();
  return {sign < 0 ? MathReal(-limit) : limit, false};
}

MathReal number(const MathNode& node) {
  const MathComplex value = math_value(node, 0);
  if (value.imag() != 0) throw MathUndecided();
  return value.real();
}

bool has_letters(const MathNode& node) {
  return has_kind(node, MathKind::kSymbol);
}

Edge edge_of(const MathNode& node, bool beyond) {
  if (has_letters(node)) throw MathUndecided();
  if (is_infinite(node)) return infinity(node.kind == MathKind::kConstant ? 1 : node.args[0]->number.sign());
  return {number(node), beyond};
}

Pieces complement(const Pieces& pieces) {
  Pieces out;
  Edge from = infinity(-1);
  for (const Piece& piece : pieces) {
    out.push_back({from, piece.from});
    from = piece.to;
  }
  out.push_back({from, infinity(1)});
  return merged(std::move(out));
}

Pieces joined(Pieces a, const Pieces& b) {
  a.insert(a.end(), b.begin(), b.end());
  return merged(std::move(a));
}

Pieces pieces_of(const MathNode& node) {
  switch (node.kind) {
    case MathKind::kInterval:
      return merged({{edge_of(*node.args[0], node.left_open), edge_of(*node.args[1], !node.right_open)}});
    case MathKind::kSet: {
      Pieces out;
      for (const MathPtr& arg : node.args) out.push_back({edge_of(*arg, false), edge_of(*arg, true)});
      return merged(std::move(out));
    }
    case MathKind::kNamedSet:
      if (node.name == "Reals") return {{infinity(-1), infinity(1)}};
      if (node.name == "Empty") return {};
      throw MathUndecided();
    case MathKind::kUnion:
      return joined(pieces_of(*node.args[0]), pieces_of(*node.args[1]));
    case MathKind::kIntersection:
      return complement(joined(complement(pieces_of(*node.args[0])), complement(pieces_of(*node.args[1]))));
    case MathKind::kComplement:
      return complement(joined(complement(pieces_of(*node.args[0])), pieces_of(*node.args[1])));
    default:
      throw MathUndecided();
  }
}

}  // namespace

std::optional<bool> same_real_set(const MathNode& a, const MathNode& b) {
  try {
    const Pieces left = pieces_of(a), right = pieces_of(b);
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const Piece& x, const Piece& y) {
      return order(x.from, y.from) == 0 && order(x.to, y.to) == 0;
    });
  } catch (const MathUndecided&) {
    return std::nullopt;
  }
}

}  // namespace ballot
