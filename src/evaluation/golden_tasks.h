// For this room's tests: the golden files that lm-evaluation-harness itself gave (tests/golden/harness_*.json), the
// task files that they were made from, and a folder that goes away.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/atomic_file.h"
#include "evaluation/questions.h"
#include "evaluation/task_file.h"

namespace ballot {

inline std::filesystem::path golden_folder() {
  return std::filesystem::path(BALLOT_SOURCE_DIR) / "tests/golden";
}

inline Json golden_json(const std::string& name) {
  return Json::parse(read_file(golden_folder() / name));
}

/// The folder of shared test data, or an empty path where it is not there.
inline std::filesystem::path shared_data() {
  const char* given = std::getenv("BALLOT_SHARED_DATA");
  const std::filesystem::path folder =
      given ? std::filesystem::path(given) : std::filesystem::path(BALLOT_SOURCE_DIR) / "../shared/data";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path();
}

class TaskTest : public testing::Test {
 protected:
  TaskTest() { std::filesystem::create_directories(folder_); }
  ~TaskTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    write_file(folder_ / name, text);
    return folder_ / name;
  }

  /// The task file of a golden run: `local_X` includes the harness's own file of BBH's X and points to rows of ours.
  std::filesystem::path task_file_of(const std::string& task) const {
    if (task == "everyday_choice") return std::filesystem::path(BALLOT_SOURCE_DIR) / "studies/demo/choice.yaml";
    const std::string subtask = task.substr(6);
    const std::string include = (leaderboard_folder() / "bbh_mc" / (subtask + ".yaml")).string();
    const std::string data = (golden_folder() / "eval/bbh" / (subtask + ".json")).string();
    return write(task + ".yaml",
                 "include: " + include + "\ntask: " + task +
                     "\ndataset_path: json\ndataset_name: null\ndataset_kwargs:\n  data_files: {test: " + data +
                     "}\n  field: examples\n");
  }

  static TaskSettings settings_of(const Json& run) {
    TaskSettings settings;
    if (run["limit"].is_number()) settings.limit = run["limit"];
    settings.num_fewshot = run["num_fewshot"].get<std::int64_t>();
    settings.multi_turn = run["multi_turn"];
    return settings;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("ballot_evaluation_" + std::to_string(::getpid()) + "_" +
                                                testing::UnitTest::GetInstance()->current_test_info()->name());
};

}  // namespace ballot
