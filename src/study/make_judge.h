// From a judge's specification to a judge: the one place that knows every kind, those behind the engine's door
// included.
#pragma once
#include <memory>
#include <string>

#include "core/progress.h"
#include "judges/judge_spec.h"

namespace ballot {

/// Throws Error (usage) on what the specification lacks, (input) where a model is not there.
/// `device` and `dtype` as --device and --dtype, for a local one. A `price` in the specification makes its answers cost
/// something.
std::unique_ptr<Judge> make_judge(const JudgeSpec& spec, const Sampling& sampling, Progress& progress,
                                  const std::string& device = "auto", const std::string& dtype = "");

}  // namespace ballot
