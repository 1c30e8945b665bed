#include "core/atomic_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "core/error.h"

namespace ballot {
namespace {

class AtomicFileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override {
    fail_after_writes(0);
    std::filesystem::remove_all(folder_);
  }
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("ballot_atomic_test_" + std::to_string(::getpid()));
};

TEST_F(AtomicFileTest, WhicheverWriteFailsTheReaderFindsOldOrNew) {
  const std::filesystem::path path = folder_ / "a.txt";
  write_file(path, "old");
  int failures = 0;
  for (int n = 1;; ++n) {
    fail_after_writes(n);
    try {
      write_file(path, "new");
      break;
    } catch (const Error& error) {
      ++failures;
      EXPECT_NE(std::string(error.what()).find("No space left"), std::string::npos);
      EXPECT_EQ(read_file(path), "old");
    }
    ASSERT_LT(n, 20);
  }
  EXPECT_EQ(failures, 3);  // write, fsync, rename
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "a temporary file was left behind";
}

TEST_F(AtomicFileTest, WithoutCommitNothingAppears) {
  {
    AtomicFile(folder_ / "b").write("half");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(AtomicFileTest, LeftoversOfDeadProcessesAreRemoved) {
  write_file(folder_ / ".c.tmp-999999999", "dead");
  write_file(folder_ / (".c.tmp-" + std::to_string(::getpid())), "alive");
  remove_stale_temporaries(folder_);
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".c.tmp-999999999"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / (".c.tmp-" + std::to_string(::getpid()))));
}

TEST_F(AtomicFileTest, AMissingFileIsAnInputError) {
  try {
    read_file(folder_ / "none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3);
  }
}

}  // namespace
}  // namespace ballot
