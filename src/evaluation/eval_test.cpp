// The whole command on a tiny model: files as the harness writes them, killed and resumed runs, bad input.
#include "evaluation/eval.h"

#include <gmock/gmock.h>

#include "evaluation/eval_for_tests.h"

namespace ballot {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

using Eval = EvalTest;

TEST_F(Eval, WritesResultsAndSamplesInTheHarnesssLayout) {
  const Json out = run(options());
  const Json golden = golden_json("harness_tiny.json")["runs"][5];
  ASSERT_EQ(golden["task"], "everyday_choice");
  const Json results = Json::parse(read_file(out["results_file"].get<std::string>()));
  for (const char* metric : {"acc,none", "acc_norm,none"})
    EXPECT_DOUBLE_EQ(results["results"]["everyday_choice"][metric].get<double>(),
                     golden["results"][metric].get<double>());
  std::vector<std::string> keys;
  for (const auto& [key, value] : results.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"results",
                                            "group_subtasks",
                                            "configs",
                                            "versions",
                                            "n-shot",
                                            "higher_is_better",
                                            "n-samples",
                                            "config",
                                            "git_hash",
                                            "date",
                                            "pretty_env_info",
                                            "transformers_version",
                                            "lm_eval_version",
                                            "upper_git_hash",
                                            "tokenizer_pad_token",
                                            "tokenizer_eos_token",
                                            "tokenizer_bos_token",
                                            "eot_token_id",
                                            "max_length",
                                            "task_hashes",
                                            "model_source",
                                            "model_name",
                                            "model_name_sanitized",
                                            "system_instruction",
                                            "system_instruction_sha",
                                            "fewshot_as_multiturn",
                                            "chat_template",
                                            "chat_template_sha",
                                            "total_evaluation_time_seconds",
                                            "ballot"}));
  EXPECT_EQ(results["n-samples"]["everyday_choice"], Json::parse(R"({"original": 40, "effective": 40})"));
  EXPECT_EQ(results["n-shot"]["everyday_choice"], 2);
  EXPECT_EQ(results["max_length"], 1024);
  const std::vector<Json> samples = samples_of(out);
  ASSERT_EQ(samples.size(), 40u);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Json& row = golden["rows"][i];
    EXPECT_EQ(samples[i]["arguments"]["gen_args_0"]["arg_0"], row["context"]);
    EXPECT_EQ(samples[i]["arguments"]["gen_args_3"]["arg_1"], row["continuations"][3]);
    for (const char* key : {"doc_id", "doc_hash", "prompt_hash", "target_hash", "acc", "acc_norm"})
      EXPECT_EQ(samples[i][key], row[key]) << key;
    EXPECT_EQ(samples[i]["resps"][1][0][1], "False");
    EXPECT_NEAR(std::stod(samples[i]["filtered_resps"][2][0].get<std::string>()),
                row["log_likelihoods"][2].get<double>(), 1e-4);
  }
  const Json& ours = results["ballot"]["tasks"]["everyday_choice"];
  EXPECT_DOUBLE_EQ(ours["chance"].get<double>(), 0.25);
  EXPECT_LT(ours["metrics"]["acc"]["raw"]["low"].get<double>(), ours["metrics"]["acc"]["raw"]["high"].get<double>());
  EXPECT_TRUE(fs::exists(folder_ / "out/manifest.json"));
  EXPECT_FALSE(fs::exists(folder_ / "out/journal.jsonl"));
}

