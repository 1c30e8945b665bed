// What an evaluation will compute, told before it begins: the functions that make its batches make these, over a model
// of the right shape without weights (training/plan.h).
#pragma once
#include <string>
#include <vector>

#include "data/reward_items.h"
#include "evaluation/options.h"
#include "training/plan.h"

namespace ballot {

/// Of `ballot rewardbench` and `ballot score` by a reward model, or by a policy and its reference (both count). Rows
/// that would be rejected are in `dropped`.
ComputePlan plan_scores(const std::string& model, bool after_sft, bool reward, const std::vector<RewardItem>& items,
                        const ScorerOptions& options);

struct TaskPlan {
  std::string task;
  ComputePlan plan;
  std::string problem;  ///< why nothing can be told: the task is gated, lacks data or generates; empty: it can
};
/// One entry a task.
std::vector<TaskPlan> plan_tasks(const EvalOptions& options, bool after_sft);

}  // namespace ballot
