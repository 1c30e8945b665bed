// What an evaluation has computed so far, kept so that a killed one goes on: one line a batch of choices or an
// answer, synced before the next begins. The first line holds when the run began, which names the result files. A line
// that was cut off by the kill is forgotten.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "evaluation/log_likelihood.h"

namespace ballot {

/// A generated answer.
struct JournalAnswer {
  std::string text;
  bool cut_by_length = false;  ///< it has as many tokens as it may have
};

class EvalJournal {
 public:
  /// Opens or begins `path`. Throws Error (failed) where it cannot be written.
  explicit EvalJournal(const std::filesystem::path& path);
  ~EvalJournal();
  EvalJournal(const EvalJournal&) = delete;
  EvalJournal& operator=(const EvalJournal&) = delete;

  /// When the run began: as a part of file names ("2026-11-24T08-38-49.723659") and in seconds since 1970.
  const std::string& date() const { return date_; }
  double started() const { return started_; }
  /// The scores of a batch, or null.
  const std::vector<std::vector<ChoiceScore>>* find(const std::string& task, std::size_t batch) const;
  void add(const std::string& task, std::size_t batch, const std::vector<std::vector<ChoiceScore>>& scores);
  const JournalAnswer* find_answer(const std::string& task, std::int64_t doc_id) const;
  void add_answer(const std::string& task, std::int64_t doc_id, const JournalAnswer& answer);

 private:
  void write(const std::string& line);
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::string date_;
  double started_ = 0;
  std::map<std::pair<std::string, std::size_t>, std::vector<std::vector<ChoiceScore>>> batches_;
  std::map<std::pair<std::string, std::int64_t>, JournalAnswer> answers_;
};

}  // namespace ballot
