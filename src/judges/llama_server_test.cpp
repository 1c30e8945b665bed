// Against a real server of llama.cpp (or its relative in Python): runs where BALLOT_LLAMA_SERVER names one, such as
// http://127.0.0.1:8080 (docs/judges.md says how to start it).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/manifest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "formats/sample_pool.h"
#include "judges/annotate.h"
#include "judges/openai_judge.h"
#include "net/api_request.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

TEST(LlamaServer, AnswersEveryFormatAndObeysASchema) {
  const char* url = std::getenv("BALLOT_LLAMA_SERVER");
  if (!url) GTEST_SKIP() << "BALLOT_LLAMA_SERVER names no server";
  const fs::path folder = fs::temp_directory_path() / ("ballot_llama_test_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  write_pool(folder / "pool.parquet", sample_pool(1, 3));
  for (const std::string format : {"binary", "single", "ranking"}) {
    ServerOptions server;
    server.chat.model = "smollm2";
    server.chat.profile = ServerProfile::kLlamaCpp;
    server.chat.sampling.max_tokens = 64;
    server.endpoints = {{api_base(url), "", 2}};
    AnnotateOptions options;
    options.format = format;
    const auto judge = make_openai_judge(server);
    const AnnotateSummary summary =
        annotate(folder / "pool.parquet", folder / format, *judge, options, 7, false, silent_progress());
    EXPECT_EQ(summary.items, format == "ranking" ? 1 : 3);
    EXPECT_FALSE(summary.statuses.contains("transport")) << summary.json();
    EXPECT_GT(summary.completion_tokens, 0);
    const Json served = Json::parse(read_manifest(folder / format)->facts).at("served");
    EXPECT_NE(served["probes"][0]["schema"], "none") << served.dump();
    for (const Annotation& a : read_annotations(folder / format / "annotations.parquet"))
      // A grammar promises the shape, not an end within so many tokens.
      EXPECT_TRUE(a.transport != "structured" || a.usable() || a.status == "truncated") << a.status << ": " << a.raw;
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace ballot
