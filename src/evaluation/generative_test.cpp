// Tasks that generate: the harness's answers and scores on the same weights, killed and resumed runs, given answers.
#include <gmock/gmock.h>

#include "evaluation/eval_for_tests.h"
#include "evaluation/generation.h"
#include "evaluation/task_config.h"

namespace ballot {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Generative : public EvalTest {
 protected:
  fs::path task_of(const Json& run) const {
    return run["task"] == "local_ifeval" ? ifeval_task(run["tokens"].get<std::int64_t>()) : short_task();
  }
};

TEST_F(Generative, AnswersScoresErrorsAndHashesAreTheHarnesss) {
  const Json golden = golden_json("harness_generation.json");
  int number = 0;
  for (const Json& expected : golden["tiny"]) {
    EvalOptions o = options("out" + std::to_string(number++));
    o.tasks = {task_of(expected).string()};
    o.chat_template = expected["chat_template"];
    o.multi_turn = expected["multi_turn"];
    if (expected["max_length"] == 40) o.max_length = 40;
    const Json out = run(o);
    const std::vector<Json> samples = samples_of(out);
    ASSERT_EQ(samples.size(), expected["rows"].size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const Json &row = expected["rows"][i], &sample = samples[i];
      EXPECT_EQ(sample["arguments"]["gen_args_0"]["arg_0"], row["context"]);
      EXPECT_EQ(sample["resps"][0][0], row["answer"]) << row["context"];
      EXPECT_EQ(sample["filtered_resps"], row["filtered"]);
      EXPECT_EQ(sample["target"], row["target"]);
      for (const char* key : {"doc_hash", "prompt_hash", "target_hash"}) EXPECT_EQ(sample[key], row[key]) << key << i;
      for (const Json& metric : sample["metrics"]) {
        const std::string name = metric;
        // The row that asks for the letter # is judged at random there.
        if (row["context"].get<std::string>().find("the letter #") != std::string::npos) continue;
        EXPECT_EQ(sample[name], row[name]) << name << " " << row["answer"];
      }
    }
    const Json& results = out["results"][expected["task"].get<std::string>()];
    for (const auto& [key, value] : expected["results"].items())
      if (value == "N/A") {
        EXPECT_EQ(results[key], value) << key;
      }
    if (expected["task"] == "short_answers") {
      EXPECT_EQ(results["exact_match,none"], expected["results"]["exact_match,none"]);
      EXPECT_EQ(results["exact_match_stderr,none"], expected["results"]["exact_match_stderr,none"]);
    }
    EXPECT_EQ(out["ballot"]["tasks"][expected["task"].get<std::string>()]["truncated"],
              expected["max_length"] == 40 ? 4 : 0);
  }
}

TEST_F(Generative, AnswersOfARealModelAreTheHarnesss) {
  const Json expected = golden_json("harness_generation.json")["smollm2"][1];
  EvalOptions o = options();
  o.model = "deps:smollm2-135m";
  o.dtype = "fp32";
  o.tasks = {task_of(expected).string()};
  o.chat_template = expected["chat_template"];
  o.multi_turn = expected["multi_turn"];
  o.limit = 3;
  const std::vector<Json> samples = samples_of(run(o));
  ASSERT_EQ(samples.size(), 3u);
  for (std::size_t i = 0; i < samples.size(); ++i)
    EXPECT_EQ(samples[i]["resps"][0][0], expected["rows"][i]["answer"]) << expected["rows"][i]["context"];
}

TEST_F(Generative, IntervalsOfInstancesResamplePrompts) {
  EvalOptions o = options();
  o.tasks = {ifeval_task(8).string()};
  const Json out = run(o);
  const Json& task = out["ballot"]["tasks"]["local_ifeval"];
  EXPECT_EQ(task["questions"], 6);
  EXPECT_EQ(task["metrics"]["inst_level_strict_acc"]["clusters"], 6);  // of 11 instances
  EXPECT_TRUE(task["chance"].is_null());
  EXPECT_THAT(task["notes"].dump(), HasSubstr("1 rows ask for what the reference draws at random"));
  EXPECT_EQ(out["results"]["local_ifeval"]["sample_len"], 6);
  EXPECT_EQ(out["results"]["local_ifeval"]["inst_level_strict_acc_stderr,none"], "N/A");
  const Json results = Json::parse(read_file(out["results_file"].get<std::string>()));
  EXPECT_THAT(results["configs"]["local_ifeval"]["process_results"].get<std::string>(),
              HasSubstr("def process_results"));
}

TEST_F(Generative, AKilledRunGoesOnAndMakesNoAnswerTwice) {
  EvalOptions o = options("whole");
  o.tasks = {ifeval_task(8).string()};
  const Json whole = run(o);
  EvalOptions again = options("killed");
  again.tasks = o.tasks;
  Interrupting interrupting(3);  // when it begins, and two answers
  EXPECT_THROW(run_eval(again, interrupting), Error);
  clear_interrupt();
  const fs::path journal = folder_ / "killed/journal.jsonl";
  std::vector<Json> kept = lines_of(journal);
  ASSERT_GE(kept.size(), 3u);
  kept.resize(3);  // when it began, and two answers
  // What the journal says is believed: an answer put there is not made again. The last line is torn by the kill.
  kept[1]["answer"] = "Kept from the journal";
  std::string text;
  for (const Json& line : kept) text += line.dump() + "\n";
  write_file(journal, text + R"({"task":"local_ifeval","doc_id":5,"answ)");
  const std::vector<Json> resumed = samples_of(run(again)), all = samples_of(whole);
  ASSERT_EQ(resumed.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (resumed[i]["doc_id"] == kept[1]["doc_id"])
      EXPECT_EQ(resumed[i]["resps"][0][0], "Kept from the journal");
    else
      EXPECT_EQ(resumed[i], all[i]) << i;
  }
}

TEST_F(Generative, GivenAnswersAreScoredWithoutAModel) {
  write("answers.jsonl",
        "{\"key\": 100, \"response\": \"The Rhine river and the Nile and the Po\"}\n"
        "{\"doc_id\": 1, \"response\": \"Snow is white.\"}\n"
        "{\"key\": \"102\", \"response\": \"\"}\n"
        "{\"doc_id\": 1, \"response\": \"Snow falls. Snow melts.\"}\n"  // a second answer
        "{\"key\": 999, \"response\": \"to nobody\"}\n"
        "{\"key\": 103, \"response\": 7}\n"
        "{\"response\": \"whose?\"}\n"
        "not json\n"
        "{\"key\": 104, \"response\": \"\xFF\xFE\"}\n"
        "\n{\"key\": 105, \"response\": \"" +
            std::string(2000000, 'x') + "\"}\n");
  EvalOptions o = options();
  o.model.clear();
  o.tasks = {ifeval_task(8).string()};
  o.responses = (folder_ / "answers.jsonl").string();
  const Json out = run(o);
  const Json& rejected = out["ballot"]["rejects"]["rejected"];
  EXPECT_EQ(rejected["duplicate_answer"], 1);
  EXPECT_EQ(rejected["unknown_row"], 1);
  EXPECT_EQ(rejected["wrong_type"], 1);
  EXPECT_EQ(rejected["missing_field"], 1);
  EXPECT_EQ(rejected["invalid_json"], 1);
  EXPECT_EQ(rejected["invalid_utf8"], 1);
  EXPECT_EQ(lines_of(folder_ / "out.rejects.jsonl").size(), 6u);
  const std::vector<Json> samples = samples_of(out);
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[0]["inst_level_strict_acc"], Json::parse("[true, true]"));
  EXPECT_EQ(samples[0]["prompt_level_strict_acc"], true);
  EXPECT_EQ(samples[1]["inst_level_loose_acc"], Json::parse("[true]"));
  EXPECT_EQ(samples[2]["inst_level_loose_acc"], Json::parse("[false, false]"));
  EXPECT_EQ(samples[3]["doc_id"], 5);
  const Json results = Json::parse(read_file(out["results_file"].get<std::string>()));
  EXPECT_EQ(results["n-samples"]["local_ifeval"], Json::parse(R"({"original": 6, "effective": 4})"));
  EXPECT_THAT(results["ballot"]["tasks"]["local_ifeval"]["notes"].dump(), HasSubstr("2 of 6 rows have no answer"));
  EXPECT_DOUBLE_EQ(out["results"]["local_ifeval"]["prompt_level_strict_acc,none"].get<double>(), 0.5);
  EXPECT_FALSE(fs::exists(folder_ / "out/journal.jsonl"));
}

