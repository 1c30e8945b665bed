// What a training is asked for, and what it gives back. Plain structs: they pass through the door of the engine, and
// the one description below (visit_options) serves the command line, the study file and the manifest of all three
// objectives.
//
// An option that an objective does not have is not visited for it, so `ballot sft --beta 0.1` is an unknown option.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"

namespace ballot {

struct TrainingOptions {
  std::string objective = "sft";  ///< "sft", "dpo" or "reward"; make it with training_defaults()
  // Where from and where to. Their contents enter the key by hash, not the paths.
  std::string model;              ///< folder, GGUF file, `deps:` or hub name
  std::vector<std::string> data;  ///< JSONL or Parquet files
  std::string out;                ///< the folder to make
  bool force = false;             ///< start over
  std::int64_t seed = 0;          ///< of order, head and rounding
  std::string device = "auto";    ///< "auto", "cpu", "cuda", "cuda:N"
  std::string dtype;              ///< type of computation: "fp32" or "bf16"; empty: fp32 on the CPU

  // The rows.
  std::string split = "train";               ///< rows of this split where the data has the column; "all": every row
  std::string pool;                          ///< reward, losses over annotations: pool.parquet with their texts
  std::int64_t max_length = 2048;            ///< tokens of prompt and completion
  std::string truncate = "drop";             ///< "drop", "prompt_left", "completion_right"
  std::string on_control_tokens = "reject";  ///< "reject", "encode"
  std::string on_bad_row = "skip";           ///< "skip", "fail"
  std::string rejects;                       ///< rejects file; empty: OUT.rejects.jsonl

  // The objective.
  std::vector<std::string> loss;     ///< dpo: one or several names; reward: one name; sft: none
  std::vector<double> loss_weights;  ///< dpo: one weight a loss; empty: 1 each
  double beta = 0.22;
  double label_smoothing = 0;
  double loss_gamma = 0.5;           ///< simpo's target margin
  double loss_lambda = 0.1;          ///< orpo's weight of the odds ratio
  std::string reference;             ///< dpo: the reference model; empty: the model at the start
  std::string reference_cache;       ///< dpo: folder of its log-probabilities, shared by content
  std::string margin = "none";       ///< "none", "column"
  std::string margin_scale = "raw";  ///< "raw", "unit", "mean_one", "llama2"
  double margin_weight = 1;          ///< dpo: factor of the margin (ODPO's alpha)
  double center_rewards = 0;         ///< reward: coefficient of (r+ + r-)^2
  std::optional<double>
      head_init;           ///< reward: standard deviation of a new score layer; none: the config's initializer_range
  bool add_chatml = true;  ///< sft: the ChatML tokens and template, PAD where missing

  // The steps.
  double learning_rate = 2e-5;
  std::string schedule = "linear";  ///< "linear", "cosine", "constant"
  double warmup_ratio = 0;
  std::int64_t batch_size = 64;  ///< examples (sft) or pairs of one optimiser step
  std::int64_t epochs = 1;
  std::optional<std::int64_t> max_steps;  ///< instead of epochs; also the schedule's length
  std::string order = "prompts";          ///< "file", "prompts", "pairs"
  double weight_decay = 0, adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8;
  double max_grad_norm = 1.0;             ///< 0: no clipping
  std::string precision = "fp32_master";  ///< "fp32_master", "bf16", "bf16_stochastic", "bf16_kahan"

