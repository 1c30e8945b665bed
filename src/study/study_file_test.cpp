#include "study/study_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/atomic_file.h"
#include "core/error.h"
#include "study/stage.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

const char* const kStudy = R"(study: demo
seed: 7
source: {path: ranked.jsonl, layout: nectar}
pool: {prompts: 24, positions: [0, 2, 3, 5, 6], held_out: 0.1}
judges:
  simulated: {kind: simulated, voter: careful}
formats: [binary, binary_magnitude, single, ranking]
placebo: binary
models:
  tiny: {base: model}
sft: {data: sft.jsonl, learning_rate: 2e-5}
dpo: {beta: 0.3}
reward: {margin: [none, column]}
seeds: [0, 1]
claims: {primary: rewardbench.score, contrasts: [[ranking, binary]]}
)";

class StudyFileTest : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(folder_); }
  StudyFile read(const std::string& text, const std::vector<std::string>& set = {}) {
    write_file(folder_ / "s.yaml", text);
    return read_study(folder_ / "s.yaml", set);
  }
  std::string message_of(std::string text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    try {
      read(text);
    } catch (const Error& error) {
      const std::string file = (folder_ / "s.yaml").string();
      std::string message = error.message();
      if (message.starts_with(file)) message = "s.yaml" + message.substr(file.size());
      return message;
    }
    return "no error";
  }
  const fs::path folder_ = fs::temp_directory_path() / ("ballot_study_test_" + std::to_string(::getpid()));
};

TEST_F(StudyFileTest, AFormatMayBeAFileBesideTheStudy) {
  write_file(folder_ / "mine.yaml", "version: 1\nname: my_format\ninclude: binary.yaml\n");
  std::string text = kStudy;
  text.replace(text.find("formats: [binary,"), 17, "formats: [mine.yaml, binary,");
  text.replace(text.find("placebo: binary"), 15, "placebo: mine.yaml");
  const StudyFile study = read(text);
  EXPECT_EQ(study.formats.front(), "my_format");
  EXPECT_EQ(study.placebo, "my_format");
  EXPECT_EQ(study.format_file("my_format"), (folder_ / "mine.yaml").string());
  EXPECT_EQ(study.format_file("binary"), "binary");
  write_file(folder_ / "mine.yaml", "version: 1\nname: ranking\ninclude: binary.yaml\n");
  EXPECT_THROW(read(text), Error) << "two formats of one name";
}

TEST_F(StudyFileTest, ValuesAndDefaults) {
  const StudyFile study = read(kStudy);
  EXPECT_EQ(study.study, "demo");
  EXPECT_EQ(study.prompts, 24);
  EXPECT_DOUBLE_EQ(study.sft.options.learning_rate, 2e-5);
  EXPECT_DOUBLE_EQ(study.dpo.options.learning_rate, 1e-6);
  EXPECT_DOUBLE_EQ(study.dpo.options.beta, 0.3);
  EXPECT_EQ(study.reward.margins, (std::vector<std::string>{"none", "column"}));
  EXPECT_EQ(study.ties, "random");
}

TEST_F(StudyFileTest, TheGridIsModelsByFormatsByMarginsBySeeds) {
  const StudyFile study = read(kStudy);
  EXPECT_EQ(training_grid(study, "sft").size(), 2u);
  EXPECT_EQ(training_grid(study, "dpo").size(), 8u);
  // Four plain ones, three with margin (BINARY has none) and the placebo, for each of two seeds.
  EXPECT_EQ(training_grid(study, "reward").size(), 16u);
}

TEST_F(StudyFileTest, SetChangesAValue) {
  EXPECT_EQ(read(kStudy, {"pool.prompts=5", "source.path=/a.parquet"}).prompts, 5);
  EXPECT_EQ(read(kStudy, {"source.path=/a.parquet"}).source, "/a.parquet");
  EXPECT_THROW(read(kStudy, {"pool.promts=5"}), Error);
}

