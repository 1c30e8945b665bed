#include "statistics/logistic.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ballot {
namespace {

constexpr int kSteps = 60;
constexpr double kLargest = 30;  // a coefficient beyond it, on standardised columns, is a perfect separation

/// Inverse of a symmetric matrix given by its upper triangle; empty where it is singular.
std::vector<double> inverse(std::span<const double> upper, std::size_t p) {
  std::vector<double> a(p * p), out(p * p, 0);
  for (std::size_t i = 0, at = 0; i < p; ++i)
    for (std::size_t j = i; j < p; ++j) a[i * p + j] = a[j * p + i] = upper[at++];
  for (std::size_t i = 0; i < p; ++i) out[i * p + i] = 1;
  for (std::size_t i = 0; i < p; ++i) {
    const double pivot = a[i * p + i];
    if (!(pivot > 1e-12)) return {};
    for (std::size_t j = 0; j < p; ++j) {
      a[i * p + j] /= pivot;
      out[i * p + j] /= pivot;
    }
    for (std::size_t k = 0; k < p; ++k) {
      if (k == i) continue;
      const double factor = a[k * p + i];
      for (std::size_t j = 0; j < p; ++j) {
        a[k * p + j] -= factor * a[i * p + j];
        out[k * p + j] -= factor * out[i * p + j];
      }
    }
  }
  return out;
}

double linear(std::span<const double> row, std::span<const double> coefficients) {
  double sum = 0;
  for (std::size_t i = 0; i < row.size(); ++i) sum += row[i] * coefficients[i];
  return sum;
}

/// log sigmoid(x).
double log_sigmoid(double x) {
  return x > 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x));
}

}  // namespace

void logistic_sums(std::span<const double> row, double outcome, std::span<const double> coefficients,
                   std::span<double> gradient, std::span<double> information) {
  const double p = 1 / (1 + std::exp(-linear(row, coefficients)));
  std::size_t at = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    gradient[i] += row[i] * (outcome - p);
    for (std::size_t j = i; j < row.size(); ++j) information[at++] += row[i] * row[j] * p * (1 - p);
  }
}

std::vector<double> logistic_step(std::span<const double> coefficients, std::span<const double> gradient,
                                  std::span<const double> information) {
  const std::size_t p = coefficients.size();
  std::vector<double> out(coefficients.begin(), coefficients.end());
  const std::vector<double> covariance = inverse(information, p);
  if (covariance.empty()) return std::vector<double>(p, std::nan(""));
  for (std::size_t i = 0; i < p; ++i)
    for (std::size_t j = 0; j < p; ++j) out[i] += covariance[i * p + j] * gradient[j];
  return out;
}

LogisticFit logistic_regression(std::span<const double> rows, std::span<const double> outcomes, std::size_t columns) {
  if (columns == 0 || rows.size() != outcomes.size() * columns)
    throw wrong_usage("a logistic regression of {} outcomes on {} columns wants {} numbers, got {}", outcomes.size(),
                      columns, outcomes.size() * columns, rows.size());
  LogisticFit fit;
  fit.coefficients.assign(columns, 0);
  std::vector<double> information;
  bool settled = false;
  for (int step = 0; step < kSteps && !settled; ++step) {
    std::vector<double> gradient(columns, 0);
    information.assign(columns * (columns + 1) / 2, 0);
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      logistic_sums(rows.subspan(i * columns, columns), outcomes[i], fit.coefficients, gradient, information);
    const std::vector<double> next = logistic_step(fit.coefficients, gradient, information);
    double move = 0;
    for (std::size_t i = 0; i < columns; ++i) {
      if (std::isnan(next[i]) || std::fabs(next[i]) > kLargest) {
        fit.reason = step == 0 ? kTooFew : kSeparated;
        return fit;
      }
      move = std::max(move, std::fabs(next[i] - fit.coefficients[i]));
    }
    fit.coefficients = next;
    settled = move < 1e-12;
  }
  if (!settled) {
    fit.reason = kSeparated;
    return fit;
  }
  const std::vector<double> covariance = inverse(information, columns);
  for (std::size_t i = 0; i < columns; ++i) fit.standard_errors.push_back(std::sqrt(covariance[i * columns + i]));
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const double x = linear(rows.subspan(i * columns, columns), fit.coefficients);
    fit.log_likelihood += outcomes[i] * log_sigmoid(x) + (1 - outcomes[i]) * log_sigmoid(-x);
  }
  return fit;
}

}  // namespace ballot
