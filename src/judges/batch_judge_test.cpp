#include "judges/batch_judge.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/hash.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "formats/sample_pool.h"
#include "judges/annotate.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

class BatchTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_pool(folder_ / "pool.parquet", sample_pool(6));
    options_.format = "binary";
  }
  void TearDown() override { fs::remove_all(folder_); }

  AnnotateSummary run(BatchLimits limits = {}) {
    ServerOptions options;
    options.chat.model = "m";
    options.chat.profile = ServerProfile::kOpenAi;
    options.folder = folder_ / "batches";
    const auto judge = make_batch_judge(options, limits);
    return annotate(folder_ / "pool.parquet", folder_ / "out", *judge, options_, 7, false, silent_progress());
  }
  /// The lines of all request files, or of those from a number on.
  std::vector<Json> requests(int from = 1) {
    std::vector<Json> lines;
    for (int n = from; fs::exists(file(n)); ++n) {
      std::ifstream in(file(n));
      for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
    }
    return lines;
  }
  fs::path file(int n) { return folder_ / "batches" / fmt::format("requests-{:05}.jsonl", n); }
  static Json answer_to(const Json& request, const std::string& content) {
    return {{"id", "batch_req"},
            {"custom_id", request["custom_id"]},
            {"response",
             {{"status_code", 200},
              {"body",
               {{"model", "m"},
                {"choices", {{{"message", {{"role", "assistant"}, {"content", content}}}, {"finish_reason", "stop"}}}},
                {"usage", {{"prompt_tokens", 11}, {"completion_tokens", 2}}}}}}},
            {"error", nullptr}};
  }
  static std::string letter(const Json& request) { return hash64(request.dump()) % 2 ? "A" : "B"; }
  void write(const std::string& name, const std::vector<Json>& lines) {
    std::ofstream out(folder_ / "batches" / name);
    for (const Json& line : lines) out << line.dump() << "\n";
  }

  const fs::path folder_ = fs::temp_directory_path() / ("ballot_batch_test_" + std::to_string(::getpid()));
  AnnotateOptions options_;
};

TEST_F(BatchTest, AsksByFilesAndReadsAnswersInAnyOrder) {
  const AnnotateSummary asked = run();
  EXPECT_EQ(asked.pending, 60);
  EXPECT_NE(asked.message.find("60 requests in 1 new file"), std::string::npos) << asked.message;
  EXPECT_FALSE(fs::exists(folder_ / "out/manifest.json"));
  std::vector<Json> lines = requests();
  ASSERT_EQ(lines.size(), 60u);
  EXPECT_EQ(lines[0]["method"], "POST");
  EXPECT_EQ(lines[0]["url"], "/v1/chat/completions");
  EXPECT_EQ(lines[0]["body"]["model"], "m");
  EXPECT_FALSE(lines[0]["body"].contains("stream"));
  EXPECT_TRUE(lines[0]["custom_id"].get<std::string>().starts_with("binary/"));
  EXPECT_TRUE(lines[0]["custom_id"].get<std::string>().ends_with("/1"));
  // Asked again without answers: nothing new.
  EXPECT_NE(run().message.find("60 requests written before have no answer"), std::string::npos);
  EXPECT_EQ(requests().size(), 60u);
  // A part of the answers, backwards, in two files, some of them twice, one file with a line of something else.
  std::vector<Json> answers;
  for (const Json& line : lines) answers.push_back(answer_to(line, "Preference: " + letter(line)));
  std::reverse(answers.begin(), answers.end());
  write("out-1.jsonl", {answers.begin(), answers.begin() + 40});
  write("out-2.jsonl", {answers.begin() + 30, answers.begin() + 50});
  write("z-notes.jsonl", {Json{{"note", "mine"}}});
  EXPECT_EQ(run().pending, 10);
  EXPECT_EQ(requests().size(), 60u);
  write("out-3.jsonl", {answers.begin() + 50, answers.end()});
  const AnnotateSummary done = run();
  EXPECT_EQ(done.pending, 0);
  EXPECT_EQ(done.usable, 60);
  EXPECT_EQ(done.prompt_tokens, 60 * 11);
  for (const Annotation& a : read_annotations(folder_ / "out/annotations.parquet")) {
    EXPECT_EQ(a.transport, "batch");
    EXPECT_EQ(a.attempts, 1);
  }
  EXPECT_TRUE(fs::exists(folder_ / "out/manifest.json"));
}

TEST_F(BatchTest, WhatStayedUnreadIsAskedAgainByTheLadderAndErrorsAtMostFiveTimes) {
  run();
  std::vector<Json> lines = requests();
  std::vector<Json> answers;
  for (const Json& line : lines) answers.push_back(answer_to(line, "Preference: " + letter(line)));
  answers[0] = answer_to(lines[0], "I cannot say.");
  answers[1] = {{"custom_id", lines[1]["custom_id"]},
                {"response", nullptr},
                {"error", {{"code", "batch_expired"}, {"message", "expired"}}}};
  answers[2]["response"]["status_code"] = 500;
  write("out.jsonl", answers);
  EXPECT_EQ(run().pending, 3);
  std::vector<Json> again = requests(2);
  ASSERT_EQ(again.size(), 3u);
  std::set<std::string> ids;
  for (const Json& line : again) ids.insert(line["custom_id"]);
  EXPECT_TRUE(ids.contains(lines[1]["custom_id"]));
  EXPECT_TRUE(ids.contains(lines[2]["custom_id"]));
  EXPECT_FALSE(ids.contains(lines[0]["custom_id"]));  // attempt 2 has its own
  // The third attempt is structured; the lines with errors fail for good.
  for (int round = 2; round <= 6; ++round) {
    std::vector<Json> reply;
    for (const Json& line : requests(round)) {
      if (fs::exists(file(round + 1))) continue;
      const std::string id = line["custom_id"];
      if (id.ends_with("/2")) reply.push_back(answer_to(line, "Hard to tell."));
      if (id.ends_with("/3")) {
        EXPECT_TRUE(line["body"].contains("response_format"));
        reply.push_back(answer_to(line, R"({"reason": "x", "preference": "A"})"));
      }
      if (id.ends_with("/1"))
        reply.push_back({{"custom_id", id}, {"response", nullptr}, {"error", {{"message", "expired"}}}});
    }
    write(fmt::format("round-{}.jsonl", round), reply);
    const AnnotateSummary summary = run();
    if (summary.pending > 0) continue;
    EXPECT_EQ(summary.usable, 58);
    EXPECT_EQ(summary.statuses.at("transport"), 2);
    EXPECT_EQ(summary.attempts.at(3), 1);
    EXPECT_EQ(summary.lost.at("failed_tries").count, 1) << "one error line told its tokens, and it is counted once";
    EXPECT_EQ(summary.lost.at("failed_tries").tokens(), 13);
    EXPECT_EQ(summary.lost.at("unread_answers").count, 2);
    return;
  }
  FAIL() << "the batch never ended";
}

TEST_F(BatchTest, FilesAreSplitByLinesAndBytes) {
  run({.lines = 25});
  EXPECT_EQ(requests().size(), 60u);
  EXPECT_TRUE(fs::exists(file(3)));
  EXPECT_FALSE(fs::exists(file(4)));
  fs::remove_all(folder_ / "batches");
  run({.lines = 1000, .bytes = 40000});
  EXPECT_EQ(requests().size(), 60u);
  EXPECT_TRUE(fs::exists(file(4)));
  for (int n = 1; fs::exists(file(n)); ++n) EXPECT_LE(fs::file_size(file(n)), 40000u);
}

}  // namespace
}  // namespace ballot
