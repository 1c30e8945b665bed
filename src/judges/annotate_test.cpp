#include "judges/annotate.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "data/annotations.h"
#include "data/ids.h"
#include "data/pool.h"
#include "judges/annotate_items.h"
#include "judges/journal.h"
#include "judges/judge_spec.h"
#include "judges/priced.h"
#include "judges/simulated.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

std::vector<PoolRow> sample_pool(int prompts) {
  std::vector<PoolRow> pool;
  for (int p = 0; p < prompts; ++p) {
    PoolRow row;
    row.prompt = {{"user", "Name a fruit, please. Number " + std::to_string(p)}};
    row.prompt_id = prompt_id_of(row.prompt);
    for (const int rank : {1, 3, 4, 6, 7}) {
      Completion completion;
      completion.text = std::string(static_cast<std::size_t>(10 + 7 * rank), 'a') + std::to_string(rank);
      completion.model = "m" + std::to_string(rank);
      completion.source_rank = rank;
      completion.completion_id = completion_id_of(row.prompt_id, completion.model, completion.text);
      row.completions.push_back(completion);
    }
    row.source = {"test"};
    pool.push_back(row);
  }
  return pool;
}

/// Stands in for a server that fails now and then: it wraps a simulated judge.
class Unsteady : public Judge {
 public:
  explicit Unsteady(std::unique_ptr<Judge> inner) : inner_(std::move(inner)) {}
  std::string name() const override { return inner_->name(); }
  Json fingerprint() const override { return inner_->fingerprint(); }
  void answer(const Format& format, std::span<const BallotRequest> requests,
              const std::function<void(std::size_t, BallotAnswer)>& done, const std::function<bool()>& stop) override {
    inner_->answer(
        format, requests,
        [&](std::size_t i, BallotAnswer answer) {
          asked.insert(requests[i].item->item_id);
          if (hash64(requests[i].item->item_id + std::to_string(calls++)) % 8 == 0)
            answer = {}, answer.error = "HTTP 503", ++failures;
          done(i, std::move(answer));
        },
        stop);
  }
  std::set<std::string> asked;
  int calls = 0, failures = 0;

 private:
  std::unique_ptr<Judge> inner_;
};

class AnnotateTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_pool(folder_ / "pool.parquet", sample_pool(40));
    options_.format = "binary";
  }
  void TearDown() override {
    clear_interrupt();
    fs::remove_all(folder_);
  }
  AnnotateSummary run(const std::string& out, Judge& judge, std::int64_t seed = 7) {
    return annotate(folder_ / "pool.parquet", folder_ / out, judge, options_, seed, false, silent_progress());
  }
  /// Everything but `seconds`, which is what an answer took.
  std::string content(const std::string& out) {
    std::string text;
    for (const Annotation& a : read_annotations(folder_ / out / "annotations.parquet"))
      text += a.item_id + " " + a.choice.value_or("-") + " " + a.status + " " + a.raw + " " +
              std::to_string(a.attempts) + " " + std::to_string(a.prompt_tokens) + "\n";
    return sha256_hex(text);
  }
  const fs::path folder_ = fs::temp_directory_path() / ("ballot_annotate_test_" + std::to_string(::getpid()));
  AnnotateOptions options_;
};

TEST_F(AnnotateTest, EveryBallotGetsOneFinalAnswer) {
  const auto judge = make_simulated_judge("noisy");
  for (const std::string format : {"binary", "binary_magnitude", "single", "ranking"}) {
    options_.format = format;
    const AnnotateSummary summary = run(format, *judge);
    const std::int64_t expected = format == "ranking" ? 40 : format == "single" ? 200 : 400;
    EXPECT_EQ(summary.items, expected) << format;
    std::int64_t all = 0;
    for (const auto& [status, count] : summary.statuses) all += count;
    EXPECT_EQ(all, expected) << format;
    EXPECT_GT(summary.usable, expected * 9 / 10) << format;
    EXPECT_EQ(read_annotations(folder_ / format / "annotations.parquet").size(), static_cast<std::size_t>(expected));
  }
}

TEST_F(AnnotateTest, ACarefulJudgeMostlyAgreesWithTheSourceAndAPerfectOneAlways) {
  for (const auto& [voter, least, most] :
       {std::tuple{"perfect", 1.0, 1.0}, {"careful", 0.75, 0.98}, {"random", 0.42, 0.58}}) {
    const auto judge = make_simulated_judge(voter);
    run(voter, *judge);
    double right = 0, n = 0;
    const auto pool = read_pool(folder_ / "pool.parquet");
    std::map<std::string, int> rank;
    for (const PoolRow& row : pool)
      for (const Completion& c : row.completions) rank[c.completion_id] = c.source_rank;
    for (const Annotation& a : read_annotations(folder_ / voter / "annotations.parquet")) {
      if (!a.usable()) continue;
      const std::string& other = a.shown[0] == *a.choice ? a.shown[1] : a.shown[0];
      right += rank[*a.choice] < rank[other], ++n;
    }
    EXPECT_GE(right / n, least) << voter;
    EXPECT_LE(right / n, most) << voter;
  }
}

