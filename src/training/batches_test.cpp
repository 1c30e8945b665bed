#include "training/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "core/error.h"

namespace ballot {
namespace {

using testing::ElementsAre;

/// `prompts` prompts of five completions with all ten pairs each; completion c of prompt p has 3 + c tokens.
TrainingSet ten_pairs(int prompts, int prompt_tokens = 4) {
  TrainingSet set;
  set.groups = prompts;
  for (int p = 0; p < prompts; ++p) {
    TokenPrompt prompt;
    prompt.prompt_id = std::to_string(p);
    prompt.ids.assign(prompt_tokens, 10 + p);
    for (int c = 0; c < 5; ++c) {
      TokenCompletion completion;
      completion.ids.assign(3 + c, 100 + c);
      completion.scored = {{0, 3 + c}};
      prompt.completions.push_back(completion);
    }
    set.prompts.push_back(prompt);
    for (int w = 0; w < 5; ++w)
      for (int l = w + 1; l < 5; ++l) {
        Example example;
        example.prompt = example.group = p;
        example.completions = {w, l};
        set.examples.push_back(example);
      }
  }
  return set;
}

std::vector<std::int32_t> flat(const std::vector<std::vector<std::int32_t>>& steps) {
  std::vector<std::int32_t> all;
  for (const auto& step : steps) all.insert(all.end(), step.begin(), step.end());
  return all;
}

void expect_all_once(const std::vector<std::vector<std::int32_t>>& steps, std::size_t n) {
  const std::vector<std::int32_t> all = flat(steps);
  EXPECT_EQ(all.size(), n);
  EXPECT_EQ(std::set<std::int32_t>(all.begin(), all.end()).size(), n);
}

TEST(Order, EveryOrderHasTheSameNumberOfStepsAndEveryExampleOnce) {
  for (const int prompts : {1, 7, 20, 33}) {
    const TrainingSet set = ten_pairs(prompts);
    const std::size_t n = set.examples.size();
    for (const std::int64_t batch : {1, 3, 10, 64, 1000})
      for (const char* order : {"file", "prompts", "pairs"}) {
        const auto steps = plan_epoch(set, order, batch, 5, 0);
        EXPECT_EQ(steps.size(), (n + batch - 1) / batch) << order << " " << batch;
        expect_all_once(steps, n);
        for (const auto& step : steps) EXPECT_FALSE(step.empty());
      }
  }
}

TEST(Order, FileIsAsGivenInWholeBatches) {
  const TrainingSet set = ten_pairs(2);
  const auto steps = plan_epoch(set, "file", 8, 0, 0);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_THAT(steps[0], ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(steps[2], ElementsAre(16, 17, 18, 19));
}

TEST(Order, PromptsStayWholeAndStepsNearTheBatchSize) {
  const TrainingSet set = ten_pairs(50);
  const auto steps = plan_epoch(set, "prompts", 64, 3, 0);
  std::set<std::int32_t> seen;
  for (const auto& step : steps) {
    EXPECT_EQ(step.size() % 10, 0u);
    EXPECT_GE(step.size(), 50u);
    EXPECT_LE(step.size(), 70u);
    std::set<std::int32_t> here;
    for (const std::int32_t i : step) here.insert(set.examples[i].group);
    EXPECT_EQ(here.size() * 10, step.size());
    for (const std::int32_t g : here) EXPECT_TRUE(seen.insert(g).second);
  }
}

TEST(Order, APromptWithMorePairsThanAStepIsCut) {
  const auto steps = plan_epoch(ten_pairs(3), "prompts", 4, 3, 0);
  ASSERT_EQ(steps.size(), 8u);
  for (const auto& step : steps) {
    EXPECT_GE(step.size(), 1u);
    EXPECT_LE(step.size(), 7u);
  }
}

TEST(Order, FollowsFromSeedAndEpoch) {
  const TrainingSet set = ten_pairs(20);
  for (const char* order : {"prompts", "pairs"}) {
    const auto plan = [&](std::uint64_t seed, std::int64_t epoch) {
      return flat(plan_epoch(set, order, 64, seed, epoch));
    };
    EXPECT_EQ(plan(1, 0), plan(1, 0));
    EXPECT_NE(plan(1, 0), plan(2, 0));
    EXPECT_NE(plan(1, 0), plan(1, 1));
  }
  EXPECT_THROW(plan_epoch(set, "pair", 64, 0, 0), Error);
  EXPECT_THROW(plan_epoch(set, "pairs", 0, 0, 0), Error);
}

TEST(Cut, PromptsStayTogetherUpToTheTarget) {
  const TrainingSet set = ten_pairs(6);  // 4 + 3 + 4 + 5 + 6 + 7 = 29 tokens a prompt
  std::vector<std::int32_t> all(60);
  std::iota(all.begin(), all.end(), 0);
  const auto cuts = cut_step(set, all, {.target = 60, .limit = 1000}, true);
  ASSERT_EQ(cuts.size(), 3u);
  for (const auto& cut : cuts) EXPECT_EQ(cut.size(), 20u);
  EXPECT_EQ(cut_step(set, all, {.target = 10, .limit = 1000}, true).size(),
            6u);  // whole prompts although above the target
}

TEST(Cut, APromptAboveTheLimitIsCutBetweenItsPairs) {
  const TrainingSet set = ten_pairs(1);
  std::vector<std::int32_t> all(10);
  std::iota(all.begin(), all.end(), 0);
  const auto cuts = cut_step(set, all, {.target = 20, .limit = 20}, true);
  EXPECT_GT(cuts.size(), 1u);
  expect_all_once(cuts, 10);
  for (const auto& cut : cuts) EXPECT_LE(make_batch(set, cut, true).forest.size(), 20);
  expect_all_once(cut_step(set, all, {.target = 1, .limit = 1}, true), 10);  // one pair is never cut
}

TEST(Cut, SeparateSequencesCountTheirOwnPrompts) {
  const TrainingSet set = ten_pairs(1);
  std::vector<std::int32_t> all(10);
  std::iota(all.begin(), all.end(), 0);
  const auto cuts = cut_step(set, all, {.target = 40, .limit = 40}, false);
  for (const auto& cut : cuts) EXPECT_LE(make_batch(set, cut, false).forest.size(), 40);
  expect_all_once(cuts, 10);
}

TEST(Deal, ProcessesShareAStepByPromptAndBalanceTokens) {
  const TrainingSet set = ten_pairs(9);
  std::vector<std::int32_t> all(90);
  std::iota(all.begin(), all.end(), 0);
  std::vector<std::vector<std::int32_t>> parts;
  for (int rank = 0; rank < 4; ++rank) parts.push_back(deal_step(set, all, rank, 4));
  expect_all_once(parts, 90);
  for (const auto& part : parts) EXPECT_TRUE(part.size() == 20 || part.size() == 30);
  EXPECT_EQ(deal_step(set, all, 0, 1), all);
}

TEST(Batch, ForestHoldsThePromptAndEachCompletionOnce) {
  const TrainingSet set = ten_pairs(2);
  std::vector<std::int32_t> all(20);
  std::iota(all.begin(), all.end(), 0);
  const TrainingBatch batch = make_batch(set, all, true);
  EXPECT_EQ(batch.forest.size(), 2 * 29);
  EXPECT_EQ(batch.forest.runs(), 12);
  EXPECT_EQ(batch.completions.size(), 10u);
  EXPECT_EQ(batch.scored_N.size(), 2u * 25);
  EXPECT_EQ(batch.example_completions.size(), 20u);
  EXPECT_THAT(batch.example_completions[0], ElementsAre(0, 1));
  EXPECT_THAT(batch.tokens_C, ElementsAre(3, 4, 5, 6, 7, 3, 4, 5, 6, 7));
  // The first scored token of a completion is predicted by the prompt's last.
  EXPECT_EQ(batch.scored_N[0], 3);
  EXPECT_EQ(batch.scored_N[1], 4);
  EXPECT_EQ(batch.scored_N[3], 3);
  EXPECT_EQ(batch.last_C[0], 6);
  EXPECT_EQ(batch.forest.tokens[batch.last_C[4]], 104);
}

TEST(Batch, LayoutPairsRepeatsEverySequence) {
  const TrainingSet set = ten_pairs(1);
  std::vector<std::int32_t> all(10);
  std::iota(all.begin(), all.end(), 0);
  const TrainingBatch batch = make_batch(set, all, false);
  EXPECT_EQ(batch.forest.size(), 20 * 4 + 4 * 25);
  EXPECT_EQ(batch.completions.size(), 20u);
}

TEST(Batch, OnlySpansAreScoredAndNeverTheFirstTokenOfAll) {
  TrainingSet set;
  set.groups = 1;
  TokenPrompt prompt;
  TokenCompletion completion;
  completion.ids = {5, 6, 7, 8, 9};
  completion.scored = {{0, 2}, {3, 5}};
  prompt.completions = {completion};
  set.prompts = {prompt};
  Example example;
  example.completions = {0};
  set.examples = {example};
  const TrainingBatch batch = make_batch(set, std::vector<std::int32_t>{0}, true);
  EXPECT_THAT(batch.scored_N, ElementsAre(0, 2, 3));
  EXPECT_THAT(batch.targets_N, ElementsAre(6, 8, 9));
  EXPECT_EQ(batch.tokens_C[0], 3);
}

}  // namespace
}  // namespace ballot
