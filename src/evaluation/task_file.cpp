#include "evaluation/task_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/suggest.h"
#include "core/version.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys = {"include",
                                                "group",
                                                "group_alias",
                                                "task",
                                                "task_alias",
                                                "tag",
                                                "aggregate_metric_list",
                                                "dataset_path",
                                                "dataset_name",
                                                "dataset_kwargs",
                                                "custom_dataset",
                                                "training_split",
                                                "validation_split",
                                                "test_split",
                                                "fewshot_split",
                                                "process_docs",
                                                "doc_to_text",
                                                "doc_to_target",
                                                "doc_to_choice",
                                                "doc_to_image",
                                                "doc_to_audio",
                                                "unsafe_code",
                                                "process_results",
                                                "use_prompt",
                                                "description",
                                                "target_delimiter",
                                                "fewshot_delimiter",
                                                "fewshot_config",
                                                "num_fewshot",
                                                "metric_list",
                                                "output_type",
                                                "generation_kwargs",
                                                "repeats",
                                                "filter_list",
                                                "should_decontaminate",
                                                "doc_to_decontamination_query",
                                                "gen_prefix",
                                                "metadata",
                                                "class"};
  return keys;
}

bool is_one_of(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* word) { return text == word; });
}

/// Plain scalars as PyYAML resolves them: YAML 1.1, where 0o7 is written 07, and a float needs a point.
Json plain_scalar(const std::string& text) {
  static const std::regex whole(R"([-+]?(0|[1-9][0-9_]*))"), octal(R"([-+]?0[0-7_]+)"), hex(R"([-+]?0x[0-9a-fA-F_]+)"),
      decimal(R"([-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?)");
  if (text.empty() || is_one_of(text, {"~", "null", "Null", "NULL"})) return nullptr;
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) return true;
  if (is_one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) return false;
  std::string digits;
  for (const char c : text)
    if (c != '_' && c != '+') digits += c;
  const auto integer = [&](int base, const std::string& number) -> Json {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value, base);
    if (error == std::errc() && stop == number.data() + number.size()) return value;
    return text;
  };
  if (std::regex_match(text, whole)) return integer(10, digits);
  if (std::regex_match(text, octal)) return integer(8, digits);
  if (std::regex_match(text, hex)) return integer(16, digits.erase(digits.find("0x"), 2));
  if (std::regex_match(text, decimal)) {
    double value = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && stop == digits.data() + digits.size()) return value;
  }
  return text;
}

struct Reader {
  fs::path path;

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    throw wrong_usage("{}:{}:{}: {}", path.string(), mark.line + 1, mark.column + 1, what);
  }

  Json convert(const YAML::Node& node) const {
    if (node.Tag() == "!function") {
      const std::string& text = node.Scalar();
      const std::size_t dot = text.rfind('.');
      if (dot == std::string::npos || dot == 0) fail(node.Mark(), "!function wants MODULE.NAME, found '" + text + "'");
      std::string module = text.substr(0, dot);
      std::replace(module.begin(), module.end(), '.', '/');
      return function_value(text.substr(dot + 1), path.parent_path() / (module + ".py"));
    }
    if (node.IsScalar()) return node.Tag() == "?" || node.Tag().empty() ? plain_scalar(node.Scalar()) : tagged(node);
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const YAML::Node& item : node) list.push_back(convert(item));
      return list;
    }
    if (node.IsMap()) {
      Json object = Json::object();
      for (const auto& item : node) {
        if (!item.first.IsScalar()) fail(item.first.Mark(), "a key must be plain text");
        if (item.first.Scalar() == "<<") fail(item.first.Mark(), "merge keys (<<) are not read; use include");
        object[item.first.Scalar()] = convert(item.second);
      }
      return object;
    }
    return nullptr;
  }

  /// Quoted and block scalars stay text; !!str and the like are taken at their word.
  Json tagged(const YAML::Node& node) const {
    const std::string& tag = node.Tag();
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return node.Scalar();
    if (tag.starts_with("tag:yaml.org,2002:")) return plain_scalar(node.Scalar());
    fail(node.Mark(), "unknown tag '" + tag + "'; the harness's task files know !function");
  }
};

TaskFile read_below(const fs::path& path, std::vector<fs::path>& open) {
  std::error_code ignored;
  const fs::path here = fs::weakly_canonical(path, ignored);
  if (std::find(open.begin(), open.end(), here) != open.end()) throw wrong_usage("{} includes itself", path.string());
  open.push_back(here);
  TaskFile file;
  file.path = path;
  file.fields = JsonValue(Json::object());
  const Reader reader{path};
  YAML::Node root;
  try {
    root = YAML::Load(read_file(path));
  } catch (const YAML::Exception& error) {
    reader.fail(error.mark, "not valid YAML: " + error.msg);
  }
  if (!root.IsMap()) throw wrong_usage("{} is no task file: wanted a mapping (key: value)", path.string());
  for (const auto& item : root)
    if (const std::string& key = item.first.Scalar();
        std::find(known_keys().begin(), known_keys().end(), key) == known_keys().end())
      reader.fail(item.first.Mark(), fmt::format("unknown key '{}'{}", key, did_you_mean(key, known_keys())));
  const Json own = reader.convert(root);
  file.files.push_back(path);
  if (own.contains("include")) {
    const Json includes = own["include"].is_array() ? own["include"] : Json::array({own["include"]});
    for (const Json& include : includes) {
      if (!include.is_string()) throw wrong_usage("{}: include wants the name of a file", path.string());
      const fs::path other = path.parent_path() / include.get<std::string>();
      if (!fs::is_regular_file(other))
        throw wrong_usage("{}: it includes {}, and there is no such file", path.string(), include.get<std::string>());
      const TaskFile below = read_below(other, open);
      for (const auto& [key, value] : below.fields->items()) {
        (*file.fields)[key] = value;
        file.from[key] = below.from.at(key);
      }
      file.files.insert(file.files.end(), below.files.begin(), below.files.end());
    }
  }
  for (const auto& [key, value] : own.items()) {
    if (key == "include") continue;
    (*file.fields)[key] = value;
    file.from[key] = path;
  }
  open.pop_back();
  return file;
}

