#include "report/agree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/random.h"
#include "data/annotations.h"
#include "data/ids.h"
#include "data/pool.h"
#include "data/preferences.h"

namespace ballot {
namespace {

using testing::HasSubstr;

class Agree : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("ballot-agree-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  /// Twelve prompts of five completions; completion i has rank i + 1.
  std::vector<PoolRow> pool() const {
    std::vector<PoolRow> rows;
    for (int p = 0; p < 12; ++p) {
      PoolRow row;
      row.prompt = {{"user", "question " + std::to_string(p)}};
      row.prompt_id = prompt_id_of(row.prompt);
      row.source = {p % 2 ? "odd" : "even"};
      for (int i = 0; i < 5; ++i) {
        Completion c;
        c.text = "answer " + std::to_string(i);
        c.model = "model-" + std::to_string(i);
        c.source_rank = i + 1;
        c.completion_id = completion_id_of(row.prompt_id, c.model, c.text);
        row.completions.push_back(c);
      }
      rows.push_back(row);
    }
    return rows;
  }

  /// One annotator's labels: each pair of the pool is labelled as the source ranks it with probability `accuracy`.
  std::vector<Preference> labels(const std::string& format, double accuracy, std::uint64_t seed) const {
    Random random(seed, format);
    std::vector<Preference> out;
    for (const PoolRow& row : pool())
      for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = i + 1; j < 5; ++j) {
          const bool right = random.uniform() < accuracy;
          const Completion &winner = row.completions[right ? i : j], &loser = row.completions[right ? j : i];
          Preference p;
          p.prompt = row.prompt;
          p.chosen = winner.text;
          p.rejected = loser.text;
          p.prompt_id = row.prompt_id;
          p.chosen_id = winner.completion_id;
          p.rejected_id = loser.completion_id;
          p.pair_id = pair_id_of(p.chosen_id, p.rejected_id);
          p.chosen_model = winner.model;
          p.rejected_model = loser.model;
          p.source_rank_chosen = winner.source_rank;
          p.source_rank_rejected = loser.source_rank;
          p.presented_first = random.uniform() < 0.5 ? p.chosen_id : p.rejected_id;
          p.tie = random.uniform() < 0.2;
          p.source = row.source;
          p.format = format;
          p.judge = "simulated:test";
          p.status = "ok";
          out.push_back(p);
        }
    return out;
  }

  std::string csv(const std::string& content) const {
    write_file(path("table.csv"), content);
    return path("table.csv");
  }

  Json run(const AgreeOptions& options, std::uint64_t seed = 0) {
    rejects_ = RejectLog();
    const AgreeResult result = agree(options, seed, 2, rejects_);
    EXPECT_FALSE(agree_text(result, options, rejects_).empty());
    return agree_json(result, options, seed, rejects_);
  }

