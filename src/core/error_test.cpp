#include "core/error.h"

#include <gtest/gtest.h>

namespace ballot {
namespace {

TEST(Error, KindIsTheExitCode) {
  EXPECT_EQ(bad_input("x").exit_code(), 3);
  EXPECT_EQ(wrong_usage("x").exit_code(), 2);
  EXPECT_EQ(failed("x").exit_code(), 1);
  EXPECT_EQ(Error(ErrorKind::kInterrupted, "x").exit_code(), 130);
}

TEST(Error, SaysWhatToDoNext) {
  const Error error(ErrorKind::kFailed, "cannot write a", "make room");
  EXPECT_STREQ(error.what(), "cannot write a\nnext: make room");
  EXPECT_EQ(error.message(), "cannot write a");
  EXPECT_EQ(error.next(), "make room");
}

}  // namespace
}  // namespace ballot