TEST_F(Eval, AGroupIsTheMeanOverItsRowsWithThePooledError) {
  for (const char* task : {"local_boolean_expressions", "local_object_counting"}) task_file_of(task);
  EvalOptions o = options();
  o.tasks = {write("group.yaml",
                   "group: local_bbh\ntask: [local_boolean_expressions, local_object_counting]\n"
                   "aggregate_metric_list: [{metric: acc_norm, aggregation: mean, weight_by_size: true}]\n")
                 .string()};
  o.limit = 3;
  const Json out = run(o);
  // lm-evaluation-harness on the same rows: 1 of 3 and 0 of 3.
  EXPECT_EQ(
      out["groups"]["local_bbh"],
      Json::parse(R"({"alias": "local_bbh", "name": "local_bbh", "sample_len": 6, "acc_norm,none": 0.16666666666666666,
                            "acc_norm_stderr,none": 0.16666666666666669, "sample_count": {"acc_norm,none": 6}})"));
  const Json results = Json::parse(read_file(out["results_file"].get<std::string>()));
  EXPECT_EQ(results["task_hashes"]["local_boolean_expressions"],
            "ba06a08688439e55dc2d4453e1866ba31c478908ac9488d229b06f3e1053796c");
  EXPECT_EQ(results["group_subtasks"]["local_bbh"],
            Json::parse(R"(["local_boolean_expressions", "local_object_counting"])"));
  EXPECT_EQ(results["n-shot"]["local_bbh"], 3);
}

TEST_F(Eval, TheLeaderboardsOwnTaskRunsOnItsShortNameInTheDataFolder) {
  EvalOptions o = options();
  o.tasks = {"leaderboard_bbh_boolean_expressions"};
  o.data = (golden_folder() / "eval").string();
  const Json out = run(o);
  EXPECT_DOUBLE_EQ(out["results"]["leaderboard_bbh_boolean_expressions"]["acc_norm,none"].get<double>(), 0.25);
  const Json& metric = out["ballot"]["tasks"]["leaderboard_bbh_boolean_expressions"]["metrics"]["acc_norm"];
  EXPECT_EQ(metric["normalised"]["name"], "open_llm_leaderboard_v2");
  EXPECT_EQ(metric["normalised"]["estimate"], 0.0);
}

TEST_F(Eval, AKilledRunGoesOnAndGivesTheSameNumbers) {
  EvalOptions o = options("whole");
  o.tokens_per_batch = 300;
  const Json whole = run(o);
  EvalOptions again = options("killed");
  again.tokens_per_batch = 300;
  // Stopped after two batches; then the process dies while it writes the next line.
  Interrupting interrupting(2);
  EXPECT_THROW(run_eval(again, interrupting), Error);
  clear_interrupt();
  const fs::path journal = folder_ / "killed/journal.jsonl";
  EXPECT_FALSE(fs::exists(folder_ / "killed/manifest.json"));
  const std::vector<Json> kept = lines_of(journal);
  ASSERT_EQ(kept.size(), 3u);  // when it began, and two batches
  std::ofstream(journal, std::ios::app) << R"({"task":"everyday_choice","batch":2,"scores":[[[-1.)";
  const Json resumed = run(again);
  EXPECT_EQ(resumed["results"], whole["results"]);
  EXPECT_EQ(read_file(resumed["samples_files"][0].get<std::string>()),
            read_file(whole["samples_files"][0].get<std::string>()));
  EXPECT_THAT(resumed["results_file"].get<std::string>(), HasSubstr(kept[0]["date"].get<std::string>()));
}

TEST_F(Eval, OtherParametersOnAnUnfinishedFolderAreToldApart) {
  EvalOptions o = options();
  o.limit = 6;
  o.tokens_per_batch = 200;
  Interrupting interrupting(1);
  EXPECT_THROW(run_eval(o, interrupting), Error);
  clear_interrupt();
  o.limit = 3;
  EXPECT_THAT(error_of(o), HasSubstr("limit: 6 -> 3"));
  o.force = true;
  EXPECT_EQ(run(o)["results"]["everyday_choice"]["sample_len"], 3);
  o.force = false;
  EXPECT_THAT(error_of(o), HasSubstr("is finished"));
}

TEST_F(Eval, LongPromptsLoseTheirBeginningAndThatIsCounted) {
  EvalOptions o = options();
  task_file_of("local_boolean_expressions");
  o.tasks = {(folder_ / "local_boolean_expressions.yaml").string()};
  o.max_length = 128;
  o.limit = 4;
  const Json out = run(o);
  EXPECT_EQ(out["ballot"]["tasks"]["local_boolean_expressions"]["truncated"], 4);
}

