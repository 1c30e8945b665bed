// Exact attention over a forest, one operation of the autograd graph.
//
//     T queries    K keys    H heads    G key-value heads (H a multiple of G)    D numbers a head
//
// For each block of queries the scores against all it sees are computed tile by tile with running maxima and sums, so
// that nothing of size T x K exists (Milakov and Gimelshein 2018; Dao et al. 2022). The backward pass computes each
// tile again from the log-sum-exp of its rows. Ancestors, the run itself and sliding windows are intervals of keys in
// the plan; the kernel has one path. Rejected: one call of libtorch's own CPU kernel for each run and each ancestor
// with a merge by log-sum-exp, which is as exact, 1.5 times slower on forests of five completions, cannot use the
// second core evenly where heads are few, needs masks for windows, and has no exact double precision.
//
// float32 and float64 are computed as they are; bfloat16 is computed in float32 and rounded once. The same number of
// threads gives the same bits.
#pragma once
#include <memory>
#include <span>

#include "compute/attention_plan.h"

namespace at {
class Tensor;
}

namespace ballot {

/// softmax(scale q k^T) v over what the plan lets each query see: q [T, H, D], k and v [T, G, D] -> [T, H, D].
/// Differentiable in q, k and v. The tensors' tokens may be strided; heads and numbers are contiguous.
at::Tensor attention(const at::Tensor& q_THD, const at::Tensor& k_TGD, const at::Tensor& v_TGD,
                     std::shared_ptr<const AttentionPlan> plan, double scale);

/// One tensor of keys and one of values for each source of the plan, [K, G, D] each.
struct KeysAndValues {
  const void* keys;
  const void* values;
  std::int64_t stride;  ///< between tokens, in numbers
};
/// The same without gradients, keys and values standing in several places (a cache). q is float32 or float64, and so
/// are they.
at::Tensor cached_attention(const at::Tensor& q_THD, std::span<const KeysAndValues> sources,
                            std::int64_t key_value_heads, const AttentionPlan& plan, double scale);

}  // namespace ballot
