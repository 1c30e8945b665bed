// Checkpoints: what a killed training needs to go on as if nothing had happened.
//
//   checkpoints/step-00000012/state.json            step, counters, key of the training, hash of the tensors
//   checkpoints/step-00000012/tensors.safetensors   weights and moments
//
// A checkpoint appears whole or not at all (written beside, synced, renamed), the last K are kept, and one whose
// content is not what its hash says is told, removed and passed over for the one before. The place in the data is the
// step: the order of an epoch follows from (seed, epoch), and how a step is cut is recorded when the training begins
// (plan.json).
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "training/optimiser.h"

namespace ballot {

struct CheckpointState {
  std::int64_t step = 0;  ///< optimiser steps done
  std::int64_t num_tokens = 0, forest_tokens = 0;
};

class Checkpoints {
 public:
  /// `folder`: checkpoints/ of the training; `key`: of its manifest, so that nothing else is taken for its own.
  Checkpoints(std::filesystem::path folder, std::string key, std::int64_t keep);
  /// Throws Error (failed), e.g. where the disk is full; the checkpoints before stay.
  void save(const CheckpointState& state, const NamedTensors& tensors);
  /// Copies the newest whole checkpoint into `tensors` (same names and shapes); none: nothing is changed. Says which it
  /// took and which it passed over.
  std::optional<CheckpointState> load(const NamedTensors& tensors, Progress& progress);
  /// "step-00000012", or empty: the newest, for messages.
  std::string newest() const;
  void remove_all();

 private:
  std::vector<std::filesystem::path> folders() const;  ///< oldest first
  void keep_the_last() const;
  std::filesystem::path folder_;
  std::string key_;
  std::int64_t keep_;
};

}  // namespace ballot
