// The items of a pool: every ballot that a format asks, and the order in which each shows its completions.
//
// An order follows from (seed, format, prompt id, completions shown) alone: not from the pool's order, its size, the
// place of the item or the number of threads. Repeats of an item show the same order, so that they measure the judge
// and nothing else.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "formats/format.h"
#include "formats/item.h"

namespace ballot {

enum class Presentation {
  kRandom,  ///< one seeded order an item
  kBoth,    ///< the seeded order and its reverse: every ask twice (repeat 2r and 2r + 1)
  kGiven,   ///< as the pool has them, best first: tells the judge the source's ranking; for tests of position bias only
};
/// "random", "both", "given". Throws Error (usage) with the nearest word.
Presentation presentation_of(const std::string& word);

struct ItemOptions {
  std::uint64_t seed = 0;
  Presentation presentation = Presentation::kRandom;
  std::int64_t repeats = 1;  ///< how often each item is asked
};

/// The items of one prompt, repeats included. A listwise format that shows fewer than the prompt has makes a ballot of
/// every choice of so many. Throws Error (input) where it shows more than the prompt has, where a prompt has more than
/// 26 completions, or would make more than a thousand ballots.
std::vector<Item> items_of(const Format& format, const PoolRow& row, std::size_t pool_row, const ItemOptions& options);
/// Of the first `limit` prompts (0: all), in the pool's order.
std::vector<Item> make_items(const Format& format, const std::vector<PoolRow>& pool, const ItemOptions& options,
                             std::int64_t limit = 0);

/// The completion ids of an item in the order shown.
std::vector<std::string> shown_ids(const Item& item, const PoolRow& row);

}  // namespace ballot
