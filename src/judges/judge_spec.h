// Who judges, as the user writes it: a short form ("simulated:careful", "local:MODEL_DIR", "openai:URL[,URL...]#MODEL",
// "batch:DIR[#MODEL]") or a YAML file (interface.md §4). A kind of judge is one file and one line here.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "judges/judge.h"

namespace ballot {

struct JudgeSpec {
  std::string kind;  ///< "simulated", "local", "openai", "batch"
  std::string name;  ///< voter, or the judge's model
  std::vector<std::string> urls;
  std::string json;  ///< everything that a YAML file says
};

/// Throws Error (usage): unknown kinds and keys with line, column and the nearest valid word.
JudgeSpec read_judge_spec(const std::string& spec);
/// A judge mapping inside a study file. `place` stands for it in errors.
JudgeSpec judge_spec_of(const Json& mapping, const std::string& place);
/// `base` with the sampling fields that the judge itself names (`sampling` of a judge file). Throws Error (usage) on
/// unknown ones.
Sampling sampling_of(const JudgeSpec& spec, Sampling base);

}  // namespace ballot
