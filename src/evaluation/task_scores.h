// From the log-likelihoods of choices to a task's numbers: the harness's metrics row by row, its means and standard
// errors, and beside them what a careful reader wants: intervals that resample clusters of rows, what guessing gives,
// and the leaderboard's normalised score under its own name.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "evaluation/log_likelihood.h"
#include "evaluation/questions.h"
#include "statistics/estimate.h"

namespace ballot {

/// [questions]: 1 or 0 by the harness's rules. `acc`: the largest log-likelihood is a right choice's; `acc_norm`:
/// divided by the choice's characters; `acc_bytes`: by its bytes; `exact_match`: the right choice is what greedy
/// decoding gives. The first of equals wins.
std::vector<double> metric_values(const LoadedTask& task, const std::vector<std::vector<ChoiceScore>>& scores,
                                  const std::string& metric);

double mean_of(const std::vector<double>& values);
/// s / sqrt(n) with n - 1 in s; NaN where there is one value.
double standard_error(const std::vector<double>& values);
/// The harness's for a group: sqrt(sum((n_i - 1) n_i se_i^2) / (sum(n_i) - k) / sum(n_i)).
double pooled_standard_error(const std::vector<double>& errors, const std::vector<std::size_t>& sizes);

/// One task's rows for an interval.
struct TaskValues {
  std::string task;
  std::vector<double> values;
  std::vector<std::string> clusters;
  std::optional<double> floor;  ///< what the leaderboard takes for guessing
};

struct ScoreWithInterval {
  double value = 0;
  Interval interval;
};
struct ClusteredScore {
  ScoreWithInterval raw;                        ///< mean over all rows
  std::optional<ScoreWithInterval> normalised;  ///< 0..100; see leaderboard_floor
  std::size_t clusters = 0;
};

enum class Normalisation {
  kNone,
  kOfTasks,  ///< mean over the tasks of each one's normalised score (BBH, MuSR)
  kOfMean,   ///< of the mean over all rows (GPQA, MATH)
};

/// 95%, of shares (statistics/expanded_interval.h), over draws of clusters: within tasks, or over all rows where tasks
/// share clusters.
ClusteredScore clustered_score(const std::vector<TaskValues>& tasks, Normalisation normalisation,
                               std::int64_t replicates, std::uint64_t seed);

/// Open LLM Leaderboard v2: 100 max(0, v - floor) / (1 - floor), with these floors; none for tasks that it has not.
std::optional<double> leaderboard_floor(const LoadedTask& task);
Normalisation group_normalisation(const std::string& group);

/// What guessing gets on the rows: the mean of right choices over choices.
double chance_of(const LoadedTask& task);
/// The mean over rows of the probability that the model gives to all choices together: near 0, it does not see the task
/// as a choice among them.
double choice_mass(const std::vector<std::vector<ChoiceScore>>& scores);

}  // namespace ballot
