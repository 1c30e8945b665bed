#include "core/manifest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/lock.h"

namespace ballot {
namespace {

class ManifestTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  static Manifest sample() {
    Manifest manifest;
    manifest.stage = "pool";
    manifest.parameters = R"({"prompts": 24})";
    manifest.inputs = {{"source", "a.jsonl", "abc"}};
    manifest.seed = 7;
    return manifest;
  }
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("ballot_manifest_test_" + std::to_string(::getpid()));
};

TEST_F(ManifestTest, KeyChangesWithMeaningAndNotWithPath) {
  Manifest a = sample(), b = sample();
  b.inputs[0].path = "elsewhere.jsonl";
  EXPECT_EQ(make_key(a), make_key(b));
  b.inputs[0].sha256 = "abd";
  EXPECT_NE(make_key(a), make_key(b));
  b = sample();
  b.stage_version = 2;
  EXPECT_NE(make_key(a), make_key(b));
  b = sample();
  b.seed = 8;
  EXPECT_NE(make_key(a), make_key(b));
}

TEST_F(ManifestTest, WrittenIsRead) {
  write_file(folder_ / "pool.parquet", "x");
  write_manifest(folder_ / "pool.parquet", sample());
  const auto read = read_manifest(folder_ / "pool.parquet");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->key, make_key(sample()));
  EXPECT_EQ(read->inputs[0].name, "source");
}

TEST_F(ManifestTest, AModelIsTheSameInputWhateverItsTrainingKeepsBesideIt) {
  for (const char* name : {"a", "b"}) {
    write_file(folder_ / name / "config.json", "{}");
    write_file(folder_ / name / "model.safetensors", "weights");
    write_file(folder_ / name / "metrics.jsonl", std::string("seconds of ") + name);
    write_file(folder_ / name / "runs/events", std::string("times of ") + name);
  }
  EXPECT_EQ(describe_input("model", folder_ / "a").sha256, describe_input("model", folder_ / "b").sha256);
  write_file(folder_ / "b/model.safetensors", "other weights");
  EXPECT_NE(describe_input("model", folder_ / "a").sha256, describe_input("model", folder_ / "b").sha256);
}

TEST_F(ManifestTest, WhatAKilledProcessLeftInAFolderIsRemovedWhenItIsGoneOnWith) {
  begin_folder(folder_, sample(), false);
  write_file(folder_ / ".results.json.tmp-999999999", "half");
  EXPECT_TRUE(begin_folder(folder_, sample(), false));
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".results.json.tmp-999999999"));
}

TEST_F(ManifestTest, AnUnfinishedFolderGoesOnOnlyWithTheSameParameters) {
  EXPECT_FALSE(begin_folder(folder_, sample(), false));
  EXPECT_TRUE(begin_folder(folder_, sample(), false));
  Manifest other = sample();
  other.parameters = R"({"prompts": 25})";
  try {
    begin_folder(folder_, other, false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("prompts: 24 -> 25"), std::string::npos) << error.what();
    EXPECT_EQ(error.exit_code(), 2);
  }
  EXPECT_FALSE(begin_folder(folder_, other, true));
}

TEST_F(ManifestTest, AFinishedFolderIsLeftAlone) {
  begin_folder(folder_, sample(), false);
  write_manifest(folder_, sample());
  EXPECT_THROW(begin_folder(folder_, sample(), false), Error);
  EXPECT_FALSE(begin_folder(folder_, sample(), true));
}

TEST_F(ManifestTest, ASecondHolderOfAFolderIsTold) {
  const FolderLock lock(folder_);
  try {
    const FolderLock second(folder_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("in use by another process"), std::string::npos);
  }
}

}  // namespace
}  // namespace ballot
