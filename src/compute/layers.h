// The pieces that the architectures are put together from, each one operation of the autograd graph with its gradient
// written out, so that it passes over memory once and keeps only what the gradient needs.
//
//     T tokens    h hidden size    f width of the feed-forward layer    H heads    D numbers a head
//
// float32 and float64 are computed as they are. bfloat16 is computed in float32 and rounded where the reference
// implementation rounds.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace at {
class Tensor;
}

namespace ballot {

enum class NormStyle {
  kLlama,  ///< cast(x rsqrt(mean x^2 + eps)) w
  kGemma,  ///< cast(x rsqrt(mean x^2 + eps) (1 + w)): the weight is kept as its distance from one
};
/// Root-mean-square norm over the last dimension (Zhang and Sennrich 2019).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, NormStyle style = NormStyle::kLlama);

enum class Activation { kSilu, kGeluTanh };
/// activation(gate) up, elementwise, [T, f].
at::Tensor gated(const at::Tensor& gate_Tf, const at::Tensor& up_Tf, Activation activation);

/// Angles of rotary position embedding for the tokens of a batch: cos and sin of position x frequency (Su et al. 2021).
struct RotaryTable {
  std::int64_t tokens = 0, half = 0;  ///< half = D / 2
  std::vector<float> cosine, sine;    ///< [T, D / 2], computed in float32 as the reference does
};
std::shared_ptr<const RotaryTable> rotary_table(std::span<const std::int64_t> positions,
                                                std::span<const double> frequencies);
/// Turns the halves of each head by its token's angles: (a, b) -> (a cos - b sin, b cos + a sin). x [T, H, D].
at::Tensor rotate(const at::Tensor& x_THD, std::shared_ptr<const RotaryTable> table);

/// x W^T + b; an undefined b is none. W and b are cast to x's type where they differ (their gradients keep their own).
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// Rows of a table: weight [V, h], ids [T] -> [T, h] times `factor`. Its gradient adds the rows of equal ids in their
/// order.
at::Tensor embedding(const at::Tensor& weight_Vh, const at::Tensor& ids_T, double factor = 1);

/// Activation checkpointing (Chen et al. 2016): computes y = body(x) keeping x alone, and computes body again in the
/// backward pass; the same bits. Parameters used in body get their gradients there. `any_parameter`: a tensor that
/// requires gradients, so that there is something to go back to where x does not.
at::Tensor checkpointed(std::function<at::Tensor(const at::Tensor&)> body, const at::Tensor& x,
                        const at::Tensor& any_parameter);

}  // namespace ballot
