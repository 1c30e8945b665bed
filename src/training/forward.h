// What a model says of the completions of a batch: one number each, in float64, with the gradient behind it.
//     C completions    N scored tokens
#pragma once
#include <ATen/core/Tensor.h>

#include "models/model.h"
#include "training/batches.h"

namespace ballot {

/// [C]: the sum of the log-probabilities of each completion's scored tokens. `correct_C`: how many of them were the
/// most probable token (float64, no gradient).
at::Tensor completion_log_probabilities(const Model& model, const TrainingBatch& batch,
                                        at::Tensor* correct_C = nullptr);
/// [C]: the score at each completion's last token, by the model's score layer; computed in fp32 at least.
at::Tensor completion_rewards(const Model& model, const TrainingBatch& batch);

}  // namespace ballot
