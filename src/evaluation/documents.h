// The rows that a task is about: which files hold a split of a dataset, and what they say.
//
// A dataset is looked for, in this order,
//   json, csv, parquet   in the task's own data_files: beside the YAML file that names them, in --data, in the current
//                        folder
//   a hub dataset        in --data under the leaderboard's short names (bbh/SUBTASK.json, math_hard/*.jsonl,
//                        mmlu_pro/*.jsonl, musr/SPLIT*.jsonl, gpqa/gpqa_*.csv, ifeval/input_data.jsonl); in --data as a
//                        hub folder (owner/name, or name); in the local hub cache
// Nothing is fetched.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "data/rejects.h"
#include "evaluation/json_value.h"

namespace ballot {

/// Rows with one set of columns, as a table has them: a column that a row lacks is null there.
struct Documents {
  std::vector<std::string> columns;
  std::vector<Json> rows;
  std::vector<std::int64_t> numbers;  ///< 1-based place in the file
  std::vector<std::filesystem::path> files;

  void add(Json row, std::int64_t number);
  /// Gives every row every column, in the order of `columns`.
  void complete();
};

/// What a task says of its data.
struct DatasetName {
  std::string path;                 ///< "SaylorTwift/bbh", "json"
  std::optional<std::string> name;  ///< its configuration
  JsonValue kwargs;                 ///< data_files, field; null where there are none
  std::filesystem::path folder;     ///< of the YAML file that names the data_files
};

/// The files of a split and what they must hold. Not found: `files` is empty, `missing` says what is missing in a few
/// words ("bbh/snarks.json"), and missing_data() how to get it.
struct SplitFiles {
  std::vector<std::filesystem::path> files;
  std::vector<std::string> needed;                            ///< columns
  std::optional<std::pair<std::string, std::string>> filter;  ///< only rows whose column has this value
  std::string missing;
  bool gated = false;  ///< the dataset is handed out to those who accept its terms
};
/// "no rows of SaylorTwift/bbh (snarks), split test: bbh/snarks.json is not there".
Error missing_data(const DatasetName& dataset, const std::string& split, const SplitFiles& found);
/// `data`: the folder of --data, may be empty.
SplitFiles find_split(const DatasetName& dataset, const std::string& split, const std::filesystem::path& data);

/// Throws Error (input) where nothing is found (saying how to get it), a file cannot be read or lacks its columns, or
/// no row is left. Damaged rows go to `rejects`.
Documents read_split(const DatasetName& dataset, const std::string& split, const std::filesystem::path& data,
                     RejectLog& rejects);

}  // namespace ballot
