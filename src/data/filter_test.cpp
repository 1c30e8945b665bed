#include "data/filter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/error.h"
#include "data/sft.h"
#include "data/test_files.h"
#include "text/tokenizer.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

class FilterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(
        folder_ / "sft.jsonl",
        R"({"id":"1","messages":[{"role":"user","content":"What is the capital of Italy, and how many people live there?"},{"role":"assistant","content":"Rome."}],"source":"a"}
{"id":"2","messages":[{"role":"user","content":"Quelle est la capitale de l'Italie, et combien d'habitants y vivent ?"},{"role":"assistant","content":"Rome."}],"source":"a"}
{"id":"3","messages":[{"role":"user","content":"Please say hello to my friend."},{"role":"assistant","content":"Hello!"},{"role":"user","content":"Again."},{"role":"assistant","content":"Hello!"}],"source":"b"}
{"id":"4","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Please say hello to my friend."},{"role":"assistant","content":"Hello!"}],"source":"b"}
{"id":"5","messages":[],"source":"b"}
)");
  }
  void TearDown() override { fs::remove_all(folder_); }
  const fs::path folder_ = fs::temp_directory_path() / ("ballot_filter_test_" + std::to_string(::getpid()));
};

TEST_F(FilterTest, EnglishSingleTurnRowsStayAndTheRestIsCounted) {
  FilterOptions options;
  options.language = "en";
  options.single_turn = true;
  RejectLog rejects;
  const FilterSummary summary =
      filter_sft({(folder_ / "sft.jsonl").string()}, folder_ / "out.parquet", options, 1, rejects, silent_progress());
  EXPECT_EQ(summary.kept, 2);
  EXPECT_EQ(rejects.filtered(), (std::map<std::string, std::int64_t>{{"multi_turn", 1}, {"not_english", 1}}));
  EXPECT_EQ(rejects.rejected(), 1);
  RejectLog none;
  const auto rows = read_sft({(folder_ / "out.parquet").string()}, none);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, "1");
  EXPECT_EQ(rows[1].id, "4");
}

TEST_F(FilterTest, SourcesAreLeftOutByNameAndCountedBySourceAndReason) {
  FilterOptions options;
  options.exclude_sources = {"b"};
  options.language = "en";
  RejectLog rejects;
  const FilterSummary summary =
      filter_sft({(folder_ / "sft.jsonl").string()}, folder_ / "out.parquet", options, 1, rejects, silent_progress());
  using Counts = std::map<std::string, std::int64_t>;
  EXPECT_EQ(summary.by_source.at("a"), (Counts{{"kept", 1}, {"not_english", 1}}));
  EXPECT_EQ(summary.by_source.at("b"), (Counts{{"excluded_source", 2}}));
}

TEST_F(FilterTest, ALengthWithoutATokenizerIsRefused) {
  FilterOptions options;
  options.max_tokens = 10;
  RejectLog rejects;
  EXPECT_THROW(
      filter_sft({(folder_ / "sft.jsonl").string()}, folder_ / "out.parquet", options, 1, rejects, silent_progress()),
      Error);
}

TEST_F(FilterTest, ALengthCountsTheRenderedConversationInEveryTokenizer) {
  const std::string tokenizer = std::string(BALLOT_SOURCE_DIR) + "/tests/golden/models/tiny_llama";
  FilterOptions options;
  options.tokenizers = {tokenizer};
  const Tokenizer oracle = Tokenizer::from_folder(tokenizer);
  RejectLog none;
  std::vector<std::int64_t> lengths;
  for (const SftRow& row : read_sft({(folder_ / "sft.jsonl").string()}, none))
    lengths.push_back(static_cast<std::int64_t>(oracle.conversation_ids(row.messages).size()));
  options.max_tokens = lengths[3];  // the row with the system turn just fits
  RejectLog rejects;
  const FilterSummary summary =
      filter_sft({(folder_ / "sft.jsonl").string()}, folder_ / "out.parquet", options, 2, rejects, silent_progress());
  const auto fitting =
      std::count_if(lengths.begin(), lengths.end(), [&](std::int64_t n) { return n <= options.max_tokens; });
  EXPECT_EQ(summary.kept, fitting);
  EXPECT_LT(fitting, 4);
  EXPECT_EQ(rejects.filtered().at("too_long"), 4 - fitting);
}

TEST_F(FilterTest, TextsOfControlTokensAreBadRowsUnlessTheyMayBeEncoded) {
  write_file(folder_ / "marks.jsonl",
             R"({"id":"1","messages":[{"role":"user","content":"a <|im_end|> b"},{"role":"assistant","content":"c"}]}
{"id":"2","messages":[{"role":"user","content":"plain"},{"role":"assistant","content":"c"}]}
)");
  FilterOptions options;
  RejectLog rejects;
  EXPECT_EQ(
      filter_sft({(folder_ / "marks.jsonl").string()}, folder_ / "a.parquet", options, 1, rejects, silent_progress())
          .kept,
      1);
  EXPECT_EQ(rejects.counts().at("control_token"), 1);
  EXPECT_EQ(rejects.entries()[0].field, "messages[0].content");
  options.on_control_tokens = "encode";
  RejectLog fine;
  EXPECT_EQ(
      filter_sft({(folder_ / "marks.jsonl").string()}, folder_ / "b.parquet", options, 1, fine, silent_progress()).kept,
      2);
}

TEST_F(FilterTest, TheMalformedSharedFileGetsItsVerdicts) {
  NEEDS_SHARED_DATA();
  RejectLog rejects;
  const FilterSummary summary = filter_sft({(testing::shared_data() / "sft/tulu_like_malformed.jsonl").string()},
                                           folder_ / "out.parquet", {}, 1, rejects, silent_progress());
  EXPECT_EQ(summary.kept, 3);  // lines 1, 10 and 15; the others are in records_test
  const auto& entries = rejects.entries();
  EXPECT_TRUE(std::any_of(entries.begin(), entries.end(),
                          [](const Reject& r) { return r.row == 11 && r.reason == "control_token"; }));
}

TEST_F(FilterTest, EnglishIsToldFromOtherLanguagesOnTheSharedMixture) {
  NEEDS_SHARED_DATA();
  FilterOptions options;
  options.language = "en";
  options.single_turn = true;
  RejectLog rejects;
  const FilterSummary summary = filter_sft({(testing::shared_data() / "sft/tulu_like.jsonl").string()},
                                           folder_ / "out.parquet", options, 0, rejects, silent_progress());
  // sources.csv names each source's language: of the Chinese ones nearly all are left out, of GSM8K nearly all stay.
  const auto share_kept = [&](const char* source) {
    std::int64_t kept = 0, all = 0;
    for (const auto& [reason, n] : summary.by_source.at(source)) (reason == "kept" ? kept : all) += n;
    return static_cast<double>(kept) / static_cast<double>(kept + all);
  };
  EXPECT_GT(share_kept("gsm8k_train"), 0.97);
  EXPECT_LT(share_kept("alpaca_gpt4_zh_demo"), 0.05);
}

TEST_F(FilterTest, NothingLeftIsAnError) {
  FilterOptions options;
  options.language = "ja";
  RejectLog rejects;
  EXPECT_THROW(
      filter_sft({(folder_ / "sft.jsonl").string()}, folder_ / "out.parquet", options, 1, rejects, silent_progress()),
      Error);
  EXPECT_FALSE(fs::exists(folder_ / "out.parquet"));
}

}  // namespace
}  // namespace ballot
