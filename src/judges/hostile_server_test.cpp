// A server that does everything wrong, and the run over it: the annotations of a calm server, every answer in the
// journal as the server gave it, and nothing asked again that was answered.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "formats/sample_pool.h"
#include "judges/annotate.h"
#include "judges/chat_server_for_tests.h"
#include "judges/journal.h"
#include "judges/openai_judge.h"
#include "judges/server_judge_fixture.h"

namespace ballot {
namespace {

TEST_F(ServerJudgeTest, AHostileServerGivesTheAnnotationsOfACalmOne) {
  const ChatServer calm({.unreadable_share = 0.1});
  const AnnotateSummary expected = run("calm", to({calm.url()}));
  EXPECT_EQ(expected.items, 200);
  EXPECT_GT(expected.structured, 0);
  EXPECT_GT(expected.cached_tokens, 0);
  compare_with_log("calm", calm.log());
  for (const std::uint64_t seed : {1, 2}) {
    const ChatServer hostile({.fault_share = 0.4, .fault_seed = seed, .unreadable_share = 0.1});
    const std::string out = fmt::format("hostile{}", seed);
    const AnnotateSummary summary = run(out, to({hostile.url()}));
    EXPECT_EQ(content(out), content("calm"));
    EXPECT_FALSE(summary.statuses.contains("transport"));
    compare_with_log(out, hostile.log());
    const Json counted = Json::parse(summary.judge);
    EXPECT_GT(counted["faults"].size(), 5u) << counted.dump();
    EXPECT_EQ(counted["faults"].value("http_503", 0), hostile.played(ServerFault::kUnavailable) + 0) << counted.dump();
  }
}

TEST_F(ServerJudgeTest, StreamsOfAThinkingJudgeBreakWhereTheyWill) {
  const ChatServer calm({.unreadable_share = 0.1, .thinks = true});
  ServerOptions options = to({calm.url()});
  options.chat.reasoning = true;
  run("calm", options);
  EXPECT_GT(calm.streamed(), 199);
  for (const Annotation& a : read_annotations(folder_ / "calm/annotations.parquet"))
    EXPECT_EQ(a.reasoning, "Let me see: café or tea?");
  const ChatServer hostile({.fault_share = 0.4, .fault_seed = 3, .unreadable_share = 0.1, .thinks = true});
  options.endpoints[0].url = hostile.url();
  const AnnotateSummary summary = run("hostile", options);
  EXPECT_EQ(content("hostile"), content("calm"));
  compare_with_log("hostile", hostile.log());
  EXPECT_GT(hostile.played(ServerFault::kCutBeforeDone), 0);
  EXPECT_GT(Json::parse(summary.judge)["usage_estimated"].get<int>(), 0);
}

TEST_F(ServerJudgeTest, EveryFormatIsAnswered) {
  for (const std::string format : {"binary_magnitude", "single", "ranking"}) {
    options_.format = format;
    const ChatServer server({.format = format, .unreadable_share = 0.6});
    const AnnotateSummary summary = run(format, to({server.url()}));
    EXPECT_EQ(summary.usable, summary.items) << format << summary.json();
    EXPECT_GT(summary.structured, 0) << format;
  }
}

TEST_F(ServerJudgeTest, APromptsBallotsGoToOneEndpointAndADeadOneIsDoneWithout) {
  const ChatServer one, two;
  run("both", to({one.url(), two.url()}));
  EXPECT_GT(one.requests(), 0);
  EXPECT_GT(two.requests(), 0);
  EXPECT_EQ(one.requests() + two.requests(), 200);
  const ChatServer alive;
  const AnnotateSummary summary = run("dead", to({"http://127.0.0.1:1/v1", alive.url()}));
  EXPECT_EQ(summary.usable, 200);
  EXPECT_EQ(content("dead"), content("both"));
}

TEST_F(ServerJudgeTest, ASilentServerIsLeftAfterItsTime) {
  const ChatServer server({.fault_share = 0.05, .faults = {ServerFault::kSilence}});
  ServerOptions options = to({server.url()});
  options.timeouts = {.connect = 2, .idle = 0.5, .total = 1};
  const AnnotateSummary summary = run("silent", options);
  EXPECT_EQ(summary.usable, 200);
  EXPECT_GT(server.played(ServerFault::kSilence), 0);
  EXPECT_GE(Json::parse(summary.judge)["faults"]["timeout"], server.played(ServerFault::kSilence)) << summary.judge;
}

TEST_F(ServerJudgeTest, ABallotTooLongIsAskedInShortFormOnceAndThenGivenUp) {
  std::vector<PoolRow> pool = sample_pool(3);
  pool[1].completions[0].text = std::string(20000, 'x');
  write_pool(folder_ / "pool.parquet", pool);
  const ChatServer server({.longest_prompt = 15000});
  const AnnotateSummary summary = run("long", to({server.url()}));
  EXPECT_EQ(summary.statuses.at("transport"), 4);
  EXPECT_EQ(summary.usable, 26);
  EXPECT_EQ(server.requests(), 26 + 2 * 4);
}

TEST_F(ServerJudgeTest, AKeyIsSentOnlyAsNamedAndWrittenNowhere) {
  const std::string key = "sk-very-secret-0123456789";
  ::setenv("BALLOT_TEST_KEY", key.c_str(), 1);
  ChatServer server({.key = key});
  server.refuse_after = 50;
  try {
    run("refused", to({server.url()}, "BALLOT_TEST_KEY"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 1);
    EXPECT_NE(error.message().find("401"), std::string::npos) << error.message();
    EXPECT_EQ(error.message().find(key), std::string::npos);
    EXPECT_NE(error.next().find("key_env"), std::string::npos);
  }
  server.refuse_after = -1;
  run("refused", to({server.url()}, "BALLOT_TEST_KEY"));  // goes on
  ::unsetenv("BALLOT_TEST_KEY");
  compare_with_log("refused", server.log());
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes.find(key), std::string::npos) << entry.path();
  }
  EXPECT_THROW(run("other", to({server.url()})), Error);  // no key: refused by the first question
}

TEST_F(ServerJudgeTest, AnotherModelBehindTheSameAddressIsNotTaken) {
  ChatServer server;
  options_.max_total_tokens = 10000;
  options_.concurrency = 4;
  EXPECT_THROW(run("a", to({server.url()})), Error);
  options_.max_total_tokens = 0;
  server.renamed = true;
  try {
    run("a", to({server.url()}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("another"), std::string::npos) << error.message();
  }
  server.renamed = false;
  EXPECT_EQ(run("a", to({server.url()})).usable, 200);
}

TEST_F(ServerJudgeTest, BudgetsAndInterruptsFinishWhatIsInFlight) {
  const ChatServer server;
  options_.max_total_tokens = 10000;
  options_.concurrency = 8;
  EXPECT_THROW(run("budget", to({server.url()})), Error);
  EXPECT_LT(server.requests(), 100);
  compare_with_log("budget", server.log());  // all that was asked is in the journal
  options_.max_total_tokens = 0;
  run("budget", to({server.url()}));
  EXPECT_EQ(server.requests(), 200);
  EXPECT_LE(Json::parse(run("again", to({server.url()})).judge)["most_in_flight"].get<int>(), 8);
}

TEST_F(ServerJudgeTest, AJudgeThatObeysNoSchemaIsAskedInWords) {
  const ChatServer server(
      {.unreadable_share = 0.5, .constrains = [](const Json&) { return false; }, .knows_models = false});
  const AnnotateSummary summary = run("words", to({server.url()}));
  EXPECT_EQ(summary.structured, 0);
  EXPECT_GT(summary.statuses.at("unparsable"), 0);  // no default label
  EXPECT_GT(summary.attempts.at(3), 0);
}

TEST_F(ServerJudgeTest, WhenNobodyAnswersTheRunStopsAndTheJournalStays) {
  ChatServer server({.fault_share = 1, .faults = {ServerFault::kUnavailable}});
  ServerOptions options = to({server.url()});
  EXPECT_THROW(run("down", options), Error);
  EXPECT_THROW(run("nowhere", to({"http://127.0.0.1:1"})), Error);
}

TEST_F(ServerJudgeTest, ALargerLimitOrAGrownPoolGoesOnFromTheSameJournal) {
  const ChatServer server;
  options_.limit = 5;
  EXPECT_EQ(run("grow", to({server.url()})).items, 50);
  EXPECT_THROW(run("grow", to({server.url()})), Error);  // finished
  options_.limit = 8;
  EXPECT_EQ(run("grow", to({server.url()})).items, 80);
  EXPECT_EQ(server.requests(), 80);
  options_.limit = 3;
  EXPECT_THROW(run("grow", to({server.url()})), Error);
  options_.limit = 0;
  run("grow", to({server.url()}));
  write_pool(folder_ / "pool.parquet", sample_pool(25));
  EXPECT_EQ(run("grow", to({server.url()})).items, 250);
  EXPECT_EQ(server.requests(), 250);
  write_pool(folder_ / "pool.parquet", sample_pool(10));
  try {
    run("grow", to({server.url()}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("finished"), std::string::npos);
  }
}

}  // namespace
}  // namespace ballot