TEST_F(Eval, TheFirstPromptIsShownWithItsIdsAndNothingIsWritten) {
  EvalOptions o = options();
  o.out.clear();
  o.show_prompt = true;
  const Json out = run(o);
  const Json& prompt = out["prompts"][0];
  EXPECT_THAT(prompt["context"].get<std::string>(),
              testing::StartsWith("Answer the question.\n\nQuestion: What do you write"));
  EXPECT_EQ(prompt["continuation_ids"].size(), 4u);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Eval, ConfidentialRowsAreKeptAsHashes) {
  write("gpqa/gpqa_main.csv",
        "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\nsecret "
        "text,c,a1,a2,a3\nother,c,x,y,z\n");
  EvalOptions o = options();
  o.tasks = {"leaderboard_gpqa_main"};
  o.data = folder_.string();
  const Json out = run(o);
  const std::string samples = read_file(out["samples_files"][0].get<std::string>());
  EXPECT_EQ(samples.find("secret text"), std::string::npos);
  EXPECT_THAT(samples, HasSubstr("\"doc\":{\"sha256\":\""));
  EXPECT_THAT(samples, HasSubstr("\"arg_1\":\" (A)\""));
}

TEST_F(Eval, ListSaysWhatThereIsWhatIsMissingAndWhatCannotBeDone) {
  EvalOptions o;
  o.tasks = {"list"};
  o.data = (golden_folder() / "eval").string();
  std::map<std::string, Json> tasks;
  const Json list = run(o);
  for (const Json& task : list["tasks"]) tasks[task["name"]] = task;
  EXPECT_EQ(tasks.at("leaderboard_bbh_boolean_expressions")["status"], "ready");
  EXPECT_EQ(tasks.at("leaderboard_bbh_snarks")["status"], "data_missing");
  EXPECT_THAT(tasks.at("leaderboard_bbh_snarks")["detail"].get<std::string>(), HasSubstr("bbh/snarks.json"));
  EXPECT_EQ(tasks.at("leaderboard_ifeval")["status"], "ready");
  EXPECT_EQ(tasks.at("leaderboard_bbh")["kind"], "group");
}

TEST_F(Eval, WhatCannotBeDoneIsRefusedBeforeTheModelIsLoaded) {
  EvalOptions o = options();
  o.tasks = {"leaderboard_ifeval"};
  EXPECT_THAT(error_of(o), HasSubstr("ifeval/input_data.jsonl"));
  o.tasks = {"leaderboard_bbh"};
  o.data = (golden_folder() / "eval").string();
  EXPECT_THAT(error_of(o), HasSubstr("22 of the tasks cannot be done"));
  o.tasks = {"leaderboard_bbh_snark"};
  EXPECT_THAT(error_of(o), HasSubstr("did you mean"));
  o = options();
  o.multi_turn = true;
  EXPECT_THAT(error_of(o), HasSubstr("--chat-template"));
  o = options();
  o.model = (golden_folder() / "models/tiny_llama_rm").string();
  EXPECT_THAT(error_of(o), HasSubstr("reward model"));
}

TEST_F(Eval, ABadRowFailsTheRunWhereThatIsAsked) {
  write("rows.jsonl", "{\"q\": \"a\", \"c\": [], \"t\": 0}\n{\"q\": \"b\", \"c\": [\"x\", \"y\"], \"t\": 5}\n");
  EvalOptions o = options();
  o.tasks = {choice_task().string()};
  const Json out = run(o);
  EXPECT_EQ(out["ballot"]["rejects"]["rejected"]["empty_choices"], 1);
  EXPECT_EQ(out["ballot"]["tasks"]["mine"]["answer_not_among_choices"], 1);
  EXPECT_EQ(lines_of(folder_ / "out.rejects.jsonl").size(), 1u);
  o.out = (folder_ / "strict").string();
  o.on_bad_row = "fail";
  EXPECT_THAT(error_of(o), HasSubstr("no choices"));
}

}  // namespace
}  // namespace ballot
