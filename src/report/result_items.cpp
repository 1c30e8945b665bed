#include "report/result_items.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/suggest.h"
#include "data/table.h"
#include "report/suite_items.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

/// Right or wrong: the column `correct`, else whose score is strictly higher.
std::vector<double> correct_of(const Table& table) {
  std::vector<double> out(static_cast<std::size_t>(table.rows));
  if (table.has("correct")) {
    const std::vector<Cell>& column = table.column("correct");
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!column[i].number)
        throw bad_input("{}, row {}: 'correct' is '{}', neither true nor false", table.name, i + 1, column[i].text);
      out[i] = *column[i].number;
    }
    return out;
  }
  const std::vector<Cell>&chosen = table.column("score_chosen"), &rejected = table.column("score_rejected");
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!chosen[i].number || !rejected[i].number) throw bad_input("{}, row {}: a score is missing", table.name, i + 1);
    out[i] = *chosen[i].number > *rejected[i].number;
  }
  return out;
}

std::vector<ResultItem> items_of_scores(const Table& table) {
  const std::vector<double> correct = correct_of(table);
  const char* id = table.has("id") ? "id" : table.has("pair_id") ? "pair_id" : "id";
  const std::vector<Cell>& ids = table.column(id);
  const std::vector<Cell>* subsets = table.has("subset") ? &table.column("subset") : nullptr;
  const std::vector<Cell>* clusters = table.has("cluster")     ? &table.column("cluster")
                                      : table.has("prompt_id") ? &table.column("prompt_id")
                                                               : nullptr;
  std::vector<ResultItem> items;
  std::map<std::string, std::int64_t> place;  // within a language's code problems
  std::set<std::string> seen;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ResultItem item;
    item.subset = subsets == nullptr ? "" : (*subsets)[i].text;
    item.key = item.subset + "\x1f" + ids[i].text;
    item.value = correct[i];
    // The six languages hold the same problems in the same order.
    const std::int64_t problem = place[item.subset]++;
    item.cluster = clusters != nullptr               ? (*clusters)[i].text
                   : item.subset.starts_with("hep-") ? fmt::format("code problem {}", problem)
                                                     : item.key;
    if (!seen.insert(item.key).second)
      throw bad_input("{}, row {}: the id '{}' stands there twice", table.name, i + 1, ids[i].text);
    items.push_back(std::move(item));
  }
  if (items.empty()) throw bad_input("{} holds no items", table.name);
  return items;
}

/// The suite that results.json beside the scores names; "" where there is none.
std::string stated_suite(const fs::path& scores) {
  const fs::path results = scores.parent_path() / "results.json";
  if (scores.filename() != "scores.parquet" || !fs::exists(results)) return "";
  const Json json = Json::parse(read_file(results), nullptr, false);
  return json.is_object() && json.contains("suite") && json["suite"].is_string() ? json["suite"].get<std::string>()
                                                                                 : "";
}

void add_scores(const std::string& path, const CompareOptions& options, ResultFile& out) {
  const Table table = read_table(path);
  const std::string suite = suite_of_scores(table, stated_suite(path));
  if (suite == "rewardbench2" || suite == "rm_bench") {
    out.outcomes = suite_outcomes(table, suite, options.sections);
    return;
  }
  if (suite.empty()) {
    out.outcomes.push_back({"accuracy", nullptr, items_of_scores(table)});
    return;
  }
  out.outcomes.push_back({"RewardBench score", &rewardbench_scheme(), items_of_scores(table)});
  if (!options.sections) return;
  for (ResultOutcome& section : section_outcomes(ResultOutcome(out.outcomes.front()), "RewardBench"))
    out.outcomes.push_back(std::move(section));
}

/// What the questions of a task share, by its name; the whole row where they share nothing.
std::string cluster_of(const std::string& task, const Json& sample) {
  const Json& doc = sample.contains("doc") ? sample["doc"] : sample;
  const char* column = task.find("musr") != std::string::npos   ? "narrative"
                       : task.find("gpqa") != std::string::npos ? "Question"
                                                                : nullptr;
  if (column != nullptr && doc.is_object() && doc.contains(column) && doc[column].is_string())
    return sha256_hex(doc[column].get<std::string>());
  if (sample.contains("doc_hash") && sample["doc_hash"].is_string()) return sample["doc_hash"];
  return doc.dump();
}

