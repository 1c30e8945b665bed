#include "formats/items.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "core/suggest.h"
#include "data/ids.h"

namespace ballot {

Presentation presentation_of(const std::string& word) {
  const std::vector<std::string> words = {"random", "both", "given"};
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word) return static_cast<Presentation>(i);
  throw wrong_usage("unknown presentation '{}'{}", word, did_you_mean(word, words));
}

namespace {

constexpr std::size_t kMostBallots = 1000;  // of one prompt: 13 of 26 completions would make ten million

// Adds the item of these completions (indices into the row, best first), once an order and repeat.
void add(std::vector<Item>& items, const Format& format, const PoolRow& row, std::size_t pool_row,
         const std::vector<std::size_t>& members, const ItemOptions& options) {
  Item item;
  item.prompt_id = row.prompt_id;
  item.format = format.name;
  item.pool_row = pool_row;
  std::vector<std::string> ids;
  for (const std::size_t member : members) ids.push_back(row.completions[member].completion_id);
  item.item_id = item_id_of(format.name, row.prompt_id, ids);
  item.shown = members;
  if (options.presentation != Presentation::kGiven && members.size() > 1) {
    // Drawn over the ids in canonical order, so that where the pool has them says nothing.
    std::sort(item.shown.begin(), item.shown.end(), [&](std::size_t a, std::size_t b) {
      return row.completions[a].completion_id < row.completions[b].completion_id;
    });
    const std::vector<std::size_t> canonical = item.shown;
    Random random(options.seed, "presentation", hash64(item.item_id));
    const std::vector<std::size_t> order = random.permutation(canonical.size());
    for (std::size_t place = 0; place < order.size(); ++place) item.shown[place] = canonical[order[place]];
  }
  const bool both = options.presentation == Presentation::kBoth && members.size() > 1;
  for (std::int64_t repeat = 0; repeat < options.repeats; ++repeat) {
    item.repeat = static_cast<std::int32_t>(both ? 2 * repeat : repeat);
    items.push_back(item);
    if (!both) continue;
    Item reversed = item;
    std::reverse(reversed.shown.begin(), reversed.shown.end());
    ++reversed.repeat;
    items.push_back(std::move(reversed));
  }
}

}  // namespace

std::vector<Item> items_of(const Format& format, const PoolRow& row, std::size_t pool_row, const ItemOptions& options) {
  std::vector<Item> items;
  const std::size_t count = row.completions.size();
  if (count > 26) throw bad_input("prompt {} has {} completions; a ballot names at most 26", row.prompt_id, count);
  switch (format.kind) {
    case FormatKind::kPointwise:
      for (std::size_t i = 0; i < count; ++i) add(items, format, row, pool_row, {i}, options);
      break;
    case FormatKind::kPairwise:
      for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = i + 1; j < count; ++j) add(items, format, row, pool_row, {i, j}, options);
      break;
    case FormatKind::kListwise: {
      const std::size_t shown = format.shown(count);
      if (shown > count)
        throw Error(ErrorKind::kInput,
                    fmt::format("the format '{}' shows {} completions and prompt {} has {}", format.name, shown,
                                row.prompt_id, count),
                    "make the pool with more --positions, or say `completions: all` in the format");
      if (count == 0) break;
      if (format.ballots(count) > kMostBallots)
        throw Error(ErrorKind::kInput,
                    fmt::format("{} of {} completions make {} ballots of prompt {}", shown, count,
                                format.ballots(count), row.prompt_id),
                    "make the pool with fewer --positions, or say `completions: all` in the format");
      // Every choice of so many, in lexical order: each pair is judged equally often.
      std::vector<std::size_t> chosen(shown);
      std::iota(chosen.begin(), chosen.end(), std::size_t{0});
      for (;;) {
        add(items, format, row, pool_row, chosen, options);
        std::size_t i = shown;
        while (i > 0 && chosen[i - 1] == count - shown + i - 1) --i;
        if (i == 0) break;
        ++chosen[i - 1];
        for (std::size_t j = i; j < shown; ++j) chosen[j] = chosen[j - 1] + 1;
      }
      break;
    }
  }
  return items;
}

std::vector<Item> make_items(const Format& format, const std::vector<PoolRow>& pool, const ItemOptions& options,
                             std::int64_t limit) {
  const std::size_t prompts = limit > 0 ? std::min(pool.size(), static_cast<std::size_t>(limit)) : pool.size();
  std::vector<Item> items;
  for (std::size_t i = 0; i < prompts; ++i) {
    std::vector<Item> of_row = items_of(format, pool[i], i, options);
    std::move(of_row.begin(), of_row.end(), std::back_inserter(items));
  }
  return items;
}

std::vector<std::string> shown_ids(const Item& item, const PoolRow& row) {
  std::vector<std::string> ids;
  for (const std::size_t place : item.shown) ids.push_back(row.completions.at(place).completion_id);
  return ids;
}

}  // namespace ballot
