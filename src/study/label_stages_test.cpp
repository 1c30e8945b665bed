// The label stages of a study against a server that counts what it is asked: what was paid once is kept.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/pool_test_files.h"
#include "data/preferences.h"
#include "judges/chat_server_for_tests.h"
#include "study/results.h"
#include "study/runner.h"
#include "study/study_file.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

class LabelStagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    write_source(30);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write_source(int prompts) {
    std::vector<Json> rows;
    for (int i = 0; i < prompts; ++i) rows.push_back(testing::nectar_row("question " + std::to_string(i)));
    write_file(folder_ / "ranked.jsonl", testing::jsonl(rows));
  }
  StudyFile study(const ChatServer& server, const std::vector<std::string>& set = {}, const std::string& more = "") {
    write_file(
        folder_ / "study.yaml",
        fmt::format("study: test\nseed: 3\nsource: {{path: ranked.jsonl, layout: nectar}}\npool: {{prompts: 6}}\n"
                    "judges:\n  server: {{kind: openai, model: m, endpoints: [{{url: \"{}\"}}], extra: {{logprobs: "
                    "true, top_logprobs: 5}}}}\nformats: [binary]\n{}",
                    server.url(), more));
    return read_study(folder_ / "study.yaml", set);
  }
  std::vector<StageOutcome> run(const StudyFile& file, const std::string& until = "annotate") {
    RunOptions options;
    options.until = until;
    return run_stages(out_, make_stages(file), options, silent_progress());
  }
  /// The chosen completion by item.
  std::map<std::string, std::string> answers(const std::string& format = "binary") {
    std::map<std::string, std::string> all;
    for (const Annotation& a : read_annotations(out_ / "annotations/server" / format))
      all[a.item_id] = a.choice.value_or("-") + " " + a.raw;
    return all;
  }
  static void expect_all_of(const std::map<std::string, std::string>& less,
                            const std::map<std::string, std::string>& more) {
    for (const auto& [item, answer] : less) {
      ASSERT_TRUE(more.contains(item)) << item;
      EXPECT_EQ(more.at(item), answer);
    }
  }

  const fs::path folder_ = fs::temp_directory_path() / ("ballot_label_stages_test_" + std::to_string(::getpid())),
                 out_ = folder_ / "out";
};

TEST_F(LabelStagesTest, AGrownPoolIsAskedOnlyForWhatIsNew) {
  const ChatServer server;
  run(study(server));
  const auto first = answers();
  EXPECT_EQ(first.size(), 60u);
  EXPECT_EQ(server.requests(), 60);
  run(study(server, {"pool.prompts=10"}));
  const auto second = answers();
  EXPECT_EQ(second.size(), 100u);
  EXPECT_EQ(server.requests(), 100) << "forty new ballots, and none of the sixty again";
  expect_all_of(first, second);
  // Fewer again, and then more than ever: nothing that was answered is asked twice.
  run(study(server, {"pool.prompts=4"}));
  EXPECT_EQ(answers().size(), 40u);
  EXPECT_EQ(server.requests(), 100);
  run(study(server, {"pool.prompts=12"}));
  EXPECT_EQ(server.requests(), 120);
  expect_all_of(second, answers());
  // Another source, in which some of the old prompts are: theirs stay.
  write_source(9);
  run(study(server, {"pool.prompts=0"}));
  const auto other = answers();
  EXPECT_EQ(other.size(), 90u);
  const std::int64_t asked = server.requests();
  EXPECT_LT(asked, 120 + 90);
  run(study(server, {"pool.prompts=0"}));
  EXPECT_EQ(server.requests(), asked);
}

