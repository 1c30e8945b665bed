#include "evaluation/math_matrix.h"

namespace ballot {
namespace {

constexpr std::size_t kLargestDeterminant = 5;

std::size_t rows_of(const MathNode& matrix) {
  return matrix.args.size() / matrix.columns;
}

MathPtr matrix_of(std::vector<MathPtr> cells, std::size_t columns) {
  auto node = std::make_shared<MathNode>();
  node->kind = MathKind::kMatrix;
  node->columns = columns;
  node->args = std::move(cells);
  return node;
}

MathPtr minor_sum(const MathNode& matrix, const std::vector<std::size_t>& columns, std::size_t row) {
  if (columns.size() == 1) return matrix.args[row * matrix.columns + columns[0]];
  MathPtr sum;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::vector<std::size_t> rest = columns;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    MathPtr term = math_multiply(matrix.args[row * matrix.columns + columns[i]], minor_sum(matrix, rest, row + 1));
    if (i % 2 == 1) term = math_negative(std::move(term));
    sum = sum ? math_add(std::move(sum), std::move(term)) : std::move(term);
  }
  return sum;
}

std::optional<MathPtr> product(const MathPtr& left, const MathPtr& right) {
  const bool left_matrix = left->kind == MathKind::kMatrix, right_matrix = right->kind == MathKind::kMatrix;
  if (left_matrix && right_matrix) {
    if (left->columns != rows_of(*right)) return std::nullopt;
    std::vector<MathPtr> cells;
    for (std::size_t row = 0; row < rows_of(*left); ++row)
      for (std::size_t column = 0; column < right->columns; ++column) {
        MathPtr sum = math_number(0);
        for (std::size_t k = 0; k < left->columns; ++k)
          sum = math_add(std::move(sum),
                         math_multiply(left->args[row * left->columns + k], right->args[k * right->columns + column]));
        cells.push_back(std::move(sum));
      }
    return matrix_of(std::move(cells), right->columns);
  }
  const MathPtr& matrix = left_matrix ? left : right;
  const MathPtr& factor = left_matrix ? right : left;
  if (!left_matrix && !right_matrix) return math_multiply(left, right);
  std::vector<MathPtr> cells;
  for (const MathPtr& cell : matrix->args) cells.push_back(math_multiply(factor, cell));
  return matrix_of(std::move(cells), matrix->columns);
}

}  // namespace

MathPtr determinant(const MathPtr& node) {
  if (node->kind != MathKind::kMatrix || node->columns != rows_of(*node) || node->columns > kLargestDeterminant)
    return math_failed();
  std::vector<std::size_t> columns(node->columns);
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
  return minor_sum(*node, columns, 0);
}

MathPtr trace(const MathPtr& node) {
  if (node->kind != MathKind::kMatrix || node->columns != rows_of(*node)) return math_failed();
  MathPtr sum = node->args[0];
  for (std::size_t i = 1; i < node->columns; ++i) sum = math_add(std::move(sum), node->args[i * node->columns + i]);
  return sum;
}

MathPtr transposed(const MathPtr& node) {
  if (node->kind != MathKind::kMatrix) return math_failed();
  std::vector<MathPtr> cells;
  for (std::size_t column = 0; column < node->columns; ++column)
    for (std::size_t row = 0; row < rows_of(*node); ++row) cells.push_back(node->args[row * node->columns + column]);
  return matrix_of(std::move(cells), rows_of(*node));
}

std::optional<MathPtr> as_matrix(const MathPtr& node) {
  if (node->kind == MathKind::kMatrix) return node;
  if ((node->kind != MathKind::kAdd && node->kind != MathKind::kMul) || !has_kind(*node, MathKind::kMatrix))
    return std::nullopt;
  std::optional<MathPtr> so_far;
  for (const MathPtr& arg : node->args) {
    MathPtr part = arg;
    if (has_kind(*arg, MathKind::kMatrix)) {
      const std::optional<MathPtr> inner = as_matrix(arg);
      if (!inner) return std::nullopt;
      part = *inner;
    }
    if (!so_far) {
      so_far = part;
    } else if (node->kind == MathKind::kMul) {
      so_far = product(*so_far, part);
      if (!so_far) return std::nullopt;
    } else {
      const MathPtr left = *so_far;
      if (left->kind != MathKind::kMatrix || part->kind != MathKind::kMatrix || left->columns != part->columns ||
          left->args.size() != part->args.size())
        return std::nullopt;
      std::vector<MathPtr> cells;
      for (std::size_t i = 0; i < left->args.size(); ++i) cells.push_back(math_add(left->args[i], part->args[i]));
      so_far = matrix_of(std::move(cells), left->columns);
    }
  }
  return so_far && (*so_far)->kind == MathKind::kMatrix ? so_far : std::nullopt;
}

}  // namespace ballot
