#include "statistics/information.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "core/random.h"

namespace ballot {
namespace {

TEST(Information, EntropyOfEqualSharesIsTheLogarithmOfTheirNumber) {
  const std::vector<double> counts = {5, 5, 5, 5, 0};
  EXPECT_DOUBLE_EQ(entropy_bits(counts, false), 2);
  EXPECT_DOUBLE_EQ(entropy_bits(counts), 2 + 3 / (2 * 20 * std::numbers::ln2));
  EXPECT_TRUE(std::isnan(entropy_bits(std::vector<double>{0, 0})));
}

TEST(Information, TheCorrectionTakesMostOfTheBiasAway) {
  // 2,000 samples of 30 draws from eight equal cells: the plain entropy is 0.17 bits short on average.
  double plain = 0, corrected = 0;
  for (std::uint64_t sample = 0; sample < 2000; ++sample) {
    Random random(3, "entropy", sample);
    std::vector<double> counts(8, 0);
    for (int i = 0; i < 30; ++i) counts[random.below(8)] += 1;
    plain += entropy_bits(counts, false) / 2000;
    corrected += entropy_bits(counts) / 2000;
  }
  EXPECT_LT(plain, 2.86);
  EXPECT_NEAR(corrected, 3, 0.02);
}

TEST(Information, ATableOfIndependentRowsAndColumnsHoldsNone) {
  const std::vector<double> independent = {10, 20, 30, 60}, equal = {25, 0, 0, 25};
  EXPECT_NEAR(mutual_information_bits(independent, 2, 2, false), 0, 1e-12);
  EXPECT_DOUBLE_EQ(mutual_information_bits(equal, 2, 2, false), 1);
  EXPECT_DOUBLE_EQ(mutual_information_bits(equal, 2, 2), 1 - 1 / (2 * 50 * std::numbers::ln2));
}

TEST(Information, PairsInBothOrientationsGiveTheTableOfBoth) {
  // (win, tie, loss) x (first better, second better), every pair in both orientations.
  const double agree = 61, tie = 22, disagree = 17;
  const std::vector<double> table = {agree, disagree, tie, tie, disagree, agree};
  EXPECT_NEAR(pair_information_bits(agree, tie, disagree, false), mutual_information_bits(table, 3, 2, false), 1e-12);
  EXPECT_EQ(pair_information_bits(0, 5, 0), 0);
  EXPECT_LT(pair_information_bits(10, 0, 10), 0) << "nothing was found, less the bias";
}

}  // namespace
}  // namespace ballot