bool is_yaml(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

}  // namespace

bool TaskFile::is_group() const {
  return fields->contains("group");
}

std::string TaskFile::name() const {
  const Json& name = fields->contains("group")  ? (*fields)["group"]
                     : fields->contains("task") ? (*fields)["task"]
                                                : Json();
  return name.is_string() ? name.get<std::string>() : std::string();
}

bool is_function(const Json& value) {
  return value.is_object() && value.contains("function") && value.contains("file");
}

Json function_value(const std::string& name, const fs::path& file) {
  return {{"function", name}, {"file", file.string()}};
}

TaskFile read_task_file(const fs::path& path) {
  std::vector<fs::path> open;
  return read_below(path, open);
}

void TaskIndex::add_folder(const fs::path& folder) {
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::kFailed,
                fmt::format("the harness's task files are not there: no folder {}", folder.string()),
                "run `make` again: the set-up fetches them");
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && is_yaml(entry.path())) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    TaskFile file = read_task_file(path);
    if (const std::string name = file.name(); !name.empty()) files_.emplace(name, std::move(file));
  }
}

void TaskIndex::add_file(const fs::path& path) {
  TaskFile file = read_task_file(path);
  const std::string name = file.name();
  if (name.empty())
    throw wrong_usage("{} names no task and no group: it needs a line such as `task: my_task`", path.string());
  const bool group = file.is_group();
  files_.insert_or_assign(name, std::move(file));
  if (!group) return;
  std::vector<fs::path> neighbours;
  for (const auto& entry : fs::directory_iterator(path.has_parent_path() ? path.parent_path() : fs::path(".")))
    if (entry.is_regular_file() && is_yaml(entry.path()) && entry.path().filename() != path.filename())
      neighbours.push_back(entry.path());
  std::sort(neighbours.begin(), neighbours.end());
  for (const fs::path& neighbour : neighbours) try {
      TaskFile other = read_task_file(neighbour);
      if (const std::string its = other.name(); !its.empty()) files_.emplace(its, std::move(other));
    } catch (const Error&) {
      // Another file that happens to stand there. Where the group lists it, its name is missing and told.
    }
}

const TaskFile& TaskIndex::find(const std::string& name) const {
  const auto found = files_.find(name);
  if (found != files_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, file] : files_) names.push_back(known);
  const std::string near = nearest(name, names);
  throw Error(ErrorKind::kUsage,
              fmt::format("unknown task '{}'{}", name, near.empty() ? "" : "; did you mean '" + near + "'?"),
              "`ballot eval --tasks list` shows what there is; a file of your own is named by its path (x.yaml)");
}

TaskSelection select_tasks(const std::vector<std::string>& requested, TaskIndex& index) {
  TaskSelection selection;
  std::set<std::string> done, open;
  // Returns the leaves below a name.
  const auto visit = [&](const auto& self, const std::string& name,
                         const std::string& asked_by) -> std::vector<std::string> {
    const TaskFile& file = [&]() -> const TaskFile& {
      try {
        return index.find(name);
      } catch (const Error& error) {
        if (asked_by.empty()) throw;
        throw Error(error.kind(), fmt::format("the group '{}' lists an {}", asked_by, error.message()), error.next());
      }
    }();
    if (!file.is_group()) {
      if (done.insert(name).second) selection.tasks.push_back(file);
      return {name};
    }
    if (!open.insert(name).second) throw wrong_usage("the group '{}' contains itself", name);
    TaskSelection::Group group;
    group.file = file;
    const Json& list = file.fields->contains("task") ? (*file.fields)["task"] : Json::array();
    for (const Json& child : list.is_array() ? list : Json::array({list})) {
      if (!child.is_string())
        throw wrong_usage("{}: a group lists names of tasks; tasks written into the group are not read",
                          file.path.string());
      group.children.push_back(child.get<std::string>());
      for (const std::string& leaf : self(self, group.children.back(), name))
        if (std::find(group.leaves.begin(), group.leaves.end(), leaf) == group.leaves.end())
          group.leaves.push_back(leaf);
    }
    open.erase(name);
    std::vector<std::string> leaves = group.leaves;
    if (done.insert(name).second) selection.groups.push_back(std::move(group));
    return leaves;
  };
  for (const std::string& request : requested) {
    std::string name = request;
    if (is_yaml(request)) {
      if (!fs::is_regular_file(request))
        throw Error(ErrorKind::kUsage, fmt::format("cannot read the task file {}: no such file", request),
                    "`ballot eval --tasks list` shows the tasks that have a name");
      const TaskFile file = read_task_file(request);
      index.add_file(request);
      name = file.name();
    }
    visit(visit, name, "");
  }
  return selection;
}

fs::path leaderboard_folder() {
  return deps_folder() / "lm_eval/tasks/leaderboard";
}

}  // namespace ballot
