// A number as a report shows it: with its interval, what it rests on, and why it is missing where it is.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace ballot {

/// A number with its 95% interval (NaN: none) and how many items and clusters it rests on.
struct Measured {
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  std::int64_t n = 0, clusters = 0;
  std::string reason;  ///< why there is none: "no_variation"
  bool known() const { return !std::isnan(value); }
};

}  // namespace ballot
