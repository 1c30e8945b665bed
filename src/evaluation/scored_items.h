// Items (data/reward_items.h) to token ids and scores, each completion of a prompt computed once.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/progress.h"
#include "data/reward_items.h"
#include "evaluation/scorer.h"

namespace ballot {

struct ItemScores {
  std::size_t item = 0;  ///< into the items given
  std::vector<double> right, wrong;
};

struct ScoredItems {
  std::vector<ItemScores> scores;  ///< of the items that could be encoded, in their order
  std::string first_sample;        ///< the first text as the model reads it
  std::int64_t truncated = 0;      ///< items of which a text was cut (only where the options ask for it)
};

/// Rejects carry the file and row of the item: `too_long` and the other reasons of training/examples.h. Throws Error
/// (input) where no item is left, (failed) where the model gives NaN. `what`: the data, for messages.
ScoredItems score_items(const Scorer& scorer, std::span<const RewardItem> items, const std::string& what,
                        RejectLog& rejects, Progress& progress);

}  // namespace ballot
