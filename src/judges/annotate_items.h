// Which ballots an annotate run asks, and in which order.
#pragma once
#include <cstdint>
#include <vector>

#include "judges/annotate.h"

namespace ballot {

/// In prefix order: prompts as the pool has them, then by the completions shown, then by repeat.
std::vector<Item> annotate_items(const Format& format, const std::vector<PoolRow>& pool, const AnnotateOptions& options,
                                 std::int64_t seed);

}  // namespace ballot