  std::filesystem::path folder_;
  RejectLog rejects_;
};

TEST_F(Agree, PreferencesAlignByPairAndTheSourceIsOneMoreAnnotator) {
  const auto a = labels("binary", 0.9, 1);
  auto b = labels("ranking", 0.7, 2);
  std::reverse(b.begin(), b.end());
  write_preferences(path("binary.parquet"), a);
  write_preferences(path("ranking.parquet"), b);
  write_pool(path("pool.parquet"), pool());
  AgreeOptions options;
  options.preferences = {path("binary.parquet"), path("ranking.parquet")};
  options.pool = path("pool.parquet");
  options.bootstrap = 100;
  const Json json = run(options);
  EXPECT_EQ(json["units"], 120);
  EXPECT_EQ(json["raters"], 3);
  EXPECT_EQ(json["values"], 360);
  EXPECT_EQ(json["clusters"], 12);
  EXPECT_EQ(json["rater_names"].dump(), R"(["binary","ranking","source"])");
  // By hand: how often does binary agree with the source?
  double agree = 0;
  for (const Preference& p : a) agree += p.source_rank_chosen < p.source_rank_rejected;
  const Json& pair = json["pairs"][1];
  EXPECT_EQ(pair["b"], "source");
  EXPECT_DOUBLE_EQ(pair["percent_agreement"]["estimate"], agree / 120);
  EXPECT_NEAR(pair["cohen_kappa"]["estimate"].get<double>(), 2 * agree / 120 - 1, 1e-14);
  EXPECT_NEAR(pair["kendall_tau_b"]["estimate"].get<double>(), 2 * agree / 120 - 1, 1e-14);
  EXPECT_LE(pair["pearson"]["low"].get<double>(), pair["pearson"]["estimate"].get<double>());
  ASSERT_EQ(json["contrasts"].size(), 1u);
  EXPECT_EQ(json["contrasts"][0]["reference"], "source");
}

TEST_F(Agree, OverallMayBeOfSomeAnnotators) {
  write_preferences(path("binary.parquet"), labels("binary", 0.9, 1));
  write_preferences(path("ranking.parquet"), labels("ranking", 0.7, 2));
  write_pool(path("pool.parquet"), pool());
  AgreeOptions options;
  options.preferences = {path("binary.parquet"), path("ranking.parquet")};
  options.bootstrap = 50;
  const Json two = run(options);
  options.pool = path("pool.parquet");
  options.overall = {"binary", "ranking"};
  const Json three = run(options);
  EXPECT_EQ(two["overall"].dump(), three["overall"].dump());
  EXPECT_EQ(three["pairs"].size(), 3u);
  options.overall = {"binray"};
  EXPECT_THROW(run(options), Error);
}

TEST_F(Agree, OrientationIsPartOfTheStatistic) {
  write_preferences(path("binary.parquet"), labels("binary", 0.8, 1));
  write_pool(path("pool.parquet"), pool());
  AgreeOptions options;
  options.preferences = {path("binary.parquet")};
  options.pool = path("pool.parquet");
  options.bootstrap = 0;
  const Json symmetric = run(options);
  options.orientation = "source";
  const Json source = run(options);
  options.orientation = "hash";
  const Json hash = run(options, 1), other_hash = run(options, 2);
  options.orientation = "presented";
  const Json presented = run(options);
  const auto kappa = [](const Json& json) { return json["pairs"][0]["fleiss_kappa"]["estimate"].get<double>(); };
  const auto share = [](const Json& json) { return json["pairs"][0]["percent_agreement"]["estimate"].get<double>(); };
  for (const Json* json : {&source, &hash, &presented}) EXPECT_DOUBLE_EQ(share(*json), share(symmetric));
  // In its own order the source is constant: kappa cannot be above 0.
  EXPECT_LE(kappa(source), 0);
  EXPECT_EQ(source["pairs"][0]["pearson"]["reason"], "no_variation");
  EXPECT_NEAR(kappa(hash), kappa(symmetric), 0.1);
  EXPECT_NE(kappa(hash), kappa(other_hash));
  EXPECT_NEAR(kappa(presented), kappa(symmetric), 0.1);
}

TEST_F(Agree, TiedPairsCanBeKeptMissingOrACategory) {
  write_preferences(path("binary.parquet"), labels("binary", 0.8, 1));
  write_preferences(path("single.parquet"), labels("single", 0.8, 2));
  AgreeOptions options;
  options.preferences = {path("binary.parquet"), path("single.parquet")};
  options.bootstrap = 0;
  EXPECT_EQ(run(options)["values"], 240);
  options.tied_pairs = "missing";
  const Json missing = run(options);
  EXPECT_LT(missing["values"], 240);
  EXPECT_EQ(missing["units"], 120);
  options.tied_pairs = "category";
  const Json category = run(options);
  EXPECT_EQ(category["values"], 240);
  EXPECT_EQ(category["categories"].size(), 3u);
}

TEST_F(Agree, GroupsAddUpToTheWhole) {
  write_preferences(path("binary.parquet"), labels("binary", 0.8, 1));
  write_preferences(path("ranking.parquet"), labels("ranking", 0.8, 2));
  AgreeOptions options;
  options.preferences = {path("binary.parquet"), path("ranking.parquet")};
  options.bootstrap = 50;
  options.by = "source_distance";
  const Json json = run(options);
  std::int64_t units = 0;
  for (const Json& group : json["by"]["groups"]) units += group["units"].get<std::int64_t>();
  EXPECT_EQ(units, 120);
  EXPECT_EQ(json["by"]["groups"][0]["value"], "1");
  EXPECT_EQ(json["by"]["groups"].size(), 4u);
  options.by = "sorce";
  try {
    run(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'source'"));
  }
}

TEST_F(Agree, APairGivenTwiceIsABadRow) {
  auto rows = labels("binary", 0.8, 1);
  rows.push_back(rows[3]);
  write_preferences(path("binary.parquet"), rows);
  write_preferences(path("ranking.parquet"), labels("ranking", 0.8, 2));
  AgreeOptions options;
  options.preferences = {path("binary.parquet"), path("ranking.parquet")};
  options.bootstrap = 0;
  const Json json = run(options);
  EXPECT_EQ(json["values"], 240);
  EXPECT_EQ(rejects_.counts().at("duplicate_pair"), 1);
}

TEST_F(Agree, OneAnnotatorAloneIsAnError) {
  write_preferences(path("binary.parquet"), labels("binary", 0.8, 1));
  AgreeOptions options;
  options.preferences = {path("binary.parquet")};
  EXPECT_THROW(run(options), Error);
}

TEST_F(Agree, FilesOfOneNameAreToldApartByTheirFormat) {
  std::filesystem::create_directories(folder_ / "x");
  write_preferences(path("preferences.parquet"), labels("binary", 0.8, 1));
  write_preferences(path("x/preferences.parquet"), labels("single", 0.8, 2));
  const auto names = name_annotators({path("preferences.parquet"), path("x/preferences.parquet")});
  EXPECT_EQ(names[0].name, "binary");
  EXPECT_EQ(names[1].name, "single");
  EXPECT_EQ(name_annotators({"mine=" + path("preferences.parquet")})[0].name, "mine");
}

TEST_F(Agree, AnyNumberOfThreadsGivesTheSameJson) {
  write_preferences(path("binary.parquet"), labels("binary", 0.8, 1));
  write_preferences(path("ranking.parquet"), labels("ranking", 0.8, 2));
  AgreeOptions options;
  options.preferences = {path("binary.parquet"), path("ranking.parquet")};
  options.bootstrap = 300;
  const auto json = [&](int threads) {
    RejectLog rejects;
    return agree_json(agree(options, 7, threads, rejects), options, 7, rejects).dump();
  };
  EXPECT_EQ(json(1), json(3));
}

TEST_F(Agree, LongAndWideTablesAreTheSameTable) {
  AgreeOptions options;
  options.bootstrap = 0;
  options.level = "ordinal";
  options.unit = {"id"};
  options.table = csv("id,who,score\n1,a,3\n1,b,4\n2,a,1\n2,b,1\n3,a,5\n3,b,\n4,b,2\n");
  options.rater = "who";
  options.value = "score";
  const Json tall = run(options);
  options.table = csv("id,a,b\n1,3,4\n2,1,1\n3,5,\n4,,2\n");
  options.rater.reset();
  options.value.reset();
  options.raters = {"a", "b"};
  const Json wide = run(options);
  EXPECT_EQ(tall.dump(), wide.dump());
  EXPECT_EQ(tall["units"], 4);
  EXPECT_EQ(tall["values"], 6);
  EXPECT_EQ(tall["pairs"][0]["n"], 2);
}

TEST_F(Agree, AMissingColumnIsToldWithTheNearestOne) {
  AgreeOptions options;
  options.table = csv("id,who,score\n1,a,3\n");
  options.unit = {"id"};
  options.rater = "who";
  options.value = "scroe";
  try {
    run(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_THAT(error.what(), HasSubstr("has no column 'scroe'; did you mean 'score'? (columns: id, who, score)"));
  }
}

TEST_F(Agree, BadValuesAreBadRows) {
  AgreeOptions options;
  options.bootstrap = 0;
  options.level = "interval";
  options.unit = {"id"};
  options.rater = "who";
  options.value = "score";
  options.table = csv("id,who,score\n1,a,3\n1,b,good\n2,a,1\n2,b,2\n2,b,4\n,a,1\n3,,1\n");
  const Json json = run(options);
  EXPECT_EQ(json["values"], 3);
  EXPECT_EQ(rejects_.counts().at("value_not_a_number"), 1);
  EXPECT_EQ(rejects_.counts().at("duplicate_rating"), 1);
  EXPECT_EQ(rejects_.counts().at("unit_missing"), 1);
  EXPECT_EQ(rejects_.counts().at("rater_missing"), 1);
  EXPECT_EQ(rejects_.entries()[0].row, 2);
}

TEST_F(Agree, WordsHaveNoOrderUnlessItIsDeclared) {
  AgreeOptions options;
  options.bootstrap = 0;
  options.unit = {"id"};
  options.raters = {"a", "b"};
  options.table = csv("id,a,b\n1,low,low\n2,high,mid\n3,mid,mid\n4,high,high\n");
  const Json words = run(options);
  EXPECT_EQ(words["pairs"][0]["spearman"]["reason"], "not_ordered");
  EXPECT_DOUBLE_EQ(words["pairs"][0]["percent_agreement"]["estimate"], 0.75);
  options.categories = {"low", "mid", "high", "highest"};
  options.level = "ordinal";
  const Json declared = run(options);
  EXPECT_GT(declared["pairs"][0]["spearman"]["estimate"], 0.8);
  EXPECT_LT(words["overall"]["bennett_s"]["estimate"],
            declared["overall"]["bennett_s"]["estimate"]);  // four categories now
  options.categories = {"low", "high"};
  run(options);
  EXPECT_EQ(rejects_.counts().at("unknown_category"), 2);
}

TEST_F(Agree, ClustersComeFromPromptIdWhereItExists) {
  AgreeOptions options;
  options.bootstrap = 20;
  options.unit = {"id"};
  options.raters = {"a", "b"};
  options.table = csv("id,prompt_id,a,b\n1,p,1,1\n2,p,0,1\n3,q,0,0\n4,q,1,1\n");
  const Json json = run(options);
  EXPECT_EQ(json["clusters"], 2);
  EXPECT_EQ(json["bootstrap"]["cluster"], "prompt_id");
}

TEST_F(Agree, RatioNeedsValuesFromZeroUp) {
  AgreeOptions options;
  options.level = "ratio";
  options.unit = {"id"};
  options.raters = {"a", "b"};
  options.table = csv("id,a,b\n1,-1,1\n2,1,1\n");
  EXPECT_THROW(run(options), Error);
}

TEST_F(Agree, RawLabelsOfFoldersKeepScoresRepeatsAndMissingOnes) {
  const auto folder = [&](const std::string& name, std::int32_t repeats, double slip) {
    std::vector<Annotation> rows;
    Random random(3, name);
    for (const PoolRow& row : pool())
      for (std::size_t i = 0; i < 5; ++i)
        for (std::int32_t repeat = 0; repeat < repeats; ++repeat) {
          Annotation a;
          a.prompt_id = row.prompt_id;
          a.shown = {row.completions[i].completion_id};
          a.item_id = item_id_of("single", row.prompt_id, a.shown);
          a.format = "single";
          a.judge = name;
          a.repeat = repeat;
          a.status = random.uniform() < 0.1 ? "refused" : "ok";
          if (a.usable()) a.rating = random.uniform() < slip ? 3 : static_cast<std::int32_t>(5 - i);
          rows.push_back(a);
        }
    std::filesystem::create_directories(path(name));
    write_annotations(path(name + "/annotations.parquet"), rows);
    return path(name);
  };
  write_pool(path("pool.parquet"), pool());
  AgreeOptions options;
  options.preferences = {folder("anna", 2, 0.1), "b=" + folder("bert", 1, 0.4)};
  options.level = "interval";
  options.bootstrap = 100;
  options.pool = path("pool.parquet");
  options.by = "source";
  const Json json = run(options);
  EXPECT_EQ(json["rater_names"].dump(), R"(["anna, asking 1","anna, asking 2","b"])");
  EXPECT_EQ(json["units"], 60);
  EXPECT_LT(json["values"].get<int>(), 180);
  EXPECT_EQ(json["clusters"], 12);
  EXPECT_EQ(json["categories"].dump(), R"(["1","2","3","4","5"])");
  EXPECT_GT(json["pairs"][0]["pearson"]["estimate"], json["pairs"][1]["pearson"]["estimate"]);
  EXPECT_TRUE(json["overall"]["icc_2_1"]["low"].is_number());
  EXPECT_EQ(json["by"]["groups"].size(), 2u);
  EXPECT_LT(json["pairs"][0]["chance"]["p"].get<double>(), 0.05);
  options.preferences.resize(1);
  EXPECT_EQ(run(options)["raters"], 2) << "one who was asked twice";
  write_preferences(path("p.parquet"), labels("binary", 0.9, 1));
  options.preferences.push_back(path("p.parquet"));
  EXPECT_THROW(run(options), Error);
}

TEST_F(Agree, RawChoicesCountInBothOrientations) {
  std::vector<Annotation> rows;
  Random random(5, "raw");
  for (const PoolRow& row : pool())
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = i + 1; j < 5; ++j)
        for (std::int32_t repeat = 0; repeat < 2; ++repeat) {
          Annotation a;
          a.prompt_id = row.prompt_id;
          a.shown = {row.completions[i].completion_id, row.completions[j].completion_id};
          a.item_id = item_id_of("binary_magnitude", row.prompt_id, a.shown);
          a.format = "binary_magnitude";
          a.judge = "anna";
          a.repeat = repeat;
          a.status = "ok";
          a.choice = a.shown[random.uniform() < 0.8 ? 0 : 1];
          a.magnitude = 2;
          rows.push_back(a);
        }
  std::filesystem::create_directories(path("anna"));
  write_annotations(path("anna/annotations.parquet"), rows);
  AgreeOptions options;
  options.preferences = {path("anna")};
  options.bootstrap = 0;
  const Json json = run(options);
  EXPECT_EQ(json["units"], 120);
  EXPECT_EQ(json["categories"].dump(), R"(["-2","2"])");
  const Json& pair = json["pairs"][0];
  EXPECT_NEAR(pair["cohen_kappa"]["estimate"].get<double>(),
              2 * pair["percent_agreement"]["estimate"].get<double>() - 1, 1e-12);
  options.orientation = "presented";
  EXPECT_THROW(run(options), Error);
}

TEST_F(Agree, AnyAnnotatorMayBeTheReferenceAndAnyStatisticTheContrast) {
  std::string text = "id,prompt_id,human,good,poor,none\n";
  Random random(6, "reference");
  for (int u = 0; u < 300; ++u) {
    const int human = static_cast<int>(random.below(3));
    const auto says = [&](double p) { return random.uniform() < p ? human : static_cast<int>(random.below(3)); };
    text += std::to_string(u) + "," + std::to_string(u / 5) + "," + std::to_string(human) + "," +
            std::to_string(says(0.9)) + "," + std::to_string(says(0.4)) + "," +
            (u % 3 == 0 ? "" : std::to_string(says(0))) + "\n";
  }
  AgreeOptions options;
  options.table = csv(text);
  options.unit = {"id"};
  options.raters = {"human", "good", "poor", "none"};
  options.bootstrap = 400;
  options.reference = "human";
  options.contrast = "cohen_kappa";
  const Json json = run(options);
  ASSERT_EQ(json["contrasts"].size(), 3u);
  const Json& first = json["contrasts"][0];
  EXPECT_EQ(first["statistic"], "cohen_kappa");
  EXPECT_EQ(first["reference"], "human");
  EXPECT_EQ(first["verdict"], "better");
  EXPECT_NEAR(first["difference"].get<double>(),
              json["pairs"][0]["cohen_kappa"]["estimate"].get<double>() -
                  json["pairs"][1]["cohen_kappa"]["estimate"].get<double>(),
              1e-12);
  EXPECT_EQ(json["contrasts"][1]["n"], 200) << "over the units that all three rated";
  EXPECT_LT(json["pairs"][0]["chance"]["p"].get<double>(), 0.01);
  EXPECT_GT(json["pairs"][2]["chance"]["p"].get<double>(), 0.01) << "an annotator who guesses";
  options.reference = "humna";
  EXPECT_THROW(run(options), Error);
}

}  // namespace
}  // namespace ballot
