// What one ballot shows and what a judge may say on it.
//
// An item is (format, prompt, completions): its id and the seeded order in which its completions are shown follow from
// (seed, prompt id, format) alone, so that any machine, any number of threads and any resumed run shows the same.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/records.h"

namespace ballot {

enum class FormatKind { kPointwise, kPairwise, kListwise };

struct Item {
  std::string item_id, prompt_id, format;
  std::size_t pool_row = 0;        ///< index into the pool the items were made from
  std::vector<std::size_t> shown;  ///< indices into that row's completions, in the order shown (A, B, ...)
  std::int32_t repeat = 0;
};

/// What the parser read, in the letters' places: 0 is the first shown.
struct Label {
  std::optional<int> choice;  ///< index into Item::shown
  bool neither = false;       ///< says that none is better: no choice, and a label all the same
  std::optional<int> magnitude, rating;
  std::vector<std::vector<int>> ranking;  ///< groups, best first
  std::string status;                     ///< as Annotation::status
  std::string rule;                       ///< the parsing rule that matched, for the record
  std::string evidence;                   ///< the words that were read as the label, after normalising
  bool usable() const { return status == "ok" || status.starts_with("repaired:"); }
};

}  // namespace ballot
