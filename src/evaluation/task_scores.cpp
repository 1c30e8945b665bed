#include "evaluation/task_scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "evaluation/python_text.h"
#include "statistics/bootstrap.h"
#include "statistics/expanded_interval.h"

namespace ballot {
namespace {

/// 0..1; shown as points of 100.
double normalised(double value, double floor) {
  return std::max(0.0, value - floor) / (1 - floor);
}

/// The mean square of a row's weight: in the mean over all rows, and in the mean of the tasks' normalised scores.
std::pair<double, double> unit_variances(const std::vector<TaskValues>& tasks) {
  double rows = 0, squares = 0;
  for (const TaskValues& task : tasks) {
    const auto n = static_cast<double>(task.values.size());
    const double weight = 1 / (static_cast<double>(tasks.size()) * (1 - task.floor.value_or(0)));
    rows += n;
    squares += weight * weight / n;
  }
  return {1 / (rows * rows), squares / rows};
}

}  // namespace

std::vector<double> metric_values(const LoadedTask& task, const std::vector<std::vector<ChoiceScore>>& scores,
                                  const std::string& metric) {
  std::vector<double> values;
  for (std::size_t q = 0; q < task.questions.size(); ++q) {
    const Question& question = task.questions[q];
    const auto right = [&](std::size_t choice) {
      return std::find(question.gold.begin(), question.gold.end(), static_cast<std::int64_t>(choice)) !=
             question.gold.end();
    };
    if (metric == "exact_match") {
      bool match = false;
      for (const std::int64_t gold : question.gold)
        match = match || (gold != Question::kNoGold && scores[q][static_cast<std::size_t>(gold)].greedy);
      values.push_back(match ? 1 : 0);
      continue;
    }
    std::size_t best = 0;
    double most = -std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < question.choices.size(); ++c) {
      const double length = metric == "acc_norm"    ? static_cast<double>(python_length(question.choices[c]))
                            : metric == "acc_bytes" ? static_cast<double>(question.choices[c].size())
                                                    : 1;
      const double score = scores[q][c].log_likelihood / length;
      if (score > most) most = score, best = c;
    }
    values.push_back(right(best) ? 1 : 0);
  }
  return values;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_error(const std::vector<double>& values) {
  if (values.size() < 2) return std::nan("");
  const double mean = mean_of(values), n = static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (n - 1)) / std::sqrt(n);
}

double pooled_standard_error(const std::vector<double>& errors, const std::vector<std::size_t>& sizes) {
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const auto n = static_cast<double>(sizes[i]);
    sum += (n - 1) * n * errors[i] * errors[i];
    total += n;
  }
  return std::sqrt(sum / (total - static_cast<double>(sizes.size())) / total);
}