  // How it is computed: the same result to rounding.
  std::string layout = "forest";                ///< "forest", "pairs"
  std::int64_t tokens_per_microbatch = 0;       ///< 0: what fits memory; recorded, and kept by a resumed run
  std::string gradient_checkpointing = "auto";  ///< "auto", "on", "off"
  std::string moments = "auto";                 ///< where AdamW's lie between steps: "auto", "memory", "disk"
  std::int64_t save_every = 0;                  ///< steps between checkpoints; 0: about every ten minutes
  std::int64_t keep = 2;                        ///< checkpoints kept
};

/// The defaults of interface.md's table for "sft", "dpo" or "reward".
inline TrainingOptions training_defaults(const std::string& objective) {
  TrainingOptions options;
  options.objective = objective;
  options.learning_rate = objective == "dpo" ? 1e-6 : 2e-5;
  options.order = objective == "sft" ? "pairs" : "prompts";
  if (objective == "dpo") options.loss = {"sigmoid"};
  if (objective == "reward") options.loss = {"bradley_terry"};
  return options;
}

/// The loss names of an objective (training/losses.h holds the formulas).
inline std::vector<std::string> loss_names(const std::string& objective) {
  if (objective == "dpo")
    return {"sigmoid",      "cdpo",     "robust",        "hinge",    "ipo",      "ipo_unnormalised",
            "sigmoid_norm", "exo_pair", "apo_zero",      "apo_down", "bco_pair", "nca_pair",
            "sppo_hard",    "discopop", "simpo",         "orpo",     "cpo",      "odpo",
            "soft",         "sft",      "reference_free"};
  if (objective == "reward") return {"bradley_terry", "scaled", "soft", "plackett_luce", "regression"};
  return {};
}

inline void visit_options(OptionVisitor& visit, TrainingOptions& o) {
  const bool sft = o.objective == "sft", dpo = o.objective == "dpo", reward = o.objective == "reward";
  visit({"model", "the model to train: a folder, a GGUF file, deps:NAME or a name in the hub cache", {}, false},
        o.model);
  visit({"data",
         sft ? "SFT rows (messages, or prompt and completion): JSONL or Parquet files"
             : "preferences (prompt, chosen, rejected): JSONL or Parquet files",
         {},
         false},
        o.data);
  visit({"split", "rows of this split, where the data has the column", {"train", "held_out", "all"}}, o.split);
  if (reward) visit({"pool", "pool.parquet with the texts, for the losses that take annotations", {}, false}, o.pool);
  if (!sft) visit({"loss", dpo ? "one or several losses" : "the loss", loss_names(o.objective)}, o.loss);
  if (dpo) {
    visit({"loss-weights", "one weight a loss (default 1 each)"}, o.loss_weights);
    visit({"beta", "strength of the tie to the reference"}, o.beta);
    visit({"label-smoothing", "probability that a label is flipped (cdpo, robust, exo_pair)"}, o.label_smoothing);
    visit({"loss-gamma", "simpo: target margin"}, o.loss_gamma);
    visit({"loss-lambda", "orpo: weight of the odds ratio"}, o.loss_lambda);
    visit({"reference", "the reference model (default: the model at the start)", {}, false}, o.reference);
    visit({"reference-cache", "folder of reference log-probabilities, shared by formats and runs", {}, false},
          o.reference_cache);
  }
  if (!sft) {
    visit({"margin", "use the data's margin column", {"none", "column"}}, o.margin);
    visit({"margin-scale", "what the margins become", {"raw", "unit", "mean_one", "llama2"}}, o.margin_scale);
  }
  if (dpo) visit({"margin-weight", "sigmoid, odpo: factor of the margin"}, o.margin_weight);
  if (reward) {
    visit({"center-rewards", "coefficient of (chosen + rejected)^2"}, o.center_rewards);
    visit({"head-init", "standard deviation of a new score layer (default: the config's initializer_range)"},
          o.head_init);
  }
  visit({"learning-rate", "of the first step after the warm-up"}, o.learning_rate);
  visit({"schedule", "how the learning rate falls", {"linear", "cosine", "constant"}}, o.schedule);
  visit({"warmup-ratio", "share of the steps in which it rises"}, o.warmup_ratio);
  visit({"batch-size", sft ? "examples of one optimiser step" : "pairs of one optimiser step"}, o.batch_size);
  visit({"tokens-per-microbatch", "how a step is cut (0: what fits memory); the same result to rounding", {}, false},
        o.tokens_per_microbatch);
  visit({"epochs", "passes over the data"}, o.epochs);
  visit({"max-steps", "optimiser steps instead of epochs; also the schedule's length"}, o.max_steps);
  visit({"max-length", "tokens of prompt and completion"}, o.max_length);
  visit({"truncate", "what happens to longer rows; counted", {"drop", "prompt_left", "completion_right"}}, o.truncate);
  visit({"on-control-tokens", "rows whose text holds a special token's text", {"reject", "encode"}},
        o.on_control_tokens);
  visit({"order",
         sft ? "file: as given; pairs: shuffled examples"
             : "file: as given; prompts: shuffled, whole prompts in a step; pairs: shuffled pairs",
         {"file", "prompts", "pairs"}},
        o.order);
  visit({"precision", "how weights and moments are kept", {"fp32_master", "bf16", "bf16_stochastic", "bf16_kahan"}},
        o.precision);
  visit({"layout", "how a batch is computed; the same gradient to rounding", {"forest", "pairs"}}, o.layout);
  visit({"weight-decay", "decoupled; not on norms and biases"}, o.weight_decay);
  visit({"adam-beta1", "AdamW"}, o.adam_beta1);
  visit({"adam-beta2", "AdamW"}, o.adam_beta2);
  visit({"adam-epsilon", "AdamW"}, o.adam_epsilon);
  visit({"max-grad-norm", "global L2 norm; 0: no clipping"}, o.max_grad_norm);
  visit({"gradient-checkpointing", "compute activations twice to save memory", {"auto", "on", "off"}, false},
        o.gradient_checkpointing);
  visit({"moments", "where AdamW's moments lie between steps", {"auto", "memory", "disk"}, false}, o.moments);
  visit({"save-every", "steps between checkpoints (0: about every ten minutes)", {}, false}, o.save_every);
  visit({"keep", "checkpoints kept", {}, false}, o.keep);
  if (sft) visit({"add-chatml", "add the ChatML tokens and template; PAD where missing"}, o.add_chatml);
  visit({"on-bad-row", "skip counts and keeps them in the rejects file", {"skip", "fail"}}, o.on_bad_row);
  visit({"rejects", "rejects file (default OUT.rejects.jsonl)", {}, false}, o.rejects);
}

/// What a finished training says of itself; the manifest's facts and `--json` hold the same.
struct TrainingResult {
  std::string out;  ///< the model folder
  std::int64_t steps = 0;
  std::int64_t examples = 0;     ///< pairs (or sft rows, or rankings) in the data
  std::int64_t prompts = 0;      ///< distinct prompts
  std::int64_t completions = 0;  ///< distinct completions
  std::int64_t num_tokens =
      0;  ///< as TRL counts them: every example's prompt and completion, cumulative over the steps
  std::int64_t forest_tokens = 0;               ///< really computed
  std::map<std::string, std::int64_t> dropped;  ///< rows by reason
  std::map<std::string, double> first, last;    ///< metrics.jsonl of the first and the last step
  double changed_weights = 0;                   ///< share of the weights that differ from the start
  std::string model_hash;                       ///< of the final model
  double seconds = 0;                           ///< wall time of this process's part
  std::string json;                             ///< the object that --json prints
};

}  // namespace ballot
