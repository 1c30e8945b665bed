#include "evaluation/task_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "evaluation/task_file.h"

namespace ballot {
namespace {

Json describe(const TaskFile& file, const TaskSettings& settings) {
  Json json = {{"name", file.name()}, {"kind", "task"}};
  if (const std::string what = why_not(file); !what.empty()) {
    json["status"] = "not_in_this_version";
    json["detail"] = what;
    return json;
  }
  const TaskConfig config = task_config(file);
  const std::int64_t shots = shots_of(config, settings);
  const SplitFiles rows = find_split(config.dataset, config.evaluated_split(), settings.data);
  std::string missing = rows.missing;
  if (!missing.empty() && rows.gated) missing += " (gated)";
  if (const FewshotSource fewshot = fewshot_source(config, shots, settings);
      fewshot.kind == FewshotSource::Kind::kSplit)
    if (!fewshot.files.missing.empty())
      missing +=
          fmt::format("{}{} for the {} few-shot examples", missing.empty() ? "" : ", ", fewshot.files.missing, shots);
  json["status"] = missing.empty() ? "ready" : "data_missing";
  json["detail"] = missing;
  json["num_fewshot"] = shots;
  json["metrics"] = Json::array();
  for (const MetricConfig& metric : config.metrics) json["metrics"].push_back(metric.metric);
  return json;
}

}  // namespace

std::string list_tasks(const TaskSettings& settings) {
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  std::vector<std::string> names = {"leaderboard"};
  for (const auto& [name, file] : index.all()) names.push_back(name);
  const TaskSelection selection = select_tasks(names, index);
  std::map<std::string, Json> tasks;
  for (const TaskFile& file : selection.tasks) tasks[file.name()] = describe(file, settings);
  std::map<std::string, const TaskSelection::Group*> groups;
  for (const TaskSelection::Group& group : selection.groups) groups[group.file.name()] = &group;
  Json list = Json::array();
  std::set<std::string> done;
  const auto visit = [&](const auto& self, const std::string& name) -> void {
    if (!done.insert(name).second) return;
    const auto group = groups.find(name);
    if (group == groups.end()) {
      list.push_back(tasks.at(name));
      return;
    }
    std::map<std::string, int> counts;
    for (const std::string& leaf : group->second->leaves) ++counts[tasks.at(leaf)["status"].get<std::string>()];
    std::string detail;
    for (const auto& [status, count] : counts) {
      std::string words = status;
      std::replace(words.begin(), words.end(), '_', ' ');
      detail += fmt::format("{}{} {}", detail.empty() ? "" : ", ", count, words);
    }
    list.push_back({{"name", name},
                    {"kind", "group"},
                    {"status", counts.size() == 1 ? counts.begin()->first : "incomplete"},
                    {"detail", detail},
                    {"children", group->second->children}});
    for (const std::string& child : group->second->children) self(self, child);
  };
  for (const std::string& name : names) visit(visit, name);
  return Json({{"tasks", list}}).dump();
}

}  // namespace ballot
