// The pieces that the architectures are put together from, each one operation of the autograd graph with its gradient
// written out, so that it passes over memory once and keeps only what the gradient needs.
//
//     T tokens    h hidden size    f width of the feed-forward layer    H heads    D numbers a head
//
// float32 and float64 are computed as they are. bfloat16 is computed in float32 and rounded where the reference
// implementation rounds.
#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace ballot {

enum class NormStyle {
  kLlama,  ///< cast(x rsqrt(mean x^2 + eps)) w
  kGemma,  ///< cast(x rsqrt(mean x^2 + eps) (1 + w)): the weight is kept as its distance from one
};
/// Root-mean-square norm over the last dimension (Zhang and Sennrich 2019).
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, NormStyle style = NormStyle::kLlama);

/// A linear layer's parameters: weight [out, in] and bias [out], which may be undefined. Both are cast to the input's
/// type where they differ; their gradients keep their own.
struct Linear {
  at::Tensor weight, bias;
  at::Tensor operator()(const at::Tensor& x) const;  ///< x W^T + b
};

/// What a norm is taken of, not yet computed.
struct Normed {
  at::Tensor x, weight;
  double epsilon;
  NormStyle style = NormStyle::kLlama;
};
/// Linear layers of the same normed input. The normed numbers are computed again in the backward pass instead of being
/// kept: one pass over x for h numbers a token less in memory.
std::vector<at::Tensor> project(const Normed& input, std::span<const Linear> layers);
template <std::size_t N>
std::array<at::Tensor, N> project(const Normed& input, const Linear (&layers)[N]) {
  std::vector<at::Tensor> results = project(input, std::span<const Linear>(layers, N));
  std::array<at::Tensor, N> fixed;
  for (std::size_t i = 0; i < N; ++i) fixed[i] = std::move(results[i]);
  return fixed;
}

enum class Activation { kSilu, kGeluTanh };
/// down(activation(gate) up), gate and up [T, f]. Their product is computed again in the backward pass (f numbers a
/// token less).
at::Tensor gated(const at::Tensor& gate_Tf, const at::Tensor& up_Tf, Activation activation, const Linear& down);

/// Angles of rotary position embedding for the tokens of a batch: cos and sin of position x frequency (Su et al. 2021).
struct RotaryTable {
  std::int64_t tokens = 0, half = 0;  ///< half = D / 2
  std::vector<float> cosine, sine;    ///< [T, D / 2], computed in float32 as the reference does
};
std::shared_ptr<const RotaryTable> rotary_table(std::span<const std::int64_t> positions,
                                                std::span<const double> frequencies);
/// Turns the halves of each head by its token's angles: (a, b) -> (a cos - b sin, b cos + a sin). x [T, H, D].
at::Tensor rotate(const at::Tensor& x_THD, std::shared_ptr<const RotaryTable> table);

/// Rows of a table: weight [V, h], ids [T] -> [T, h] times `factor`. Its gradient adds the rows of equal ids in their
/// order.
at::Tensor embedding(const at::Tensor& weight_Vh, const at::Tensor& ids_T, double factor = 1);

/// Activation checkpointing (Chen et al. 2016): computes y = body(x) keeping x alone, and computes body again in the
/// backward pass; the same bits. Parameters used in body get their gradients there. `any_parameter`: a tensor that
/// requires gradients, so that there is something to go back to where x does not.
at::Tensor checkpointed(std::function<at::Tensor(const at::Tensor&)> body, const at::Tensor& x,
                        const at::Tensor& any_parameter);

}  // namespace ballot
