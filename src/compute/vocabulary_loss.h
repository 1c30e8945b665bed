// Log-probabilities of given tokens without ever making a [tokens, vocabulary] tensor.
//     N scored positions    h hidden size    V vocabulary rows
#pragma once
#include <cstdint>

namespace at {
class Tensor;
}

namespace ballot {

/// log softmax(hidden_Nh · head_Vh^T)[targets_N], fp32, [N]; differentiable in both tensors. The projection is done in
/// chunks of positions, forward and backward, with fp32 statistics; the backward recomputes each chunk (training.md
/// §7.4). `correct_N` (optional, bool): whether the target was the argmax; `mean_logit_N` (optional): the mean over the
/// vocabulary.
at::Tensor token_log_probabilities(const at::Tensor& hidden_Nh, const at::Tensor& head_Vh, const at::Tensor& targets_N,
                                   at::Tensor* correct_N = nullptr, at::Tensor* mean_logit_N = nullptr);

}  // namespace ballot