TEST_F(StudyFileTest, MistakesNameLineColumnAndTheNearest) {
  EXPECT_EQ(message_of(kStudy, "placebo:", "placeboo:").substr(0, 70),
            "s.yaml:8:1: unknown key 'placeboo'; did you mean 'placebo'? (one of: s");
  EXPECT_EQ(
      message_of(kStudy, "held_out", "heldout"),
      "s.yaml:4:49: unknown key 'heldout' in 'pool'; did you mean 'held_out'? (one of: prompts, positions, held_out)");
  EXPECT_NE(message_of(kStudy, "beta: 0.3", "betta: 0.3")
                .find("s.yaml:12:7: unknown key 'betta' in 'dpo'; did you mean 'beta'?"),
            std::string::npos);
  EXPECT_NE(message_of(kStudy, "[none, column]", "[none, colum]").find("did you mean 'column'"), std::string::npos);
  EXPECT_EQ(message_of(kStudy, "prompts: 24", "prompts: many"),
            "s.yaml:4:17: 'pool/prompts': found \"many\", wanted a whole number");
  EXPECT_NE(message_of(kStudy, "[[ranking, binary]]", "[[rankin, binary]]").find("did you mean 'ranking'"),
            std::string::npos);
}

TEST_F(StudyFileTest, LabelsAreExpectedOnlyOfJudgesThatAreAskedForTheirDistribution) {
  const std::string server = "simulated: {kind: openai, model: m, endpoints: [{url: \"http://h:1\"}], labels: expected";
  EXPECT_NE(message_of(kStudy, "voter: careful}", "voter: careful, labels: expected}")
                .find("a simulated judge has no distribution"),
            std::string::npos);
  EXPECT_NE(message_of(kStudy, "simulated: {kind: simulated, voter: careful", server).find("log-probabilities"),
            std::string::npos);
  EXPECT_EQ(message_of(kStudy, "simulated: {kind: simulated, voter: careful",
                       server + ", extra: {logprobs: true, top_logprobs: 20}"),
            "no error");
  EXPECT_NE(message_of(kStudy, "voter: careful}", "voter: careful, labels: expeced}").find("did you mean 'expected'"),
            std::string::npos);
  std::string text = kStudy;
  text += "preferences: {labels: expected}\n";
  EXPECT_THROW(read(text), Error);
  text.replace(text.find("voter: careful}"), 15, "voter: careful, labels: said}");
  EXPECT_EQ(read(text).judges[0].labels, "said");
}

TEST_F(StudyFileTest, AnExpectedLetterHasAMargin) {
  StudyFile study = read(kStudy);
  study.judges[0].labels = "expected";
  EXPECT_EQ(training_grid(study, "reward").size(), 18u) << "BINARY with margin, for each of two seeds";
}

TEST_F(StudyFileTest, AttacksAreOffUnlessAskedFor) {
  EXPECT_FALSE(read(kStudy).attacks.present);
  const std::string text = kStudy;
  EXPECT_FALSE(read(text + "attacks: false\n").attacks.present);
  EXPECT_EQ(read(text + "attacks: true\n").attacks.formats.size(), 4u);
  EXPECT_EQ(read(text + "attacks: true\n").attacks.limit, 100);
  const StudyFile study = read(text + "attacks: {kind: distractor, limit: 5, formats: [single]}\n");
  EXPECT_EQ(study.attacks.kind, "distractor");
  EXPECT_EQ(study.attacks.formats, std::vector<std::string>{"single"});
  EXPECT_EQ(study.attacks.limit_of(StudyJudge{}), 5);
  StudyJudge few;
  few.limit = 3;
  EXPECT_EQ(study.attacks.limit_of(few), 3);
  EXPECT_THROW(read(text + "attacks: {formats: [singel]}\n"), Error);
  EXPECT_THROW(read(text + "attacks: {kinds: all}\n"), Error);
  EXPECT_THROW(read(text + "attacks: 3\n"), Error);
}

}  // namespace
}  // namespace ballot
