// Scores and sections against a plain loop of transformers over the same weights and rows, each completion alone and
// unpadded (tests/golden/rewardbench.json).
#include "evaluation/rewardbench.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "core/manifest.h"
#include "data/table.h"
#include "evaluation/golden_tasks.h"

namespace ballot {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class RewardBench : public TaskTest {
 protected:
  std::string model(const std::string& name) const { return (golden_folder() / "models" / name).string(); }
  RewardBenchOptions options() const {
    RewardBenchOptions o;
    o.scorer.model = model("tiny_llama_rm");
    o.data = (golden_folder() / "eval/rewardbench.jsonl").string();
    o.out = (folder_ / "out").string();
    o.bootstrap = 200;
    return o;
  }
  static Json run(const RewardBenchOptions& o) { return Json::parse(run_rewardbench(o, silent_progress())); }
  static std::vector<std::pair<double, double>> scores_of(const fs::path& folder) {
    const Table table = read_table((folder / "scores.parquet").string());
    std::vector<std::pair<double, double>> scores;
    for (std::int64_t i = 0; i < table.rows; ++i)
      scores.emplace_back(*table.column("score_chosen")[static_cast<std::size_t>(i)].number,
                          *table.column("score_rejected")[static_cast<std::size_t>(i)].number);
    return scores;
  }
  /// `golden`: rows [id, score_chosen, score_rejected, ...], subsets, sections, score.
  static void expect_equal(const Json& golden, const Json& json, const fs::path& folder, double absolute,
                           double relative) {
    const auto scores = scores_of(folder);
    ASSERT_EQ(scores.size(), golden["rows"].size());
    for (std::size_t i = 0; i < scores.size(); ++i)
      for (const auto& [ours, theirs] : {std::pair{scores[i].first, golden["rows"][i][1].get<double>()},
                                         std::pair{scores[i].second, golden["rows"][i][2].get<double>()}})
        EXPECT_NEAR(ours, theirs, absolute + relative * std::abs(theirs)) << "row " << i;
    expect_scores(golden, json);
    EXPECT_NEAR(json["accuracy"].get<double>(), golden["accuracy_of_rows"].get<double>(), 1e-12);
  }
  /// `golden`: [[chosen, rejected], ...].
  static void expect_pair_scores(const Json& golden, const fs::path& folder, double absolute, double relative) {
    const auto scores = scores_of(folder);
    ASSERT_EQ(scores.size(), golden.size());
    for (std::size_t i = 0; i < scores.size(); ++i)
      for (const auto& [ours, theirs] : {std::pair{scores[i].first, golden[i][0].get<double>()},
                                         std::pair{scores[i].second, golden[i][1].get<double>()}})
        EXPECT_NEAR(ours, theirs, absolute + relative * std::abs(theirs)) << "row " << i;
  }
  /// `golden`: [[right ones, then wrong ones], ...].
  static void expect_completion_scores(const Json& golden, const fs::path& folder, double absolute, double relative) {
    const Table table = read_table((folder / "scores.parquet").string());
    ASSERT_EQ(table.rows, static_cast<std::int64_t>(golden.size()));
    for (std::size_t i = 0; i < golden.size(); ++i) {
      const Json ours = Json::parse(table.column("scores")[i].text);
      std::vector<double> all = ours["chosen"];
      for (const Json& score : ours["rejected"]) all.push_back(score);
      ASSERT_EQ(all.size(), golden[i].size()) << "row " << i;
      for (std::size_t c = 0; c < all.size(); ++c)
        EXPECT_NEAR(all[c], golden[i][c].get<double>(), absolute + relative * std::abs(all[c])) << "row " << i;
    }
  }
  static void expect_suite(const Json& golden, const Json& json) {
    ASSERT_EQ(json["sections"].size(), golden["sections"].size());
    for (const auto& [name, score] : golden["sections"].items())
      EXPECT_NEAR(json["sections"][name]["score"].get<double>(), score.get<double>(), 1e-7) << name;
    EXPECT_NEAR(json["score"].get<double>(), golden["score"].get<double>(), 1e-7);
    EXPECT_LE(json["score_low"].get<double>(), json["score"].get<double>());
    EXPECT_GE(json["score_high"].get<double>(), json["score"].get<double>());
  }
  static void expect_scores(const Json& golden, const Json& json) {
    for (const auto& [name, subset] : golden["subsets"].items()) {
      EXPECT_NEAR(json["subsets"][name]["accuracy"].get<double>(), subset["accuracy"].get<double>(), 1e-12) << name;
      EXPECT_EQ(json["subsets"][name]["n"], subset["n"]) << name;
      EXPECT_EQ(json["subsets"][name]["ties"], subset["ties"]) << name;
    }
    for (const auto& [name, score] : golden["sections"].items())
      EXPECT_NEAR(json["sections"][name]["score"].get<double>(), score.get<double>(), 1e-12) << name;
    EXPECT_NEAR(json["score"].get<double>(), golden["score"].get<double>(), 1e-12);
  }
};

TEST_F(RewardBench, ARewardModelsScoresAndSectionsAreTheReferences) {
  const RewardBenchOptions o = options();
  const Json json = run(o), golden = golden_json("rewardbench.json");
  expect_equal(golden["reward_model"], json, o.out, 1e-4, 0);
  expect_scores(golden["longer"], json["baselines"]["longer"]);
  expect_scores(golden["shorter"], json["baselines"]["shorter"]);
  EXPECT_DOUBLE_EQ(json["baselines"]["random"]["score"].get<double>(), 0.5);
  EXPECT_EQ(json["ties"], 2);
  EXPECT_LE(json["sections"]["Chat"]["low"].get<double>(), json["sections"]["Chat"]["score"].get<double>());
  EXPECT_GE(json["sections"]["Chat"]["high"].get<double>(), json["sections"]["Chat"]["score"].get<double>());
  EXPECT_EQ(Json::parse(read_file(fs::path(o.out) / "results.json"))["score"], json["score"]);
}

TEST_F(RewardBench, AnImplicitRewardIsPolicyMinusReferenceOverTheCompletion) {
  RewardBenchOptions o = options();
  o.scorer.model.clear();
  o.scorer.policy = model("tiny_llama");
  o.scorer.reference = model("tiny_llama_switches");
  expect_equal(golden_json("rewardbench.json")["implicit_completion"], run(o), o.out, 1e-4, 1e-5);
}

TEST_F(RewardBench, TheBatchDoesNotMatterBeyondRounding) {
  RewardBenchOptions small = options();
  run(small);
  const auto one = scores_of(small.out);
  small.out = (folder_ / "small").string();
  small.scorer.tokens_per_batch = 1;
  run(small);
  const auto other = scores_of(small.out);
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_NEAR(one[i].first, other[i].first, 2e-6);
    EXPECT_NEAR(one[i].second, other[i].second, 2e-6);
  }
}

