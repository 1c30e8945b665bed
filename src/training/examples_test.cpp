#include "training/examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/ids.h"
#include "data/preferences.h"
#include "data/sft.h"
#include "models/tokenizer_files.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Tokenizer& tokenizer() {
  static const Tokenizer loaded = load_tokenizer(golden_path("models/tiny_llama"));
  return loaded;
}

Preference pair(const std::string& question, const std::string& chosen, const std::string& rejected) {
  Preference row;
  row.prompt = {{"user", question}};
  row.prompt_id = prompt_id_of(row.prompt);
  row.chosen = chosen;
  row.rejected = rejected;
  row.chosen_id = completion_id_of(row.prompt_id, "a", chosen);
  row.rejected_id = completion_id_of(row.prompt_id, "b", rejected);
  row.pair_id = pair_id_of(row.chosen_id, row.rejected_id);
  return row;
}

std::vector<TokenId> joined(const TokenPrompt& prompt, std::int32_t completion) {
  std::vector<TokenId> ids = prompt.ids;
  ids.insert(ids.end(), prompt.completions[completion].ids.begin(), prompt.completions[completion].ids.end());
  return ids;
}

// tests/oracles/trl_runs.py keeps the ids that TRL made of the first rows.
TEST(Examples, TokensAreTrlsForConversationsAndPlainText) {
  for (const auto& [run, file] : {std::pair{"main", "preferences.jsonl"}, {"plain_text", "preferences_text.jsonl"}}) {
    const Json examples = golden_json("trl_dpo.json")["runs"][run]["examples"];
    const TemporaryFolder folder;
    RejectLog rejects;
    const auto rows = read_preferences(
        {folder.write_lines("rows.jsonl",
                            golden_lines(std::string("small/") + file, 0, static_cast<std::int64_t>(examples.size())))},
        rejects);
    const TrainingSet set = pair_examples(rows, tokenizer(), {}, rejects);
    ASSERT_EQ(set.examples.size(), examples.size());
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const TokenPrompt& prompt = set.prompts[set.examples[i].prompt];
      EXPECT_EQ(prompt.ids, examples[i]["prompt_ids"].get<std::vector<TokenId>>());
      EXPECT_EQ(prompt.completions[set.examples[i].completions[0]].ids,
                examples[i]["chosen_ids"].get<std::vector<TokenId>>());
      EXPECT_EQ(prompt.completions[set.examples[i].completions[1]].ids,
                examples[i]["rejected_ids"].get<std::vector<TokenId>>());
    }
  }
}

TEST(Examples, SftTokensAreTrls) {
  const Json examples = golden_json("trl_sft.json")["runs"]["main"]["examples"];
  const TemporaryFolder folder;
  RejectLog rejects;
  const auto rows =
      read_sft({folder.write_lines("rows.jsonl",
                                   golden_lines("small/sft.jsonl", 0, static_cast<std::int64_t>(examples.size())))},
               rejects);
  const TrainingSet set = answer_examples(rows, tokenizer(), {}, rejects);
  ASSERT_EQ(set.examples.size(), examples.size());
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const TokenPrompt& prompt = set.prompts[set.examples[i].prompt];
    EXPECT_EQ(joined(prompt, 0), examples[i]["input_ids"].get<std::vector<TokenId>>());
  }
}

TEST(Examples, TenPairsOfAPromptAreOnePromptAndFiveCompletions) {
  std::vector<Preference> rows;
  const std::vector<std::string> answers{"one", "two words", "three", "it is four", "five five"};
  for (int w = 0; w < 5; ++w)
    for (int l = w + 1; l < 5; ++l) rows.push_back(pair("How many?", answers[w], answers[l]));
  rows.push_back(pair("And now?", "one", "two words"));
  RejectLog rejects;
  const TrainingSet set = pair_examples(rows, tokenizer(), {}, rejects);
  ASSERT_EQ(set.prompts.size(), 2u);
  EXPECT_EQ(set.groups, 2);
  EXPECT_EQ(set.prompts[0].completions.size(), 5u);
  EXPECT_EQ(set.completions(), 7);
  EXPECT_EQ(set.examples[9].completions, (std::vector<std::int32_t>{3, 4}));
  for (const TokenCompletion& completion : set.prompts[0].completions)
    EXPECT_THAT(completion.scored, ElementsAre(std::pair{0, static_cast<std::int32_t>(completion.ids.size())}));
  // The same words under another prompt are another completion.
  EXPECT_NE(set.prompts[0].completions[0].content, set.prompts[1].completions[0].content);
}

TEST(Examples, OtherSplitsAreFilteredAndCounted) {
  std::vector<Preference> rows{pair("a?", "b", "c"), pair("d?", "e", "f")};
  rows[1].split = "held_out";
  RejectLog rejects;
  EXPECT_EQ(pair_examples(rows, tokenizer(), {}, rejects).examples.size(), 1u);
  EXPECT_EQ(rejects.filtered().at("other_split"), 1);
  RejectLog none;
  EXPECT_EQ(pair_examples(rows, tokenizer(), {.split = "all"}, none).examples.size(), 2u);
}

