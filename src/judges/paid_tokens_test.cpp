// What is paid without an answer: by the server's own count it is in the journal, in the summary and in the budget.
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/manifest.h"
#include "judges/priced.h"
#include "judges/server_judge_fixture.h"
#include "judges/try_tokens.h"

namespace ballot {
namespace {

// Replies that tell their tokens and are no answer.
const std::vector<ServerFault> kPaidFaults = {ServerFault::kNullFinish, ServerFault::kUnknownFinish,
                                              ServerFault::kNoChoices};

TEST_F(ServerJudgeTest, EveryTokenThatTheServerCountedIsInTheSummary) {
  const ChatServer server({.fault_share = 0.3, .faults = kPaidFaults, .unreadable_share = 0.2});
  const AnnotateSummary summary = run("paid", to({server.url()}));
  EXPECT_EQ(summary.prompt_tokens, server.prompt_tokens());
  EXPECT_EQ(summary.completion_tokens, server.completion_tokens());
  ASSERT_TRUE(summary.lost.contains("failed_tries") && summary.lost.contains("unread_answers") &&
              summary.lost.contains("probe"))
      << summary.json();
  std::int64_t faults = 0;
  for (const ServerFault fault : kPaidFaults) faults += server.played(fault);
  EXPECT_GT(faults, 20);
  EXPECT_EQ(summary.lost.at("failed_tries").count, faults);
  EXPECT_EQ(summary.lost.at("failed_tries").estimated, 0);
  // The annotations have the tokens of their own answers, so that a calm server's are the same.
  std::int64_t answers = 0;
  for (const Annotation& a : read_annotations(folder_ / "paid/annotations.parquet"))
    answers += a.prompt_tokens + a.completion_tokens;
  EXPECT_EQ(answers + summary.lost.at("failed_tries").tokens() + summary.lost.at("probe").tokens(),
            summary.prompt_tokens + summary.completion_tokens);
  // And it stands in the manifest, for the report.
  const Json facts = Json::parse(read_manifest(folder_ / "paid")->facts);
  EXPECT_EQ(facts["lost"]["failed_tries"]["prompt_tokens"], summary.lost.at("failed_tries").prompt_tokens);
  EXPECT_EQ(facts["prompt_tokens"], server.prompt_tokens());
}

TEST_F(ServerJudgeTest, StreamsThatFailAreCountedToo) {
  const ChatServer server({.fault_share = 0.3, .faults = kPaidFaults, .thinks = true});
  ServerOptions options = to({server.url()});
  options.chat.reasoning = true;
  const AnnotateSummary summary = run("streams", options);
  EXPECT_GT(server.streamed(), 200);
  EXPECT_EQ(summary.prompt_tokens, server.prompt_tokens());
  EXPECT_EQ(summary.completion_tokens, server.completion_tokens());
}

TEST_F(ServerJudgeTest, LostTokensCountAgainstTheBudgetAndSurviveTheProcess) {
  const ChatServer server({.fault_share = 0.5, .faults = kPaidFaults});
  options_.concurrency = 4;
  options_.max_total_tokens = 12000;
  try {
    run("budget", to({server.url()}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 130);
    EXPECT_NE(error.message().find("the budget is spent"), std::string::npos) << error.message();
  }
  const Journal::Totals totals = Journal(folder_ / "budget").totals();
  EXPECT_GE(totals.prompt_tokens + totals.completion_tokens, 12000);
  EXPECT_EQ(totals.prompt_tokens, server.prompt_tokens());  // of half the tries there is no answer
  const std::int64_t requests = server.requests();
  EXPECT_THROW(run("budget", to({server.url()})), Error);  // nothing is left of it
  EXPECT_EQ(server.requests(), requests);
  options_.max_total_tokens = 0;
  const AnnotateSummary summary = run("budget", to({server.url()}));
  EXPECT_EQ(summary.usable, 200);
  EXPECT_EQ(summary.prompt_tokens, server.prompt_tokens());
  EXPECT_EQ(summary.completion_tokens, server.completion_tokens());
}

TEST_F(ServerJudgeTest, LostTokensHaveAPrice) {
  const ChatServer server({.fault_share = 0.3, .faults = kPaidFaults});
  const auto judge = with_price(make_openai_judge(to({server.url()})), {.prompt = 3, .cached = {}, .completion = 5});
  const AnnotateSummary summary =
      annotate(folder_ / "pool.parquet", folder_ / "priced", *judge, options_, 7, false, silent_progress());
  EXPECT_NEAR(
      summary.cost,
      (3.0 * static_cast<double>(server.prompt_tokens()) + 5.0 * static_cast<double>(server.completion_tokens())) / 1e6,
      1e-9);
  EXPECT_GT(summary.lost.at("failed_tries").cost, 0);
  EXPECT_GT(summary.lost.at("probe").cost, 0);
}

TEST(TryTokens, WhatTheServerDoesNotTellIsEstimatedWhereItWasAtWork) {
  const Conversation asked = {{"user", std::string(400, 'x')}};
  HttpReply reply;
  reply.status = 503;
  EXPECT_FALSE(tokens_of_failure(reply, {}, asked)) << "turned away: nothing was read";
  reply.status = 200;
  EXPECT_FALSE(tokens_of_failure(reply, {}, asked)) << "a page in place of an answer";
  reply.fault = HttpFault::kCut;
  ChatAnswer half;
  half.content = std::string(80, 'y');
  EXPECT_EQ(tokens_of_failure(reply, half, asked)->prompt, 101);
  EXPECT_EQ(tokens_of_failure(reply, half, asked)->completion, 21);
  EXPECT_TRUE(tokens_of_failure(reply, half, asked)->estimated);
  half.prompt_tokens = 77;
  EXPECT_EQ(tokens_of_failure(reply, half, asked)->prompt, 77);
  EXPECT_FALSE(tokens_of_failure(reply, half, asked)->estimated);
  reply.status = 0;
  EXPECT_FALSE(tokens_of_failure(reply, {}, asked)) << "the connection broke before anything came";
  reply.fault = HttpFault::kTotal;
  EXPECT_EQ(tokens_of_failure(reply, {}, asked)->prompt, 101);
  EXPECT_EQ(tokens_of_failure(reply, {}, asked)->completion, 0);
}

TEST(TryTokens, AReplyThatIsNoAnswerStillTellsItsTokens) {
  const ChatAnswer account = read_account(R"({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})");
  EXPECT_EQ(account.prompt_tokens, 9);
  EXPECT_EQ(account.completion_tokens, 4);
  EXPECT_FALSE(read_account("<html>").prompt_tokens);
  EXPECT_FALSE(read_account("").prompt_tokens);
}

}  // namespace
}  // namespace ballot
