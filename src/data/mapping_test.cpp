// Tables of any shape, told by a small YAML file.
#include "data/mapping.h"

#include <gmock/gmock.h>

#include "core/manifest.h"
#include "data/pool_test_files.h"

namespace ballot {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::jsonl;
using testing::Made;
using testing::make;
using testing::TestFolder;

Made mapped(const TestFolder& folder, const std::string& mapping, const std::string& name, const std::string& rows) {
  PoolOptions options;
  options.layout = folder.write("mapping.yaml", mapping);
  return make(folder, {folder.write(name, rows)}, options);
}

std::vector<std::string> texts_of(const PoolRow& row) {
  std::vector<std::string> texts;
  for (const Completion& c : row.completions) texts.push_back(c.text);
  return texts;
}

TEST(Mapping, AListOfCompletionsWithRanksInsideOtherFields) {
  TestFolder folder;
  Json row = {{"meta", {{"question", "Why?"}, {"origin", "forum"}}}};
  row["answers"] = {{{"body", {{"text", "poor"}}}, {"engine", "m1"}, {"place", 2}},
                    {{"body", {{"text", "good"}}}, {"engine", "m2"}, {"place", 1}}};
  const Made made = mapped(folder,
                           "prompt: meta.question\nsource: meta.origin\ncompletions: answers\n"
                           "completion: {text: body.text, model: engine, rank: place}\n",
                           "a.jsonl", jsonl({row}));
  EXPECT_EQ(made.summary.layout, "mapping");
  ASSERT_EQ(made.rows.size(), 1u);
  EXPECT_THAT(texts_of(made.rows[0]), ElementsAre("good", "poor"));
  EXPECT_EQ(made.rows[0].completions[0].model, "m2");
  EXPECT_EQ(made.rows[0].source, (std::vector<std::string>{"forum"}));
}

TEST(Mapping, ColumnsSideBySideWithScores) {
  TestFolder folder;
  const std::string mapping =
      "prompt: q\ncompletions:\n  - {text: a, model: model_a, score: stars_a}\n  - {text: b, model: model_b, score: "
      "stars_b}\n";
  const std::string rows =
      "q,a,b,model_a,model_b,stars_a,stars_b\none,left,right,m1,m2,2.5,4\ntwo,left,right,m1,m2,3,3\nthree,left,right,"
      "m1,m2,x,3\n";
  const Made made = mapped(folder, mapping, "a.csv", rows);
  ASSERT_EQ(made.rows.size(), 1u);
  EXPECT_THAT(texts_of(made.rows[0]), ElementsAre("right", "left"));
  EXPECT_THAT(made.rejects.counts(), ElementsAre(std::pair("score_not_a_number", 1), std::pair("tied_scores", 1)));
  TestFolder other;
  EXPECT_THAT(texts_of(mapped(other, mapping + "order: lowest\n", "a.csv", rows).rows[0]),
              ElementsAre("left", "right"));
}

TEST(Mapping, AWinnerAmongTwo) {
  TestFolder folder;
  const Made made = mapped(folder,
                           "prompt: q\nwinner: vote\ncompletions:\n"
                           "  - {text: a, wins: [model_a, 1]}\n  - {text: b, wins: [model_b, 2]}\n",
                           "a.jsonl",
                           jsonl({{{"q", "one"}, {"a", "x"}, {"b", "y"}, {"vote", "model_b"}},
                                  {{"q", "two"}, {"a", "x"}, {"b", "y"}, {"vote", 1}},
                                  {{"q", "three"}, {"a", "x"}, {"b", "y"}, {"vote", "tie"}}}));
  ASSERT_EQ(made.rows.size(), 2u);
  for (const PoolRow& row : made.rows)
    EXPECT_EQ(texts_of(row)[0], row.prompt[0].content == "one" ? "y" : "x") << row.prompt[0].content;
  EXPECT_THAT(made.rejects.counts(), ElementsAre(std::pair("no_winner", 1)));
}

TEST(Mapping, OneCompletionARowIsPutTogetherByItsPrompt) {
  TestFolder folder;
  const Made made =
      mapped(folder, "prompt: q\nprompt_form: human_assistant\ncompletion: {text: a, score: s}\npositions: [0, 2]\n",
             "a.jsonl",
             jsonl({{{"q", "\n\nHuman: one\n\nAssistant: "}, {"a", "worst"}, {"s", 1}},
                    {{"q", "\n\nHuman: one\n\nAssistant: "}, {"a", "best"}, {"s", 3}},
                    {{"q", "\n\nHuman: one\n\nAssistant: "}, {"a", "middle"}, {"s", 2}}}));
  ASSERT_EQ(made.rows.size(), 1u);
  EXPECT_EQ(made.rows[0].prompt, (Conversation{{"user", "one"}}));
  EXPECT_THAT(texts_of(made.rows[0]), ElementsAre("best", "worst")) << "the places that the mapping asks for";
}

TEST(Mapping, ACompletionMayBeAConversationThatEndsWithIt) {
  TestFolder folder;
  Json row = {{"p", {{{"role", "user"}, {"content", "hello"}}}}};
  row["a"] = {{{"role", "user"}, {"content", "hello"}}, {{"role", "assistant"}, {"content", "hi"}}};
  row["b"] = {{{"role", "assistant"}, {"content", "go away"}}};
  row["ra"] = 1;
  row["rb"] = 2;
  const Made made =
      mapped(folder, "prompt: p\ncompletions: [{text: a, rank: ra}, {text: b, rank: rb}]\n", "a.jsonl", jsonl({row}));
  ASSERT_EQ(made.rows.size(), 1u);
  EXPECT_THAT(texts_of(made.rows[0]), ElementsAre("hi", "go away"));
}

TEST(Mapping, APromptMayBePutTogetherFromSeveralColumns) {
  TestFolder folder;
  const Made made =
      mapped(folder, "prompt: [instruction, input]\ncompletions: [{text: a, rank: ra}, {text: b, rank: rb}]\n", "a.csv",
             "instruction,input,a,b,ra,rb\nDo it.,with this,x,y,1,2\nDo that.,,x,y,1,2\n,,x,y,1,2\n");
  ASSERT_EQ(made.rows.size(), 2u);
  std::vector<std::string> prompts = {made.rows[0].prompt[0].content, made.rows[1].prompt[0].content};
  std::sort(prompts.begin(), prompts.end());
  EXPECT_THAT(prompts, ElementsAre("Do it.\n\nwith this", "Do that."));
  EXPECT_THAT(made.rejects.counts(), ElementsAre(std::pair("instruction_empty", 1)));
}

TEST(Mapping, TheKeyFollowsFromWhatTheMappingSays) {
  TestFolder folder;
  const std::string rows = folder.write("a.jsonl", jsonl({{{"q", "one"}, {"a", "x"}, {"b", "y"}, {"s", 1}, {"t", 2}}}));
  const auto key = [&](const std::string& name, const std::string& mapping) {
    PoolOptions options;
    options.layout = folder.write(name, mapping);
    return make_key(pool_manifest({rows}, options, 0));
  };
  const std::string mapping = "prompt: q\ncompletions: [{text: a, score: s}, {text: b, score: t}]\n";
  EXPECT_EQ(key("one.yaml", mapping), key("two.yaml", mapping));
  EXPECT_NE(key("one.yaml", mapping), key("two.yaml", mapping + "order: lowest\n"));
}

TEST(Mapping, FaultsNameLineColumnAndTheNearestKey) {
  const auto fault = [](const std::string& yaml) { return error_of([&] { parse_mapping(yaml, "m.yaml"); }, 2); };
  const std::string good = "prompt: q\ncompletion: {text: a, rank: r}\n";
  EXPECT_EQ(fault(good), "");
  EXPECT_THAT(fault("promt: q\n"), HasSubstr("m.yaml:1:1: unknown key 'promt'; did you mean 'prompt'?"));
  EXPECT_THAT(fault("prompt: q\ncompletion: {txt: a, rank: r}\n"),
              HasSubstr("unknown key 'txt' in 'completion'; did you mean 'text'?"));
  EXPECT_THAT(fault("prompt: q\n"), HasSubstr("no 'completion'"));
  EXPECT_THAT(fault("completion: {text: a, rank: r}\n"), HasSubstr("no 'prompt'"));
  EXPECT_THAT(fault("prompt: q\ncompletion: {text: a}\n"), HasSubstr("m.yaml:2:13: none of 'rank', 'score' or 'wins'"));
  EXPECT_THAT(fault("prompt: q\ncompletion: {text: a, rank: r, score: s}\n"), HasSubstr("several of"));
  EXPECT_THAT(fault(good + "order: best\n"), HasSubstr("m.yaml:3:8: unknown order 'best'"));
  EXPECT_THAT(fault(good + "order: lowest\n"), HasSubstr("'order' is one of scores"));
  EXPECT_THAT(fault("prompt: q\ncompletions: [{text: a, wins: x}, {text: b, wins: y}]\n"),
              HasSubstr("a column 'winner'"));
  EXPECT_THAT(fault("prompt: q\nwinner: w\ncompletion: {text: a, rank: r}\n"),
              HasSubstr("each completion needs 'wins'"));
}

TEST(Mapping, AColumnThatIsNotThereIsToldWithTheFile) {
  TestFolder folder;
  PoolOptions options;
  options.layout = folder.write("m.yaml", "prompt: q\ncompletion: {text: answr, rank: r}\n");
  const std::string csv = folder.write("a.csv", "q,answer,r\none,x,1\n");
  EXPECT_THAT(error_of([&] { make(folder, {csv}, options); }), HasSubstr("answr"));
  options.layout = (folder / "nowhere.yaml").string();
  EXPECT_THAT(error_of([&] { make(folder, {csv}, options); }, 2), HasSubstr("no such file"));
}

}  // namespace
}  // namespace ballot
