#include "core/suggest.h"

#include <gtest/gtest.h>

namespace ballot {
namespace {

const std::vector<std::string> kWords = {"binary", "ranking", "single", "binary_magnitude"};

TEST(Suggest, FindsTheWordMeant) {
  EXPECT_EQ(nearest("rankign", kWords), "ranking");
  EXPECT_EQ(nearest("Binary", kWords), "binary");
  EXPECT_EQ(nearest("binary_magnitud", kWords), "binary_magnitude");
}

TEST(Suggest, StaysSilentWhereNothingIsNear) {
  EXPECT_EQ(nearest("temperature", kWords), "");
  EXPECT_EQ(did_you_mean("temperature", kWords), " (one of: binary, ranking, single, binary_magnitude)");
}

}  // namespace
}  // namespace ballot
