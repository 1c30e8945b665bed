#include "evaluation/harness_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/atomic_file.h"
#include "core/hash.h"
#include "core/version.h"
#include "evaluation/generative_scores.h"
#include "evaluation/python_text.h"

namespace ballot {
namespace {

Json number(double value) {
  return std::isnan(value) ? Json() : Json(value);
}
Json or_na(double value) {
  return std::isnan(value) ? Json("N/A") : Json(value);
}

struct RowHashes {
  std::string doc, prompt, target;
};
RowHashes hashes_of(const Question& question) {
  return {sha256_hex(question.row->dump(2)), sha256_hex(question.context), sha256_hex(python_str(question.target))};
}

/// The harness has none for a mean over entries (a metric with an aggregation of its own).
double stderr_of(const ScoredTask& scored, const std::string& metric) {
  for (const MetricConfig& one : scored.task->config.metrics)
    if (one.metric == metric && is_function(one.aggregation)) return std::nan("");
  return standard_error(scored.values.at(metric));
}

/// The harness's numbers of a task.
Json task_metrics(const ScoredTask& scored) {
  const TaskConfig& config = scored.task->config;
  Json json = {{"name", config.task}, {"alias", config.alias}, {"sample_len", scored.task->questions.size()}};
  for (const MetricConfig& metric : config.metrics) {
    const std::vector<double>& values = scored.values.at(metric.metric);
    json[metric.metric + ",none"] = mean_of(values);
    json[metric.metric + "_stderr,none"] = or_na(stderr_of(scored, metric.metric));
  }
  return json;
}

Json interval_json(const ScoreWithInterval& score) {
  return {
      {"estimate", number(score.value)}, {"low", number(score.interval.low)}, {"high", number(score.interval.high)}};
}

Json clustered_json(const ClusteredScore& score) {
  Json json = {{"raw", interval_json(score.raw)}, {"clusters", score.clusters}};
  if (score.normalised) {
    json["normalised"] = interval_json(*score.normalised);
    json["normalised"]["name"] = "open_llm_leaderboard_v2";
  }
  return json;
}

struct GroupNumbers {
  Json metrics, ballot;
};

GroupNumbers group_numbers(const TaskSelection::Group& group, const std::map<std::string, const ScoredTask*>& scored,
                           const EvalOptions& options) {
  const std::string name = group.file.name();
  GroupNumbers out;
  out.metrics = {{"alias", group.file.fields->value("group_alias", Json(name))}, {"name", name}};
  out.ballot = {{"metrics", Json::object()}};
  const Json list = group.file.fields->value("aggregate_metric_list", Json());
  if (!list.is_array() || list.empty()) return out;
  std::size_t rows = 0;
  for (const std::string& leaf : group.leaves) rows += scored.at(leaf)->task->questions.size();
  out.metrics["sample_len"] = rows;
  std::optional<std::int64_t> undecided;
  for (const std::string& leaf : group.leaves)
    if (const auto own = scored.at(leaf)->undecided) undecided = undecided.value_or(0) + *own;
  if (undecided) out.ballot["undecided"] = *undecided;
  Json counts = Json::object();
  for (const Json& entry : list) {
    const std::string metric = entry.value("metric", Json("")).get<std::string>();
    const bool by_size = entry.value("weight_by_size", Json(true)) != Json(false);
    std::vector<double> means, errors;
    std::vector<std::size_t> sizes;
    std::vector<TaskValues> values;
    for (const std::string& leaf : group.leaves) {
      const ScoredTask& task = *scored.at(leaf);
      if (!task.values.contains(metric)) continue;
      means.push_back(mean_of(task.values.at(metric)));
      errors.push_back(stderr_of(task, metric));
      sizes.push_back(task.task->questions.size());
      values.push_back(values_of(task, metric));
    }
    if (means.empty()) continue;
    double sum = 0, weight = 0, squares = 0;
    for (std::size_t i = 0; i < means.size(); ++i) {
      const double w = by_size ? static_cast<double>(sizes[i]) : 1;
      sum += w * means[i];
      weight += w;
      squares += errors[i] * errors[i];
    }
    out.metrics[metric + ",none"] = sum / weight;
    out.metrics[metric + "_stderr,none"] =
        or_na(by_size ? pooled_standard_error(errors, sizes) : std::sqrt(squares) / static_cast<double>(errors.size()));
    counts[metric + ",none"] = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
    // An unweighted mean of tasks has no interval here: draws are of rows.
    if (by_size)
      out.ballot["metrics"][metric] = clustered_json(clustered_score(
          values, group_normalisation(name), options.bootstrap, static_cast<std::uint64_t>(options.seed)));
  }
  if (!counts.empty()) out.metrics["sample_count"] = counts;
  return out;
}

Json ballot_task(const ScoredTask& scored) {
  const LoadedTask& task = *scored.task;
  std::int64_t outside = 0;
  for (const Question& question : task.questions)
    outside += std::find(question.gold.begin(), question.gold.end(), Question::kNoGold) != question.gold.end();
  const bool generates = is_generative(task.config);
  Json json = {{"questions", task.questions.size()},
               {"chance", generates ? Json() : Json(chance_of(task))},
               {"choice_mass", generates ? Json() : Json(choice_mass(scored.scores))},
               {"truncated", scored.truncated},
               {"answer_not_among_choices", outside},
               {"target_delimiter", task.config.target_delimiter},
               {"metrics", Json::object()},
               {"notes", task.notes}};
  if (generates) json["cut_by_length"] = scored.cut_by_length;
  if (scored.undecided) json["undecided"] = *scored.undecided;
  for (const auto& [metric, interval] : scored.intervals) json["metrics"][metric] = clustered_json(interval);
  return json;
}

std::string model_args(const RunFacts& facts) {
  if (!facts.responses.empty()) return fmt::format("responses={}", facts.responses);
  if (facts.server->is_null()) return fmt::format("pretrained={},dtype={}", facts.model_name, facts.dtype);
  const Json& server = facts.server;
  return fmt::format("model={},base_url={}/completions,tokenizer={}", facts.model_name,
                     server["url"].get<std::string>(), server["tokenizer"].get<std::string>());
}

template <class Map>
Json sorted(const Map& map) {
  Json json = Json::object();
  for (const auto& [key, value] : map) json[key] = value;
  return json;
}

}  // namespace

TaskValues values_of(const ScoredTask& scored, const std::string& metric) {
  TaskValues values{scored.task->config.task, scored.values.at(metric), {}, leaderboard_floor(*scored.task)};
  const auto rows = scored.rows.find(metric);
  for (std::size_t i = 0; i < values.values.size(); ++i)
    values.clusters.push_back(scored.task->questions[rows == scored.rows.end() ? i : rows->second[i]].cluster);
  return values;
}

std::string sanitized_name(const std::string& name) {
  std::string out;
  bool inside = false;
  for (const char c : name) {
    const bool odd = std::string_view("\"<>:/|\\?*[]").find(c) != std::string_view::npos;
    if (odd && !inside) out += "__";
    if (!odd) out += c;
    inside = odd;
  }
  return out;
}

Json sample_line(const ScoredTask& scored, std::size_t index) {
  const Question& question = scored.task->questions[index];
  const RowHashes hashes = hashes_of(question);
  const bool hidden = is_confidential(scored.task->config);
  Json arguments = Json::object(), resps = Json::array(), filtered = Json::array(), metrics = Json::array();
  for (std::size_t c = 0; c < question.continuations.size(); ++c) {
    arguments[fmt::format("gen_args_{}", c)] = {{"arg_0", hidden ? "sha256:" + hashes.prompt : question.context},
                                                {"arg_1", question.continuations[c]}};
    const ChoiceScore& score = scored.scores[index][c];
    const Json response = Json::array({python_repr(score.log_likelihood), score.greedy ? "True" : "False"});
    resps.push_back(Json::array({response}));
    filtered.push_back(response);
  }
  if (is_generative(scored.task->config)) {
    arguments["gen_args_0"] = {{"arg_0", question.context}, {"arg_1", *scored.task->config.generation_kwargs}};
    resps.push_back(Json::array({scored.answers[index]}));
    filtered.push_back(scored.answers[index]);
  }
  for (const MetricConfig& metric : scored.task->config.metrics) metrics.push_back(metric.metric);
  Json line = {{"doc_id", question.doc_id},
               {"doc", hidden ? Json{{"sha256", hashes.doc}} : *question.row},
               {"target", python_str(question.target)},
               {"arguments", arguments},
               {"resps", resps},
               {"filtered_resps", filtered},
               {"filter", "none"},
               {"metrics", metrics},
               {"doc_hash", hashes.doc},
               {"prompt_hash", hashes.prompt},
               {"target_hash", hashes.target}};
  for (const MetricConfig& metric : scored.task->config.metrics)
    line[metric.metric] = scored.answer_scores.empty() ? Json(scored.values.at(metric.metric)[index])
                                                       : (*scored.answer_scores[index])[metric.metric];
  return line;
}

std::string write_samples(const std::filesystem::path& path, const ScoredTask& scored) {
  AtomicFile file(path);
  Hasher hash;
  for (std::size_t q = 0; q < scored.task->questions.size(); ++q) {
    const Json line = sample_line(scored, q);
    for (const char* key : {"doc_hash", "prompt_hash", "target_hash"})
      hash.raw(line[key].get_ref<const std::string&>());
    file.write(line.dump() + "\n");
  }
  file.commit();
  return hash.hex();
}

Json results_json(const std::vector<ScoredTask>& tasks, const std::vector<TaskSelection::Group>& groups,
                  const EvalOptions& options, const RunFacts& facts) {
  std::map<std::string, const ScoredTask*> scored;
  std::map<std::string, Json> configs, versions, shots, higher;
  Json results = Json::object(), group_results = Json::object(), subtasks = Json::object(), samples = Json::object();
  Json ballot = {{"version", version()},
                 {"commit", commit()},
                 {"task_files", fmt::format("lm-evaluation-harness {}", kHarnessVersion)},
                 {"model_hash", facts.model_hash},
                 {"prompt",
                  {{"bos", options.bos},
                   {"leading_bos", facts.leading_bos},
                   {"chat_template", !facts.chat_template.empty()},
                   {"multi_turn", !facts.chat_template.empty() && options.multi_turn},
                   {"gpqa_shuffle", options.gpqa_shuffle}}},
                 {"max_length", facts.max_length},
                 {"tokens_per_batch", facts.tokens_per_batch},
                 {"tasks", Json::object()},
                 {"groups", Json::object()},
                 {"rejects", *facts.rejects}};
  if (!facts.responses.empty()) ballot["responses"] = facts.responses;
  if (!facts.server->is_null()) ballot["server"] = *facts.server;
  for (const ScoredTask& task : tasks) {
    const TaskConfig& config = task.task->config;
    scored[config.task] = &task;
    results[config.task] = task_metrics(task);
    configs[config.task] = config_json(task.task->file, config, task.task->num_fewshot);
    versions[config.task] = config.version();
    shots[config.task] = task.task->num_fewshot;
    Json directions = Json::object();
    for (const MetricConfig& metric : config.metrics) directions[metric.metric] = metric.higher_is_better;
    higher[config.task] = directions;
    samples[config.task] = {{"original", task.task->documents}, {"effective", task.task->questions.size()}};
    ballot["tasks"][config.task] = ballot_task(task);
  }
  for (const TaskSelection::Group& group : groups) {
    const std::string name = group.file.name();
    GroupNumbers numbers = group_numbers(group, scored, options);
    const bool aggregates = numbers.metrics.contains("sample_len");
    results[name] = numbers.metrics;
    if (aggregates) group_results[name] = numbers.metrics;
    ballot["groups"][name] = numbers.ballot;
    subtasks[name] = group.children;
    const Json metadata = group.file.fields->value("metadata", Json());
    const Json its = metadata.is_object() ? metadata.value("version", Json("N/A")) : Json("N/A");
    versions[name] = python_str(its);
    std::set<std::int64_t> counts;
    Json directions = Json::object();
    for (const std::string& child : group.children) {
      if (shots.contains(child)) counts.insert(shots[child].get<std::int64_t>());
      if (higher.contains(child))
        for (const auto& [metric, up] : higher[child].items())
          directions[metric] = directions.contains(metric) && directions[metric] != up ? Json() : up;
    }
    if (counts.size() == 1) shots[name] = *counts.begin();
    if (!directions.empty()) higher[name] = directions;
  }
  const bool on_server = !facts.server->is_null();
  Json json = {{"results", results}};
  if (!group_results.empty()) json["groups"] = group_results;
  json["group_subtasks"] = subtasks;
  json["configs"] = sorted(configs);
  json["versions"] = sorted(versions);
  json["n-shot"] = sorted(shots);
  json["higher_is_better"] = sorted(higher);
  json["n-samples"] = samples;
  json["config"] = {{"model", "ballot"},
                    {"model_args", model_args(facts)},
                    {"model_num_parameters", on_server ? Json() : Json(facts.parameters)},
                    {"model_dtype", facts.dtype.empty() ? Json() : Json("torch." + facts.dtype)},
                    {"model_revision", "main"},
                    {"model_sha", ""},
                    {"batch_size", on_server ? Json(1) : Json(fmt::format("{} tokens", facts.tokens_per_batch))},
                    {"batch_sizes", Json::array()},
                    {"device", on_server ? "server" : "cpu"},
                    {"use_cache", nullptr},
                    {"limit", options.limit > 0 ? Json(options.limit) : Json()},
                    {"bootstrap_iters", options.bootstrap},
                    {"gen_kwargs", nullptr},
                    {"random_seed", options.seed},
                    {"numpy_seed", 1234},
                    {"torch_seed", 1234},
                    {"fewshot_seed", 1234}};
  json["git_hash"] = commit().empty() ? Json() : Json(commit());
  json["date"] = facts.started;
  json["pretty_env_info"] = fmt::format("ballot {}", version());
  json["transformers_version"] = nullptr;
  json["lm_eval_version"] = kHarnessVersion;
  json["upper_git_hash"] = nullptr;
  json["tokenizer_pad_token"] = *facts.pad_token;
  json["tokenizer_eos_token"] = *facts.eos_token;
  json["tokenizer_bos_token"] = *facts.bos_token;
  json["eot_token_id"] = facts.eos_token->is_array() ? Json::parse((*facts.eos_token)[1].get<std::string>()) : Json();
  json["max_length"] = facts.max_length;
  json["task_hashes"] = sorted(facts.task_hashes);
  json["model_source"] = "ballot";
  json["model_name"] = facts.model_name;
  json["model_name_sanitized"] = sanitized_name(facts.model_name);
  json["system_instruction"] = nullptr;
  json["system_instruction_sha"] = nullptr;
  const bool chat = !facts.chat_template.empty();
  json["fewshot_as_multiturn"] = chat && options.multi_turn;
  json["chat_template"] = chat ? Json(facts.chat_template) : Json();
  json["chat_template_sha"] = chat ? Json(sha256_hex(facts.chat_template)) : Json();
  json["total_evaluation_time_seconds"] = python_repr(facts.seconds);
  json["ballot"] = ballot;
  return json;
}

}  // namespace ballot
