// What a study's labels are made of: for the stages that make them and for the plan that tells what they will cost.
#pragma once
#include <string>
#include <vector>

#include "data/records.h"
#include "judges/judge_spec.h"
#include "study/study_file.h"

namespace ballot {

/// A hub dataset's snapshot where the name is one and the local cache has it; else the name itself. Throws Error
/// (input) where it is neither.
std::string resolve_data(const std::string& path);

/// Labels that go under a name of their own: a format of the study, or the placebo.
struct Labelling {
  std::string name, format;
  std::int64_t seed;
};
std::vector<Labelling> labellings(const StudyFile& study);
/// Those of the attacked pool, by every judge; none unless the study asks for attacks.
std::vector<Labelling> attacked_labellings(const StudyFile& study);

/// The judge as its own file would say it, with the study's model in place of the name.
JudgeSpec judge_spec(const StudyFile& study, const StudyJudge& judge);

/// Every pair of a prompt by the source's own ranking: the yardstick of agreement and of held-out accuracy.
std::vector<Preference> source_preferences(const std::vector<PoolRow>& pool);

}  // namespace ballot
