#include "training/forward.h"

#include <ATen/ATen.h>

#include "compute/vocabulary_loss.h"
#include "core/error.h"

namespace ballot {
namespace {

at::Tensor index_tensor(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::kLong);
}

}  // namespace

at::Tensor completion_log_probabilities(const Model& model, const TrainingBatch& batch, at::Tensor* correct_C) {
  const at::Tensor hidden_Th = model.hidden_states(batch.forest);
  const at::Tensor completion_N = index_tensor(batch.completion_N);
  at::Tensor correct_N;
  const at::Tensor logp_N =
      token_log_probabilities(hidden_Th.index_select(0, index_tensor(batch.scored_N)), model.head_weight(),
                              index_tensor(batch.targets_N), correct_C ? &correct_N : nullptr);
  const at::Tensor zeros_C = at::zeros({static_cast<std::int64_t>(batch.completions.size())}, at::kDouble);
  if (correct_C) *correct_C = zeros_C.index_add(0, completion_N, correct_N.to(at::kDouble));
  return zeros_C.index_add(0, completion_N, logp_N.to(at::kDouble));
}

at::Tensor completion_rewards(const Model& model, const TrainingBatch& batch) {
  if (!model.score_weight().defined()) throw failed("the model has no score layer");
  const at::Tensor last_Ch = model.hidden_states(batch.forest).index_select(0, index_tensor(batch.last_C));
  const auto type = last_Ch.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return at::linear(last_Ch.to(type), model.score_weight().to(type)).squeeze(1).to(at::kDouble);
}

}  // namespace ballot
