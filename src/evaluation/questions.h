// A task as the model meets it: for every row the text before the answer, the answers as continuations, and which is
// right. Texts are put together as the harness does (lm-evaluation-harness 0.4.13: api/task.py fewshot_context,
// build_qa_turn, construct_requests).
//
//   plain         description + examples, each question + delimiter + answer + two newlines, + question; a continuation
//                 is the delimiter and a choice
//   chat          the description is the system turn; examples and question are one user turn, or with multi_turn a
//   turn
//                 each; a continuation is the choice alone
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "data/rejects.h"
#include "evaluation/native_functions.h"
#include "evaluation/task_config.h"

namespace ballot {

class ChatTemplate;

struct TaskSettings {
  std::optional<std::int64_t> num_fewshot;
  std::int64_t limit = 0;  ///< rows; 0: all
  bool multi_turn = false;
  std::filesystem::path data, fewshot_data;  ///< --data, --fewshot-data; may be empty
  ShuffleSource shuffle;
};

struct Question {
  static constexpr std::int64_t kNoGold = -100;
  std::int64_t doc_id = 0;  ///< from 0, over the rows of the split
  JsonValue row, target;    ///< after process_docs; doc_to_target
  std::string context;
  std::vector<std::string> choices, continuations;
  std::vector<std::int64_t> gold;  ///< indices of right choices; kNoGold where the target is none of them
  std::string cluster;             ///< equal for rows that are no independent evidence
};

struct LoadedTask {
  TaskFile file;
  TaskConfig config;
  std::int64_t num_fewshot = 0;
  std::int64_t documents = 0;  ///< rows of the split, before the limit
  std::vector<Question> questions;
  bool several_golds = false;
  std::vector<std::filesystem::path> data_files;  ///< rows and few-shot rows
  std::vector<std::string> notes;                 ///< what a reader of the score must know
};

/// `chat`: the model's template, or null for plain text. Throws Error where the task cannot be done at all (its data or
/// few-shot rows are missing, no row is usable); rows that cannot be used go to `rejects`.
LoadedTask load_task(const TaskFile& file, const TaskSettings& settings, const ChatTemplate* chat, RejectLog& rejects);

/// Where the few-shot rows of a task come from, and what is missing of them (for `--tasks list`).
struct FewshotSource {
  enum class Kind { kNone, kSamples, kSplit } kind = Kind::kNone;
  std::string split;
  SplitFiles files;
};
FewshotSource fewshot_source(const TaskConfig& config, std::int64_t num_fewshot, const TaskSettings& settings);
/// How many examples: the task's 0 stays 0, else what was asked for, else the task's own.
std::int64_t shots_of(const TaskConfig& config, const TaskSettings& settings);

/// Rows that must not be spread in clear text: samples keep hashes of them.
bool is_confidential(const TaskConfig& config);

}  // namespace ballot
