// The distributions behind intervals and p values, accurate to about 1e-13 relative.
#pragma once
#include <cstdint>

namespace ballot {

double normal_cdf(double x);
/// Inverse of normal_cdf (Wichura 1988, AS 241, polished by one Newton step); -inf at 0, +inf at 1, NaN outside.
double normal_quantile(double p);
/// Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction.
double incomplete_beta(double a, double b, double x);
/// P(|T| >= |t|) for Student's t with `degrees` of freedom.
double student_t_two_sided(double t, double degrees);
/// The t that Student's t with `degrees` of freedom does not exceed with probability p; NaN outside (0, 1).
double student_t_quantile(double p, double degrees);
/// P(X >= x) for chi-square with one degree of freedom.
double chi_square_1_upper(double x);
/// P(X = k) for Binomial(n, p), by logarithms.
double binomial_probability(std::int64_t k, std::int64_t n, double p);

}  // namespace ballot