TEST_F(RewardBench, EqualAnswersTieAndCountAsWrong) {
  RewardBenchOptions o = options();
  o.data =
      write(
          "rows.jsonl",
          "{\"prompt\": \"p\", \"chosen\": \"same\", \"rejected\": \"same\", \"subset\": \"donotanswer\", \"id\": 1}\n"
          "{\"prompt\": \"p\", \"chosen\": \"one\", \"rejected\": \"two\", \"subset\": \"donotanswr\", \"id\": 2}\n")
          .string();
  const Json json = run(o);
  EXPECT_EQ(json["subsets"]["donotanswer"]["ties"], 1);
  EXPECT_EQ(json["sections"]["Safety"]["score"], 0.0);
  // A subset that RewardBench has not enters no section; the nearest that it has is named.
  EXPECT_EQ(json["outside_sections"][0]["subset"], "donotanswr");
  EXPECT_EQ(json["outside_sections"][0]["nearest"], "donotanswer");
}

std::string words(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += "word ";
  return text;
}

std::string pair_row(const std::string& chosen, const std::string& rejected) {
  return Json({{"prompt", "p"}, {"chosen", chosen}, {"rejected", rejected}, {"subset", "x"}}).dump() + "\n";
}

TEST_F(RewardBench, RowsLongerThanTheModelAreRejectsThatNameTheFilesRow) {
  RewardBenchOptions o = options();
  // A broken line and a blank one in front: the third pair that is encoded stands in line 5.
  o.data = write("rows.jsonl", "{broken\n\n" + pair_row("a", "b") + pair_row("a", "c") + pair_row("a", words(1200)) +
                                   pair_row(words(1200), "d"))
               .string();
  const Json json = run(o);
  EXPECT_EQ(json["n"], 2);
  EXPECT_EQ(json["rejects"]["rejected"]["too_long"], 2);
  EXPECT_EQ(json["scorer"]["max_length"], 1024);
  std::ifstream file(o.out + ".rejects.jsonl");
  std::vector<std::string> places;
  for (std::string line; std::getline(file, line);) {
    const Json reject = Json::parse(line);
    places.push_back(fmt::format("{} {} {}", reject["row"].get<int>(), reject["field"].get<std::string>(),
                                 reject["reason"].get<std::string>()));
    EXPECT_EQ(reject["file"], o.data);
  }
  EXPECT_THAT(places, testing::ElementsAre(testing::StartsWith("1 "), "5 rejected too_long", "6 chosen too_long"));
  o.out = (folder_ / "fails").string();
  o.on_bad_row = "fail";
  o.data = write("long.jsonl", pair_row("a", "b") + pair_row("a", words(1200))).string();
  try {
    run(o);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("row 2"));
  }
}

