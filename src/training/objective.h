// What is learnt: the three objectives behind one interface, so that there is one loop.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "training/batches.h"
#include "training/metrics.h"
#include "training/options.h"

namespace ballot {

class Model;
class ReferenceTable;

class Objective {
 public:
  virtual ~Objective() = default;
  /// What the losses of these examples will be divided by, one number a loss; known before anything is computed, so
  /// that processes and micro-batches divide by the same global counts.
  virtual std::vector<double> counts(const TrainingSet& set, std::span<const std::int32_t> examples) const = 0;
  /// The micro-batch's part of the step's loss, with gradient: the weighted sum over losses of total / count. Adds what
  /// the step shows to `metrics`. `untrained`: the weights are still those that the training began with.
  virtual at::Tensor loss(const Model& model, const TrainingBatch& batch, std::span<const double> counts,
                          bool untrained, MetricSums& metrics) const = 0;
  /// The names in `metrics` in the order of metrics.jsonl, without loss, grad_norm and learning_rate.
  virtual std::vector<std::string> metric_names() const = 0;
  /// For the progress line: "accuracy" or the like, and its metric; empty: none.
  virtual std::string shown_metric() const = 0;
};

/// `reference` is needed by dpo, unless every loss is reference-free, and must outlive the objective. Throws Error
/// (usage) on losses and options that do not fit together.
std::unique_ptr<Objective> make_objective(const TrainingOptions& options, const ReferenceTable* reference);

}  // namespace ballot
