// The one training loop: order, micro-batches, gradients, optimiser, metrics, checkpoints, for every objective.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "core/progress.h"
#include "training/batches.h"
#include "training/optimiser.h"
#include "training/options.h"

namespace ballot {

class Communicator;
class Model;
class Objective;

struct LoopSetup {
  const TrainingOptions& options;
  Model& model;
  const TrainingSet& set;
  const Objective& objective;
  Communicator& communicator;
  std::filesystem::path out;                  ///< where metrics.jsonl, runs/ and checkpoints/ go
  std::string key;                            ///< of the training's manifest: whose checkpoints are its own
  MicrobatchBudget budget;                    ///< as recorded when the training began
  std::filesystem::path moments_folder = {};  ///< where AdamW's moments lie between steps; empty: in memory
};

struct LoopResult {
  std::int64_t steps = 0, num_tokens = 0, forest_tokens = 0;
  std::map<std::string, double> first, last;  ///< metrics of the first and the last step
};

/// Optimiser steps of a training: max_steps, or epochs times ceil(examples / batch size).
std::int64_t total_steps(const TrainingOptions& options, const TrainingSet& set);

/// Trains the model in place. Goes on from the newest checkpoint where there is one. Throws Error (interrupted) after
/// saving where Ctrl-C was pressed, and Error (failed) with step, examples and last checkpoint where loss or gradient
/// is not a number.
LoopResult run_loop(const LoopSetup& setup, Progress& progress);

/// One optimiser step's gradient without the optimiser: what run_loop accumulates before clipping, left in the
/// parameters' grad. Returns the loss. For tests and for the comparison of layouts.
double accumulate_gradients(const LoopSetup& setup, std::span<const std::int32_t> step, class MetricSums& metrics,
                            std::int64_t& forest_tokens);

}  // namespace ballot
