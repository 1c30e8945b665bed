// Prompts against those that lm-evaluation-harness 0.4.13 made of the same rows (tests/golden/harness_tiny.json).
#include "evaluation/questions.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/hash.h"
#include "evaluation/golden_tasks.h"
#include "evaluation/harness_output.h"
#include "evaluation/python_text.h"
#include "text/tokenizer.h"

namespace ballot {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class Questions : public TaskTest {
 protected:
  LoadedTask load(const std::string& yaml, TaskSettings settings = {}, const ChatTemplate* chat = nullptr) {
    return load_task(read_task_file(write("task.yaml", yaml)), settings, chat, rejects_);
  }
  std::string error_of(const std::string& yaml, TaskSettings settings = {}) {
    try {
      load(yaml, settings);
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }
  static constexpr const char* kTask =
      "task: mine\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n"
      "output_type: multiple_choice\n";
  RejectLog rejects_;
};

TEST_F(Questions, EveryPromptIsTheHarnesss) {
  const Tokenizer tokenizer = Tokenizer::from_folder(golden_folder() / "models/tiny_llama");
  int rows = 0;
  const Json golden = golden_json("harness_tiny.json");
  for (const Json& run : golden["runs"]) {
    const LoadedTask task =
        load_task(read_task_file(task_file_of(run["task"])), settings_of(run),
                  run["chat_template"].get<bool>() ? &tokenizer.chat_template() : nullptr, rejects_);
    ASSERT_EQ(task.questions.size(), run["rows"].size()) << run["task"];
    for (std::size_t i = 0; i < task.questions.size(); ++i) {
      const Question& question = task.questions[i];
      const Json& row = run["rows"][i];
      EXPECT_EQ(question.doc_id, row["doc_id"]);
      EXPECT_EQ(question.context, row["context"].get<std::string>());
      EXPECT_EQ(Json(question.continuations), row["continuations"]);
      EXPECT_EQ(*question.target, row["target"]);
      EXPECT_EQ(sha256_hex(question.row->dump(2)), row["doc_hash"].get<std::string>());
      EXPECT_EQ(sha256_hex(question.context), row["prompt_hash"].get<std::string>());
      EXPECT_EQ(sha256_hex(python_str(question.target)), row["target_hash"].get<std::string>());
      ++rows;
    }
  }
  EXPECT_GT(rows, 100);
  EXPECT_EQ(rejects_.rejected(), 0);
}

TEST_F(Questions, MmluProTakesItsExamplesFromTheValidationSplit) {
  write("mmlu_pro/test.jsonl", R"({"question": "Q?", "options": ["x", "y", "z"], "answer": "C"})");
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  TaskSettings settings;
  settings.data = folder_;
  try {
    load_task(index.find("leaderboard_mmlu_pro"), settings, nullptr, rejects_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("validation"));
    EXPECT_THAT(error.next(), HasSubstr("--fewshot-data"));
  }
  write("shots/mmlu_pro/validation.jsonl",
        "{\"question\": \"V1\", \"options\": [\"a\", \"b\"], \"answer\": \"B\"}\n"
        "{\"question\": \"V2\", \"options\": [\"c\"], \"answer\": \"A\"}\n");
  settings.fewshot_data = folder_ / "shots";
  settings.num_fewshot = 2;
  const LoadedTask task = load_task(index.find("leaderboard_mmlu_pro"), settings, nullptr, rejects_);
  EXPECT_EQ(task.questions.at(0).context,
            "V1\nA. a\nB. b\nAnswer: B\n\nV2\nA. c\nAnswer: A\n\nQ?\nA. x\nB. y\nC. z\nAnswer:");
  EXPECT_THAT(task.questions[0].continuations, ElementsAre(" A", " B", " C"));
  EXPECT_THAT(task.questions[0].gold, ElementsAre(2));
  settings.num_fewshot = 5;
  EXPECT_THROW(load_task(index.find("leaderboard_mmlu_pro"), settings, nullptr, rejects_), Error);
}

TEST_F(Questions, MusrListsItsChoicesAndScoresTheirTexts) {
  write(
      "musr/object_placements_small.jsonl",
      R"({"narrative": "N.", "question": "Where?", "choices": "['piano', \"producer's desk\"]", "answer_index": 1, "answer_choice": "producer's desk"})");
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  TaskSettings settings;
  settings.data = folder_;
  const LoadedTask task = load_task(index.find("leaderboard_musr_object_placements"), settings, nullptr, rejects_);
  EXPECT_EQ(task.questions.at(0).context, "N.\n\nWhere?\n\n1 - piano\n2 - producer's desk\n\nAnswer:");
  EXPECT_THAT(task.questions[0].continuations, ElementsAre(" piano", " producer's desk"));
  EXPECT_THAT(task.questions[0].gold, ElementsAre(1));
}

TEST_F(Questions, GpqasOrderIsARowsOwnUnlessTheHarnesssIsAskedFor) {
  const std::string head = "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n";
  write("gpqa/gpqa_main.csv", head + "q1,c,a1,a2,a3\nq2,c,a1,a2,a3\nq3,\"c [x]  d\",a1, b [title] a2 ,a3\n");
  write("other/gpqa/gpqa_main.csv", head + "q2,c,a1,a2,a3\n");
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  const TaskFile& file = index.find("leaderboard_gpqa_main");
  TaskSettings settings, other;
  settings.data = folder_;
  other.data = folder_ / "other";
  const LoadedTask task = load_task(file, settings, nullptr, rejects_);
  EXPECT_EQ(task.questions.at(1).context, load_task(file, other, nullptr, rejects_).questions.at(0).context);
  EXPECT_THAT(task.questions[0].context,
              testing::StartsWith("What is the correct answer to this question:q1\nChoices:\n(A) "));
  EXPECT_THAT(task.questions[0].context, testing::EndsWith("\nAnswer: "));
  EXPECT_THAT(task.questions[2].context, HasSubstr(") c  d\n"));
  EXPECT_THAT(task.questions[2].context, HasSubstr(") b. a2\n"));
  PythonRandom shared(0);
  settings.shuffle = {true, &shared};
  const LoadedTask as_harness = load_task(file, settings, nullptr, rejects_);
  // Seed 0 puts four things into the order 2013, then 0132: a3 a1 a2 c, then a1 a2 c a3.
  EXPECT_THAT(as_harness.questions[0].context, HasSubstr("(A) a3\n(B) a1\n(C) a2\n(D) c\n"));
  EXPECT_THAT(as_harness.questions[0].gold, ElementsAre(3));
  EXPECT_THAT(as_harness.questions[1].context, HasSubstr("(A) a1\n(B) a2\n(C) c\n(D) a3\n"));
}

TEST_F(Questions, AnswersMayBeIndicesTextsOrLists) {
  write("rows.jsonl",
        "{\"q\": \"a\", \"c\": [\"x\", \"y\"], \"t\": 1}\n{\"q\": \"b\", \"c\": [\"x\", \"y\"], \"t\": \"x\"}\n"
        "{\"q\": \"c\", \"c\": [\"x\", \"y\"], \"t\": 2}\n{\"q\": \"d\", \"c\": [\"x\", \"y\"], \"t\": [0, 1]}\n");
  const LoadedTask task = load(std::string(kTask) + "doc_to_text: q\ndoc_to_choice: c\ndoc_to_target: t\n");
  EXPECT_THAT(task.questions[0].gold, ElementsAre(1));
  EXPECT_THAT(task.questions[1].gold, ElementsAre(0));
  EXPECT_THAT(task.questions[2].gold, ElementsAre(Question::kNoGold));
  EXPECT_THAT(task.questions[3].gold, ElementsAre(0, 1));
}

TEST_F(Questions, ATargetOfDigitsIsAnIndexAndATargetInBracketsAList) {
  write("rows.jsonl",
        "{\"q\": \"a\", \"t\": \"1\"}\n{\"q\": \"b\", \"t\": \"[0, 1]\"}\n{\"q\": \"b\", \"t\": \"[no\"}\n");
  const LoadedTask task =
      load(std::string(kTask) + "doc_to_text: '{{q}}'\ndoc_to_choice: ['0', '1']\ndoc_to_target: '{{t}}'\n");
  EXPECT_EQ(*task.questions[0].target, Json(1));
  EXPECT_EQ(*task.questions[1].target, Json::array({0, 1}));
  EXPECT_EQ(*task.questions[2].target, Json("[no"));
}

TEST_F(Questions, ExamplesDrawnAtRandomAreTheHarnesss) {
  // lm-evaluation-harness draws with Random(1234).sample over the few-shot split: 7 1 0, then what follows.
  std::string rows;
  for (int i = 0; i < 10; ++i) rows += "{\"q\": \"e" + std::to_string(i) + "\", \"t\": 0}\n";
  write("train.jsonl", rows);
  write("rows.jsonl", "{\"q\": \"one\", \"t\": 0}\n");
  const LoadedTask task = load(
      "task: mine\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl, train: train.jsonl}}\n"
      "test_split: test\ntraining_split: train\noutput_type: multiple_choice\nnum_fewshot: 3\n"
      "doc_to_text: q\ndoc_to_choice: [yes it is, 'no']\ndoc_to_target: t\n");
  EXPECT_EQ(task.questions[0].context, "e7 yes it is\n\ne1 yes it is\n\ne0 yes it is\n\none");
}

TEST_F(Questions, RowsThatCannotBeUsedAreToldAndTheRestGoesOn) {
  write("rows.jsonl",
        "{\"q\": \"a\", \"c\": [], \"t\": 0}\n{\"q\": \"b\", \"c\": [\"x\", \"\"], \"t\": 0}\n"
        "{\"q\": 3, \"c\": [\"x\"], \"t\": 0}\n{\"q\": \"d\", \"c\": \"x\", \"t\": 0}\n"
        "{\"q\": \"e\", \"c\": [\"x\", \"y\"], \"t\": 0}\n");
  const LoadedTask task = load(std::string(kTask) + "doc_to_text: q\ndoc_to_choice: c\ndoc_to_target: t\n");
  ASSERT_EQ(task.questions.size(), 1u);
  EXPECT_EQ(task.questions[0].doc_id, 4);
  EXPECT_EQ(rejects_.counts(),
            (std::map<std::string, std::int64_t>{{"empty_choice", 1}, {"empty_choices", 1}, {"field_not_usable", 2}}));
}

TEST_F(Questions, ATaskWithoutAUsableRowIsAnErrorThatSaysWhy) {
  write("rows.jsonl", "{\"q\": \"a\", \"t\": 0}\n");
  EXPECT_THAT(error_of(std::string(kTask) + "doc_to_text: '{{question}}'\ndoc_to_choice: [x]\ndoc_to_target: t\n"),
              HasSubstr("question"));
}

TEST_F(Questions, PythonOfOnesOwnIsRefusedInWords) {
  write("rows.jsonl", "{\"q\": \"a\", \"t\": 0}\n");
  EXPECT_THAT(
      error_of(std::string(kTask) + "doc_to_text: !function utils.mine\ndoc_to_choice: [x]\ndoc_to_target: t\n"),
      HasSubstr("utils.mine' is Python"));
}

TEST_F(Questions, ATemplateThatRefusesASystemTurnIsAskedWithoutItAndThatIsTold) {
  write("rows.jsonl", "{\"q\": \"a\", \"t\": 0}\n");
  const ChatTemplate strict(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}<{{ m.content "
      "}}>{% endfor %}");
  const std::string yaml =
      std::string(kTask) + "description: Say.\ndoc_to_text: q\ndoc_to_choice: [x]\ndoc_to_target: t\n";
  const LoadedTask task = load(yaml, {}, &strict);
  EXPECT_EQ(task.questions[0].context, "<a>");
  EXPECT_THAT(task.notes, ElementsAre(HasSubstr("refuses a system turn")));
  const ChatTemplate deaf("{% for m in messages %}{% if m.role == 'user' %}<{{ m.content }}>{% endif %}{% endfor %}");
  EXPECT_THAT(load(yaml, {}, &deaf).notes, ElementsAre(HasSubstr("swallows the system turn")));
}

TEST_F(Questions, RowsOfOneStoryAreOneCluster) {
  write("rows.jsonl",
        "{\"q\": \"a\", \"s\": 1, \"t\": 0}\n{\"q\": \"b\", \"s\": 1, \"t\": 0}\n{\"q\": \"b\", \"s\": 2, \"t\": 0}\n");
  const std::string yaml = std::string(kTask) + "doc_to_text: q\ndoc_to_choice: [x]\ndoc_to_target: t\n";
  const LoadedTask by_text = load(yaml);
  EXPECT_NE(by_text.questions[0].cluster, by_text.questions[1].cluster);
  EXPECT_EQ(by_text.questions[1].cluster, by_text.questions[2].cluster);
  const LoadedTask by_column = load(yaml + "metadata: {cluster: s}\n");
  EXPECT_EQ(by_column.questions[0].cluster, by_column.questions[1].cluster);
  EXPECT_NE(by_column.questions[1].cluster, by_column.questions[2].cluster);
  EXPECT_THAT(error_of(yaml + "metadata: {cluster: story}\n"), HasSubstr("metadata.cluster"));
}

}  // namespace
}  // namespace ballot
