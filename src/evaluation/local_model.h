// A model that is computed in this process: log-likelihoods on the forest (log_likelihood.h), answers over one cache
// (models/generate.h).
#pragma once
#include <memory>

#include "core/progress.h"
#include "evaluation/evaluated_model.h"
#include "evaluation/options.h"

namespace ballot {

/// Loads options.model. Throws Error (input) where it is a reward model. Holds a reference to the tokenizer.
std::unique_ptr<EvaluatedModel> load_local_model(const EvalOptions& options, const Tokenizer& tokenizer,
                                                 Progress& progress);

}  // namespace ballot
