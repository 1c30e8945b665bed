// The verdicts of IFEval on an answer: each instruction strictly, on the answer as it is, and loosely, where it is
// enough that one of eight variants follows it: the answer; without its first line, without its last, without both
// (then stripped); each of these four without its asterisks. A blank text follows nothing.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "evaluation/ifeval_instructions.h"

namespace ballot {

struct IfevalVerdicts {
  std::vector<bool> strict, loose;  ///< one an instruction
};

/// `row`: instruction_id_list and kwargs (a list as long). Throws Error (input) where these are missing or not of that
/// form, or as follows() does.
IfevalVerdicts ifeval_verdicts(const Json& row, std::string_view answer, const IfevalModels& models);

/// {"prompt_level_strict_acc": all strictly, "inst_level_strict_acc": [one an instruction], and both for loose}, in the
/// harness's order: its process_results.
Json ifeval_scores(const Json& row, const std::string& answer, const IfevalModels& models);
/// The same with the models of the set-up's parts.
Json ifeval_scores(const Json& row, const std::string& answer);

/// The row has an instruction that the reference judges at random.
bool is_judged_at_random(const Json& row);

}  // namespace ballot
