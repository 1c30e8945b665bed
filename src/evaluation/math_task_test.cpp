#include "evaluation/math_task.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

TEST(MathTask, RowsOfLevelFiveAreKeptWithTheirAnswers) {
  Documents documents;
  documents.add({{"problem", "1+1?"}, {"level", "Level 5"}, {"solution", "It is $\\boxed{2}$."}}, 1);
  documents.add({{"problem", "1+2?"}, {"level", "Level 4"}, {"solution", "It is $\\boxed{3}$."}}, 2);
  documents.add({{"problem", "1+3?"}, {"level", "Level 5"}, {"solution", "It is 4."}}, 3);
  math_process_docs(documents, {});
  ASSERT_EQ(documents.rows.size(), 2u);
  EXPECT_EQ(documents.rows[0]["answer"], "2");
  EXPECT_EQ(documents.rows[1]["answer"], "[invalidanswer]");
  EXPECT_EQ(documents.numbers, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(documents.columns.back(), "answer");
}

TEST(MathTask, AnAnswerHasBothMeasures) {
  const Json row = {{"problem", "1+1?"}, {"solution", "It is $\\boxed{2}$."}};
  EXPECT_EQ(math_doc_to_text(row), "Problem:\n1+1?\n\nSolution:");
  EXPECT_EQ(math_process_results(row, "So $\\boxed{2}$."),
            (Json{{"exact_match", 1}, {"exact_match_original", 0}, {"undecided", false}}));
  EXPECT_EQ(math_process_results(row, "Final Answer: The final answer is $2$. I hope it is correct."),
            (Json{{"exact_match", 1}, {"exact_match_original", 1}, {"undecided", false}}));
  EXPECT_EQ(
      math_process_results(row, "Final Answer: The final answer is $10^{10^9}$. I hope it is correct.")["undecided"],
      true);
  EXPECT_THROW(math_process_results({{"problem", "1+1?"}}, "2"), Error);
}

}  // namespace
}  // namespace ballot
