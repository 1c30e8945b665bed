// From a judge's specification to a judge: the one place that knows every kind, those behind the engine's door
// included.
#pragma once
#include <memory>

#include "core/progress.h"
#include "judges/judge_spec.h"

namespace ballot {

/// Throws Error (usage) on what the specification lacks, (input) where a model is not there.
std::unique_ptr<Judge> make_judge(const JudgeSpec& spec, const Sampling& sampling, Progress& progress);

}  // namespace ballot