TEST_F(AnnotateTest, KilledAtAnyMomentTheSameCommandEndsWithTheSameContent) {
  {
    const auto judge = make_simulated_judge("noisy");
    run("calm", *judge);
  }
  const std::string expected = content("calm");
  for (int attempt = 0; attempt < 6; ++attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto judge = make_simulated_judge("noisy");
      try {
        run("killed", *judge);
      } catch (...) {
      }
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(3000 + 5000 * attempt));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (fs::exists(folder_ / "killed/manifest.json")) break;
  }
  if (!fs::exists(folder_ / "killed/manifest.json")) {
    const auto judge = make_simulated_judge("noisy");
    run("killed", *judge);
  }
  EXPECT_EQ(content("killed"), expected);
}

TEST_F(AnnotateTest, WhatIsInTheJournalIsNotAskedAgain) {
  options_.max_total_tokens = 60000;
  const auto steady = make_simulated_judge("careful");
  EXPECT_THROW(run("budget", *steady), Error);
  std::set<std::string> answered;
  {
    Journal journal(folder_ / "budget");
    journal.each([&](const JournalEntry& entry) {
      if (entry.final) answered.insert(entry.annotation.item_id);
    });
  }
  ASSERT_GT(answered.size(), 10u);
  ASSERT_LT(answered.size(), 400u);
  options_.max_total_tokens = 0;
  Unsteady judge(make_simulated_judge("careful"));
  run("budget", judge);
  for (const std::string& item : judge.asked) EXPECT_FALSE(answered.contains(item));
}

TEST_F(AnnotateTest, ABudgetThatTheLastAnswerReachesIsNoReasonToStop) {
  const auto judge = make_simulated_judge("careful");
  const AnnotateSummary all = run("free", *judge);
  options_.max_total_tokens = all.prompt_tokens + all.completion_tokens;
  EXPECT_EQ(run("exact", *judge).items, 400);
}

TEST_F(AnnotateTest, APriceMakesAnswersCostAndABudgetInMoneyStops) {
  const auto judge = with_price(make_simulated_judge("careful"), {.prompt = 2, .cached = {}, .completion = 8});
  const AnnotateSummary all = run("priced", *judge);
  EXPECT_NEAR(all.cost,
              (2.0 * static_cast<double>(all.prompt_tokens) + 8.0 * static_cast<double>(all.completion_tokens)) / 1e6,
              1e-12);
  options_.max_cost = all.cost / 2;
  try {
    run("half", *judge);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 130);
    EXPECT_NE(error.message().find("the budget is spent"), std::string::npos);
  }
  options_.max_cost = 0;
  EXPECT_EQ(run("half", *judge).items, 400);
  EXPECT_EQ(content("half"), content("priced"));
}

TEST(JudgeSpec, SamplingAndPriceOfAJudgeFileAreRead) {
  const JudgeSpec spec = judge_spec_of({{"kind", "simulated"},
                                        {"voter", "careful"},
                                        {"sampling", {{"temperature", 1.5}}},
                                        {"price", {{"prompt", 1}, {"completion", 4}}}},
                                       "here");
  EXPECT_EQ(sampling_of(spec, Sampling()).temperature, 1.5);
  EXPECT_EQ(sampling_of(spec, Sampling()).top_k, 40);
  EXPECT_EQ(price_of(spec)->completion, 4);
  EXPECT_EQ(cost_of({.prompt = 1, .cached = 0.5, .completion = 4}, 1000, 400, 100), (600 + 200 + 400) / 1e6);
  EXPECT_THROW(
      price_of(judge_spec_of({{"kind", "simulated"}, {"voter", "careful"}, {"price", {{"promt", 1}}}}, "here")), Error);
  EXPECT_THROW(
      sampling_of(
          judge_spec_of({{"kind", "simulated"}, {"voter", "careful"}, {"sampling", {{"temprature", 1}}}}, "here"), {}),
      Error);
}

TEST_F(AnnotateTest, TransportErrorsUseUpNoAttempt) {
  const auto calm = make_simulated_judge("careful");
  run("calm", *calm);
  Unsteady judge(make_simulated_judge("careful"));
  const AnnotateSummary summary = run("unsteady", judge);
  EXPECT_GT(judge.failures, 20);
  EXPECT_FALSE(summary.statuses.contains("transport"));
  EXPECT_EQ(content("unsteady"), content("calm"));
}

TEST_F(AnnotateTest, AnotherFormatOrSeedIsNotGoneOnWith) {
  const auto judge = make_simulated_judge("careful");
  options_.max_total_tokens = 20000;
  EXPECT_THROW(run("a", *judge), Error);
  try {
    run("a", *judge, 8);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("seed: 7 -> 8"), std::string::npos) << error.message();
  }
}

TEST_F(AnnotateTest, ADryRunCountsAndAsksNothing) {
  const auto judge = make_simulated_judge("careful");
  const Json json = Json::parse(annotate_dry_run(folder_ / "pool.parquet", *judge, options_, 7));
  EXPECT_EQ(json["items"], 400);
  EXPECT_EQ(json["prompts"], 40);
}

TEST(Simulated, AnUnknownVoterGetsTheNearest) {
  try {
    make_simulated_judge("carefull");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("did you mean 'careful'"), std::string::npos);
  }
}

}  // namespace
}  // namespace ballot
