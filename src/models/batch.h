// What one pass through a model has beside its weights: tokens, positions, rotary angles, and how a layer's queries
// meet keys: among themselves over a forest (training, scoring), or behind a cache (generation). Architectures are
// written once, over this.
//
//     T tokens    H heads    G key-value heads    D numbers a head
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "compute/attention_plan.h"
#include "compute/forest.h"
#include "models/cache.h"

namespace at {
class Tensor;
}

namespace ballot {

struct RotaryTable;  // compute/layers.h

class Batch {
 public:
  explicit Batch(const Forest& forest);
  /// New tokens behind what the cache holds. The cache holds them, too, once finish() was called.
  Batch(std::span<const CacheStep> steps, KeyValueCache& cache);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  std::span<const std::int64_t> ids() const { return ids_; }              ///< [T]
  std::span<const std::int64_t> positions() const { return positions_; }  ///< [T]
  /// The angles for these frequencies (a family's own vector, which lives as long as the model).
  std::shared_ptr<const RotaryTable> rotary(const std::vector<double>& frequencies);
  /// Attention of layer `layer`; `window` 0: all that is on the path.
  at::Tensor attend(std::int64_t layer, const at::Tensor& q_THD, const at::Tensor& k_TGD, const at::Tensor& v_TGD,
                    double scale, std::int64_t window = 0);
  void finish();

 private:
  std::shared_ptr<const AttentionPlan> plan(std::int64_t window);
  const Forest* forest_ = nullptr;
  std::vector<std::int64_t> ids_, positions_;
  std::int64_t longest_ = 0;                                            ///< tokens on the longest path
  std::map<std::int64_t, std::shared_ptr<const AttentionPlan>> plans_;  ///< by window
  std::map<const std::vector<double>*, std::shared_ptr<const RotaryTable>> tables_;
  std::unique_ptr<Forest> own_forest_;
  // Behind a cache:
  KeyValueCache* cache_ = nullptr;
  std::vector<CacheStep> steps_;
  std::vector<std::int32_t> runs_;  ///< the cache's runs on the steps' paths; their place here is the plan's source
  std::vector<AttentionPlan::Run> plan_runs_;
};

}  // namespace ballot
