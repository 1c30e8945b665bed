// Scores and sections against a plain loop of transformers over the same weights and rows, each completion alone and
// unpadded (tests/golden/rewardbench.json).
#include "evaluation/rewardbench.h"

#include <gmock/gmock.h>

#include <cmath>

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

TEST_F(RewardBench, RowsLongerThanTheModelAreCountedRejects) {
  RewardBenchOptions o = options();
  std::string lengthy;
  for (int i = 0; i < 1200; ++i) lengthy += "word ";
  o.data = write("rows.jsonl", "{\"prompt\": \"p\", \"chosen\": \"" + lengthy +
                                   "\", \"rejected\": \"b\", \"subset\": \"x\"}\n" +
                                   "{\"prompt\": \"p\", \"chosen\": \"a\", \"rejected\": \"b\", \"subset\": \"x\"}\n")
               .string();
  const Json json = run(o);
  EXPECT_EQ(json["n"], 1);
  EXPECT_EQ(json["rejects"]["rejected"]["too_long"], 1);
  EXPECT_EQ(json["scorer"]["max_length"], 1024);
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
