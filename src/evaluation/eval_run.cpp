#include "evaluation/eval_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/version.h"
#include "evaluation/server_address.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kEvalVersion = 1;

/// Of a folder only what makes ids: it may hold the weights that are served, too.
void add_tokenizer(const fs::path& path, Manifest& manifest) {
  bool any = false;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"})
    if (fs::is_regular_file(path / name)) {
      manifest.inputs.push_back(describe_input(fmt::format("tokenizer {}", name), path / name));
      any = true;
    }
  if (!any) manifest.inputs.push_back(describe_input("tokenizer", path));
}

}  // namespace

TaskSettings eval_settings(const EvalOptions& options) {
  TaskSettings settings;
  settings.num_fewshot = options.num_fewshot;
  settings.limit = options.limit;
  settings.multi_turn = options.multi_turn;
  settings.data = options.data;
  settings.fewshot_data = options.fewshot_data;
  for (const auto& [name, folder] : {std::pair{"--data", settings.data}, {"--fewshot-data", settings.fewshot_data}})
    if (!folder.empty() && !fs::exists(folder))
      throw bad_input("cannot read {} ({}): no such file or folder", folder.string(), name);
  return settings;
}

namespace {

/// The harness makes up a name (eight draws) whenever it asks a task for its own, and asks twice for each task that it
/// puts into a group, once all of the group's members are made. GPQA's order follows from what was drawn before.
void draw_names(const TaskSelection& selection, std::size_t loaded, PythonRandom& shared) {
  constexpr std::int64_t kDrawsOfTask = 2 * 8;
  const auto is_group = [&](const std::string& name) {
    return std::any_of(selection.groups.begin(), selection.groups.end(),
                       [&](const TaskSelection::Group& group) { return group.file.name() == name; });
  };
  const std::string last = selection.tasks[loaded].name();
  for (const TaskSelection::Group& group : selection.groups) {
    if (group.leaves.empty() || group.leaves.back() != last) continue;
    const auto members = std::count_if(group.children.begin(), group.children.end(),
                                       [&](const std::string& child) { return !is_group(child); });
    for (std::int64_t i = 0; i < kDrawsOfTask * members; ++i) shared.random();
  }
}

}  // namespace

/// The tasks asked for, loaded. What is wrong with several of them is told at once.
std::vector<LoadedTask> load_tasks(const TaskSelection& selection, TaskSettings settings, const EvalOptions& options,
                                   const ChatTemplate* chat, RejectLog& rejects) {
  PythonRandom shared(static_cast<std::uint32_t>(options.seed));
  settings.shuffle = {options.gpqa_shuffle == "lm_eval", &shared};
  std::vector<LoadedTask> tasks;
  std::vector<std::pair<std::string, Error>> problems;
  for (std::size_t i = 0; i < selection.tasks.size(); ++i) {
    const TaskFile& file = selection.tasks[i];
    try {
      tasks.push_back(load_task(file, settings, chat, rejects));
      draw_names(selection, i, shared);
    } catch (const Error& error) {
      if (options.on_bad_row == "fail" && rejects.rejected() > 0) throw;
      problems.emplace_back(file.name(), error);
    }
  }
  if (problems.size() == 1) throw problems.front().second;
  if (!problems.empty()) {
    constexpr std::size_t kShown = 6;
    std::string text;
    for (std::size_t i = 0; i < std::min(kShown, problems.size()); ++i)
      text += fmt::format("\n  {}: {}", problems[i].first, problems[i].second.message());
    if (problems.size() > kShown) text += fmt::format("\n  and {} more", problems.size() - kShown);
    throw Error(
        problems.front().second.kind(), fmt::format("{} of the tasks cannot be done:{}", problems.size(), text),
        "name those that can; `ballot eval --tasks list --data FOLDER` shows what there is and what is missing");
  }
  return tasks;
}

Manifest eval_manifest(const EvalOptions& options, const TaskSelection& selection,
                       const std::vector<LoadedTask>& tasks) {
  Manifest manifest;
  manifest.stage = "eval";
  manifest.stage_version = kEvalVersion;
  Json parameters = Json::parse(options_json(options, true));
  // Names, not paths: what the files say is among the inputs.
  parameters["tasks"] = Json::array();
  for (const TaskFile& file : selection.tasks) parameters["tasks"].push_back(file.name());
  for (const TaskSelection::Group& group : selection.groups) parameters["tasks"].push_back(group.file.name());
  // Not the address: the same model served elsewhere is the same model.
  const bool on_server = options.responses.empty() && names_server(options.model);
  if (on_server)
    parameters["server"] = {{"model", server_address(options.model).model}, {"server_scores", options.server_scores}};
  manifest.parameters = parameters.dump();
  manifest.seed = options.seed;
  manifest.started = utc_now();
  if (on_server)
    add_tokenizer(find_model(tokenizer_of(options)), manifest);
  else if (options.responses.empty())
    manifest.inputs.push_back(describe_input("model", find_model(options.model)));
  else
    manifest.inputs.push_back(describe_input("responses", options.responses));
  const auto add = [&](const std::string& name, const fs::path& path) {
    for (const ManifestInput& known : manifest.inputs)
      if (known.path == path.string()) return;
    manifest.inputs.push_back(describe_input(fmt::format("{} {}", name, path.filename().string()), path));
  };
  for (const LoadedTask& task : tasks) {
    for (const fs::path& file : task.file.files) add("task", file);
    for (const fs::path& file : task.data_files) add("data", file);
  }
  return manifest;
}

Json write_evaluation(const EvalOptions& options, const TaskSelection& selection, const std::vector<ScoredTask>& scored,
                      const EvalJournal& journal, RunFacts facts, const RejectLog& rejects, Manifest manifest,
                      std::int64_t computed_tokens) {
  const fs::path out = options.out;
  std::vector<std::string> samples;
  for (const ScoredTask& task : scored) {
    const std::string name = fmt::format("samples_{}_{}.jsonl", task.task->config.task, journal.date());
    facts.task_hashes[task.task->config.task] = write_samples(out / name, task);
    samples.push_back((out / name).string());
  }
  facts.rejects = rejects.to_json();
  const Json results = results_json(scored, selection.groups, options, facts);
  const std::string results_name = fmt::format("results_{}.json", journal.date());
  write_file(out / results_name, results.dump(2) + "\n");
  rejects.write(options.rejects.empty() ? fs::path(options.out + ".rejects.jsonl") : fs::path(options.rejects));
  manifest.facts = Json({{"results_file", results_name},
                         {"results", results["results"]},
                         {"model_hash", facts.model_hash},
                         {"computed_tokens", computed_tokens},
                         {"rejects", *facts.rejects}})
                       .dump();
  manifest.seconds = facts.seconds;
  write_manifest(out, manifest);
  fs::remove(out / kJournalFile);
  Json json = {{"results", results["results"]}};
  if (results.contains("groups")) json["groups"] = results["groups"];
  json["ballot"] = results["ballot"];
  json["results_file"] = (out / results_name).string();
  json["samples_files"] = samples;
  json["out"] = options.out;
  return json;
}

}  // namespace ballot
