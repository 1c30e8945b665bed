// `ballot eval --tasks list`: the leaderboard's tasks, which can be done now, which lack data, and which this version
// cannot do.
#pragma once
#include <string>

#include "evaluation/questions.h"

namespace ballot {

/// {"tasks": [{"name", "kind": "task"|"group", "status": "ready"|"data_missing"|"not_in_this_version"|"incomplete",
/// "detail", "num_fewshot", "metrics", "children"}]}, groups before their tasks, in the order of the group
/// `leaderboard`.
std::string list_tasks(const TaskSettings& settings);

}  // namespace ballot
