// Logistic regression without an intercept, for outcomes that have no side of their own ("the first of the pair wins"):
// turning a pair round negates its row and its outcome, so the coefficients do not depend on which completion is called
// the first.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "statistics/estimate.h"

namespace ballot {

inline constexpr std::string_view kSeparated = "separated";  ///< a column predicts every outcome: no finite coefficient

struct LogisticFit {
  std::vector<double> coefficients;     ///< p
  std::vector<double> standard_errors;  ///< p, of independent rows
  double log_likelihood = 0;
  std::string_view reason;  ///< empty where there is a finite maximum; kSeparated, kTooFew
  bool converged() const { return reason.empty(); }
};

/// `rows`: n x p, row by row; `outcomes`: n, each the probability in [0, 1] that was observed (1/2: a tie). Newton's
/// method from 0.
LogisticFit logistic_regression(std::span<const double> rows, std::span<const double> outcomes, std::size_t columns);

/// Sums over rows of the gradient x (y - p) and of the upper triangle of the information x x' p (1-p), at the given
/// coefficients: with these kept by cluster, one Newton step from the estimate gives each bootstrap replicate without
/// touching the rows again. Adds to `gradient` (p) and `information` (p (p+1) / 2, row by row).
void logistic_sums(std::span<const double> row, double outcome, std::span<const double> coefficients,
                   std::span<double> gradient, std::span<double> information);
/// The coefficients after one Newton step with these sums.
std::vector<double> logistic_step(std::span<const double> coefficients, std::span<const double> gradient,
                                  std::span<const double> information);

}  // namespace ballot
