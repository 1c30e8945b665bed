#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "core/suggest.h"

namespace ballot {

double learning_rate_factor(const std::string& schedule, std::int64_t done, std::int64_t total, std::int64_t warmup) {
  if (schedule != "linear" && schedule != "cosine" && schedule != "constant")
    throw wrong_usage("unknown schedule '{}'{}", schedule,
                      did_you_mean(schedule, std::vector<std::string>{"linear", "cosine", "constant"}));
  if (done < warmup) return static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(1, warmup));
  if (schedule == "constant") return 1;
  const double after = static_cast<double>(std::max<std::int64_t>(1, total - warmup));
  if (schedule == "linear") return std::max(0.0, static_cast<double>(total - done) / after);
  const double progress = static_cast<double>(done - warmup) / after;
  return std::max(0.0, 0.5 * (1 + std::cos(std::numbers::pi * progress)));
}

std::int64_t warmup_steps(double ratio, std::int64_t total) {
  if (!(ratio >= 0 && ratio <= 1)) throw wrong_usage("--warmup-ratio is {}; it must lie between 0 and 1", ratio);
  return static_cast<std::int64_t>(std::ceil(ratio * static_cast<double>(total)));
}

}  // namespace ballot
