// The rows of a training's --data as examples in tokens: SFT rows, preferences with their margins on the scale asked
// for, or annotations with their texts from the pool. One place for the training itself and for its plan.
#pragma once
#include "core/progress.h"
#include "data/rejects.h"
#include "text/tokenizer.h"
#include "training/examples.h"
#include "training/options.h"

namespace ballot {

/// Losses over whole rankings or ratings read annotations instead of preferences.
bool takes_annotations(const TrainingOptions& options);

/// Throws Error (input) where no row can be used, or where rows are conversations and the tokenizer has no chat
/// template. What the user should know of margins and targets is said to `progress`.
TrainingSet read_examples(const TrainingOptions& options, const Tokenizer& tokenizer, RejectLog& rejects,
                          Progress& progress);

}  // namespace ballot
