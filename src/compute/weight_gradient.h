// Gradients of weights, summed where they belong.
//
// Autograd makes every weight's gradient as a tensor of its own and then adds it to what the micro-batches before left:
// one more pass over all gradients, and for a tied embedding two more tables of [V, h] in memory (the head's waits for
// the embedding's). The operations of this room add to the weight's `grad` themselves and report no gradient.
//
// The price: torch::autograd::grad() does not see these gradients; only backward(), which the training loop calls,
// leaves them in the weights.
#pragma once
#include <ATen/core/Tensor.h>

namespace ballot {

/// Whether an operation that computes in `type` adds to the weight's gradient itself: the weight is a leaf that wants
/// gradients and is of that type. Otherwise the operation returns a gradient as usual.
bool adds_in_place(const at::Tensor& weight, at::ScalarType type);

/// The weight's gradient to add to, zeros at first. For a weight that adds_in_place().
at::Tensor gradient_to_add_to(const at::Tensor& weight);

/// The gradient of W in y = x W^T, dy^T x, in W's type: added to W's gradient (an undefined tensor is returned), or
/// returned where W is no such leaf.
at::Tensor product_gradient(const at::Tensor& weight, const at::Tensor& dy, const at::Tensor& x);

}  // namespace ballot
