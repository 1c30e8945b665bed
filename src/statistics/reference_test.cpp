// Random tables against krippendorff, scikit-learn, scipy, statsmodels and irrCAC (tests/golden/statistics.json, made
// by tests/oracles/statistics_tables.py), and the real judgement tables of the shared data where the folder is there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "statistics/agreement_bootstrap.h"
#include "statistics/bootstrap.h"
#include "statistics/correlation.h"
#include "statistics/distributions.h"
#include "statistics/reliability.h"
#include "statistics/tests.h"

namespace ballot {
namespace {

using nlohmann::json;

const json& golden_file() {
  static const json file = json::parse(std::ifstream(std::string(BALLOT_SOURCE_DIR) + "/tests/golden/statistics.json"));
  return file;
}

std::vector<double> numbers_of(const json& table) {
  std::vector<double> numbers;
  for (const json& row : table)
    for (const json& cell : row) numbers.push_back(cell.is_null() ? NAN : cell.get<double>());
  return numbers;
}

void expect(const json& wanted, const Estimate& got, const std::string& what, double tolerance = 1e-12) {
  if (wanted.is_null())
    EXPECT_FALSE(got.defined()) << what;
  else
    EXPECT_NEAR(got.value, wanted.get<double>(), tolerance) << what;
}

Level level_of(const std::string& name) {
  return name == "nominal"    ? Level::kNominal
         : name == "ordinal"  ? Level::kOrdinal
         : name == "interval" ? Level::kInterval
                              : Level::kRatio;
}

TEST(Reference, TablesOfManyRaters) {
  for (const json& entry : golden_file()["tables"]) {
    const std::string name = entry["name"];
    const Ratings ratings = ratings_from_numbers(numbers_of(entry["table"]), entry["table"][0].size());
    const AgreementCounts counts = count_agreement(ratings);
    for (const auto& [level, alpha] : entry["krippendorff_alpha"].items())
      expect(alpha, krippendorff_alpha(counts.units(), level_of(level)), name + " alpha " + level);
    const std::map<std::string, Weighting> weightings = {{"identity", Weighting::kIdentity},
                                                         {"linear", Weighting::kLinear},
                                                         {"quadratic", Weighting::kQuadratic},
                                                         {"ordinal", Weighting::kOrdinal}};
    for (const auto& [weighting, wanted] : entry["irrcac"].items()) {
      const std::vector<double> weights = agreement_weights(weightings.at(weighting), counts.values);
      const std::string what = name + " " + weighting + " ";
      expect(wanted["fleiss"], fleiss_kappa(counts.units(), weights), what + "fleiss");
      expect(wanted["gwet"], gwet_ac(counts.units(), weights), what + "gwet");
      expect(wanted["conger"], conger_kappa(counts.units(), counts.margins, weights), what + "conger");
      expect(wanted["brennan_prediger"], bennett_s(counts.units(), weights), what + "brennan");
      expect(wanted["percent_agreement"], percent_agreement(counts.units(), weights), what + "percent");
    }
    if (entry.contains("fleiss_kappa")) {
      expect(entry["fleiss_kappa"], fleiss_kappa(counts.units()), name + " fleiss");
      expect(entry["randolph_kappa"], bennett_s(counts.units()), name + " randolph");
    }
  }
}

TEST(Reference, EveryPairOfRaters) {
  std::size_t checked = 0;
  for (const json& entry : golden_file()["tables"]) {
    const Ratings ratings = ratings_from_numbers(numbers_of(entry["table"]), entry["table"][0].size());
    const AgreementCounts counts = count_agreement(ratings);
    std::size_t index = 0;
    for (const json& wanted : entry["pairs"]) {
      const PairTable table = counts.pair(index++);
      const std::string what = entry["name"].get<std::string>() + wanted["raters"].dump();
      const PairStatistics got = pair_statistics(table, Level::kNominal);
      EXPECT_EQ(table.total(), wanted["n"].get<double>());
      expect(wanted["cohen"], got.cohen_kappa, what);
      expect(wanted["cohen_linear"], got.cohen_kappa_linear, what);
      expect(wanted["cohen_quadratic"], got.cohen_kappa_quadratic, what);
      expect(wanted["percent_agreement"], got.percent_agreement, what);
      expect(wanted["pearson"], got.pearson, what);
      expect(wanted["spearman"], got.spearman, what);
      expect(wanted["kendall_tau_b"], got.kendall_tau_b, what);
      ++checked;
    }
  }
  EXPECT_GT(checked, 50u);
}

TEST(Reference, Associations) {
  for (const json& entry : golden_file()["associations"]) {
    const auto x = entry["x"].get<std::vector<double>>(), y = entry["y"].get<std::vector<double>>();
    const std::string name = entry["name"];
    const Correlation r = pearson(x, y), rho = spearman(x, y), tau = kendall_tau_b(x, y);
    expect(entry["pearson"], r.estimate, name);
    expect(entry["spearman"], rho.estimate, name);
    if (name != "two_points")
      expect(entry["kendall_tau_b"], tau.estimate,
             name);  // two untied points have tau 1; scipy's asymptotic p fails first
    for (const auto& [key, got] : std::map<std::string, double>{{"spearman_p", rho.p}, {"kendall_p", tau.p}}) {
      if (entry[key].is_null()) continue;
      const double p = entry[key];
      // Below 1e-100 the reference's own logarithms lose digits.
      EXPECT_NEAR(got, p, p < 1e-100 ? 1e-8 * p : 1e-9 * p) << name << " " << key;
    }
  }
}

TEST(Reference, IntraclassCorrelations) {
  for (const json& entry : golden_file()["icc"]) {
    const IntraclassCorrelation icc = intraclass_correlation(numbers_of(entry["table"]), entry["table"][0].size());
    EXPECT_NEAR(icc.between, entry["bms"], 1e-11);
    EXPECT_NEAR(icc.judges, entry["jms"], 1e-11);
    EXPECT_NEAR(icc.error, entry["ems"], 1e-11);
    EXPECT_NEAR(icc.within, entry["wms"], 1e-11);
    expect(entry["icc1"], icc.one, "icc1", 1e-11);
    expect(entry["icc2"], icc.two, "icc2", 1e-11);
    expect(entry["icc3"], icc.three, "icc3", 1e-11);
    expect(entry["icc1k"], icc.one_mean, "icc1k", 1e-11);
    expect(entry["icc2k"], icc.two_mean, "icc2k", 1e-11);
    expect(entry["icc3k"], icc.three_mean, "icc3k", 1e-11);
  }
}

TEST(Reference, BothOrientations) {
  const json& entry = golden_file()["symmetrised"];
  Ratings ratings = ratings_from_numbers(numbers_of(entry["table"]), 3);
  ratings.both_orientations = true;
  const AgreementCounts counts = count_agreement(ratings);
  expect(entry["alpha_nominal_both_orientations"], krippendorff_alpha(counts.units(), Level::kNominal), "alpha");
  const double cohen[] = {cohen_kappa(counts.pair(0)).value, cohen_kappa(counts.pair(1)).value,
                          cohen_kappa(counts.pair(2)).value};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(cohen[i], entry["cohen_both_orientations"][i], 1e-12);
}

TEST(Reference, TestsAndQuantiles) {
  const json& tests = golden_file()["tests"];
  for (const json& entry : tests["holm"]) {
    const std::vector<double> adjusted = holm(entry["p"].get<std::vector<double>>());
    for (std::size_t i = 0; i < adjusted.size(); ++i) EXPECT_NEAR(adjusted[i], entry["adjusted"][i], 1e-14);
  }
  for (const json& entry : tests["mcnemar_exact"])
    EXPECT_NEAR(mcnemar(entry["b"], entry["c"]).exact, entry["p"], 1e-13);
  for (const json& entry : tests["normal_quantiles"]) EXPECT_NEAR(normal_quantile(entry[0]), entry[1], 1e-9);
}

TEST(Reference, BootstrapIntervalsOfAMean) {
  const json& entry = golden_file()["bootstrap_of_a_mean"];
  const auto x = entry["x"].get<std::vector<double>>();
  ClusterSums sums(x.size(), 2);
  for (std::size_t i = 0; i < x.size(); ++i) {
    sums.at(i, 0) = x[i];
    sums.at(i, 1) = 1;
  }
  const Bootstrap result =
      bootstrap(sums, 1, [](std::span<const double> s, std::span<double> out) { out[0] = s[0] / s[1]; },
                {.replicates = 20000, .seed = 3, .threads = 0, .strata = {}});
  const Interval bca = bca_interval(result.estimates[0], result.samples, result.jackknife),
                 plain = percentile_interval(result.samples);
  EXPECT_NEAR(bca.low, entry["bca"][0], 0.05);
  EXPECT_NEAR(bca.high, entry["bca"][1], 0.05);
  EXPECT_NEAR(plain.low, entry["percentile"][0], 0.05);
  EXPECT_NEAR(plain.high, entry["percentile"][1], 0.05);
}

class SharedData : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("BALLOT_SHARED_DATA");
    data_ =
        folder ? std::filesystem::path(folder) : std::filesystem::path(BALLOT_SOURCE_DIR) / ".." / "shared" / "data";
    if (!std::filesystem::exists(data_ / "judgements")) GTEST_SKIP() << "the shared data is not there";
  }
  std::vector<json> rows(const char* file) const {
    std::ifstream stream(data_ / "judgements" / file);
    std::vector<json> out;
    for (std::string line; std::getline(stream, line);)
      if (!line.empty()) out.push_back(json::parse(line));
    return out;
  }
  std::filesystem::path data_;
};

