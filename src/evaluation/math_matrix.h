// Matrices in answers: what the parser computes of them, and sums and products of them as one matrix.
#pragma once
#include <optional>

#include "evaluation/math_expression.h"

namespace ballot {

/// `node`: a matrix. kFailed where it is none, or not square.
MathPtr determinant(const MathPtr& node);
MathPtr trace(const MathPtr& node);
MathPtr transposed(const MathPtr& node);
/// Sums, and products with numbers and of matrices, worked out. Nothing where the sizes do not fit or it is no matrix.
std::optional<MathPtr> as_matrix(const MathPtr& node);

}  // namespace ballot
