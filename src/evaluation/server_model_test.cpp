// Evaluation through servers: the numbers are those of the same model evaluated here, and servers that cannot give them
// are refused.
#include "evaluation/server_model.h"

#include <gmock/gmock.h>

#include "evaluation/completion_server_for_tests.h"
#include "evaluation/eval_for_tests.h"

namespace ballot {
namespace {

using testing::HasSubstr;
using Kind = CompletionServerOptions::Kind;
namespace fs = std::filesystem;

class Served : public EvalTest {
 protected:
  std::string tiny() const { return (golden_folder() / "models/tiny_llama").string(); }
  EvalOptions served(const TestCompletions& server, const std::string& out = "served") const {
    EvalOptions o = options(out);
    o.model = server.name();
    o.tokenizer = tiny();
    return o;
  }
  static EvalOptions first(std::int64_t rows, EvalOptions o) {
    o.limit = rows;
    return o;
  }
  /// Single tokens are to be chosen, as in MMLU-Pro: those that the model thinks likely, and where `unlikely` is set
  /// one that its list of the likeliest does not have.
  std::string letters_task(const TestCompletions& server, bool unlikely) const {
    std::string rows;
    for (const char* q : {"Which is a fruit?", "Which is round?", "What barks?", "What flies?", "What is cold?"}) {
      std::vector<std::string> choices = server.likely(q);
      EXPECT_GE(choices.size(), 3u);
      choices.resize(3);
      if (unlikely) choices.back() = server.unlikely_letter(q);
      rows += Json({{"q", q}, {"c", choices}, {"t", 1}}).dump() + "\n";
    }
    write("letters.jsonl", rows);
    return write("letters.yaml",
                 "task: letters\ndataset_path: json\ndataset_kwargs: {data_files: {test: letters.jsonl}}\n"
                 "test_split: test\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\n"
                 "doc_to_target: t\ntarget_delimiter: \"\"\n")
        .string();
  }
  static void expect_same(const Json& served, const Json& local) {
    const std::vector<Json> ours = samples_of(served), theirs = samples_of(local);
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i]["arguments"], theirs[i]["arguments"]);
      EXPECT_EQ(ours[i]["doc_hash"], theirs[i]["doc_hash"]);
      for (std::size_t c = 0; c < theirs[i]["filtered_resps"].size(); ++c) {
        const Json &a = ours[i]["filtered_resps"][c], &b = theirs[i]["filtered_resps"][c];
        EXPECT_NEAR(std::stod(a[0].get<std::string>()), std::stod(b[0].get<std::string>()), 1e-4) << i << " " << c;
        EXPECT_EQ(a[1], b[1]) << i << " " << c;
      }
    }
    EXPECT_EQ(served["results"], local["results"]);
  }
};

TEST_F(Served, ChoicesGetTheLogLikelihoodsOfTheModelItself) {
  const Json local = run(first(10, options("local")));
  for (const Kind kind : {Kind::kVllm, Kind::kEcho}) {
    TestCompletions server(tiny(), {.kind = kind});
    const Json out = run(first(10, served(server, kind == Kind::kVllm ? "vllm" : "echo")));
    expect_same(out, local);
    EXPECT_EQ(out["ballot"]["server"]["probe"]["prompt_log_probabilities"],
              kind == Kind::kVllm ? "prompt_logprobs" : "echo");
    EXPECT_EQ(out["ballot"]["max_length"], kind == Kind::kVllm ? 1022 : 1024);
  }
}

TEST_F(Served, AQuestionOfSingleTokensIsOneRequestWhereTheListHasThem) {
  for (const bool unlikely : {false, true}) {
    TestCompletions vllm(tiny(), {.kind = Kind::kVllm}), echo(tiny(), {.kind = Kind::kEcho});
    EvalOptions o = options(unlikely ? "local_unlikely" : "local");
    o.tasks = {letters_task(vllm, unlikely)};
    const Json local = run(o);
    for (TestCompletions* server : {&vllm, &echo}) {
      EvalOptions through = served(*server, (server == &vllm ? "vllm" : "echo") + std::string(unlikely ? "2" : "1"));
      through.tasks = o.tasks;
      expect_same(run(through), local);
    }
    // The look takes two requests with prompt_logprobs, or one each of two ways and two of the third.
    EXPECT_EQ(vllm.prompt_requests(), unlikely ? 2 + 5 * 3 : 2);
    EXPECT_EQ(vllm.requests(), 1 + 1 + 2 + 5 + (unlikely ? 5 * 3 : 0));
    EXPECT_EQ(echo.prompt_requests(), 4 + 5 * 3);
  }
}

