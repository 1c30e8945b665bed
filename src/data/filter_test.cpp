#include "data/filter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/atomic_file.h"
#include "core/error.h"
#include "data/sft.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

class FilterTest : public testing::Test {
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

TEST_F(FilterTest, ALengthWithoutATokenizerIsRefused) {
  FilterOptions options;
  options.max_tokens = 10;
  RejectLog rejects;
  EXPECT_THROW(
      filter_sft({(folder_ / "sft.jsonl").string()}, folder_ / "out.parquet", options, 1, rejects, silent_progress()),
      Error);
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