/// A metric's value on one sample; IFEval's lists count one answer an instruction.
std::optional<std::pair<double, double>> value_of(const Json& sample, const std::string& metric) {
  if (!sample.contains(metric)) return std::nullopt;
  const Json& value = sample[metric];
  if (value.is_boolean()) return std::pair(value.get<bool>() ? 1.0 : 0.0, 1.0);
  if (value.is_number()) return std::pair(value.get<double>(), 1.0);
  if (!value.is_array() || value.empty()) return std::nullopt;
  double sum = 0;
  for (const Json& part : value)
    sum += part.is_boolean() ? part.get<bool>() : part.is_number() ? part.get<double>() : 0;
  return std::pair(sum / static_cast<double>(value.size()), static_cast<double>(value.size()));
}

/// The harness writes several; the study's tables show these.
std::string main_metric(const std::vector<std::string>& metrics) {
  for (const char* name : {"acc_norm", "exact_match", "inst_level_strict_acc", "acc"})
    if (std::find(metrics.begin(), metrics.end(), name) != metrics.end()) return name;
  return metrics.empty() ? "" : metrics.front();
}

/// "samples_leaderboard_bbh_snarks_2026-11-24T08-38-49.723659.jsonl" -> the task.
std::string task_of(const std::string& file) {
  std::string name = file.substr(8, file.size() - 8 - 6);
  const std::size_t time = name.rfind('_');
  return time == std::string::npos ? name : name.substr(0, time);
}

void add_samples(const fs::path& path, const CompareOptions& options, ResultFile& out) {
  ResultOutcome outcome;
  const std::string task = task_of(path.filename().string());
  std::istringstream lines(read_file(path));
  std::string metric;
  std::int64_t row = 0;
  for (std::string line; std::getline(lines, line);) {
    ++row;
    if (line.empty()) continue;
    Json sample;
    try {
      sample = Json::parse(line);
    } catch (const nlohmann::json::exception&) {
      throw bad_input("{}, row {}: the line is no JSON", path.string(), row);
    }
    if (metric.empty()) {
      std::vector<std::string> metrics;
      if (sample.contains("metrics") && sample["metrics"].is_array())
        for (const Json& name : sample["metrics"])
          if (name.is_string()) metrics.push_back(name);
      metric = options.metric.value_or(main_metric(metrics));
      if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end())
        throw bad_input("{} has no metric '{}'{}", path.string(), metric, did_you_mean(metric, metrics));
    }
    const auto value = value_of(sample, metric);
    if (!value) throw bad_input("{}, row {}: no value of the metric '{}'", path.string(), row, metric);
    ResultItem item;
    item.key = sample.contains("doc_id") ? sample["doc_id"].dump() : std::to_string(row);
    item.cluster = cluster_of(task, sample);
    std::tie(item.value, item.weight) = *value;
    outcome.items.push_back(std::move(item));
  }
  if (outcome.items.empty()) throw bad_input("{} holds no samples", path.string());
  outcome.name = task + ", " + metric;
  out.outcomes.push_back(std::move(outcome));
}

}  // namespace

ResultFile read_result(const std::string& name, const std::string& path, const CompareOptions& options) {
  ResultFile out{name, path, {}};
  if (!fs::exists(path)) throw bad_input("there is no result {}", path);
  if (!fs::is_directory(path)) {
    add_scores(path, options, out);
    return out;
  }
  std::vector<fs::path> samples;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with("samples_") && file.ends_with(".jsonl")) samples.push_back(entry.path());
  }
  std::sort(samples.begin(), samples.end());
  if (fs::exists(fs::path(path) / "scores.parquet")) {
    add_scores((fs::path(path) / "scores.parquet").string(), options, out);
  } else if (!samples.empty()) {
    for (const fs::path& file : samples) add_samples(file, options, out);
    for (std::size_t i = 1; i < out.outcomes.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (out.outcomes[i].name == out.outcomes[j].name)
          throw Error(ErrorKind::kInput, fmt::format("{} holds several runs of {}", path, out.outcomes[i].name),
                      "keep one run's samples_*.jsonl in a folder");
  } else {
    throw Error(ErrorKind::kInput, fmt::format("{} holds neither scores.parquet nor samples_*.jsonl", path),
                "name a folder of `ballot rewardbench` or `ballot eval`, or a scores.parquet file");
  }
  return out;
}

}  // namespace ballot
