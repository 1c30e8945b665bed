// Answers that were made elsewhere: `ballot eval --responses FILE`.
//
// JSONL, a line an answer: `response` (a text), and whose it is: `doc_id` (from 0, over the rows of the split) or `key`
// (the value of the row's column of that name); where several tasks are asked for, also `task`. A samples file of an
// evaluation (doc_id, filtered_resps) is read as well, and so is a folder of them, where each file's name tells the
// task: answers are scored again without being made again.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/rejects.h"
#include "evaluation/questions.h"

namespace ballot {

class GivenAnswers {
 public:
  /// Lines that are no answer, or a second one to the same row, go to `rejects`. Throws Error (input) where the file
  /// cannot be read or holds no answer.
  GivenAnswers(const std::filesystem::path& path, RejectLog& rejects);

  /// Takes the questions without an answer out of the task (they are no evidence, and the task's notes say how many)
  /// and returns the others' answers in their order. `only_task`: lines without a task's name are meant for it.
  /// Throws Error (input) where no question has an answer, (usage) where a line would have to name its task.
  std::vector<std::string> take(LoadedTask& task, bool only_task);
  /// Answers to rows that no task has go to `rejects`.
  void reject_unused(RejectLog& rejects) const;

 private:
  struct Answer {
    std::string text, file;
    std::int64_t row = 0;
    bool used = false;
  };
  void read(const std::filesystem::path& path, const std::string& task, RejectLog& rejects);
  std::filesystem::path path_;
  std::map<std::pair<std::string, std::string>, Answer> answers_;  ///< by task (may be empty) and "doc_id 3" or "key 7"
  bool without_task_ = false;
};

}  // namespace ballot
