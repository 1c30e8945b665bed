// Task files of lm-evaluation-harness, read as data: one YAML file a task or group. `include` names a file whose keys
// come first (its own includes before them); the file's own keys win, whole values, not merged deeper. `!function
// utils.NAME` is kept as a name: which functions there are natively is native_functions.h's affair. Plain scalars mean
// what they mean in YAML 1.1 (yes and no are booleans).
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "evaluation/json_value.h"

namespace ballot {

struct TaskFile {
  std::filesystem::path path;
  JsonValue fields;                                   ///< what the file says, includes merged; functions as below
  std::map<std::string, std::filesystem::path> from;  ///< the file that each key is from
  std::vector<std::filesystem::path> files;           ///< the file itself and its includes

  bool is_group() const;
  std::string name() const;  ///< of the task or group
};

/// A function in `fields`: {"function": "doc_to_text", "file": ".../utils.py"}.
bool is_function(const Json& value);
Json function_value(const std::string& name, const std::filesystem::path& file);

/// Throws Error (usage) with file, line and column where it is not YAML, includes itself or misses an include; and
/// where a key is none of the harness's, with the nearest that is.
TaskFile read_task_file(const std::filesystem::path& path);

/// The task files that are there, by the name of their task or group.
class TaskIndex {
 public:
  /// Every file of the folder's tree that names a task or a group.
  void add_folder(const std::filesystem::path& folder);
  /// A file of one's own, and its neighbours in the same folder (for groups).
  void add_file(const std::filesystem::path& file);
  /// Throws Error (usage) with the nearest name where there is none.
  const TaskFile& find(const std::string& name) const;
  const std::map<std::string, TaskFile>& all() const { return files_; }

 private:
  std::map<std::string, TaskFile> files_;
};

/// What was asked for: leaf tasks, each once, in the order of the groups' lists, and the groups above them.
struct TaskSelection {
  struct Group {
    TaskFile file;
    std::vector<std::string> children, leaves;  ///< direct children; all tasks below
  };
  std::vector<TaskFile> tasks;
  std::vector<Group> groups;  ///< children before their parents
};
/// `requested`: names, or paths of YAML files. Throws Error (usage) on one that is neither.
TaskSelection select_tasks(const std::vector<std::string>& requested, TaskIndex& index);

/// The folder of the leaderboard's task files, which the set-up fetched.
std::filesystem::path leaderboard_folder();

}  // namespace ballot
