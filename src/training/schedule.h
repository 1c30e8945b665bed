// Learning rate by optimiser step, and the number of steps.
#pragma once
#include <cstdint>
#include <string>

namespace ballot {

/// The factor of the learning rate in a step, given that `done` of `total` steps lie behind it (so the first step has
/// done = 0). Warm-up rises linearly over the first `warmup` steps; then `linear` falls to 0 at `total`, `cosine` by
/// half a wave, `constant` stays: transformers' get_scheduler, number for number. Throws Error (usage) on another name.
double learning_rate_factor(const std::string& schedule, std::int64_t done, std::int64_t total, std::int64_t warmup);
/// ceil(ratio * total), as transformers' Trainer counts.
std::int64_t warmup_steps(double ratio, std::int64_t total);

}  // namespace ballot