TEST_F(Served, AServerWithoutPromptLogProbabilitiesIsRefusedAndNothingIsWritten) {
  TestCompletions server(tiny(), {.kind = Kind::kLlamaCpp});
  EvalOptions o = served(server);
  const std::string error = error_of(o);
  EXPECT_THAT(error, HasSubstr("'everyday_choice' is scored by the log-probabilities of the prompt's tokens"));
  EXPECT_THAT(error, HasSubstr("of the generated token only"));
  EXPECT_THAT(error, HasSubstr("--server-scores next_token"));
  EXPECT_FALSE(fs::exists(o.out));
  TestCompletions silent(tiny(), {.no_logprobs = true});
  EXPECT_THAT(error_of(served(silent)), HasSubstr("it gives no log-probabilities"));
}

TEST_F(Served, ItsListsOfNextTokensGiveTheSameTokenByToken) {
  const Json local = run(first(3, options("local")));
  TestCompletions server(tiny(), {.kind = Kind::kLlamaCpp});
  EvalOptions o = first(3, served(server));
  o.server_scores = "next_token";
  expect_same(run(o), local);
  TestCompletions echo(tiny(), {.kind = Kind::kEcho});
  o = served(echo, "echo");
  o.server_scores = "next_token";
  EXPECT_THAT(error_of(o), HasSubstr("does not list the log-probabilities of next tokens by their ids"));
}

TEST_F(Served, AServerThatDoesSomethingElseIsNotBelieved) {
  const auto error = [&](const CompletionServerOptions& options) {
    TestCompletions server(tiny(), options);
    return error_of(served(server));
  };
  EXPECT_THAT(error({.second_bos = true}), HasSubstr("it adds a BOS of its own"));
  EXPECT_THAT(error({.kind = Kind::kLlamaCpp, .second_bos = true}), HasSubstr("it adds a BOS of its own"));
  EXPECT_THAT(error({.second_bos = true, .counts_wrongly = false}), HasSubstr("log-probabilities of"));
  EXPECT_THAT(error({.kind = Kind::kEcho, .second_bos = true, .counts_wrongly = false}),
              HasSubstr("log-probabilities of"));
  EXPECT_THAT(error({.all_alike = true}), HasSubstr("the same number"));
  EXPECT_THAT(error({.moody = true}), HasSubstr("of the same text"));
}

TEST_F(Served, AnswersAreTheModelsOwnWhateverTheServer) {
  EvalOptions o = options("local");
  o.tasks = {short_task().string(), ifeval_task(8).string()};
  const Json local = run(o);
  int number = 0;
  for (const CompletionServerOptions& kind :
       {CompletionServerOptions{.kind = Kind::kVllm}, CompletionServerOptions{.kind = Kind::kLlamaCpp},
        CompletionServerOptions{.kind = Kind::kEcho, .only_openai_fields = true}}) {
    TestCompletions server(tiny(), kind);
    EvalOptions through = served(server, "served" + std::to_string(number++));
    through.tasks = o.tasks;
    const Json out = run(through);
    EXPECT_EQ(out["results"], local["results"]);
    for (std::size_t task = 0; task < 2; ++task) {
      const std::vector<Json> ours = samples_of(out, task), theirs = samples_of(local, task);
      ASSERT_EQ(ours.size(), theirs.size());
      for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i]["resps"], theirs[i]["resps"]);
    }
  }
}

TEST_F(Served, ABusyServerIsWaitedFor) {
  const Json local = run(first(8, options("local")));
  TestCompletions server(tiny(), {.busy = 3, .busy_every = 5});
  const Json out = run(first(8, served(server)));
  expect_same(out, local);
  EXPECT_GT(out["ballot"]["server"]["retries"].get<int>(), 5);
}

TEST_F(Served, AKilledRunGoesOnWithWhatItHas) {
  TestCompletions server(tiny());
  const Json whole = run(first(34, served(server, "whole")));
  const std::int64_t all = server.requests();
  EvalOptions o = first(34, served(server, "killed"));
  Interrupting interrupting(2);
  EXPECT_THROW(run_eval(o, interrupting), Error);
  clear_interrupt();
  const fs::path journal = folder_ / "killed/journal.jsonl";
  ASSERT_EQ(lines_of(journal).size(), 3u);  // when it began, and two batches of sixteen questions
  std::ofstream(journal, std::ios::app) << R"({"task":"everyday_choice","batch":2,"scores":[[[-1.)";
  o.concurrency = 3;
  const std::int64_t before = server.requests();
  const Json resumed = run(o);
  EXPECT_EQ(resumed["results"], whole["results"]);
  EXPECT_EQ(read_file(resumed["samples_files"][0].get<std::string>()),
            read_file(whole["samples_files"][0].get<std::string>()));
  EXPECT_LT(server.requests() - before, all / 2);

  EvalOptions writes = served(server, "writes");
  writes.tasks = {ifeval_task(8).string()};
  writes.concurrency = 1;
  Interrupting later(3);
  EXPECT_THROW(run_eval(writes, later), Error);
  clear_interrupt();
  ASSERT_GE(lines_of(folder_ / "writes/journal.jsonl").size(), 3u);
  EXPECT_EQ(samples_of(run(writes)).size(), 6u);
}