ClusteredScore clustered_score(const std::vector<TaskValues>& tasks, Normalisation normalisation,
                               std::int64_t replicates, std::uint64_t seed) {
  // Clusters in the order of their task. Where two tasks share one (GPQA's sets overlap), all are drawn together.
  std::map<std::string, std::size_t> task_of;
  bool overlap = false;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (const std::string& cluster : tasks[t].clusters)
      overlap = overlap || task_of.emplace(cluster, t).first->second != t;
  std::map<std::pair<std::size_t, std::string>, std::size_t> index;
  std::vector<std::uint32_t> strata;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const std::size_t before = index.size();
    for (const std::string& cluster : tasks[t].clusters)
      index.emplace(std::pair{overlap ? 0 : t, cluster}, index.size());
    if (!overlap && index.size() > before) strata.push_back(static_cast<std::uint32_t>(index.size() - before));
  }
  ClusterSums sums(index.size(), 2 * tasks.size());
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (std::size_t i = 0; i < tasks[t].values.size(); ++i) {
      const std::size_t cluster = index.at({overlap ? 0 : t, tasks[t].clusters[i]});
      sums.at(cluster, 2 * t) += tasks[t].values[i];
      sums.at(cluster, 2 * t + 1) += 1;
    }
  const bool floors = std::all_of(tasks.begin(), tasks.end(), [](const TaskValues& t) { return t.floor.has_value(); });
  const bool normalise = floors && normalisation != Normalisation::kNone;
  const auto compute = [&](std::span<const double> totals, std::span<double> out) {
    double right = 0, rows = 0, sum = 0, present = 0, floor = 0;
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      right += totals[2 * t];
      rows += totals[2 * t + 1];
      if (!normalise || totals[2 * t + 1] == 0) continue;
      sum += normalised(totals[2 * t] / totals[2 * t + 1], *tasks[t].floor);
      floor += *tasks[t].floor;
      present += 1;
    }
    out[0] = right / rows;
    out[1] = !normalise                                ? std::nan("")
             : normalisation == Normalisation::kOfMean ? normalised(out[0], floor / present)
                                                       : sum / present;
  };
  BootstrapOptions options;
  options.replicates = replicates;
  options.seed = seed;
  options.strata = strata;
  const Bootstrap result = bootstrap(sums, 2, compute, options);
  ClusteredScore score;
  score.clusters = index.size();
  const auto [unit, unit_of_tasks] = unit_variances(tasks);
  const auto interval = [&](std::size_t statistic, double variance) {
    if (replicates == 0) return Interval();
    return share_interval(result.estimates[statistic], result.samples_of(statistic), result.jackknife_of(statistic),
                          strata, variance);
  };
  score.raw = {result.estimates[0], interval(0, unit)};
  if (normalise) {
    // Of one mean it is a rising function, and so of the interval's ends.
    const bool of_tasks = normalisation == Normalisation::kOfTasks && tasks.size() > 1;
    double floor = 0;
    for (const TaskValues& task : tasks) floor += *task.floor / static_cast<double>(tasks.size());
    Interval ends = of_tasks ? interval(1, unit_of_tasks) : score.raw.interval;
    if (!of_tasks && ends.defined()) ends = {normalised(ends.low, floor), normalised(ends.high, floor)};
    score.normalised = {100 * result.estimates[1], {100 * ends.low, 100 * ends.high}};
  }
  return score;
}

std::optional<double> leaderboard_floor(const LoadedTask& task) {
  const std::string& name = task.config.task;
  static const std::map<std::string, double> floors = {{"leaderboard_musr_murder_mysteries", 1.0 / 2},
                                                       {"leaderboard_musr_object_placements", 1.0 / 5},
                                                       {"leaderboard_musr_team_allocation", 1.0 / 3},
                                                       {"leaderboard_gpqa_diamond", 1.0 / 4},
                                                       {"leaderboard_gpqa_extended", 1.0 / 4},
                                                       {"leaderboard_gpqa_main", 1.0 / 4},
                                                       {"leaderboard_mmlu_pro", 1.0 / 10}};
  if (const auto found = floors.find(name); found != floors.end()) return found->second;
  if (name == "leaderboard_ifeval" || name.starts_with("leaderboard_math_")) return 0;
  if (name.starts_with("leaderboard_bbh_") && task.config.doc_to_choice->is_array())
    return 1.0 / static_cast<double>(task.config.doc_to_choice->size());
  return std::nullopt;
}

Normalisation group_normalisation(const std::string& group) {
  if (group == "leaderboard_bbh" || group == "leaderboard_musr") return Normalisation::kOfTasks;
  if (group == "leaderboard_gpqa" || group == "leaderboard_math_hard") return Normalisation::kOfMean;
  return Normalisation::kNone;
}

double chance_of(const LoadedTask& task) {
  std::vector<double> shares;
  for (const Question& question : task.questions) {
    std::vector<std::int64_t> right;
    for (const std::int64_t gold : question.gold)
      if (gold != Question::kNoGold && std::find(right.begin(), right.end(), gold) == right.end())
        right.push_back(gold);
    shares.push_back(static_cast<double>(right.size()) / static_cast<double>(question.choices.size()));
  }
  return mean_of(shares);
}

double choice_mass(const std::vector<std::vector<ChoiceScore>>& scores) {
  double total = 0;
  for (const auto& question : scores)
    for (const ChoiceScore& choice : question) total += std::exp(choice.log_likelihood);
  return total / static_cast<double>(scores.size());
}

}  // namespace ballot
