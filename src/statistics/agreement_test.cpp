#include "statistics/agreement.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "statistics/golden_tables.h"
#include "statistics/reliability.h"

namespace ballot {
namespace {

constexpr double kTolerance = 5e-13;  // the golden values have twelve digits

double alpha(const Ratings& ratings, Level level) {
  const AgreementCounts counts = count_agreement(ratings);
  return krippendorff_alpha(counts.units(), level).value;
}

double ac2(const AgreementCounts& counts, Weighting weighting) {
  return gwet_ac(counts.units(), agreement_weights(weighting, counts.values)).value;
}

TEST(Agreement, KrippendorffsExampleWithMissingValues) {
  const Ratings ratings = golden::krippendorff_example();
  EXPECT_NEAR(alpha(ratings, Level::kNominal), 0.743421052632, kTolerance);
  EXPECT_NEAR(alpha(ratings, Level::kOrdinal), 0.815387503755, kTolerance);
  EXPECT_NEAR(alpha(ratings, Level::kInterval), 0.849107142857, kTolerance);
  EXPECT_NEAR(alpha(ratings, Level::kRatio), 0.797402774712, kTolerance);
  const AgreementCounts counts = count_agreement(ratings);
  EXPECT_NEAR(percent_agreement(counts.units()).value, 0.818181818182, kTolerance);
  EXPECT_NEAR(fleiss_kappa(counts.units()).value, 0.761169275422, kTolerance);
  EXPECT_NEAR(gwet_ac(counts.units()).value, 0.775444068127, kTolerance);
  EXPECT_NEAR(conger_kappa(counts.units(), counts.margins).value, 0.762066893651, kTolerance);
  EXPECT_NEAR(bennett_s(counts.units()).value, 0.772727272727, kTolerance);
  EXPECT_NEAR(ac2(counts, Weighting::kLinear), 0.858739136433, kTolerance);
  EXPECT_NEAR(ac2(counts, Weighting::kQuadratic), 0.914000723552, kTolerance);
  EXPECT_NEAR(ac2(counts, Weighting::kOrdinal), 0.898939769908, kTolerance);
  EXPECT_NEAR(fleiss_kappa(counts.units(), agreement_weights(Weighting::kLinear, counts.values)).value, 0.817944767097,
              kTolerance);
  EXPECT_NEAR(fleiss_kappa(counts.units(), agreement_weights(Weighting::kQuadratic, counts.values)).value,
              0.864935064935, kTolerance);
}

TEST(Agreement, FleissExample) {
  const AgreementCounts counts = count_agreement(golden::fleiss_example());
  EXPECT_NEAR(fleiss_kappa(counts.units()).value, 0.209930704422, kTolerance);
  EXPECT_NEAR(bennett_s(counts.units()).value, 0.222527472527, kTolerance);
  EXPECT_NEAR(gwet_ac(counts.units()).value, 0.225614150817, kTolerance);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kNominal).value, 0.215574056533, kTolerance);
}

TEST(Agreement, FiveRatersWithMissingValues) {
  const Ratings ratings = golden::five_raters();
  for (const Level level : {Level::kNominal, Level::kOrdinal, Level::kInterval})
    EXPECT_NEAR(alpha(ratings, level), 0.491935483871, kTolerance);
  const AgreementCounts counts = count_agreement(ratings);
  EXPECT_NEAR(fleiss_kappa(counts.units()).value, 0.508994708995, kTolerance);
  EXPECT_NEAR(gwet_ac(counts.units()).value, 0.524102564103, kTolerance);
  EXPECT_NEAR(bennett_s(counts.units()).value, 0.516666666667, kTolerance);
}

TEST(Agreement, FiveRatersCompleteUnitsOnly) {
  Ratings complete = golden::five_raters();
  std::vector<std::int32_t> codes;
  for (std::size_t u = 0; u < complete.units(); ++u) {
    bool whole = true;
    for (std::size_t r = 0; r < 5; ++r) whole &= complete.code(u, r) >= 0;
    if (whole)
      for (std::size_t r = 0; r < 5; ++r) codes.push_back(complete.code(u, r));
  }
  complete.codes = codes;
  ASSERT_EQ(complete.units(), 7u);
  const AgreementCounts counts = count_agreement(complete);
  EXPECT_NEAR(fleiss_kappa(counts.units()).value, 0.3, kTolerance);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kNominal).value, 0.32, kTolerance);
}

