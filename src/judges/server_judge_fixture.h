// What tests of a judge behind a server share: a pool, a run over it, and the comparison of its journal with the
// server's own log.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/hash.h"
#include "core/interrupt.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "formats/sample_pool.h"
#include "judges/annotate.h"
#include "judges/chat_server_for_tests.h"
#include "judges/journal.h"
#include "judges/openai_judge.h"

namespace ballot {

namespace fs = std::filesystem;

class ServerJudgeTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_pool(folder_ / "pool.parquet", sample_pool(20));
    options_.format = "binary";
  }
  void TearDown() override {
    clear_interrupt();
    fs::remove_all(folder_);
  }

  static ServerOptions to(std::vector<std::string> urls, const std::string& key_env = "") {
    ServerOptions options;
    options.chat.model = "m";
    for (std::string& url : urls) options.endpoints.push_back({std::move(url), key_env, 0});
    options.timeouts = {.connect = 2, .idle = 5, .total = 5};
    options.first_wait = 0.01;
    return options;
  }
  AnnotateSummary run(const std::string& out, const ServerOptions& options) {
    const auto judge = make_openai_judge(options);
    return annotate(folder_ / "pool.parquet", folder_ / out, *judge, options_, 7, false, silent_progress());
  }
  /// Everything that the judge said, without tokens and times.
  std::string content(const std::string& out) {
    std::string text;
    for (const Annotation& a : read_annotations(folder_ / out / "annotations.parquet"))
      text += fmt::format("{} {} {} {} {} {} {}\n", a.item_id, a.repeat, a.choice.value_or("-"), a.status, a.attempts,
                          a.transport, a.raw);
    return text;
  }
  static std::uint64_t seed_of(const JournalEntry& e) {
    return hash64(fmt::format("{} {} {} {}", 7, e.annotation.item_id, e.annotation.repeat, e.attempt)) & 0x7fffffff;
  }
  /// Every answer of the journal is in the server's log, word for word, and none was delivered twice.
  void compare_with_log(const std::string& out, const std::map<std::uint64_t, ChatServer::Logged>& log) {
    std::set<std::uint64_t> seen;
    Journal(folder_ / out).each([&](const JournalEntry& entry) {
      const auto logged = log.find(seed_of(entry));
      ASSERT_NE(logged, log.end());
      EXPECT_EQ(entry.annotation.raw, logged->second.content);
      EXPECT_EQ(logged->second.delivered, 1) << "asked again although it was answered";
      seen.insert(logged->first);
    });
    for (const auto& [seed, logged] : log) EXPECT_TRUE(seen.contains(seed)) << "answered, and not in the journal";
  }

  const fs::path folder_ = fs::temp_directory_path() / ("ballot_server_test_" + std::to_string(::getpid()));
  AnnotateOptions options_;
};

}  // namespace ballot