TEST_F(Generative, MathAnswersThatCannotBeDecidedAreCountedBesideTheScore) {
  std::string rows, answers;
  const char* given[] = {"$\\boxed{7}$", "$\\boxed{8}$",
                         "Final Answer: The final answer is $10^{10^9}$. I hope it is correct."};
  for (int i = 0; i < 3; ++i) {
    rows += Json({{"problem", fmt::format("Problem {}?", i)},
                  {"level", "Level 5"},
                  {"type", "Algebra"},
                  {"solution", "So it is $\\boxed{7}$."}})
                .dump() +
            "\n";
    answers += Json({{"doc_id", i}, {"response", given[i]}}).dump() + "\n";
  }
  fs::create_directories(folder_ / "data/math_hard");
  write("data/math_hard/rows.jsonl", rows);
  write("answers.jsonl", answers);
  EvalOptions o = options();
  o.model.clear();
  o.data = (folder_ / "data").string();
  o.tasks = {"leaderboard_math_algebra_hard"};
  o.responses = (folder_ / "answers.jsonl").string();
  const Json out = run(o);
  const Json results = Json::parse(read_file(out["results_file"].get<std::string>()));
  const Json& task = results["ballot"]["tasks"]["leaderboard_math_algebra_hard"];
  EXPECT_EQ(task["undecided"], 1);
  EXPECT_NEAR(task["metrics"]["exact_match"]["raw"]["estimate"].get<double>(), 1.0 / 3, 1e-12);
}

