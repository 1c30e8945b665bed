// `ballot sft|dpo|reward`: from rows and a model to a model folder. Reads, tokenises and lints the data, prepares
// model, vocabulary, head and reference, runs the loop, and writes what others load.
#pragma once
#include "core/progress.h"
#include "training/options.h"

namespace ballot {

/// OUT becomes a Hugging Face model folder with metrics.jsonl, runs/, checkpoints/ and manifest.json; an unfinished OUT
/// of the same parameters is gone on with. Throws Error: usage for options that do not fit, input for data or models
/// that cannot be used.
TrainingResult train(const TrainingOptions& options, Progress& progress);

}  // namespace ballot
