// How the report calls things: formats by their titles, trainings by what was trained on what.
#pragma once
#include <string>
#include <vector>

#include "report/study_results.h"

namespace ballot {

class Naming {
 public:
  explicit Naming(const StudyResults& results);
  /// "ranking" -> "RANKING", "placebo" -> "BINARY again", "source" -> "source ranking".
  std::string format(const std::string& name) const;
  /// "RANKING, with margin"; "SFT", "base", "instruct".
  std::string training(const TrainedName& name) const;
  /// The study's formats, then the placebo where there is one.
  const std::vector<std::string>& formats_and_placebo() const { return formats_; }
  bool is_placebo(const std::string& name) const { return name == "placebo"; }

 private:
  const StudyResults& results_;
  std::vector<std::string> formats_;
};

/// "rewards/accuracies" -> "reward accuracy", and so on; unknown ones as they are.
std::string metric_title(const std::string& metric);
/// "leaderboard_bbh_boolean_expressions" -> "BBH boolean expressions".
std::string task_title(const std::string& task);

}  // namespace ballot
