#include "statistics/ratings.h"

#include <algorithm>
#include <cmath>

namespace ballot {

std::size_t Ratings::ratings() const {
  return static_cast<std::size_t>(
      std::count_if(codes.begin(), codes.end(), [](std::int32_t code) { return code >= 0; }));
}

Ratings ratings_from_numbers(std::span<const double> numbers, std::size_t raters) {
  Ratings out;
  out.raters = raters;
  for (const double x : numbers)
    if (!std::isnan(x)) out.values.push_back(x);
  std::sort(out.values.begin(), out.values.end());
  out.values.erase(std::unique(out.values.begin(), out.values.end()), out.values.end());
  out.codes.reserve(numbers.size());
  for (const double x : numbers)
    out.codes.push_back(std::isnan(x)
                            ? kMissing
                            : static_cast<std::int32_t>(std::lower_bound(out.values.begin(), out.values.end(), x) -
                                                        out.values.begin()));
  return out;
}

}  // namespace ballot
