// A statistic's value, or why there is none. Undefined statistics are NaN with a reason; nothing defaults to 0 or 1.
#pragma once
#include <cmath>
#include <limits>
#include <string_view>

namespace ballot {

/// Why a statistic is undefined: the words that the JSON of `ballot agree` shows.
inline constexpr std::string_view kNoVariation =
    "no_variation";                                       ///< only one value occurs, so chance agreement is certain
inline constexpr std::string_view kNoPairs = "no_pairs";  ///< no unit has the two ratings that a comparison needs
inline constexpr std::string_view kTooFew = "too_few";    ///< fewer observations than the formula needs
inline constexpr std::string_view kNotOrdered = "not_ordered";  ///< categories are words without an order

struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  std::string_view reason;  ///< empty where the value is defined; always one of the constants, so copying it is free

  static Estimate of(double value) { return {value, {}}; }
  static Estimate undefined(std::string_view reason) { return {std::numeric_limits<double>::quiet_NaN(), reason}; }
  bool defined() const { return reason.empty() && !std::isnan(value); }
};

/// A confidence interval; both ends NaN where there is none.
struct Interval {
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  bool defined() const { return !std::isnan(low) && !std::isnan(high); }
  bool contains(double x) const { return low <= x && x <= high; }
};

}  // namespace ballot
