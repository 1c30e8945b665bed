// AdamW with decoupled weight decay (Loshchilov and Hutter 2019), and how weights and moments are kept:
//
//   precision        weights                          moments   what becomes of small updates
//   fp32_master      fp32                             fp32      all count
//   bf16             bf16                             bf16      lost below half a unit in the last place: at a learning
//                                                               rate of 1e-6 about 98% of the weights never move
//   bf16_stochastic  bf16, rounded at random          fp32      right on average
//   bf16_kahan       bf16 with a bf16 compensation    fp32      carried along until they count
//
// `bf16` is what a training does that loads everything in bf16 and nothing else; it is offered to reproduce such runs.
// Weights "in bf16" may lie in fp32 tensors (the arithmetic is fp32 then); their values are bf16 values all the same.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "training/moment_file.h"

namespace ballot {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  std::string precision = "fp32_master";
  std::uint64_t seed = 0;                     ///< of stochastic rounding: drawn by (seed, step, parameter, element)
  std::filesystem::path moments_folder = {};  ///< fp32_master: the moments lie in a file there; empty: in memory
};

class AdamW {
 public:
  /// `parameters` are the model's own leafs; their gradients are read at step(). For the bf16 precisions the weights
  /// are rounded to bf16 here.
  AdamW(NamedTensors parameters, const AdamOptions& options);
  /// One update with the gradients as they are; `step` counts from 1. Parameters without a gradient stay.
  void step(double learning_rate, std::int64_t step);
  void zero_gradients();
  /// The moments were read (a checkpoint was written or loaded) and are not needed until the next step: what lies in a
  /// file leaves memory.
  void put_moments_away();
  /// "m.NAME", "v.NAME" and, with Kahan, "c.NAME": what a checkpoint holds beside the weights. The tensors are its own.
  NamedTensors state() const;
  const NamedTensors& parameters() const { return parameters_; }

 private:
  void step_fp32(double learning_rate, std::int64_t step);
  NamedTensors parameters_;
  std::optional<MomentFile> file_;
  std::vector<at::Tensor> m_, v_, compensation_;
  std::vector<bool> decays_;
  AdamOptions options_;
};

/// Rounds weights to bf16 where the precision keeps them so; before a reference is computed from them.
void round_weights(const NamedTensors& parameters, const std::string& precision);
/// Weight decay leaves out biases and norms: the names that transformers' Trainer leaves out.
bool is_decayed(const std::string& parameter_name);
/// The global L2 norm of all gradients (each parameter once), computed in float64.
double gradient_norm(const NamedTensors& parameters);
/// Multiplies all gradients by min(1, max_norm / (norm + 1e-6)), as torch does; max_norm 0: not at all.
void clip_gradients(const NamedTensors& parameters, double norm, double max_norm);

}  // namespace ballot