TEST_F(LabelStagesTest, AnotherLimitOfAJudgeGoesOn) {
  const ChatServer server;
  run(study(server, {"pool.prompts=8", "judges.server.limit=3"}));
  const auto first = answers();
  EXPECT_EQ(server.requests(), 30);
  run(study(server, {"pool.prompts=8", "judges.server.limit=5"}));
  EXPECT_EQ(server.requests(), 50);
  expect_all_of(first, answers());
  run(study(server, {"pool.prompts=8"}));
  EXPECT_EQ(server.requests(), 80);
  run(study(server, {"pool.prompts=8", "judges.server.limit=1"}));
  EXPECT_EQ(server.requests(), 80);
  EXPECT_EQ(answers().size(), 10u);
}

TEST_F(LabelStagesTest, AnswersToOtherParametersAreMovedAsideAndComeBack) {
  const ChatServer server;
  run(study(server));
  const auto first = answers();
  run(study(server, {"sampling.temperature=1.0"}));
  EXPECT_EQ(server.requests(), 120);
  EXPECT_TRUE(fs::exists(out_ / "annotations/server/binary.other-1/journal.sqlite"));
  run(study(server, {"pool.prompts=7"}));  // the first ones again, and a prompt more
  EXPECT_EQ(server.requests(), 130);
  EXPECT_EQ(answers().size(), 70u);
  expect_all_of(first, answers());
  run(study(server, {"sampling.temperature=1.0"}));
  EXPECT_EQ(server.requests(), 130);
}

TEST_F(LabelStagesTest, AStageWhoseRecordIsLostIsNotPaidAgain) {
  const ChatServer server;
  run(study(server));
  const auto first = answers();
  fs::remove_all(out_ / "stages");
  run(study(server));
  EXPECT_EQ(server.requests(), 60);
  EXPECT_EQ(answers(), first);
}

TEST_F(LabelStagesTest, LabelsCanBeExpectedOverTheJudgesDistribution) {
  const ChatServer server;
  run(study(server, {"preferences.labels=expected"}), "preferences");
  int decided = 0;
  for (const Preference& p : read_preferences(out_ / "preferences/server/binary.parquet")) {
    EXPECT_NEAR(p.margin, 0.4, 1e-9) << "the server is 7 to 3 sure of each letter";
    EXPECT_NEAR(p.target, 0.7, 1e-9);
    ++decided;
  }
  EXPECT_EQ(decided, 60);
  const std::int64_t asked = server.requests();
  run(study(server), "preferences");  // as said: the same answers, read otherwise
  EXPECT_EQ(server.requests(), asked);
  for (const Preference& p : read_preferences(out_ / "preferences/server/binary.parquet")) EXPECT_EQ(p.target, 1);
}

TEST_F(LabelStagesTest, ListwiseFormatsAreTakenAsSaidBesideExpectedOnes) {
  const ChatServer server({.format = "ranking"});
  run(study(server, {"formats=[ranking]", "preferences.labels=expected"}), "preferences");
  EXPECT_EQ(read_preferences(out_ / "preferences/server/ranking.parquet").size(), 60u);
}

TEST_F(LabelStagesTest, AttacksAreLabelledOnRequestAndTheirFlipsAreInTheResults) {
  const ChatServer server;
  const StudyFile plain = study(server, {}, "attacks: false\n");
  for (const Stage& stage : make_stages(plain)) EXPECT_FALSE(stage.name.starts_with("attack")) << stage.name;
  const StudyFile file = study(server, {}, "attacks: {kind: injection, limit: 4}\n");
  run(file, "preferences");
  EXPECT_EQ(server.requests(), 60 + 40);
  const StudyResults results = collect_results(file, out_, 1, silent_progress());
  ASSERT_EQ(results.judge_cards.size(), 1u);
  const std::vector<AttackRow>& rows = results.judge_cards[0].cards.at(0).attacks;
  ASSERT_FALSE(rows.empty());
  for (const AttackRow& row : rows) EXPECT_TRUE(row.kind == "injection" || row.kind == "all") << row.kind;
  EXPECT_EQ(rows.front().toward.n, 16) << "four pairs of each of four prompts hold the attacked completion";
}

}  // namespace
}  // namespace ballot
