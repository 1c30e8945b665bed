// What a scorer is asked to order, whatever published set it comes from: right and wrong completions of one prompt.
//
//   suite           layout                                                       right / wrong
//   rewardbench     prompt, chosen, rejected, subset, id (data/rewardbench.h)    1 / 1
//   rewardbench2    prompt, lists chosen and rejected, subset, id, num_correct,  1 / 3; subset Ties: several / several,
//                   total_completions (allenai/reward-bench-2)                   id "ref:N" or "tied:N"
//   rm_bench        prompt, lists chosen and rejected of three (concise,         3 / 3: each chosen against each
//   rejected
//                   detailed, detailed with markdown), domain, id (THU-KEG)
//   preferences     anything that data/preferences.h reads                       1 / 1
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/records.h"
#include "data/rejects.h"

namespace ballot {

struct RewardItem {
  std::string id, subset, prompt_id;
  Conversation prompt;
  std::vector<std::string> right, wrong;  ///< at least one each
  std::string file;                       ///< as rejects name it
  std::int64_t row = 0;                   ///< 1-based line or row
};

struct RewardItems {
  std::string suite;
  std::vector<RewardItem> items;
};

/// The four names above.
const std::vector<std::string>& reward_suites();

/// Items in file order; bad rows go to `rejects`. `suite` "auto": what the first sound row looks like. Throws Error
/// (input) where the columns are missing or no row can be used, (usage) on an unknown suite.
RewardItems read_reward_items(const std::vector<std::string>& sources, const std::string& suite, RejectLog& rejects);

}  // namespace ballot
