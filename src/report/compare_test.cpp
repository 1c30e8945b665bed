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

/// Rows as `ballot rewardbench` writes them for prompts with several completions.
struct SuiteRow {
  std::string id, subset, cluster, scores;
};

class CompareSuites : public Compare {
 protected:
  std::string write(const std::string& name, const std::vector<SuiteRow>& rows, bool scores = true) {
    std::vector<std::string> id, subset, cluster, all;
    std::vector<double> credit(rows.size(), 0.5);
    for (const SuiteRow& row : rows) {
      id.push_back(row.id);
      subset.push_back(row.subset);
      cluster.push_back(row.cluster);
      all.push_back(row.scores);
    }
    std::vector<TableColumn> columns = {{"id", id}, {"subset", subset}, {"correct", credit}, {"cluster", cluster}};
    if (scores) columns.push_back({"scores", all});
    fs::create_directories(folder_ / name);
    write_table(folder_ / name / "scores.parquet", columns);
    return path(name);
  }
  static const ResultContrast& named(const std::vector<ResultContrast>& contrasts, const std::string& outcome) {
    for (const ResultContrast& c : contrasts)
      if (c.outcome == outcome) return c;
    throw std::runtime_error("no outcome " + outcome);
  }
};

TEST_F(CompareSuites, RewardBench2IsComparedByBestOfFourAndTheFivePartsOfTies) {
  // a: Math right, a tie of two for the top in Focus; Ties: ref right, tied 2 above with a spread of 1.
  const auto rows = [](const char* math, const char* focus, const char* ref, const char* tied) {
    return std::vector<SuiteRow>{{"1", "Math", "p1", math},
                                 {"2", "Math", "p2", R"({"chosen":[1],"rejected":[0,0,0]})"},
                                 {"3", "Focus", "p3", focus},
                                 {"ref:0", "Ties", "0", ref},
                                 {"tied:0", "Ties", "0", tied},
                                 {"ref:1", "Ties", "1", R"({"chosen":[1],"rejected":[0]})"},
                                 {"tied:1", "Ties", "1", R"({"chosen":[2,1],"rejected":[0]})"}};
  };
  const std::string a = write("a", rows(R"({"chosen":[3],"rejected":[0,1,2]})", R"({"chosen":[3],"rejected":[3,1,2]})",
                                        R"({"chosen":[4],"rejected":[0]})", R"({"chosen":[3,2],"rejected":[0]})"));
  const std::string b = write("b", rows(R"({"chosen":[1],"rejected":[0,1,2]})", R"({"chosen":[0],"rejected":[3,1,2]})",
                                        R"({"chosen":[1],"rejected":[2]})", R"({"chosen":[3,2],"rejected":[0]})"));
  auto o = options({a, b});
  o.sections = true;
  const auto contrasts = compare_results(o, 0, 1);
  const ResultContrast& score = named(contrasts, "RewardBench 2 score");
  // Ties of a: 0.3 + 0.3 + 0.2 mean[2 > 1, 1 > 1] + 0.2 mean[2 > 1, 1 > 1] + 0.01 mean[tanh(2 - 1), tanh(0)].
  const double ties_a = 0.6 + 0.1 + 0.1 + 0.01 * std::tanh(1) / 2;
  // b's ref:0 lies 1 below: accuracy 1/2, min(-1, 2) / 1 - 1 = -2.
  const double ties_b = 0.3 + 0.15 + 0.1 + 0.01 * std::tanh(-2) / 2;
  EXPECT_NEAR(score.value_a, (1 + 0.5 + ties_a) / 3, 1e-12);
  EXPECT_NEAR(score.value_b, (0.5 + 0 + ties_b) / 3, 1e-12);
  EXPECT_NEAR(score.paired.difference, score.value_a - score.value_b, 1e-12);
  EXPECT_EQ(score.paired.clusters, 5);  // three prompts and two of Ties
  EXPECT_NEAR(named(contrasts, "RewardBench 2 Ties").paired.difference, ties_a - ties_b, 1e-12);
  EXPECT_NEAR(named(contrasts, "RewardBench 2 Focus").value_a, 0.5, 1e-12);
}

TEST_F(CompareSuites, RmBenchIsComparedByItsThreeStyles) {
  const std::string a = write("a", {{"1", "chat", "p1", R"({"chosen":[2,2,2],"rejected":[1,1,1]})"},
                                    {"2", "math", "p2", R"({"chosen":[1,2,3],"rejected":[0,1,2]})"}});
  const std::string b = write("b", {{"1", "chat", "p1", R"({"chosen":[0,1,2],"rejected":[0,1,2]})"},
                                    {"2", "math", "p2", R"({"chosen":[1,2,3],"rejected":[0,1,2]})"}});
  const auto contrasts = compare_results(options({a, b}), 0, 1);
  ASSERT_EQ(contrasts.size(), 4u);
  // b's chat: the fancier wins, so 3 of 3 easy, 0 of 3 normal and hard; math of both: 3 easy, 3 normal, 0 hard.
  EXPECT_NEAR(named(contrasts, "RM-Bench easy").value_b, 1, 1e-12);
  EXPECT_NEAR(named(contrasts, "RM-Bench normal").value_b, 0.5, 1e-12);
  EXPECT_NEAR(named(contrasts, "RM-Bench hard").value_b, 0, 1e-12);
  EXPECT_NEAR(named(contrasts, "RM-Bench hard").value_a, 0.5, 1e-12);
  EXPECT_NEAR(named(contrasts, "RM-Bench score").value_a, (1 + 2.0 / 3) / 2, 1e-12);
}

TEST_F(CompareSuites, WithoutTheScoresOfAllCompletionsThereIsNothingToPair) {
  const std::vector<SuiteRow> ties = {{"ref:0", "Ties", "0", ""}, {"tied:0", "Ties", "0", ""}};
  EXPECT_THAT(error_of(options({write("a", ties, false), write("b", ties, false)})),
              HasSubstr("results of RewardBench 2 without the column 'scores'"));
  EXPECT_THAT(error_of(options({write("c", ties), write("d", ties)})), HasSubstr("row 1: 'scores' is no"));
  const std::vector<SuiteRow> styles = {{"1", "chat", "p1", R"({"chosen":[2,2],"rejected":[1,1,1]})"}};
  EXPECT_THAT(error_of(options({write("e", styles), write("f", styles)})), HasSubstr("three styles"));
  const std::string stated = write("g", styles, false);
  write_file(fs::path(stated) / "results.json", R"({"suite": "rm_bench"})");
  EXPECT_THAT(error_of(options({stated, path("e")})), HasSubstr("results of RM-Bench without"));
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
