#include "training/checkpoint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/atomic_file.h"
#include "core/error.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

using testing::Contains;
using testing::HasSubstr;

class Lines : public Progress {
 public:
  void start(std::string_view, std::int64_t, std::string_view) override {}
  void update(std::int64_t, std::string_view) override {}
  void finish(std::string_view) override {}
  void say(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

NamedTensors tensors(double value) {
  return {{"weight.a", at::full({3, 2}, value, at::kFloat)},
          {"m.a", at::full({3, 2}, value + 1, at::kFloat)},
          {"c.a", at::full({5}, value, at::kBFloat16)}};
}

TEST(Checkpoint, TheNewestComesBackBitForBit) {
  const TemporaryFolder folder;
  Checkpoints checkpoints(folder.path() / "checkpoints", "key", 2);
  Lines lines;
  NamedTensors empty = tensors(0);
  EXPECT_FALSE(checkpoints.load(empty, lines));
  checkpoints.save({1, 10, 5}, tensors(0.1));
  checkpoints.save({2, 20, 9}, tensors(0.2));
  const auto state = checkpoints.load(empty, lines);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->step, 2);
  EXPECT_EQ(state->num_tokens, 20);
  EXPECT_EQ(state->forest_tokens, 9);
  const NamedTensors expected = tensors(0.2);
  for (std::size_t i = 0; i < empty.size(); ++i)
    EXPECT_TRUE(empty[i].second.equal(expected[i].second)) << empty[i].first;
}

TEST(Checkpoint, TheLastKAreKept) {
  const TemporaryFolder folder;
  Checkpoints checkpoints(folder.path(), "key", 2);
  for (int step = 1; step <= 5; ++step) checkpoints.save({step, 0, 0}, tensors(step));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "step-00000003"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "step-00000004"));
  EXPECT_EQ(checkpoints.newest(), "step-00000005");
}

TEST(Checkpoint, OneThatWasHalfRemovedIsGoneAfterTheNextStart) {
  const TemporaryFolder folder;
  NamedTensors into = tensors(0);
  {
    Checkpoints checkpoints(folder.path(), "key", 2);
    for (int step = 1; step <= 3; ++step) checkpoints.save({step, 0, 0}, tensors(step));
  }
  // Killed between the two removals of the first one.
  std::filesystem::create_directory(folder.path() / "step-00000001");
  std::filesystem::copy(folder.path() / "step-00000002/state.json", folder.path() / "step-00000001/state.json");
  Lines lines;
  Checkpoints checkpoints(folder.path(), "key", 2);
  EXPECT_EQ(checkpoints.load(into, lines)->step, 3);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "step-00000001"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "step-00000002"));
}

TEST(Checkpoint, ATornOneIsToldAndPassedOver) {
  for (const char* harm : {"truncated", "changed", "no state", "torn state", "another training"}) {
    SCOPED_TRACE(harm);
    const TemporaryFolder folder;
    Checkpoints checkpoints(folder.path(), "key", 3);
    checkpoints.save({1, 0, 0}, tensors(1));
    checkpoints.save({2, 0, 0}, tensors(2));
    const auto newest = folder.path() / "step-00000002";
    const auto file = newest / "tensors.safetensors";
    if (harm == std::string("truncated")) std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
    if (harm == std::string("changed")) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(-1, std::ios::end);
      stream.put('!');
    }
    if (harm == std::string("no state")) std::filesystem::remove(newest / "state.json");
    if (harm == std::string("torn state")) std::filesystem::resize_file(newest / "state.json", 20);
    if (harm == std::string("another training")) {
      std::filesystem::remove_all(newest);
      Checkpoints(folder.path(), "other", 3).save({2, 0, 0}, tensors(2));
    }
    Lines lines;
    NamedTensors into = tensors(0);
    const auto state = checkpoints.load(into, lines);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->step, 1);
    EXPECT_TRUE(into[0].second.equal(tensors(1)[0].second));
    EXPECT_THAT(lines.lines, Contains(HasSubstr("step-00000002 is passed over")));
    checkpoints.save({2, 0, 0}, tensors(2));  // its name is free again
    EXPECT_EQ(checkpoints.load(into, lines)->step, 2);
  }
}

// The n-th write fails, for n = 1, 2, 3, ...: afterwards the reader finds the checkpoint before or the new one.
TEST(Checkpoint, EveryFailingWriteLeavesTheOneBefore) {
  bool succeeded = false;
  for (int n = 1; n < 200 && !succeeded; ++n) {
    const TemporaryFolder folder;
    Checkpoints checkpoints(folder.path(), "key", 2);
    checkpoints.save({1, 0, 0}, tensors(1));
    fail_after_writes(n);
    try {
      checkpoints.save({2, 0, 0}, tensors(2));
      succeeded = true;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFailed);
    }
    fail_after_writes(0);
    Lines lines;
    NamedTensors into = tensors(0);
    const auto state = checkpoints.load(into, lines);
    ASSERT_TRUE(state) << n;
    EXPECT_TRUE(into[0].second.equal(tensors(static_cast<double>(state->step))[0].second)) << n;
    if (succeeded) {
      EXPECT_EQ(state->step, 2);
    }
    EXPECT_TRUE(lines.lines.size() == 1) << n << ": nothing torn may be left";
  }
  EXPECT_TRUE(succeeded);
}

TEST(Checkpoint, KeepNothingIsRefused) {
  EXPECT_THROW(Checkpoints("/nowhere", "key", 0), Error);
}

}  // namespace
}  // namespace ballot
