// What a training or a pass over texts will compute, told from its data and its model's shape before a weight is read:
// tokens, floating-point operations, memory. The functions that cut the real batches cut these, so tokens and
// operations are those of the run itself, given the same rows.
//
// A study's later models do not exist yet when it is planned. They have the shape and the tokenizer of their base, with
// ChatML added where an SFT stands before (`after_sft`).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/records.h"
#include "training/options.h"

namespace ballot {

class Model;
class Tokenizer;
struct FlopsShape;
struct MicrobatchBudget;
struct TrainingSet;

struct ComputePlan {
  std::int64_t examples = 0;                    ///< rows, pairs, rankings or questions
  std::int64_t prompts = 0;                     ///< distinct ones
  std::int64_t completions = 0;                 ///< distinct ones
  std::int64_t steps = 0;                       ///< optimiser steps; 0: no training
  std::int64_t num_tokens = 0;                  ///< of separate sequences, as TRL counts them
  std::int64_t forest_tokens = 0;               ///< really computed
  std::int64_t reference_tokens = 0;            ///< dpo: of the reference's pass, where no other training has made it
  double flops = 0, reference_flops = 0;        ///< multiplications and additions; reference_flops are not in flops
  std::int64_t parameters = 0;                  ///< numbers of the model
  std::int64_t microbatch_tokens = 0;           ///< of the largest batch
  bool moments_on_disk = false;                 ///< AdamW's, between steps
  bool recomputed = false;                      ///< its layers are computed twice to save memory
  std::int64_t peak_bytes = 0;                  ///< resident at most, of a training; 0: not told
  std::map<std::string, std::int64_t> dropped;  ///< rows by reason
};

/// Of `ballot sft|dpo|reward` with these options on this machine (free memory decides on micro-batches). Reads the data
/// and the model's configuration and header.
ComputePlan plan_training(const TrainingOptions& options, bool after_sft);

/// Ballots for a judge in process: groups of conversations (a prompt's ballots), each answered in `answer_tokens`
/// tokens. What the ballots of a group share is computed once.
ComputePlan plan_conversations(const std::string& model, const std::vector<std::vector<Conversation>>& groups,
                               std::int64_t answer_tokens);

/// A model of the right shape whose tensors hold no numbers and take no memory, and the tokenizer that goes with it;
/// for plans.
struct PlannedModel {
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
};
PlannedModel planned_model(const std::string& name, bool after_sft, bool reward);
std::int64_t parameters_of(const Model& model);

/// Every completion of the set once, forward only, in batches cut by `budget`: what `ballot score` and
/// `ballot rewardbench` do for one model.
void add_scoring(const TrainingSet& set, const FlopsShape& shape, const MicrobatchBudget& budget, ComputePlan& plan);

}  // namespace ballot