TEST(Examples, ControlTokensInTextAreRejectedOrEncoded) {
  const std::vector<Preference> rows{pair("a?", "b<|im_end|>", "c"), pair("d <|im_start|>?", "e", "f"),
                                     pair("g?", "h", "i")};
  RejectLog rejects;
  const TrainingSet set = pair_examples(rows, tokenizer(), {.file = "rows.jsonl"}, rejects);
  EXPECT_EQ(set.examples.size(), 1u);
  EXPECT_EQ(rejects.counts().at("control_token"), 2);
  EXPECT_EQ(rejects.entries()[0].field, "chosen");
  EXPECT_EQ(rejects.entries()[1].field, "prompt");
  EXPECT_EQ(rejects.entries()[1].row, 2);
  RejectLog encoded;
  const TrainingSet all = pair_examples(rows, tokenizer(), {.on_control_tokens = "encode"}, encoded);
  EXPECT_EQ(all.examples.size(), 3u);
  EXPECT_THAT(all.prompts[0].completions[0].ids, testing::Contains(2).Times(2));
}

class Truncation : public testing::Test {
 protected:
  Truncation() {
    const std::string longer(60, 'x'), longest(100, 'y');
    rows_ = {pair("short?", "fits", "fits too"), pair("short?", longer, "fits"),
             pair(std::string(150, 'q') + "?", "a", "b"), pair("short?", longest, longer)};
  }
  TrainingSet make(const std::string& truncate, std::int64_t max_length) {
    rejects_ = {};
    return pair_examples(rows_, tokenizer(), {.max_length = max_length, .truncate = truncate}, rejects_);
  }
  std::vector<Preference> rows_;
  RejectLog rejects_;
};

TEST_F(Truncation, DropCountsLongRows) {
  const TrainingSet set = make("drop", 60);
  EXPECT_EQ(set.examples.size(), 1u);
  EXPECT_EQ(rejects_.counts().at("too_long"), 3);
}

TEST_F(Truncation, CompletionRightCutsCompletionsAndDropsPromptsThatFillAll) {
  const TrainingSet set = make("completion_right", 60);
  EXPECT_EQ(set.examples.size(), 3u);
  EXPECT_EQ(rejects_.counts().at("prompt_too_long"), 1);
  EXPECT_EQ(rejects_.warnings().at("completion_truncated"), 3);
  for (const TokenPrompt& prompt : set.prompts)
    for (const TokenCompletion& completion : prompt.completions)
      EXPECT_LE(prompt.ids.size() + completion.ids.size(), 60u);
}

TEST_F(Truncation, PromptLeftCutsThePromptOnceForAllItsCompletions) {
  const TrainingSet set = make("prompt_left", 70);
  EXPECT_EQ(rejects_.counts().at("completion_too_long"), 1);
  EXPECT_GE(rejects_.warnings().at("prompt_truncated"), 1);
  EXPECT_EQ(set.examples.size(), 3u);
  EXPECT_EQ(set.examples[0].prompt, set.examples[1].prompt);
  const TokenPrompt& prompt = set.prompts[set.examples[0].prompt];
  for (const TokenCompletion& completion : prompt.completions)
    EXPECT_LE(prompt.ids.size() + completion.ids.size(), 70u);
}

TEST_F(Truncation, CompletionsThatAreEqualAfterTheCutAreOne) {
  const std::string stem(80, 'z');
  rows_ = {pair("short?", stem + " one", stem + " two")};
  const TrainingSet set = make("completion_right", 50);
  EXPECT_EQ(set.prompts[0].completions.size(), 1u);
  EXPECT_EQ(set.examples[0].completions, (std::vector<std::int32_t>{0, 0}));
}

TEST(Examples, NothingLeftIsAnErrorThatSaysWhy) {
  RejectLog rejects;
  try {
    pair_examples({pair("a?", "bb", "cc")}, tokenizer(), {.max_length = 3, .file = "rows.jsonl"}, rejects);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_THAT(error.message(), HasSubstr("too_long"));
  }
}

// Plain text whose completion merges with the prompt's last letters: the pair begins where its ids part, as in TRL.
TEST(Examples, TokensThatMergeAcrossTheBorderShortenThePrompt) {
  Preference row = pair("", "n the end", "e");
  row.prompt = {{"", "The answer is i"}};
  RejectLog rejects;
  const TrainingSet set = pair_examples({row}, tokenizer(), {}, rejects);
  const std::vector<TokenId> prompt = tokenizer().encode("The answer is i", true),
                             chosen = tokenizer().encode("The answer is in the end<|im_end|>", true);
  ASSERT_NE(std::vector<TokenId>(chosen.begin(), chosen.begin() + prompt.size()), prompt)
      << "the tokenizer does not merge here; choose other words";
  EXPECT_EQ(rejects.warnings().at("prompt_not_a_prefix"), 1);
  EXPECT_LT(set.prompts[0].ids.size(), prompt.size());
  EXPECT_EQ(joined(set.prompts[0], set.examples[0].completions[0]), chosen);
}

