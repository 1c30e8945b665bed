#include "statistics/reliability.h"

#include <vector>

namespace ballot {

IntraclassCorrelation intraclass_correlation(std::span<const double> scores, std::size_t raters) {
  IntraclassCorrelation out;
  const std::size_t targets = raters == 0 ? 0 : scores.size() / raters;
  const auto all = [&](Estimate e) {
    out.one = out.two = out.three = out.one_mean = out.two_mean = out.three_mean = e;
  };
  if (targets < 2 || raters < 2) {
    all(Estimate::undefined(kTooFew));
    return out;
  }
  const double n = static_cast<double>(targets), k = static_cast<double>(raters);
  std::vector<double> target_mean(targets, 0), rater_mean(raters, 0);
  double mean = 0;
  for (std::size_t i = 0; i < targets; ++i)
    for (std::size_t j = 0; j < raters; ++j) {
      target_mean[i] += scores[i * raters + j] / k;
      rater_mean[j] += scores[i * raters + j] / n;
      mean += scores[i * raters + j] / (n * k);
    }
  double between = 0, judges = 0, error = 0, within = 0;
  for (std::size_t i = 0; i < targets; ++i) {
    between += k * (target_mean[i] - mean) * (target_mean[i] - mean);
    for (std::size_t j = 0; j < raters; ++j) {
      const double w = scores[i * raters + j] - target_mean[i];
      const double e = w - (rater_mean[j] - mean);
      within += w * w;
      error += e * e;
    }
  }
  for (std::size_t j = 0; j < raters; ++j) judges += n * (rater_mean[j] - mean) * (rater_mean[j] - mean);
  const double B = out.between = between / (n - 1);
  const double J = out.judges = judges / (k - 1);
  const double E = out.error = error / ((n - 1) * (k - 1));
  const double W = out.within = within / (n * (k - 1));
  const auto ratio = [](double numerator, double denominator) {
    return denominator == 0 ? Estimate::undefined(kNoVariation) : Estimate::of(numerator / denominator);
  };
  out.one = ratio(B - W, B + (k - 1) * W);
  out.two = ratio(B - E, B + (k - 1) * E + k * (J - E) / n);
  out.three = ratio(B - E, B + (k - 1) * E);
  out.one_mean = ratio(B - W, B);
  out.two_mean = ratio(B - E, B + (J - E) / n);
  out.three_mean = ratio(B - E, B);
  return out;
}

}  // namespace ballot
