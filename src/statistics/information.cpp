#include "statistics/information.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

namespace ballot {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double minus_p_log_p(double p) {
  return p > 0 ? -p * std::log2(p) : 0;
}

double bias(double degrees, double n) {
  return degrees / (2 * n * std::numbers::ln2);
}

}  // namespace

double entropy_bits(std::span<const double> counts, bool corrected) {
  const double n = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (!(n > 0)) return kUndefined;
  double entropy = 0, cells = 0;
  for (const double count : counts) {
    entropy += minus_p_log_p(count / n);
    cells += count > 0;
  }
  return corrected ? entropy + bias(cells - 1, n) : entropy;
}

double binary_entropy_bits(double p) {
  return minus_p_log_p(p) + minus_p_log_p(1 - p);
}

double mutual_information_bits(std::span<const double> table, std::size_t rows, std::size_t columns, bool corrected) {
  std::vector<double> by_row(rows, 0), by_column(columns, 0);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) {
      by_row[r] += table[r * columns + c];
      by_column[c] += table[r * columns + c];
    }
  const double n = std::accumulate(by_row.begin(), by_row.end(), 0.0);
  if (!(n > 0)) return kUndefined;
  const double information = entropy_bits(by_row, false) + entropy_bits(by_column, false) - entropy_bits(table, false);
  double used_rows = 0, used_columns = 0;
  for (const double x : by_row) used_rows += x > 0;
  for (const double x : by_column) used_columns += x > 0;
  return corrected ? information - bias((used_rows - 1) * (used_columns - 1), n) : information;
}

double pair_information_bits(double agree, double tie, double disagree, bool corrected) {
  const double n = agree + tie + disagree, decided = agree + disagree;
  if (!(n > 0)) return kUndefined;
  if (!(decided > 0)) return 0;
  const double information = decided / n * (1 - binary_entropy_bits(agree / decided));
  return corrected ? information - bias(1, n) : information;
}

}  // namespace ballot
