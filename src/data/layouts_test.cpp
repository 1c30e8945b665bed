#include "data/layouts.h"

#include <gmock/gmock.h>

#include "data/pool_test_files.h"
#include "data/prompt_markers.h"

namespace ballot {
namespace {

using ::testing::ElementsAre;
using testing::jsonl;
using testing::Made;
using testing::make;
using testing::many_rows;
using testing::TestFolder;

TEST(Markers, ATurnIsKeptByteForByte) {
  EXPECT_EQ(split_human_assistant("\n\nHuman:  two spaces \n\nin it\n\nAssistant: "),
            (Conversation{{"user", " two spaces \n\nin it"}}));
  EXPECT_EQ(split_human_assistant("\n\nHuman: a\n\nAssistant: b\n\nHuman: c\nHuman: d\n\nAssistant:"),
            (Conversation{{"user", "a"}, {"assistant", "b"}, {"user", "c\nHuman: d"}}));
  EXPECT_EQ(split_human_assistant("Human: no blank line before\n\nAssistant:"),
            (Conversation{{"user", "no blank line before"}}));
  EXPECT_EQ(split_human_assistant("\n\nHuman: a\n\n\nAssistant: "), (Conversation{{"user", "a\n"}}));
}

TEST(Markers, WhatDoesNotAlternateIsRefusedByReason) {
  const auto reason = [](const char* prompt) -> std::string {
    try {
      split_human_assistant(prompt);
    } catch (const RowProblem& problem) {
      return problem.reason;
    }
    return "";
  };
  EXPECT_EQ(reason("plain"), "prompt_without_human");
  EXPECT_EQ(reason("\n\nHuman: a"), "prompt_without_assistant");
  EXPECT_EQ(reason("\n\nHuman: a\n\nAssistant: Sure"), "prompt_ends_with_answer");
  EXPECT_EQ(reason("\n\nHuman: a\n\nHuman: b\n\nAssistant: "), "roles_do_not_alternate");
  EXPECT_EQ(reason("\n\nHuman: \n\nAssistant: "), "prompt_empty");
  EXPECT_EQ(reason("\n\nAssistant: a\n\nHuman: b\n\nAssistant: "), "prompt_without_human");
  EXPECT_EQ(reason(" \n"), "prompt_empty");
}

TEST(Markers, HelpSteerTurnsAreSplit) {
  EXPECT_EQ(split_extra_id("one turn"), (Conversation{{"user", "one turn"}}));
  EXPECT_EQ(split_extra_id("a\n<extra_id_1>Assistant\nb\n<extra_id_1>User\nc\n<extra_id_1>Assistant\n"),
            (Conversation{{"user", "a"}, {"assistant", "b"}, {"user", "c"}}));
}

TEST(Layouts, UltraFeedbackRanksByTheMeanOfItsFourRatings) {
  TestFolder folder;
  const auto completion = [](const char* model, int rating, double overall) {
    Json c;
    c["model"] = model;
    c["response"] = std::string("by ") + model;
    for (const char* aspect : {"helpfulness", "honesty", "instruction_following", "truthfulness"})
      c["annotations"][aspect] = {{"Rating", std::to_string(rating)}, {"Rationale", "why"}};
    c["overall_score"] = overall;
    return c;
  };
  Json row = {{"source", "evol"}, {"instruction", "Do it."}, {"models", {"a", "b", "c"}}};
  row["completions"] = {completion("a", 2, 10), completion("b", 5, 1), completion("c", 3, 2)};
  Json tied = {{"source", "evol"}, {"instruction", "Again."}};
  tied["completions"] = {completion("a", 2, 1), completion("b", 2, 5)};
  const Made made = make(folder, {folder.write("a.jsonl", jsonl({row, tied}))});
  EXPECT_EQ(made.summary.layout, "ultrafeedback");
  ASSERT_EQ(made.rows.size(), 1u);
  EXPECT_EQ(made.rows[0].completions[0].model, "b");
  EXPECT_EQ(made.rows[0].completions[2].model, "a");
  EXPECT_THAT(made.rejects.counts(), ElementsAre(std::pair("tied_scores", 1)));
}

TEST(Layouts, HelpSteerIsReadInItsThreeForms) {
  TestFolder folder;
  const std::vector<Json> rated = {{{"prompt", "p"}, {"response", "worse"}, {"helpfulness", 1}},
                                   {{"prompt", "q"}, {"response", "alone"}, {"helpfulness", 4}},
                                   {{"prompt", "p"}, {"response", "better"}, {"helpfulness", 3}}};
  PoolOptions two;
  const Made one = make(folder, {folder.write("a.jsonl", jsonl(rated))}, two);
  EXPECT_EQ(one.summary.layout, "helpsteer");
  ASSERT_EQ(one.rows.size(), 2u);
  for (const PoolRow& row : one.rows)
    if (row.completions.size() == 2) {
      EXPECT_EQ(row.completions[0].text, "better");
    }

  const std::vector<Json> preferences = {
      {{"prompt", "p"}, {"response_1", "r1"}, {"response_2", "r2"}, {"preference_strength", 2}},
      {{"prompt", "q"}, {"response_1", "r1"}, {"response_2", "r2"}, {"preference_strength", 0}}};
  const Made pairs = make(folder, {folder.write("b.jsonl.gz", testing::gzip(jsonl(preferences)))});
  ASSERT_EQ(pairs.rows.size(), 1u);
  EXPECT_EQ(pairs.rows[0].completions[0].text, "r2");
  EXPECT_THAT(pairs.rejects.counts(), ElementsAre(std::pair("tied_scores", 1)));

  Json third = {{"domain", "general"}, {"response1", "r1"}, {"response2", "r2"}, {"overall_preference", -3}};
  third["context"] = {{{"role", "user"}, {"content", "a"}},
                      {{"role", "assistant"}, {"content", "b"}},
                      {{"role", "user"}, {"content", "c"}}};
  const Made newer = make(folder, {folder.write("c.jsonl", jsonl({third}))});
  EXPECT_EQ(newer.rows[0].completions[0].text, "r1");
  EXPECT_EQ(newer.rows[0].turns, 2);
}

TEST(Layouts, ATableOfOneCompletionARowIsPutTogetherInAnyOrder) {
  TestFolder folder;
  PoolOptions all;
  all.positions = {0, 1, 2};
  const Made csv =
      make(folder,
           {folder.write(
               "a.csv",
               "prompt,model,completion,rank\n\"p, q\",m1,one,1\n\"p, q\",m3,three,3\nother,m1,x,1\n\"p, q\",m2,two,2\n"
               "other,m2,y,1\nother,m3,z,2\n")},
           all);
  ASSERT_EQ(csv.rows.size(), 1u);
  EXPECT_EQ(csv.rows[0].completions[1].text, "two");
  EXPECT_THAT(csv.rejects.counts(), ElementsAre(std::pair("rank_repeated", 1)));
  const Made jsonl_form =
      make(folder,
           {folder.write("a.jsonl", jsonl({{{"prompt", "p, q"}, {"response", "three"}, {"model", "m3"}, {"rank", 3}},
                                           {{"prompt", "p, q"}, {"response", "two"}, {"model", "m2"}, {"rank", 2}},
                                           {{"prompt", "p, q"}, {"response", "one"}, {"model", "m1"}, {"rank", 1}}}))},
           all);
  EXPECT_EQ(jsonl_form.bytes, csv.bytes);
}

TEST(Layouts, PreferencesAndAPoolItselfAreSources) {
  TestFolder folder;
  const Made pairs =
      make(folder, {folder.write("a.jsonl", jsonl({{{"prompt", "p"}, {"chosen", "good"}, {"rejected", "bad"}}}))});
  EXPECT_EQ(pairs.summary.layout, "preferences");
  EXPECT_EQ(pairs.rows[0].prompt, (Conversation{{"user", "p"}}));
  EXPECT_EQ(pairs.rows[0].completions[0].text, "good");

  const Made pool = make(folder, {folder.write("b.jsonl", jsonl(many_rows(20)))});
  std::filesystem::copy_file(folder / "pool.parquet", folder / "first.parquet");
  const Made again = make(folder, {(folder / "first.parquet").string()});
  EXPECT_EQ(again.summary.layout, "ballot");
  EXPECT_EQ(again.bytes, pool.bytes);
}

}  // namespace
}  // namespace ballot