TEST_F(RewardBench, ADataSetOfWhichNothingFitsIsRefusedWithTheReasons) {
  RewardBenchOptions o = options();
  o.data = write("rows.jsonl", pair_row("a", words(1200))).string();
  try {
    run(o);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("no row of"));
    EXPECT_THAT(error.message(), HasSubstr("1 too_long"));
  }
}

TEST_F(RewardBench, BestOfFourAndTiesAreTheReferences) {
  const Json golden = golden_json("reward_suites.json")["rewardbench2"];
  RewardBenchOptions o = options();
  o.data = (golden_folder() / golden["data"].get<std::string>()).string();
  const Json json = run(o);
  EXPECT_EQ(json["suite"], "rewardbench2");
  expect_suite(golden, json);
  expect_suite(golden["longer"], json["baselines"]["longer"]);
  expect_suite(golden["shorter"], json["baselines"]["shorter"]);
  EXPECT_NEAR(json["baselines"]["random"]["sections"]["Focus"]["score"].get<double>(), 0.25, 0.03);
  expect_completion_scores(golden["scores"], o.out, 1e-4, 0);
}

TEST_F(RewardBench, TheStylesOfRmBenchAreTheReferences) {
  const Json golden = golden_json("reward_suites.json")["rm_bench"];
  RewardBenchOptions o = options();
  o.data = (golden_folder() / golden["data"].get<std::string>()).string();
  const Json json = run(o);
  EXPECT_EQ(json["suite"], "rm_bench");
  expect_suite(golden, json);
  expect_suite(golden["longer"], json["baselines"]["longer"]);
  expect_suite(golden["shorter"], json["baselines"]["shorter"]);
  for (const char* style : {"easy", "normal", "hard"}) {
    EXPECT_NEAR(json["styles"][style]["score"].get<double>(), golden[style].get<double>(), 1e-12) << style;
    EXPECT_NEAR(json["baselines"]["longer"]["styles"][style]["score"].get<double>(),
                golden["longer"][style].get<double>(), 1e-12)
        << style;
  }
  expect_completion_scores(golden["scores"], o.out, 1e-4, 0);
}

TEST_F(RewardBench, ForcedTruncationCutsTheBeginningAsTheReferenceDoes) {
  const Json golden = golden_json("reward_suites.json")["force_truncation"];
  RewardBenchOptions o = options();
  o.scorer.force_truncation = true;
  o.scorer.max_length = golden["max_length"];
  const Json json = run(o);
  expect_pair_scores(golden["scores"], o.out, 1e-4, 0);
  EXPECT_GT(json["truncated"].get<int>(), 5);
  EXPECT_EQ(json["n"], 28);
  EXPECT_EQ(json["scorer"]["truncation"], "left");
}

TEST_F(RewardBench, AnImplicitRewardCanTakeRewardBenchsTokens) {
  RewardBenchOptions o = options();
  o.scorer.model.clear();
  o.scorer.policy = model("tiny_llama");
  o.scorer.reference = model("tiny_llama_switches");
  o.scorer.scored_tokens = "rewardbench";
  expect_equal(golden_json("rewardbench.json")["implicit_as_rewardbench"], run(o), o.out, 1e-4, 1e-5);
  // Cut by its rule: 128 tokens of the prompt, then the beginnings of the answers.
  const Json golden = golden_json("reward_suites.json")["implicit_cut"];
  o.out = (folder_ / "cut").string();
  o.scorer.max_length = golden["max_length"];
  EXPECT_GT(run(o)["truncated"].get<int>(), 3);
  expect_pair_scores(golden["scores"], o.out, 1e-4, 1e-5);
}

TEST_F(RewardBench, APolicyAloneIsScoredByTheThreeNorms) {
  for (const char* type : {"avg", "sum", "norm"}) {
    RewardBenchOptions o = options();
    o.out = (folder_ / type).string();
    o.scorer.model.clear();
    o.scorer.policy = model("tiny_llama");
    o.scorer.ref_free_type = type;
    o.scorer.scored_tokens = "rewardbench";
    const Json json = run(o);
    EXPECT_EQ(json["scorer"]["ref_free_type"], type);
    expect_pair_scores(golden_json("reward_suites.json")[std::string("ref_free_") + type]["scores"], o.out, 1e-4, 1e-5);
  }
}

