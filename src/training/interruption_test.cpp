// Trainings that are killed, and started again: the same final bits. Each run is a process of its own (this program
// with another filter), so that SIGKILL is the real one.
#include <ATen/Parallel.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/random.h"
#include "training/metrics.h"
#include "training/train.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const bool kOneThread = (at::set_num_threads(1), true);

/// Forty steps, a checkpoint every third.
TrainingOptions long_run(const TemporaryFolder& folder, const std::string& objective, const std::string& out) {
  TrainingOptions o = training_defaults(objective);
  o.model = golden_path(objective == "reward" ? "models/tiny_llama_rm" : "models/tiny_llama");
  o.data = {(folder.path() / "rows.jsonl").string()};
  o.out = (folder.path() / out).string();
  o.batch_size = 2;
  o.max_steps = 40;
  o.learning_rate = 1e-3;
  o.save_every = 3;
  o.seed = 11;
  return o;
}

TEST(ChildProcess, TrainsWhenAsked) {
  const char* asked = std::getenv("BALLOT_TEST_TRAIN");
  if (!asked) GTEST_SKIP() << "run by the tests below";
  const Json json = Json::parse(asked);
  TrainingOptions o = training_defaults(json["objective"]);
  o.model = json["model"];
  o.data = {json["data"].get<std::string>()};
  o.out = json["out"];
  o.batch_size = 2;
  o.max_steps = 40;
  o.learning_rate = 1e-3;
  o.save_every = 3;
  o.seed = 11;
  o.precision = json["precision"];
  train(o, silent_progress());
}

pid_t start(const TrainingOptions& o) {
  Json json;
  json["objective"] = o.objective;
  json["model"] = o.model;
  json["data"] = o.data[0];
  json["out"] = o.out;
  json["precision"] = o.precision;
  const std::string asked = json.dump();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("BALLOT_TEST_TRAIN", asked.c_str(), 1);
    const int nothing = ::open("/dev/null", O_WRONLY);
    ::dup2(nothing, 1);
    ::execl("/proc/self/exe", "ballot_training_test", "--gtest_filter=ChildProcess.TrainsWhenAsked",
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return child;
}

/// Runs until it is done, killing it after a random time again and again; returns how often it was killed.
int run_with_kills(const TrainingOptions& o, std::uint64_t seed, int kills) {
  Random random(seed, "kills");
  for (int killed = 0;; ++killed) {
    const pid_t child = start(o);
    int status = 0;
    if (killed < kills) {
      // From before the first checkpoint to the middle of later steps. The longer runs live, the further they come.
      std::this_thread::sleep_for(std::chrono::milliseconds(80 + random.below(400)));
      if (::waitpid(child, &status, WNOHANG) == 0) {
        ::kill(child, SIGKILL);
        ::waitpid(child, &status, 0);
        // Killed between its manifest and its end: it is finished, and another start would rightly say so.
        if (fs::exists(fs::path(o.out) / "manifest.json")) return killed + 1;
        continue;
      }
    } else {
      ::waitpid(child, &status, 0);
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return killed;
  }
}

void expect_same_end(const std::string& objective, const std::string& precision) {
  const TemporaryFolder folder;
  if (objective == "sft")
    folder.write_lines("rows.jsonl", golden_lines("small/sft.jsonl", 0, 24));
  else
    folder.write_lines("rows.jsonl", golden_lines("small/preferences.jsonl", 0, 40));
  TrainingOptions whole = long_run(folder, objective, "whole"), torn = long_run(folder, objective, "torn");
  whole.precision = torn.precision = precision;
  EXPECT_EQ(run_with_kills(whole, 1, 0), 0);
  EXPECT_GT(run_with_kills(torn, 2, 5), 0);
  EXPECT_EQ(sha256_file(fs::path(whole.out) / "model.safetensors"),
            sha256_file(fs::path(torn.out) / "model.safetensors"));
  const auto a = read_metrics(fs::path(whole.out) / "metrics.jsonl"),
             b = read_metrics(fs::path(torn.out) / "metrics.jsonl");
  ASSERT_EQ(a.size(), 40u);
  ASSERT_EQ(b.size(), 40u);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (const auto& [name, value] : a[i].items())
      if (name != "seconds") {
        EXPECT_EQ(b[i][name], value) << name << ", step " << i + 1;
      }
}

TEST(Interruption, KilledDpoEndsInTheSameBits) {
  expect_same_end("dpo", "fp32_master");
}
TEST(Interruption, KilledRewardTrainingEndsInTheSameBits) {
  expect_same_end("reward", "bf16_kahan");
}
TEST(Interruption, KilledSftEndsInTheSameBits) {
  expect_same_end("sft", "bf16_stochastic");
}

TEST(Interruption, CtrlCSavesAndTheSameCommandGoesOn) {
  const TemporaryFolder folder;
  folder.write_lines("rows.jsonl", golden_lines("small/preferences.jsonl", 0, 20));
  /// Presses Ctrl-C after the fifth step.
  class Presses : public Progress {
   public:
    void start(std::string_view, std::int64_t, std::string_view unit) override { steps = unit == "steps"; }
    void update(std::int64_t done, std::string_view) override {
      if (steps && done == 5 && !pressed) pressed = true, request_interrupt();
    }
    void finish(std::string_view) override {}
    void say(std::string_view) override {}
    bool steps = false, pressed = false;
  } progress;
  TrainingOptions o = long_run(folder, "dpo", "out");
  o.save_every = 0;
  try {
    train(o, progress);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
    EXPECT_THAT(error.message(), HasSubstr("after step 5 of 40"));
  }
  clear_interrupt();
  EXPECT_TRUE(fs::exists(folder.path() / "out/checkpoints/step-00000005/state.json"));
  train(o, silent_progress());
  o.out = (folder.path() / "whole").string();
  train(o, silent_progress());
  EXPECT_EQ(sha256_file(folder.path() / "out/model.safetensors"),
            sha256_file(folder.path() / "whole/model.safetensors"));
}

TEST(Interruption, AnUnfinishedFolderRefusesOtherParametersAndNamesThem) {
  const TemporaryFolder folder;
  folder.write_lines("rows.jsonl", golden_lines("small/preferences.jsonl", 0, 20));
  TrainingOptions o = long_run(folder, "dpo", "out");
  request_interrupt();
  EXPECT_THROW(train(o, silent_progress()), Error);
  clear_interrupt();
  o.beta = 0.5;
  try {
    train(o, silent_progress());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.message(), HasSubstr("beta: 0.22 -> 0.5"));
  }
  o.force = true;
  o.max_steps = 2;
  train(o, silent_progress());
  o.force = false;
  EXPECT_THROW(train(o, silent_progress()), Error);  // finished
}

}  // namespace
}  // namespace ballot
