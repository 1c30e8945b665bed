#include "evaluation/task_file.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "evaluation/golden_tasks.h"
#include "evaluation/task_config.h"

namespace ballot {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class TaskFiles : public TaskTest {};

std::string error_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST_F(TaskFiles, OwnKeysWinOverAnIncludeAndAreNotMergedDeeper) {
  write("base", "dataset_path: json\nnum_fewshot: 3\nfewshot_config: {sampler: first_n, split: train}\n");
  const fs::path path = write("own.yaml", "include: base\ntask: mine\nfewshot_config: {samples: []}\n");
  const TaskFile file = read_task_file(path);
  EXPECT_EQ(file.name(), "mine");
  EXPECT_EQ((*file.fields)["num_fewshot"], 3);
  EXPECT_EQ((*file.fields)["fewshot_config"], Json::parse(R"({"samples": []})"));
  EXPECT_EQ(file.from.at("num_fewshot"), folder_ / "base");
  EXPECT_EQ(file.files.size(), 2u);
}

TEST_F(TaskFiles, PlainScalarsMeanWhatTheyMeanInYaml11) {
  const TaskFile file = read_task_file(write(
      "a.yaml",
      "task: t\ndoc_to_choice: [yes, \"no\", 010, 1_000, 1e5, 1.5, ~, '6', Off]\ndoc_to_text: !function utils.f\n"));
  EXPECT_EQ((*file.fields)["doc_to_choice"], Json::parse(R"([true, "no", 8, 1000, "1e5", 1.5, null, "6", false])"));
  EXPECT_EQ((*file.fields)["doc_to_text"], function_value("f", folder_ / "utils.py"));
}

TEST_F(TaskFiles, AnUnknownKeyIsToldWithItsPlaceAndTheNearest) {
  const fs::path path = write("a.yaml", "task: t\ndoc_to_tetx: x\n");
  const std::string message = error_of([&] { read_task_file(path); });
  EXPECT_THAT(message, HasSubstr("a.yaml:2:1"));
  EXPECT_THAT(message, HasSubstr("did you mean 'doc_to_text'"));
}

TEST_F(TaskFiles, AFileThatIncludesItselfIsAnError) {
  write("a.yaml", "include: b.yaml\n");
  write("b.yaml", "include: a.yaml\n");
  EXPECT_THAT(error_of([&] { read_task_file(folder_ / "a.yaml"); }), HasSubstr("includes itself"));
  EXPECT_THAT(error_of([&] { read_task_file(write("c.yaml", "include: none.yaml\n")); }), HasSubstr("none.yaml"));
}

TEST_F(TaskFiles, AllOfTheLeaderboardIsReadAndSelectedInItsOrder) {
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  EXPECT_EQ(index.all().size(), 45u);  // 39 tasks and 6 groups
  const TaskSelection selection = select_tasks({"leaderboard"}, index);
  EXPECT_EQ(selection.tasks.size(), 39u);
  EXPECT_EQ(selection.tasks.front().name(), "leaderboard_mmlu_pro");
  EXPECT_EQ(selection.groups.back().file.name(), "leaderboard");
  EXPECT_EQ(selection.groups.back().leaves.size(), 39u);
  const TaskSelection bbh = select_tasks({"leaderboard_bbh", "leaderboard_bbh_snarks"}, index);
  EXPECT_EQ(bbh.tasks.size(), 24u);
  EXPECT_EQ(bbh.groups.size(), 1u);
}

TEST_F(TaskFiles, EveryTaskOfTheLeaderboardHasAConfiguration) {
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  int choices = 0, generating = 0, refused = 0;
  for (const auto& [name, file] : index.all()) {
    if (file.is_group()) continue;
    if (!why_not(file).empty()) {
      ++refused;
      EXPECT_THROW(task_config(file), Error);
      continue;
    }
    const TaskConfig config = task_config(file);
    EXPECT_EQ(config.fewshot.sampler, name.starts_with("leaderboard_musr") ? "default" : "first_n") << name;
    ++(config.output_type == "multiple_choice" ? choices : generating);
  }
  EXPECT_EQ(choices, 24 + 3 + 3 + 1);
  EXPECT_EQ(generating + refused, 1 + 7);
  EXPECT_TRUE(why_not(index.find("leaderboard_ifeval")).empty());
}

TEST_F(TaskFiles, AnUnknownTaskIsToldWithTheNearest) {
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  EXPECT_THAT(error_of([&] { select_tasks({"leaderboard_bbh_snark"}, index); }), HasSubstr("leaderboard_bbh_snarks"));
  EXPECT_THAT(error_of([&] { select_tasks({"missing.yaml"}, index); }), HasSubstr("no such file"));
}

TEST_F(TaskFiles, AGroupOfOnesOwnFindsItsTasksBesideIt) {
  write("x.yaml", "task: x\n");
  write("y.yaml", "task: y\n");
  write("study.yaml", "study: not a task\n");
  const fs::path group = write("g.yaml", "group: both\ntask: [y, x]\n");
  TaskIndex index;
  const TaskSelection selection = select_tasks({group.string()}, index);
  EXPECT_EQ(selection.tasks.size(), 2u);
  EXPECT_THAT(selection.groups.at(0).leaves, ElementsAre("y", "x"));
  TaskIndex other;
  EXPECT_THAT(error_of([&] { select_tasks({write("h.yaml", "group: h\ntask: [z]\n").string()}, other); }),
              HasSubstr("the group 'h' lists"));
}

TEST_F(TaskFiles, WhatThisVersionCannotDoIsSaidBeforeAnythingIsComputed) {
  const auto refused = [&](const std::string& more) {
    return why_not(
        read_task_file(write("t.yaml", "task: t\ndataset_path: json\noutput_type: multiple_choice\n" + more)));
  };
  EXPECT_EQ(refused(""), "");
  EXPECT_THAT(refused("filter_list: [{name: x}]\n"), HasSubstr("filter_list"));
  EXPECT_THAT(refused("metric_list: [{metric: mcc}]\n"), HasSubstr("mcc"));
  EXPECT_THAT(refused("doc_to_text: 0\n"), HasSubstr("several inputs"));
  EXPECT_THAT(refused("fewshot_config: {sampler: balanced}\n"), HasSubstr("balanced"));
  EXPECT_THAT(refused("gen_prefix: 'So'\n"), HasSubstr("gen_prefix"));
}

}  // namespace
}  // namespace ballot