TEST_F(Served, RowsThatTheServerRefusesAreRejectsAndTheRestGoesOn) {
  std::string rows;
  for (int i = 0; i < 6; ++i)
    rows += Json({{"q", i == 2 ? std::string(400, 'x') : "Is it?"}, {"c", {" yes", " no"}}, {"t", 0}}).dump() + "\n";
  write("rows.jsonl", rows);
  TestCompletions server(tiny(), {.refuse_longer = 300});
  EvalOptions o = served(server);
  o.tasks = {choice_task().string()};
  const Json out = run(o);
  EXPECT_EQ(out["ballot"]["rejects"]["rejected"]["refused_by_server"], 1);
  EXPECT_THAT(read_file(folder_ / "served.rejects.jsonl"), HasSubstr("maximum context length"));
  EXPECT_THAT(out["ballot"]["tasks"]["mine"]["notes"].dump(), HasSubstr("1 rows got no answer"));
  EXPECT_EQ(samples_of(out).size(), 5u);
  o.out = (folder_ / "strict").string();
  o.on_bad_row = "fail";
  EXPECT_THAT(error_of(o), HasSubstr("maximum context length"));
}

TEST_F(Served, AnotherModelInTheMiddleEndsTheRun) {
  TestCompletions server(tiny());
  struct Renaming : Interrupting {
    explicit Renaming(TestCompletions& s) : Interrupting(-1), served(s) {}
    void update(std::int64_t, std::string_view) override { served.renamed = true; }
    TestCompletions& served;
  } renaming(server);
  EvalOptions o = first(20, served(server));
  try {
    run_eval(o, renaming);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("now answers as the model another"));
  }
  server.renamed = false;
  EXPECT_EQ(run(o)["results"]["everyday_choice"]["sample_len"], 20);
}

TEST_F(Served, TheKeyComesFromTheEnvironmentAndStandsNowhere) {
  TestCompletions server(tiny(), {.key = "a-secret-key"});
  EvalOptions o = served(server);
  o.limit = 4;
  EXPECT_THAT(error_of(o), HasSubstr("--key-env"));
  o.key_env = "BALLOT_TEST_SERVER_KEY";
  EXPECT_THAT(error_of(o), HasSubstr("which is not set"));
  ::setenv("BALLOT_TEST_SERVER_KEY", "a-secret-key", 1);
  const Json out = run(o);
  ::unsetenv("BALLOT_TEST_SERVER_KEY");
  for (const auto& entry : fs::recursive_directory_iterator(o.out))
    EXPECT_EQ(read_file(entry.path()).find("a-secret-key"), std::string::npos) << entry.path();
}

TEST_F(Served, TheResultsNameServerModelAndSwitches) {
  TestCompletions server(tiny());
  EvalOptions o = served(server);
  o.limit = 4;
  const Json out = run(o);
  const Json results = Json::parse(read_file(out["results_file"].get<std::string>()));
  const Json& told = results["ballot"]["server"];
  EXPECT_EQ(told["url"], server.url());
  EXPECT_EQ(told["model"], "tiny");
  EXPECT_EQ(told["tokenizer"], tiny());
  EXPECT_EQ(told["probe"]["software"], "vllm");
  EXPECT_EQ(told["max_length_from"], "server");
  EXPECT_EQ(results["model_name"], "tiny");
  EXPECT_EQ(results["config"]["device"], "server");
  EXPECT_EQ(results["config"]["model_args"],
            fmt::format("model=tiny,base_url={}/completions,tokenizer={}", server.url(), tiny()));
  const Json manifest = Json::parse(read_file(folder_ / "served/manifest.json"));
  EXPECT_EQ(manifest["parameters"]["server"]["model"], "tiny");
  EXPECT_EQ(manifest.dump().find(server.url()), std::string::npos);  // the same model elsewhere is the same
}

TEST_F(Served, WhatIsWrongIsToldBeforeAnythingIsAsked) {
  EvalOptions o = options();
  o.model = "openai:http://127.0.0.1:1/v1";
  EXPECT_THAT(error_of(o), HasSubstr("names no model"));
  o.model = "openai:http://127.0.0.1:1,http://127.0.0.1:2#m";
  EXPECT_THAT(error_of(o), HasSubstr("asks one server"));
  o.model = "openai:http://127.0.0.1:1#no-such-model";
  EXPECT_THAT(error_of(o), HasSubstr("--tokenizer DIR"));
  o.tokenizer = tiny();
  o.dtype = "bf16";
  EXPECT_THAT(error_of(o), HasSubstr("--dtype"));
  o.dtype = "";
  EXPECT_THAT(error_of(o), HasSubstr("check the address"));  // nobody is there
  o = options();
  o.tokenizer = tiny();
  EXPECT_THAT(error_of(o), HasSubstr("--tokenizer is for models on a server"));
}

}  // namespace
}  // namespace ballot
