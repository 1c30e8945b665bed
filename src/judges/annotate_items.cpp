#include "judges/annotate_items.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "data/pool.h"
#include "formats/render.h"

namespace ballot {

std::vector<Item> annotate_items(const Format& format, const std::vector<PoolRow>& pool, const AnnotateOptions& options,
                                 std::int64_t seed) {
  ItemOptions item_options;
  item_options.seed = static_cast<std::uint64_t>(seed);
  item_options.presentation = presentation_of(options.presentation);
  item_options.repeats = options.repeats;
  std::vector<Item> items = make_items(format, pool, item_options, options.limit);
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.pool_row, a.shown, a.repeat) < std::tie(b.pool_row, b.shown, b.repeat);
  });
  return items;
}

std::string annotate_dry_run(const std::filesystem::path& pool_path, const Judge& judge, const AnnotateOptions& options,
                             std::int64_t seed) {
  const Format format = Format::load(options.format);
  const std::vector<PoolRow> pool = read_pool(pool_path);
  const std::vector<Item> items = annotate_items(format, pool, options, seed);
  std::size_t prompts = 0, characters = 0;
  for (const Item& item : items) {
    prompts = std::max(prompts, item.pool_row + 1);
    for (const Message& message : render_ballot(format, item, pool[item.pool_row]).messages)
      characters += message.content.size();
  }
  return Json({{"judge", judge.name()},
               {"format", format.name},
               {"prompts", prompts},
               {"items", items.size()},
               {"prompt_characters", characters},
               {"prompt_tokens_estimate", characters / 4}})
      .dump();
}

}  // namespace ballot
