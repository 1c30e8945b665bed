// internal to the tests: the small tables whose statistics are known from the literature and from reference
// implementations (krippendorff 0.9.0, statsmodels 0.15.0, scikit-learn 1.9.1, scipy 1.12.0, irrCAC 0.4.4).
#pragma once
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "statistics/ratings.h"

namespace ballot::golden {

/// Raters x units as text, '.' is missing, ';' ends a rater: unit by unit, as Ratings holds them.
inline Ratings by_rater(const std::string& text) {
  std::vector<std::vector<double>> rows(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == ";")
      rows.emplace_back();
    else
      rows.back().push_back(word == "." ? NAN : std::stod(word));
  }
  std::vector<double> numbers;
  for (std::size_t u = 0; u < rows[0].size(); ++u)
    for (const std::vector<double>& row : rows) numbers.push_back(row[u]);
  return ratings_from_numbers(numbers, rows.size());
}

/// Krippendorff 2011, the worked example.
inline Ratings krippendorff_example() {
  return by_rater(
      "1 2 3 3 2 1 4 1 2 . . . ; 1 2 3 3 2 2 4 1 2 5 . 3 ; . 3 3 3 2 3 4 2 2 5 1 . ; 1 2 3 3 2 4 4 1 2 5 1 .");
}

inline Ratings five_raters() {
  return by_rater(
      "1 1 0 1 0 0 1 1 0 1 1 0 ; 1 1 0 1 0 1 1 1 0 1 . 0 ; 1 0 0 1 . 0 1 1 1 1 1 . ; 1 1 0 0 0 0 1 . 0 1 0 0 ; "
      "1 1 1 1 0 0 0 1 0 . 1 0");
}

/// Fleiss 1971: 10 patients x 5 diagnoses, how many of 14 raters chose each; written out as ratings.
inline Ratings fleiss_example() {
  const int counts[10][5] = {{0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0}, {2, 2, 8, 1, 1},
                             {7, 7, 0, 0, 0},  {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2}, {6, 5, 2, 1, 0}, {0, 2, 2, 3, 7}};
  std::vector<double> numbers;
  for (const auto& row : counts)
    for (int k = 0; k < 5; ++k)
      for (int i = 0; i < row[k]; ++i) numbers.push_back(k);
  return ratings_from_numbers(numbers, 14);
}

inline const std::vector<double> kScoresA = {1, 2, 3, 4, 5, 3, 2, 4, 5, 1, 2, 3, 3, 4, 5, 2};
inline const std::vector<double> kScoresB = {1, 2, 4, 4, 5, 2, 2, 5, 5, 1, 3, 3, 3, 3, 4, 1};

}  // namespace ballot::golden