TEST_F(SharedData, PrometheusScores) {
  std::vector<double> numbers;
  for (const json& row : rows("likert/prometheus_mt_bench_gpt4_x3.jsonl"))
    for (const json& score : row["gpt4_scores"]) numbers.push_back(score);
  ASSERT_EQ(numbers.size(), 960u);
  const AgreementCounts counts = count_agreement(ratings_from_numbers(numbers, 3));
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kNominal).value, 0.487421509820, 5e-13);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kOrdinal).value, 0.814522758640, 5e-13);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kInterval).value, 0.850989438483, 5e-13);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kRatio).value, 0.824336070681, 5e-13);
  EXPECT_NEAR(fleiss_kappa(counts.units()).value, 0.486887017130, 5e-13);
  const IntraclassCorrelation icc = intraclass_correlation(numbers, 3);
  EXPECT_NEAR(icc.one.value, 0.851253976195, 5e-13);
  EXPECT_NEAR(icc.two.value, 0.851234317326, 5e-13);
  EXPECT_NEAR(icc.three.value, 0.850896943503, 5e-13);
  EXPECT_NEAR(cohen_kappa(counts.pair(0), Disagreement::kQuadratic).value, 0.835477941176, 5e-13);
  EXPECT_NEAR(kendall_tau_b(counts.pair(0)).value, 0.726026016073, 5e-13);
  EXPECT_NEAR(spearman(counts.pair(0)).value, 0.803698446721, 5e-13);
}

