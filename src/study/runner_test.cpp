#include "study/runner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/manifest.h"
#include "study/record.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

/// A study of three stages over one source file: a -> b -> c. Each writes its inputs' text and its own parameter.
class RunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    write_file(folder_ / "source.txt", "s");
  }
  void TearDown() override {
    clear_interrupt();
    fs::remove_all(folder_);
  }
  std::vector<Stage> stages() {
    std::vector<Stage> list;
    const auto make = [&](const std::string& name, const std::string& input) {
      Stage stage;
      stage.name = stage.kind = name;
      if (input.empty())
        stage.files = {{"source", (folder_ / "source.txt").string()}};
      else
        stage.inputs = {input};
      stage.parameters = "{\"x\":" + std::to_string(parameter_[name]) + "}";
      stage.artefact = name + ".txt";
      stage.run = [this, name, input](const StageRun& run) {
        ++runs_[name];
        if (name == breaks_) throw failed("no luck with {}", name);
        write_file(run.artefact, name + std::to_string(parameter_[name]) +
                                     read_file(input.empty() ? folder_ / "source.txt" : run.folder / (input + ".txt")));
      };
      list.push_back(stage);
    };
    make("a", "");
    make("b", "a");
    make("c", "b");
    return list;
  }
  std::vector<StageOutcome> run(RunOptions options = {}) {
    return run_stages(out_, stages(), options, silent_progress());
  }
  std::string runs() {
    std::string text;
    for (const auto& [name, n] : runs_) text += name + std::to_string(n);
    runs_.clear();
    return text;
  }
  const fs::path folder_ = fs::temp_directory_path() / ("ballot_runner_test_" + std::to_string(::getpid())),
                 out_ = folder_ / "out";
  std::map<std::string, int> parameter_, runs_;
  std::string breaks_;
};

TEST_F(RunnerTest, WhatIsDoneIsNotDoneAgain) {
  run();
  EXPECT_EQ(runs(), "a1b1c1");
  EXPECT_EQ(read_file(out_ / "c.txt"), "c0b0a0s");
  run();
  EXPECT_EQ(runs(), "");
}

TEST_F(RunnerTest, AChangedParameterRedoesWhatDependsOnItAndSaysWhy) {
  run();
  runs();
  parameter_["b"] = 1;
  RunOptions dry;
  dry.dry_run = true;
  const auto outcomes = run(dry);
  EXPECT_EQ(outcomes[0].what, "kept");
  EXPECT_EQ(outcomes[1].why, "parameter x: 0 -> 1");
  EXPECT_EQ(outcomes[2].why, "its input b changed (b is made anew)");
  run();
  EXPECT_EQ(runs(), "b1c1");
  EXPECT_EQ(read_file(out_ / "c.txt"), "c0b1a0s");
}

TEST_F(RunnerTest, AChangedSourceRedoesAll) {
  run();
  runs();
  write_file(folder_ / "source.txt", "t");
  run();
  EXPECT_EQ(runs(), "a1b1c1");
}

TEST_F(RunnerTest, AFailureNamesItsStageAndTheNextRunGoesOnThere) {
  breaks_ = "b";
  try {
    run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "stage b: no luck with b");
  }
  EXPECT_EQ(runs(), "a1b1");
  EXPECT_EQ(study_status(out_, stages())[1].state, "failed");
  breaks_.clear();
  run();
  EXPECT_EQ(runs(), "b1c1");
  for (const StageStatus& status : study_status(out_, stages())) EXPECT_EQ(status.state, "done");
}

TEST_F(RunnerTest, WorkBegunUnderAnotherKeyIsStartedOver) {
  run();
  std::vector<Stage> list = stages();
  // b was begun with this key and left something unfinished, then its parameter changed.
  fs::remove(record_path(out_, "b"));
  write_file(out_ / "stages/b.begun", "another key");
  bool forced = false;
  list[1].run = [&](const StageRun& run) {
    forced = run.force;
    write_file(run.artefact, "b");
  };
  run_stages(out_, list, {}, silent_progress());
  EXPECT_TRUE(forced);
}

TEST_F(RunnerTest, AFolderOfAnotherKeyIsNotTakenForFinishedWhereTheProcessDiedBeforeItStartedOver) {
  std::vector<Stage> list = stages();
  list.resize(1);
  list[0].artefact = "folder";
  const auto make = [](const std::string& text) {
    return [text](const StageRun& run) {
      Manifest manifest;
      manifest.stage = "a";
      manifest.parameters = "{\"text\":\"" + text + "\"}";
      begin_folder(run.artefact, manifest, run.force);
      write_file(run.artefact / "text", text);
      write_manifest(run.artefact, manifest);
    };
  };
  list[0].run = make("old");
  run_stages(out_, list, {}, silent_progress());
  list[0].parameters = "{\"x\":1}";
  list[0].run = [](const StageRun&) { throw failed("killed before anything"); };
  EXPECT_THROW(run_stages(out_, list, {}, silent_progress()), Error);
  list[0].run = make("new");
  run_stages(out_, list, {}, silent_progress());
  EXPECT_EQ(read_file(out_ / "folder/text"), "new");
}

TEST_F(RunnerTest, WhatAKilledRunLeftOfFilesIsRemoved) {
  write_file(out_ / "stages/x/.b.json.tmp-999999999", "half");
  run();
  EXPECT_FALSE(fs::exists(out_ / "stages/x/.b.json.tmp-999999999"));
}

TEST_F(RunnerTest, OnlyAndUntilLimitTheRun) {
  RunOptions options;
  options.until = "b";
  run(options);
  EXPECT_EQ(runs(), "a1b1");
  options = {};
  options.only = "c";
  run(options);
  EXPECT_EQ(runs(), "c1");
  options.only = "cc";
  EXPECT_THROW(run(options), Error);
}

TEST_F(RunnerTest, AnInterruptStopsBetweenStages) {
  request_interrupt();
  try {
    run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 130);
  }
  EXPECT_EQ(runs(), "");
}

TEST_F(RunnerTest, VerifyFindsAnArtefactChangedByHand) {
  run();
  EXPECT_TRUE(verify_study(out_, silent_progress()).empty());
  write_file(out_ / "b.txt", "changed");
  const auto complaints = verify_study(out_, silent_progress());
  ASSERT_EQ(complaints.size(), 1u);
  EXPECT_EQ(complaints[0], "b: b.txt is not what was recorded");
}

TEST_F(RunnerTest, VerifyFindsAStageMadeFromAnotherInput) {
  run();
  parameter_["a"] = 5;
  RunOptions only;
  only.only = "a";
  run(only);
  const auto complaints = verify_study(out_, silent_progress());
  ASSERT_EQ(complaints.size(), 1u);
  EXPECT_EQ(complaints[0], "b: was made from another a than the one that is there");
}

}  // namespace
}  // namespace ballot
