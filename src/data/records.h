// The nouns that pass between stages, as plain structs: what the Parquet files of spec'd schemas (docs/artefacts.md)
// hold. Ids follow from content alone (data/ids.h), never from order or seed.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "text/message.h"

namespace ballot {

using Conversation = std::vector<Message>;

/// One answer to a prompt, with its place in the source's ranking (1 is best).
struct Completion {
  std::string completion_id, text, model;
  std::int32_t source_rank = 0;
  bool operator==(const Completion&) const = default;
};

/// A row of pool.parquet: a prompt with the completions kept, best first.
struct PoolRow {
  std::string prompt_id;
  Conversation prompt;
  std::vector<Completion> completions;
  std::vector<std::string> source;
  std::int32_t turns = 1;
  std::optional<bool> good_natured;
  std::string split = "train";  ///< "train" or "held_out"
};

/// A row of annotations.parquet: what a judge said on one ballot. Fields that a format does not have are empty.
struct Annotation {
  std::string item_id, prompt_id, format, judge;
  std::int32_t repeat = 0;
  std::vector<std::string> shown;     ///< completion ids in the order shown
  std::optional<std::string> choice;  ///< completion id
  std::optional<std::int32_t> magnitude, rating;
  std::vector<std::vector<std::string>> ranking;  ///< groups of completion ids, best first; empty: none
  std::optional<std::vector<double>> probabilities;
  std::string status;              ///< "ok", "repaired:RULE", "tie_without_preference", "refused", "truncated",
                                   ///< "unparsable", "conflicting", "out_of_range", "transport"
  std::string transport = "text";  ///< "text", "structured", "batch", "page"
  std::int32_t attempts = 1;
  std::string raw, reasoning;
  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  double cost = 0, seconds = 0;
  bool usable() const { return status == "ok" || status.starts_with("repaired:"); }
};

/// A row of preferences.parquet: chosen over rejected, by one format and judge.
struct Preference {
  Conversation prompt;
  std::string chosen, rejected;  ///< texts; the file holds them as one assistant turn each, as TRL reads them
  double margin = 0;
  std::string pair_id, prompt_id, chosen_id, rejected_id, chosen_model, rejected_model;
  std::optional<double> chosen_score, rejected_score;
  std::int32_t source_rank_chosen = 0, source_rank_rejected = 0;
  std::string presented_first;  ///< completion id; empty where unknown
  bool tie = false;
  double target = 1, weight = 1;
  std::string status;
  std::int32_t attempts = 1;
  std::string split = "train";
  std::vector<std::string> source;
  std::optional<bool> good_natured;
  std::string format, judge;
};

/// A row of SFT data.
struct SftRow {
  std::string id;
  Conversation messages;
  std::string source;
  /// How many of the messages are the prompt, where the row says so (TRL's `prompt` and `completion`): only what
  /// follows is learned. -1 (`messages`): every assistant's turn is.
  std::int32_t prompt_messages = -1;
};

/// A row in RewardBench's layout.
struct RewardBenchRow {
  std::string id, subset;
  Conversation prompt;
  std::string chosen, rejected, chosen_model, rejected_model;
  std::string file;      ///< where it stands, as rejects name it
  std::int64_t row = 0;  ///< 1-based line or row
};

/// Where a row stands: the file as rejects name it, and the 1-based line or row.
struct RowPlace {
  std::string file;
  std::int64_t row = 0;
};

/// A row that could not be used: one line of a rejects file.
struct Reject {
  std::string file;
  std::int64_t row = 0;  ///< 1-based line or row
  std::string field;
  std::string reason;  ///< a stable snake_case code
  std::string message;
};

}  // namespace ballot
