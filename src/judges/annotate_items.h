// Which ballots an annotate run asks, and in which order; and, without asking, how many and how long they are.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "judges/annotate.h"

namespace ballot {

/// In prefix order: prompts as the pool has them, then by the completions shown, then by repeat.
std::vector<Item> annotate_items(const Format& format, const std::vector<PoolRow>& pool, const AnnotateOptions& options,
                                 std::int64_t seed);

/// What a run would ask, without asking: {"prompts", "items", "prompt_characters", ...} as JSON.
std::string annotate_dry_run(const std::filesystem::path& pool, const Judge& judge, const AnnotateOptions& options,
                             std::int64_t seed);

}  // namespace ballot
