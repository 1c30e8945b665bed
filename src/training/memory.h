// How large a micro-batch this machine can hold.
#pragma once
#include <cstdint>

#include "training/batches.h"

namespace ballot {

class Model;

/// Bytes of activations that a forest's token keeps for the backward pass.
std::int64_t activation_bytes_per_token(const Model& model, bool gradient_checkpointing);
/// Bytes of weights, gradients and moments.
std::int64_t state_bytes(const Model& model);
/// Bytes that this process may still take: the system's available memory, less where a control group says so.
std::int64_t available_bytes();

struct MicrobatchChoice {
  MicrobatchBudget budget;
  bool gradient_checkpointing = false;
};
/// What --tokens-per-microbatch 0 and --gradient-checkpointing auto mean here: micro-batches of some 2 000 tokens,
/// where matrix products already run at their peak; prompts whole while they fit into half of the memory that is left;
/// layers computed twice only where the longest example does not fit otherwise.
MicrobatchChoice choose_microbatches(const Model& model, const TrainingSet& set, std::int64_t tokens_per_microbatch,
                                     const std::string& gradient_checkpointing);

}  // namespace ballot
