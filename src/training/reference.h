// The reference's log-probabilities. They belong to completions, not to pairs, formats or runs: one number a
// completion, named by its content (the ids of prompt and completion, and what is scored of them) and by the model,
// computed once and shared by every training that scores the same completions against the same reference.
//
// As a file: Parquet with `completion_id`, `logp`, `tokens`, `model`, `content`. A cache folder holds any number of
// such files; each training adds one with what it had to compute, so that several may write at the same time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/progress.h"
#include "training/batches.h"

namespace ballot {

class Model;

class ReferenceTable {
 public:
  /// `model`: what identifies the reference: its hash, and the type of computation where that is not fp32.
  explicit ReferenceTable(std::string model) : model_(std::move(model)) {}
  const std::string& model() const { return model_; }
  bool has(const TokenCompletion& completion) const { return entries_.contains(completion.content); }
  /// Throws Error (failed) naming the completion where it is missing: a missing number is never taken for zero.
  double at(const TokenCompletion& completion) const;
  void set(const TokenCompletion& completion, double logp);
  std::size_t size() const { return entries_.size(); }

  /// Adds the entries of this model from a file; those of other models are passed over.
  void read(const std::filesystem::path& file);
  /// All files of a cache folder, in the order of their names; the folder need not exist.
  void read_cache(const std::filesystem::path& folder);
  /// Writes the entries of the set's completions; atomically, the same entries give the same bytes.
  void write(const std::filesystem::path& file, const TrainingSet& set) const;

 private:
  struct Entry {
    std::string completion_id;
    double logp;
    std::int64_t tokens;
  };
  std::string model_;
  std::unordered_map<std::string, Entry> entries_;
};

/// Computes what `table` lacks of the set's completions: each prompt and completion through the model once, no
/// gradients. Returns the number of forest tokens computed.
std::int64_t complete_reference(ReferenceTable& table, const Model& reference, const TrainingSet& set,
                                const MicrobatchBudget& budget, Progress& progress);

}  // namespace ballot
