#include "statistics/distributions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ballot {
namespace {

// Reference values: scipy 1.17 (norm.ppf, t.sf, betainc, chi2.sf, binom.pmf).
TEST(Distributions, NormalQuantileAgreesWithScipy) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(normal_quantile(1e-10), -6.361340902404056, 1e-12);
  EXPECT_NEAR(normal_quantile(0.528960), 0.072655827685, 1e-12);
  EXPECT_EQ(normal_quantile(0.5), 0);
  EXPECT_TRUE(std::isinf(normal_quantile(1)));
  EXPECT_TRUE(std::isnan(normal_quantile(1.5)));
}

TEST(Distributions, NormalQuantileInvertsTheCdf) {
  for (double x = -7; x <= 5; x += 0.37)
    EXPECT_NEAR(normal_quantile(normal_cdf(x)), x, 1e-9 + 1e-14 / normal_cdf(-std::fabs(x))) << x;
}

TEST(Distributions, StudentAndBetaAgreeWithScipy) {
  EXPECT_NEAR(student_t_two_sided(2.0, 10), 0.07338803477074039, 1e-15);
  EXPECT_NEAR(incomplete_beta(2, 3, 0.4), 0.5248, 1e-14);
  EXPECT_NEAR(incomplete_beta(0.5, 0.5, 0.25), 1.0 / 3, 1e-14);
  EXPECT_EQ(student_t_two_sided(INFINITY, 5), 0);
}

TEST(Distributions, StudentsQuantileAgreesWithScipy) {
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.262157162798205, 1e-12);
  EXPECT_NEAR(student_t_quantile(0.975, 37.25), 2.025733544775226, 1e-12);
  EXPECT_NEAR(student_t_quantile(0.025, 1), -12.706204736174705, 1e-11);
  EXPECT_NEAR(student_t_quantile(0.975, 12031), 1.9601611839291417, 1e-9);
  EXPECT_EQ(student_t_quantile(0.5, 3), 0);
  EXPECT_TRUE(std::isnan(student_t_quantile(1, 3)));
}

TEST(Distributions, ChiSquareAndBinomial) {
  EXPECT_NEAR(chi_square_1_upper(3.841458820694124), 0.05, 1e-14);
  EXPECT_NEAR(binomial_probability(3, 10, 0.5), 0.1171875, 1e-14);
  EXPECT_EQ(binomial_probability(11, 10, 0.5), 0);
}

}  // namespace
}  // namespace ballot