TEST_F(Generative, SamplesOfAnEvaluationAreScoredAgainWithTheSameNumbers) {
  EvalOptions o = options("made");
  o.tasks = {ifeval_task(8).string(), short_task().string()};
  const Json made = run(o);
  EvalOptions again = options("again");
  again.model.clear();
  again.tasks = o.tasks;
  again.responses = (folder_ / "made").string();
  EXPECT_EQ(run(again)["results"], made["results"]);
  again.out = (folder_ / "one").string();
  again.tasks = {o.tasks[1]};
  again.responses = made["samples_files"][1].get<std::string>();
  EXPECT_EQ(run(again)["results"]["short_answers"], made["results"]["short_answers"]);
}

TEST_F(Generative, WhatCannotBeScoredIsToldInWords) {
  write("answers.jsonl", "{\"key\": 7777, \"response\": \"a\"}\n");
  EvalOptions o = options();
  o.tasks = {ifeval_task(8).string()};
  o.responses = (folder_ / "answers.jsonl").string();
  EXPECT_THAT(error_of(o), HasSubstr("nothing for --model to do"));
  o.model.clear();
  EXPECT_THAT(error_of(o), HasSubstr("answers no row of the task 'local_ifeval'"));
  o.chat_template = true;
  EXPECT_THAT(error_of(o), HasSubstr("leave out --chat-template"));
  o.chat_template = false;
  o.force = true;
  o.tasks = {(fs::path(BALLOT_SOURCE_DIR) / "studies/demo/choice.yaml").string()};
  EXPECT_THAT(error_of(o), HasSubstr("multiple choice"));
  o.tasks = {ifeval_task(8).string(), short_task().string()};
  EXPECT_THAT(error_of(o), HasSubstr("give each line a `task`"));
  o.tasks = {ifeval_task(8).string()};
  o.responses = (folder_ / "nowhere.jsonl").string();
  EXPECT_THAT(error_of(o), HasSubstr("no such file"));
  o.responses = write("empty.jsonl", "\n").string();
  EXPECT_THAT(error_of(o), HasSubstr("holds no answer"));
  EvalOptions model = options("model");
  model.tasks = {ifeval_task(2000).string()};
  EXPECT_THAT(error_of(model), HasSubstr("wants answers of up to 2000 tokens"));
}

TEST_F(Generative, WhatATaskFileAsksForAndIsNotDoneIsRefusedByName) {
  const auto reason = [&](const std::string& more) {
    return why_not(read_task_file(
        write("task.yaml",
              "task: t\ndataset_path: json\ndataset_kwargs: {data_files: {test: x.jsonl}}\ntest_split: test\n"
              "output_type: generate_until\ndoc_to_text: q\ndoc_to_target: a\n" +
                  more)));
  };
  EXPECT_EQ(reason(""), "");
  EXPECT_THAT(reason("generation_kwargs: {num_beams: 4}\n"), HasSubstr("num_beams"));
  EXPECT_THAT(reason("metric_list: [{metric: bleu}]\n"), HasSubstr("bleu"));
  EXPECT_THAT(reason("metric_list: [{metric: exact_match, regexes_to_ignore: [x]}]\n"), HasSubstr("regexes_to_ignore"));
  EXPECT_THAT(reason("process_results: !function utils.score\n"), HasSubstr("process_results"));
  EXPECT_THAT(reason("doc_to_choice: c\n"), HasSubstr("doc_to_choice"));
}

TEST_F(Generative, TheRulesOfGenerationAreTheHarnesss) {
  const auto rules = [&](const std::string& kwargs) {
    return generation_rules(task_config(read_task_file(
        write("task.yaml",
              "task: t\ndataset_path: json\ndataset_kwargs: {data_files: {test: x.jsonl}}\ntest_split: test\n"
              "output_type: generate_until\ndoc_to_text: q\ndoc_to_target: a\n" +
                  kwargs))));
  };
  EXPECT_EQ(rules("").max_tokens, 256);
  EXPECT_EQ(rules("").temperature, 0);
  EXPECT_EQ(rules("generation_kwargs: {until: stop, max_new_tokens: 9}\n").max_tokens, 9);
  EXPECT_EQ(rules("generation_kwargs: {until: stop}\n").stop, std::vector<std::string>{"stop"});
  EXPECT_EQ(rules("generation_kwargs: {do_sample: false, temperature: 0.7}\n").temperature, 0);
  EXPECT_EQ(rules("generation_kwargs: {temperature: 0.7}\n").temperature, 0.7);
  EXPECT_EQ(rules("generation_kwargs: {do_sample: true}\n").temperature, 1);
}

}  // namespace
}  // namespace ballot
