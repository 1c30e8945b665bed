#include "data/reward_items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"

namespace ballot {
namespace {

using testing::ElementsAre;
namespace fs = std::filesystem;

class RewardItemsTest : public testing::Test {
 protected:
  RewardItemsTest() { fs::create_directories(folder_); }
  ~RewardItemsTest() override { fs::remove_all(folder_); }
  RewardItems read(const std::string& rows, const std::string& suite = "auto") {
    write_file(folder_ / "rows.jsonl", rows);
    return read_reward_items({(folder_ / "rows.jsonl").string()}, suite, rejects_);
  }
  std::vector<std::string> reasons() const {
    std::vector<std::string> out;
    for (const Reject& reject : rejects_.entries()) out.push_back(std::to_string(reject.row) + " " + reject.reason);
    return out;
  }
  RejectLog rejects_;
  const fs::path folder_ = fs::temp_directory_path() / ("ballot-reward-items-" + std::to_string(::getpid()));
};

constexpr const char* kPair = R"({"prompt": "p", "chosen": "a", "rejected": "b", "subset": "donotanswer", "id": 7})"
                              "\n";
constexpr const char* kFour = R"({"prompt": "p", "chosen": ["a"], "rejected": ["b", "c", "d"], "num_correct": 1,
                              "total_completions": 4, "subset": "Math", "id": "m1"})";

std::string line(std::string text) {
  std::erase(text, '\n');
  return text + "\n";
}

TEST_F(RewardItemsTest, TheSuiteIsReadFromTheFirstSoundRow) {
  EXPECT_EQ(read(kPair).suite, "rewardbench");
  EXPECT_EQ(read(line(kFour)).suite, "rewardbench2");
  EXPECT_EQ(read(R"({"prompt": "p", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"], "domain": "chat"})"
                 "\n")
                .suite,
            "rm_bench");
  EXPECT_EQ(
      read(line(R"({"prompt": [{"role": "user", "content": "p"}], "chosen": [{"role": "assistant", "content": "a"}],
                     "rejected": [{"role": "assistant", "content": "b"}]})"))
          .suite,
      "preferences");
  EXPECT_EQ(read("{broken\n" + line(kFour)).suite, "rewardbench2");
  EXPECT_THROW(read(kPair, "rewardbench3"), Error);
}

TEST_F(RewardItemsTest, AnItemKnowsItsPlaceInTheFile) {
  const RewardItems read_ = read(std::string("{broken\n") + kPair);
  ASSERT_EQ(read_.items.size(), 1u);
  EXPECT_EQ(read_.items[0].row, 2);
  EXPECT_EQ(read_.items[0].file, (folder_ / "rows.jsonl").string());
  EXPECT_FALSE(read_.items[0].prompt_id.empty());
  EXPECT_THAT(read_.items[0].right, ElementsAre("a"));
}

TEST_F(RewardItemsTest, BadRowsOfBestOfFourAreRejectedByName) {
  const auto row = [](const char* chosen, const char* rejected, const char* rest) {
    return std::string("{\"prompt\": \"p\", \"chosen\": ") + chosen + ", \"rejected\": " + rejected + ", " + rest +
           "}\n";
  };
  const RewardItems items = read(row("[\"a\"]", "[\"b\"]", "\"subset\": \"Math\", \"id\": 1") +
                                 row("[\"a\"]", "[\"b\", 3]", "\"subset\": \"Math\", \"id\": 2") +
                                 row("[\"a\", \"c\"]", "[\"b\"]", "\"subset\": \"Math\", \"id\": 3") +
                                 row("[\"a\"]", "[]", "\"subset\": \"Math\", \"id\": 4") +
                                 row("[\"a\"]", "[\"b\"]", "\"subset\": \"Math\", \"id\": 5, \"num_correct\": 2") +
                                 row("[\"a\"]", "[\"b\"]", "\"subset\": \"Ties\", \"id\": \"other:1\"") +
                                 row("[\"a\"]", "[\"b\"]", "\"subset\": \"Ties\", \"id\": \"ref:1\"") +
                                 row("[\"a\"]", "[\"b\"]", "\"subset\": \"Ties\", \"id\": \"ref:1\""));
  EXPECT_EQ(items.items.size(), 2u);
  EXPECT_THAT(reasons(), ElementsAre("2 rejected_not_text", "3 chosen_several", "4 rejected_empty",
                                     "5 num_correct_wrong", "6 id_not_of_ties", "8 duplicate_id"));
}

}  // namespace
}  // namespace ballot