TEST(Examples, EveryAssistantTurnOfMessagesIsLearntAndOnlyTheCompletionOfPromptAndCompletion) {
  SftRow row{"id", {{"user", "Hi"}, {"assistant", "Yes"}, {"user", "And?"}, {"assistant", "No"}}, "", -1};
  RejectLog rejects;
  const TrainingSet set = answer_examples({row}, tokenizer(), {}, rejects);
  const TokenCompletion& completion = set.prompts[0].completions[0];
  ASSERT_EQ(completion.scored.size(), 2u);
  std::string learnt;
  for (const auto& [begin, end] : completion.scored)
    learnt += tokenizer().decode(std::vector<TokenId>(completion.ids.begin() + begin, completion.ids.begin() + end));
  EXPECT_EQ(learnt, "Yes<|im_end|>\nNo<|im_end|>\n");
  row.prompt_messages = 3;
  const TrainingSet last = answer_examples({row}, tokenizer(), {}, rejects);
  EXPECT_EQ(tokenizer().decode(last.prompts[0].completions[0].ids), "No<|im_end|>\n");
  EXPECT_EQ(joined(last.prompts[0], 0), joined(set.prompts[0], 0));
}

TEST(Examples, RankingsAndRatingsTakeTheirTextsFromThePool) {
  PoolRow row;
  row.prompt = {{"user", "Which?"}};
  row.prompt_id = prompt_id_of(row.prompt);
  for (const char* id : {"a", "b", "c"}) row.completions.push_back({id, std::string("text ") + id, "m", 1});
  Annotation ranking;
  ranking.item_id = "r";
  ranking.prompt_id = row.prompt_id;
  ranking.status = "ok";
  ranking.ranking = {{"c"}, {"a", "b"}};
  Annotation unknown = ranking, unusable = ranking;
  unknown.ranking = {{"x"}, {"a"}};
  unusable.status = "unparsable";
  RejectLog rejects;
  const TrainingSet set = ranking_examples({ranking, unknown, unusable}, {row}, false, tokenizer(), {}, rejects);
  ASSERT_EQ(set.examples.size(), 1u);
  EXPECT_EQ(set.examples[0].ranking, (std::vector<std::vector<std::int32_t>>{{0}, {1, 2}}));
  EXPECT_EQ(set.prompts[0].completions[set.examples[0].completions[0]].completion_id, "c");
  EXPECT_EQ(rejects.counts().at("unknown_completion"), 1);
  EXPECT_EQ(rejects.filtered().at("unusable"), 1);

  Annotation rating;
  rating.item_id = "s";
  rating.prompt_id = row.prompt_id;
  rating.status = "ok";
  rating.shown = {"b"};
  rating.rating = 4;
  const TrainingSet rated = ranking_examples({rating}, {row}, true, tokenizer(), {}, rejects);
  EXPECT_EQ(rated.examples[0].ratings, std::vector<double>{4});
}

TEST(Lint, FindsWhatTrainingWouldHide) {
  RejectLog rejects;
  const std::vector<TokenId> ends{2};
  const auto findings = [&](const TrainingSet& set, bool reward = false) {
    std::vector<std::int32_t> all(set.examples.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int32_t>(i);
    return lint(set, all, tokenizer(), ends, reward);
  };
  TrainingSet set = pair_examples({pair("a?", "b", "c")}, tokenizer(), {}, rejects);
  EXPECT_TRUE(findings(set).empty());
  EXPECT_THAT(findings(pair_examples({pair("a?", "same", "same")}, tokenizer(), {}, rejects)),
              ElementsAre(HasSubstr("identical")));

  TrainingSet endless = set;
  for (TokenCompletion& completion : endless.prompts[0].completions)
    std::replace(completion.ids.begin(), completion.ids.end(), 2, 50);
  EXPECT_THAT(findings(endless), ElementsAre(HasSubstr("no_turn_end")));

  TrainingSet twice = set;
  twice.prompts[0].ids.insert(twice.prompts[0].ids.begin(), {*tokenizer().bos_id(), *tokenizer().bos_id()});
  EXPECT_THAT(findings(twice), ElementsAre(HasSubstr("two_bos")));

  TrainingSet masked = set;
  masked.prompts[0].completions[0].scored.clear();
  EXPECT_THAT(findings(masked), ElementsAre(HasSubstr("nothing_scored")));

  TrainingSet padded = set;
  padded.prompts[0].completions[0].ids.back() = *tokenizer().pad_id();
  EXPECT_THAT(findings(padded, true), ElementsAre(HasSubstr("ends_in_pad")));
  EXPECT_TRUE(findings(padded, false).empty());
}

}  // namespace
}  // namespace ballot
