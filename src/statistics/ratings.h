// Who said what about which unit: a table of U units x R raters with missing values, and its clusters.
//
// A unit is what is judged (a pair of completions, a response), a rater who judges (a format, a judge, a person, the
// source), a cluster what units share (the prompt): units of one cluster are not independent, so intervals resample
// clusters.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ballot {

/// How far apart two categories are (Krippendorff's d).
enum class Level { kNominal, kOrdinal, kInterval, kRatio };

inline constexpr std::int32_t kMissing = -1;

struct Ratings {
  std::size_t raters = 0;
  std::vector<std::int32_t> codes;  ///< U x R, unit by unit: the index of the category, or kMissing
  std::vector<double> values;       ///< the scale: one number a category, in its order; also the categories nobody used
  std::vector<std::uint32_t> cluster;  ///< U: 0 .. clusters-1; empty: every unit is its own
  std::size_t clusters = 0;            ///< used only where `cluster` is not empty
  /// Counts every unit twice, the second time with the scale turned round (category k becomes q-1-k). For preferences:
  /// each pair in both orientations, so that no statistic depends on which completion was called the first.
  bool both_orientations = false;

  std::size_t units() const { return raters == 0 ? 0 : codes.size() / raters; }
  std::size_t categories() const { return values.size(); }
  std::size_t cluster_count() const { return cluster.empty() ? units() : clusters; }
  std::size_t cluster_of(std::size_t unit) const { return cluster.empty() ? unit : cluster[unit]; }
  std::int32_t code(std::size_t unit, std::size_t rater) const { return codes[unit * raters + rater]; }
  std::size_t ratings() const;  ///< how many are not missing
};

/// Ratings from numbers (NaN: missing), unit by unit: the scale is the sorted set of the numbers that occur.
Ratings ratings_from_numbers(std::span<const double> numbers, std::size_t raters);

}  // namespace ballot
