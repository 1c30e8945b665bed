// A small made-up pool for the tests of rooms that judge.
#pragma once
#include <string>
#include <vector>

#include "data/ids.h"
#include "data/records.h"

namespace ballot {

/// `prompts` prompts with `completions` completions each, best first; texts of growing length.
inline std::vector<PoolRow> sample_pool(std::size_t prompts, std::size_t completions = 5) {
  std::vector<PoolRow> pool;
  for (std::size_t p = 0; p < prompts; ++p) {
    PoolRow row;
    row.prompt = {{"user", "Question number " + std::to_string(p) + ": how do I boil an egg?"}};
    row.prompt_id = prompt_id_of(row.prompt);
    row.source = {p % 2 == 0 ? "cooking" : "chemistry"};
    if (p % 3 == 0) row.good_natured = true;
    for (std::size_t c = 0; c < completions; ++c) {
      Completion completion;
      completion.model = "model-" + std::string(1, static_cast<char>('a' + (c + p) % completions));
      completion.text = "Answer of grade " + std::to_string(c + 1) + "." + std::string(c * 7 % 23, '!');
      completion.source_rank = static_cast<std::int32_t>(c + 1);
      completion.completion_id = completion_id_of(row.prompt_id, completion.model, completion.text);
      row.completions.push_back(std::move(completion));
    }
    pool.push_back(std::move(row));
  }
  return pool;
}

}  // namespace ballot
