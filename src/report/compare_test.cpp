#include "report/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/random.h"
#include "data/table.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Compare : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("ballot-compare-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  /// RewardBench rows: `rows` of each of two subsets of Chat and one of Safety, right with the given probability.
  std::string bench(const std::string& name, double accuracy, std::uint64_t seed, std::size_t rows = 60) {
    Random random(seed, "bench");
    std::vector<std::string> ids, subsets;
    std::vector<double> chosen, rejected;
    std::vector<bool> correct;
    for (const char* subset : {"alpacaeval-easy", "mt-bench-easy", "donotanswer"})
      for (std::size_t i = 0; i < rows; ++i) {
        ids.push_back(std::to_string(1000 + i));
        subsets.emplace_back(subset);
        correct.push_back(random.uniform() < accuracy);
        chosen.push_back(correct.back() ? 1 : 0);
        rejected.push_back(0.5);
      }
    fs::create_directories(folder_ / name);
    write_table(folder_ / name / "scores.parquet", {{"id", ids},
                                                    {"subset", subsets},
                                                    {"score_chosen", chosen},
                                                    {"score_rejected", rejected},
                                                    {"correct", correct}});
    return path(name);
  }

  CompareOptions options(std::vector<std::string> results) {
    CompareOptions o;
    o.results = std::move(results);
    o.bootstrap = 400;
    return o;
  }
  std::string error_of(const CompareOptions& o) {
    try {
      compare_results(o, 0, 1);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  fs::path folder_;
};

TEST_F(Compare, AClearDifferenceIsFoundWithRewardBenchsWeights) {
  const auto contrasts = compare_results(options({bench("good", 0.95, 1), bench("poor", 0.5, 2)}), 0, 2);
  ASSERT_EQ(contrasts.size(), 1u);
  const ResultContrast& c = contrasts[0];
  EXPECT_EQ(c.outcome, "RewardBench score");
  EXPECT_EQ(c.a, "good");
  EXPECT_EQ(c.verdict, "better");
  EXPECT_EQ(c.paired.n, 180);
  EXPECT_NEAR(c.value_a - c.value_b, c.paired.difference, 1e-12);
  EXPECT_THAT(compare_text(contrasts, options({})), HasSubstr("a is better"));
  // By hand: mean over the sections of the subsets' accuracies, weighed 100 and 28.
  const Table table = read_table(path("good/scores.parquet"));
  double right[3] = {0, 0, 0};
  for (std::size_t i = 0; i < 180; ++i) right[i / 60] += *table.column("correct")[i].number / 60;
  EXPECT_NEAR(c.value_a, ((100 * right[0] + 28 * right[1]) / 128 + right[2]) / 2, 1e-12);
}

TEST_F(Compare, EveryTwoResultsAreOneFamily) {
  auto o = options({bench("a", 0.7, 1), bench("b", 0.7, 2), bench("c", 0.72, 3)});
  o.sections = true;
  const auto contrasts = compare_results(o, 0, 1);
  EXPECT_EQ(contrasts.size(), 9u);  // score, Chat and Safety of three pairs
  for (const ResultContrast& c : contrasts) {
    EXPECT_GE(c.p_holm, c.paired.p);
    EXPECT_EQ(c.verdict, "not distinguished");
  }
  const Json json = compare_json(contrasts, o, 0);
  for (const char* key : {"difference", "low", "high", "p", "p_holm", "n", "clusters", "verdict"})
    EXPECT_TRUE(json["contrasts"][0].contains(key)) << key;
  o.against = "c";
  const auto against = compare_results(o, 0, 1);
  EXPECT_EQ(against.size(), 6u);
  for (const ResultContrast& c : against) EXPECT_EQ(c.b, "c");
  o.against = "cc";
  EXPECT_THAT(error_of(o), HasSubstr("did you mean 'c'"));
}

TEST_F(Compare, ScoresOfPairsAreMatchedByIdAndClusteredByPrompt) {
  const auto write = [&](const char* name, std::vector<std::string> ids, std::vector<double> chosen) {
    std::vector<std::string> prompts;
    std::vector<double> rejected(ids.size(), 0);
    for (const std::string& id : ids) prompts.push_back(id.substr(0, 1));
    write_table(folder_ / name,
                {{"id", ids}, {"prompt_id", prompts}, {"score_chosen", chosen}, {"score_rejected", rejected}});
    return path(name);
  };
  const auto contrasts = compare_results(options({"x=" + write("x.parquet", {"p1", "p2", "q1", "r1"}, {1, 1, -1, 1}),
                                                  "y=" + write("y.parquet", {"q1", "p2", "p1", "s1"}, {-1, -1, 0, 1})}),
                                         0, 1);
  ASSERT_EQ(contrasts.size(), 1u);
  EXPECT_EQ(contrasts[0].outcome, "accuracy");
  EXPECT_EQ(contrasts[0].paired.n, 3);
  EXPECT_EQ(contrasts[0].paired.clusters, 2);
  EXPECT_EQ(contrasts[0].only_a, 1);
  EXPECT_EQ(contrasts[0].only_b, 1);
  EXPECT_NEAR(contrasts[0].paired.difference, 2.0 / 3, 1e-12);  // a score of 0 against 0 is no hit
}

TEST_F(Compare, TasksOfTheHarnessAreComparedByTheirMainMetric) {
  const auto samples = [&](const std::string& name, const std::vector<int>& right) {
    fs::create_directories(folder_ / name);
    std::string choice, follow;
    for (std::size_t i = 0; i < right.size(); ++i) {
      choice += fmt::format(
          "{{\"doc_id\": {}, \"doc\": {{\"narrative\": \"story {}\"}}, \"doc_hash\": \"h{}\", \"metrics\": [\"acc\", "
          "\"acc_norm\"], \"acc\": 0.0, \"acc_norm\": {}}}\n",
          i, i / 2, i, right[i]);
      follow += fmt::format(
          "{{\"doc_id\": {}, \"doc_hash\": \"k{}\", \"metrics\": [\"inst_level_strict_acc\"], "
          "\"inst_level_strict_acc\": [{}, true]}}\n",
          i, i, right[i] ? "true" : "false");
    }
    write_file(folder_ / name / "samples_leaderboard_musr_object_placements_2026-11-24T08-00-00.1.jsonl", choice);
    write_file(folder_ / name / "samples_leaderboard_ifeval_2026-11-24T08-00-00.1.jsonl", follow);
    return path(name);
  };
  const std::vector<std::string> folders = {samples("one", {1, 1, 1, 0, 1, 1}), samples("two", {0, 1, 0, 0, 1, 1})};
  const auto contrasts = compare_results(options(folders), 0, 1);
  ASSERT_EQ(contrasts.size(), 2u);
  EXPECT_EQ(contrasts[0].outcome, "leaderboard_ifeval, inst_level_strict_acc");
  EXPECT_NEAR(contrasts[0].value_a, 11.0 / 12, 1e-12);
  EXPECT_EQ(contrasts[0].paired.clusters, 6);
  EXPECT_EQ(contrasts[1].outcome, "leaderboard_musr_object_placements, acc_norm");
  EXPECT_NEAR(contrasts[1].paired.difference, 2.0 / 6, 1e-12);
  EXPECT_EQ(contrasts[1].paired.clusters, 3);  // two questions a story
  auto o = options(folders);
  o.metric = "acc_nrom";
  EXPECT_THAT(error_of(o), HasSubstr("no metric 'acc_nrom'"));
}

TEST_F(Compare, WhatCannotBeComparedIsSaid) {
  EXPECT_THAT(error_of(options({bench("a", 0.7, 1)})), HasSubstr("needs two results"));
  EXPECT_THAT(error_of(options({path("a"), path("nowhere")})), HasSubstr("no result"));
  fs::create_directories(folder_ / "empty");
  EXPECT_THAT(error_of(options({path("a"), path("empty")})), HasSubstr("neither scores.parquet nor samples"));
  write_table(folder_ / "other.parquet", {{"id", std::vector<std::string>{"z"}}, {"correct", std::vector<bool>{true}}});
  EXPECT_THAT(error_of(options({path("a"), path("other.parquet")})), HasSubstr("no outcome in common"));
  EXPECT_THAT(error_of(options({path("a"), path("a")})), HasSubstr("given twice"));
}

}  // namespace
}  // namespace ballot