TEST_F(SharedData, MtBenchHumanVotes) {
  // Votes of a unit in the order of the file, whoever cast them: 0 where the alphabetically first model wins, 1 a tie.
  std::map<std::string, std::vector<double>> units;
  std::size_t most = 0;
  for (const json& row : rows("mtbench/human.jsonl")) {
    std::string a = row["model_a"], b = row["model_b"], winner = row["winner"];
    const bool swapped = b < a;
    if (swapped) std::swap(a, b);
    const double vote = winner == "tie" ? 1 : (winner == "model_a") != swapped ? 0 : 2;
    std::vector<double>& votes = units[a + "|" + b + "|" + row["question_id"].dump() + "|" + row["turn"].dump()];
    votes.push_back(vote);
    most = std::max(most, votes.size());
  }
  ASSERT_EQ(units.size(), 1814u);
  std::vector<double> numbers;
  for (auto& [unit, votes] : units) {
    votes.resize(most, NAN);
    numbers.insert(numbers.end(), votes.begin(), votes.end());
  }
  Ratings ratings = ratings_from_numbers(numbers, most);
  const AgreementCounts counts = count_agreement(ratings);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kNominal).value, 0.485460777416, 5e-13);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kOrdinal).value, 0.575941073411, 5e-13);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kInterval).value, 0.575597850057, 5e-13);
  EXPECT_NEAR(percent_agreement(counts.units()).value, 0.671671374065, 5e-13);
  ratings.both_orientations = true;
  EXPECT_NEAR(krippendorff_alpha(count_agreement(ratings).units(), Level::kNominal).value, 0.485869780370, 5e-13);
}

TEST_F(SharedData, PandaLmHumans) {
  std::vector<double> numbers;
  for (const json& row : rows("pandalm/pandalm_testset.jsonl"))
    for (const char* who : {"annotator1", "annotator2", "annotator3"}) numbers.push_back(row[who]);
  const AgreementCounts counts = count_agreement(ratings_from_numbers(numbers, 3));
  EXPECT_NEAR(fleiss_kappa(counts.units()).value, 0.864175364998, 5e-13);
  EXPECT_NEAR(krippendorff_alpha(counts.units(), Level::kNominal).value, 0.864220685196, 5e-13);
  EXPECT_NEAR(cohen_kappa(counts.pair(0)).value, 0.852022678517, 5e-13);
  EXPECT_NEAR(cohen_kappa(counts.pair(1)).value, 0.878943811250, 5e-13);
  EXPECT_NEAR(cohen_kappa(counts.pair(2)).value, 0.861661454076, 5e-13);
}

}  // namespace
}  // namespace ballot