TEST_F(RewardBench, SwitchesThatDoNotGoTogetherAreRefused) {
  int attempt = 0;
  const auto refused = [&](auto change) {
    RewardBenchOptions o = options();
    o.out = (folder_ / fmt::format("out{}", attempt++)).string();
    change(o.scorer);
    try {
      run(o);
    } catch (const Error& error) {
      return error.message();
    }
    return std::string();
  };
  EXPECT_THAT(refused([](ScorerOptions& s) { s.ref_free_type = "avg"; }), HasSubstr("--policy"));
  EXPECT_THAT(refused([](ScorerOptions& s) { s.scored_tokens = "rewardbench"; }), HasSubstr("--policy"));
  EXPECT_THAT(refused([](ScorerOptions& s) { s.policy = s.model, s.model.clear(), s.reference.clear(); }),
              HasSubstr("--reference is missing"));
  EXPECT_THAT(
      refused([](ScorerOptions& s) { s.policy = s.reference = s.model, s.model.clear(), s.ref_free_type = "sum"; }),
      HasSubstr("without a reference"));
  EXPECT_THAT(refused([](ScorerOptions& s) { s.chat_template = "nowhere.jinja"; }), HasSubstr("nowhere.jinja"));
}

TEST_F(RewardBench, AccuracyByTheSignOfTheLengthDifferenceLetsALengthScorerDownToOneHalf) {
  const Json json = run(options());
  const Json& length = json["length"];
  double pairs = 0;
  for (const char* sign : {"longer", "shorter", "equal"}) pairs += length["by_sign"][sign]["pairs"].get<double>();
  EXPECT_EQ(pairs, 28);
  EXPECT_NEAR(
      length["length_controlled_accuracy"]["score"].get<double>(),
      (length["by_sign"]["longer"]["score"].get<double>() + length["by_sign"]["shorter"]["score"].get<double>()) / 2,
      1e-12);
  EXPECT_LE(length["length_controlled_accuracy"]["low"], length["length_controlled_accuracy"]["score"]);
  EXPECT_LE(std::abs(length["correlation_within_prompt"]["score"].get<double>()), 1);
  EXPECT_NEAR(json["tie_rate"].get<double>(), 2.0 / 28, 1e-12);
  EXPECT_NEAR(json["accuracy_with_half_for_ties"].get<double>(), json["accuracy"].get<double>() + 1.0 / 28, 1e-12);
}

TEST_F(RewardBench, PairsOfAnyKindAreTakenAndPriorSetsEnterTheLeaderboardsScore) {
  RewardBenchOptions o = options();
  o.data =
      write("pairs.jsonl", R"({"chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "a"}], )"
                           R"("rejected": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "b"}]})"
                           "\n")
          .string();
  const Json pairs = run(o);
  EXPECT_EQ(pairs["suite"], "preferences");
  EXPECT_EQ(pairs["score"], pairs["accuracy"]);
  EXPECT_TRUE(pairs["sections"].contains("all pairs"));
  o.out = (folder_ / "prior").string();
  o.data = write("prior.jsonl", R"({"prompt": "p", "chosen": "a", "rejected": "b", "subset": "donotanswer", "id": 1})"
                                "\n"
                                R"({"prompt": "p", "chosen": "a", "rejected": "b", "subset": "shp", "id": 2})"
                                "\n")
               .string();
  const Json prior = run(o);
  EXPECT_EQ(prior["prior_sets"], prior["score"]);  // the same pair in both
  EXPECT_EQ(prior["leaderboard_score"], prior["score"]);
}

TEST_F(RewardBench, AModelWithoutAScoreIsRefusedInWords) {
  RewardBenchOptions o = options();
  o.scorer.model = model("tiny_llama");
  try {
    run(o);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("is no reward model"));
    EXPECT_THAT(error.next(), HasSubstr("--policy"));
  }
}

TEST_F(RewardBench, ScoresOfPreferencesAreThoseOfTheSameRows) {
  // The same rows in TRL's conversational layout.
  std::string rows;
  std::ifstream file(golden_folder() / "eval/rewardbench.jsonl");
  for (std::string line; std::getline(file, line);) {
    const Json row = Json::parse(line);
    const auto turn = [](const char* role, const Json& text) {
      return Json::array({{{"role", role}, {"content", text}}});
    };
    rows += Json({{"prompt", turn("user", row["prompt"])},
                  {"chosen", turn("assistant", row["chosen"])},
                  {"rejected", turn("assistant", row["rejected"])}})
                .dump() +
            "\n";
  }
  ScoreOptions o;
  o.scorer = options().scorer;
  o.data = write("pairs.jsonl", rows).string();
  o.out = (folder_ / "scores.parquet").string();
  const Json json = Json::parse(run_score(o, silent_progress()));
  const Json golden = golden_json("rewardbench.json")["reward_model"];
  EXPECT_NEAR(json["accuracy"].get<double>(), golden["accuracy_of_rows"].get<double>(), 1e-12);
  EXPECT_EQ(json["ties"], 2);
  EXPECT_TRUE(fs::exists(manifest_path(o.out)));
  EXPECT_THROW(run_score(o, silent_progress()), Error);
}

}  // namespace
}  // namespace ballot