TEST(Agreement, TwoRatersOnFivePoints) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < golden::kScoresA.size(); ++i)
    numbers.insert(numbers.end(), {golden::kScoresA[i], golden::kScoresB[i]});
  const AgreementCounts counts = count_agreement(ratings_from_numbers(numbers, 2));
  const PairTable table = counts.pair(0);
  EXPECT_NEAR(cohen_kappa(table).value, 0.450980392157, kTolerance);
  EXPECT_NEAR(cohen_kappa(table, Disagreement::kLinear).value, 0.709844559585, kTolerance);
  EXPECT_NEAR(cohen_kappa(table, Disagreement::kQuadratic).value, 0.877192982456, kTolerance);
  EXPECT_NEAR(percent_agreement(table).value, 0.5625, kTolerance);
  EXPECT_NEAR(scott_pi(table).value, 0.449631449631, kTolerance);
  EXPECT_NEAR(gwet_ac(counts.units()).value, 0.453991468617, kTolerance);
  EXPECT_NEAR(ac2(counts, Weighting::kLinear), 0.729141475212, kTolerance);
  EXPECT_NEAR(ac2(counts, Weighting::kQuadratic), 0.892668902731, kTolerance);
  EXPECT_NEAR(ac2(counts, Weighting::kOrdinal), 0.846259437200, kTolerance);
  EXPECT_NEAR(krippendorff_alpha(table, Level::kNominal).value, 0.466830466830, kTolerance);
  EXPECT_NEAR(krippendorff_alpha(table, Level::kOrdinal).value, 0.881918532338, kTolerance);
  EXPECT_NEAR(krippendorff_alpha(table, Level::kInterval).value, 0.880965441580, kTolerance);
  EXPECT_NEAR(krippendorff_alpha(table, Level::kRatio).value, 0.860599763991, kTolerance);
  EXPECT_NEAR(pearson(table).value, 0.879428908411, kTolerance);
  EXPECT_NEAR(spearman(table).value, 0.880462096613, kTolerance);
  EXPECT_NEAR(kendall_tau_b(table).value, 0.798039239536, kTolerance);
  const PairStatistics all = pair_statistics(table, Level::kOrdinal);
  EXPECT_EQ(all.krippendorff_alpha.value, krippendorff_alpha(table, Level::kOrdinal).value);
  EXPECT_EQ(all.fleiss_kappa.value, scott_pi(table).value);
  EXPECT_EQ(all.kendall_tau_b.value, kendall_tau_b(table).value);
}

TEST(Agreement, TwoRatersWithoutMissingValuesTieAlphaToKappa) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < golden::kScoresA.size(); ++i)
    numbers.insert(numbers.end(), {golden::kScoresA[i], golden::kScoresB[i]});
  const AgreementCounts counts = count_agreement(ratings_from_numbers(numbers, 2));
  const double kappa = fleiss_kappa(counts.units()).value;
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kNominal).value, kappa + (1 - kappa) / 32, 1e-14);
}

TEST(Agreement, BothOrientationsMakeChanceOneHalf) {
  // 76% agreement with a rater who always says 1: coded as it stands pi is negative, in both orientations 2 * 0.76 - 1.
  std::vector<double> numbers;
  for (int i = 0; i < 100; ++i) numbers.insert(numbers.end(), {1.0, i < 76 ? 1.0 : 0.0});
  Ratings ratings = ratings_from_numbers(numbers, 2);
  EXPECT_NEAR(scott_pi(count_agreement(ratings).pair(0)).value, -0.136363636364, 1e-12);
  ratings.both_orientations = true;
  const AgreementCounts counts = count_agreement(ratings);
  const PairTable table = counts.pair(0);
  for (const double value : {scott_pi(table).value, fleiss_kappa(counts.units()).value, cohen_kappa(table).value,
                             pearson(table).value, spearman(table).value, kendall_tau_b(table).value})
    EXPECT_NEAR(value, 0.52, 1e-14);
}

TEST(Agreement, OneConstantRaterGivesAlphaZeroExactly) {
  EXPECT_EQ(alpha(golden::by_rater("1 1 1 1 1 ; 1 1 1 1 0"), Level::kNominal), 0.0);
}

