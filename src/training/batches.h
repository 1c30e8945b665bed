// From examples to what one forward pass reads: the order of an epoch, its optimiser steps, their cut into
// micro-batches, and the forest of a micro-batch.
//
// The order follows from (seed, epoch) by counter-based random numbers, so nothing else can move it. The number of
// steps is ceil(examples / batch size) whatever the order; a step's loss is the mean over the examples present.
//   file      as given
//   pairs     examples shuffled; completions that coincide in a step are still computed once
//   prompts   prompts shuffled, whole prompts in a step, as near to the batch size as they come (InstructGPT's way).
//   Where
//             a prompt has more pairs than a step it is cut.
//     T tokens of the forest    C completions    N scored tokens    P pairs
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "compute/forest.h"
#include "training/examples.h"

namespace ballot {

/// The examples (indices) of each optimiser step of an epoch.
std::vector<std::vector<std::int32_t>> plan_epoch(const TrainingSet& set, const std::string& order,
                                                  std::int64_t batch_size, std::uint64_t seed, std::int64_t epoch);

/// How a step is cut. A micro-batch is filled up to `target` tokens; a prompt's examples stay together unless they pass
/// `limit` (one example is never cut). Micro-batches of more than `recompute_above` tokens keep only their layers'
/// inputs and compute the layers twice (activation checkpointing): the same bits.
struct MicrobatchBudget {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t target = 2048, limit = 16384, recompute_above = kNever;
};
/// Micro-batches of a step, examples of one prompt beside each other. `shared`: the tokens of a forest; otherwise every
/// sequence counts with its own prompt (--layout pairs).
std::vector<std::vector<std::int32_t>> cut_step(const TrainingSet& set, std::span<const std::int32_t> step,
                                                const MicrobatchBudget& budget, bool shared);
/// The part of a step that process `rank` of `size` computes: whole prompts, dealt so that tokens are balanced.
std::vector<std::int32_t> deal_step(const TrainingSet& set, std::span<const std::int32_t> step, int rank, int size);

/// A micro-batch as the model and the losses want it.
struct TrainingBatch {
  Forest forest;
  std::vector<const TokenCompletion*> completions;  ///< [C]
  std::vector<std::int64_t> last_C;                 ///< place in T of each completion's last token
  std::vector<std::int64_t> scored_N;               ///< place in T of the token before each scored one
  std::vector<std::int64_t> targets_N, completion_N;
  std::vector<std::int64_t> tokens_C;  ///< scored tokens
  std::vector<const Example*> examples;
  std::vector<std::vector<std::int64_t>> example_completions;  ///< of each example, into C
};

/// `shared`: prompts and completions once each; otherwise every sequence of every example is a tree of its own.
TrainingBatch make_batch(const TrainingSet& set, std::span<const std::int32_t> examples, bool shared);

}  // namespace ballot
