// How a step is cut so that a training takes little memory, and how much that will be.
//
//     n parameters    T tokens of the largest micro-batch    h hidden size    f feed-forward width    V vocabulary rows
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "training/batches.h"

namespace ballot {

class Model;
struct ModelShape;

/// Bytes that a forest's token keeps for the backward pass; `recompute`: of layers that are computed twice.
std::int64_t activation_bytes_per_token(const ModelShape& shape, bool recompute);
/// Bytes of weights, gradients and moments: 16 n.
std::int64_t state_bytes(const Model& model);
/// Bytes that this process may still take: the system's available memory, less where a control group says so.
std::int64_t available_bytes();

/// What --tokens-per-microbatch 0 and --gradient-checkpointing auto mean:
///   target            activations of a sixth of the state, between 512 and 2048 tokens: matrix products are at their
///                     peak by then, and larger micro-batches bring memory and no speed
///   limit             prompts stay whole while they fit into half of the memory that is left
///   recompute_above   layers are computed twice (a third more time) where the activations would be larger than the
///                     state, or than half of the memory that is left
MicrobatchBudget choose_microbatches(const Model& model, const TrainingSet& set, std::int64_t tokens_per_microbatch,
                                     const std::string& gradient_checkpointing);

/// Whether AdamW's moments lie in a file of `folder` between steps. auto: where the memory that is left would not hold
/// the state and a quarter more, the state is large enough to matter, and `folder` is on a disk and not in memory
/// itself.
bool keep_moments_on_disk(const Model& model, const std::string& moments, const std::filesystem::path& folder);

/// What a training in fp32 holds resident at its fullest, in bytes.
struct PeakMemory {
  std::int64_t parameters = 0;          ///< n
  std::int64_t largest_microbatch = 0;  ///< T
  bool several_microbatches = true;     ///< a step has; otherwise gradients take the place of activations as these
                                        ///< are freed
  bool moments_on_disk = false;
};
/// State, activations of the largest micro-batch, and the program itself.
std::int64_t predicted_peak_bytes(const ModelShape& shape, const PeakMemory& training, const MicrobatchBudget& budget);

}  // namespace ballot