TEST(Agreement, OneValueOnlyHasNoVariation) {
  const AgreementCounts counts = count_agreement(golden::by_rater("3 3 3 ; 3 3 3"));
  EXPECT_EQ(krippendorff_alpha(counts.units(), Level::kNominal).reason, kNoVariation);
  EXPECT_EQ(fleiss_kappa(counts.units()).reason, kNoVariation);
  EXPECT_EQ(cohen_kappa(counts.pair(0)).reason, kNoVariation);
  EXPECT_EQ(pearson(counts.pair(0)).reason, kNoVariation);
  EXPECT_EQ(spearman(counts.pair(0)).reason, kNoVariation);
  EXPECT_EQ(kendall_tau_b(counts.pair(0)).reason, kNoVariation);
  EXPECT_EQ(gwet_ac(counts.units()).reason, kNoVariation);
  EXPECT_EQ(percent_agreement(counts.units()).value, 1.0);
}

TEST(Agreement, RatersWhoNeverOverlapHaveNoPairs) {
  const AgreementCounts counts = count_agreement(golden::by_rater("1 2 . . ; . . 1 2"));
  EXPECT_EQ(krippendorff_alpha(counts.units(), Level::kNominal).reason, kNoPairs);
  EXPECT_EQ(percent_agreement(counts.units()).reason, kNoPairs);
  EXPECT_EQ(cohen_kappa(counts.pair(0)).reason, kNoPairs);
  EXPECT_EQ(pair_statistics(counts.pair(0), Level::kNominal).pearson.reason, kNoPairs);
}

TEST(Agreement, AnUnusedCategoryChangesOnlyWhatCountsCategories) {
  Ratings ratings = golden::five_raters();
  const AgreementCounts narrow = count_agreement(ratings);
  ratings.values.push_back(2);
  const AgreementCounts wide = count_agreement(ratings);
  EXPECT_DOUBLE_EQ(krippendorff_alpha(narrow.units(), Level::kNominal).value,
                   krippendorff_alpha(wide.units(), Level::kNominal).value);
  EXPECT_DOUBLE_EQ(fleiss_kappa(narrow.units()).value, fleiss_kappa(wide.units()).value);
  EXPECT_GT(bennett_s(wide.units()).value, bennett_s(narrow.units()).value);
  EXPECT_GT(gwet_ac(wide.units()).value, gwet_ac(narrow.units()).value);
}

TEST(Agreement, IntervalAlphaEqualsItsVarianceForm) {
  Random random(3, "test");
  std::vector<double> numbers;
  for (int i = 0; i < 300; ++i) numbers.push_back(random.uniform() < 0.2 ? NAN : std::floor(random.uniform() * 7));
  const Ratings ratings = ratings_from_numbers(numbers, 5);
  double n = 0, sum = 0, squares = 0, within = 0;
  for (std::size_t u = 0; u < ratings.units(); ++u) {
    double m = 0, s = 0, ss = 0;
    for (std::size_t r = 0; r < 5; ++r)
      if (const std::int32_t k = ratings.code(u, r); k >= 0) {
        const double v = ratings.values[static_cast<std::size_t>(k)];
        ++m, s += v, ss += v * v;
      }
    if (m < 2) continue;
    n += m, sum += s, squares += ss;
    within += m * (ss - s * s / m) / (m - 1);
  }
  const double variance = (squares - sum * sum / n) / (n - 1);
  EXPECT_NEAR(alpha(ratings, Level::kInterval), 1 - within / n / variance, 1e-13);
}

TEST(Reliability, ShroutAndFleissExample) {
  const std::vector<double> scores = {9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7};
  const IntraclassCorrelation icc = intraclass_correlation(scores, 4);
  EXPECT_NEAR(icc.between, 11.241666666667, 5e-12);
  EXPECT_NEAR(icc.judges, 32.486111111111, 5e-12);
  EXPECT_NEAR(icc.error, 1.019444444444, 5e-12);
  EXPECT_NEAR(icc.within, 6.263888888889, 5e-12);
  EXPECT_NEAR(icc.one.value, 0.165741768405, kTolerance);
  EXPECT_NEAR(icc.two.value, 0.289763779528, kTolerance);
  EXPECT_NEAR(icc.three.value, 0.714840714841, kTolerance);
  EXPECT_NEAR(icc.one_mean.value, 0.442797133679, kTolerance);
  EXPECT_NEAR(icc.two_mean.value, 0.620050547599, kTolerance);
  EXPECT_NEAR(icc.three_mean.value, 0.909315542377, kTolerance);
}

TEST(Reliability, OneTargetIsTooFew) {
  EXPECT_EQ(intraclass_correlation(std::vector<double>{1, 2, 3}, 3).one.reason, kTooFew);
}

}  // namespace
}  // namespace ballot
