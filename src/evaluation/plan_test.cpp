#include "evaluation/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/manifest.h"
#include "evaluation/eval.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

TEST(EvaluationPlan, TasksComputeAsManyTokensAsPlanned) {
  const fs::path out = fs::path(testing::TempDir()) / ("ballot_plan_" + std::to_string(::getpid()));
  fs::remove_all(out);
  EvalOptions options;
  options.model = std::string(BALLOT_SOURCE_DIR) + "/tests/golden/models/tiny_llama";
  options.tasks = {std::string(BALLOT_SOURCE_DIR) + "/studies/demo/choice.yaml"};
  options.limit = 15;
  options.tokens_per_batch = 700;
  options.out = out.string();
  const std::vector<TaskPlan> plans = plan_tasks(options, /*after_sft=*/false);
  ASSERT_EQ(plans.size(), 1u);
  EXPECT_EQ(plans[0].problem, "");
  EXPECT_EQ(plans[0].plan.examples, 15);
  run_eval(options, silent_progress());
  const Json facts = Json::parse(read_manifest(out)->facts);
  EXPECT_EQ(plans[0].plan.forest_tokens, facts["computed_tokens"].get<std::int64_t>());
  EXPECT_LT(plans[0].plan.forest_tokens, plans[0].plan.num_tokens);
  fs::remove_all(out);
}

TEST(EvaluationPlan, ATaskThatCannotBePlannedSaysWhyAndTheOthersAreCounted) {
  EvalOptions options;
  options.model = std::string(BALLOT_SOURCE_DIR) + "/tests/golden/models/tiny_llama";
  options.tasks = {std::string(BALLOT_SOURCE_DIR) + "/studies/demo/choice.yaml", "leaderboard_bbh_snarks"};
  options.data = std::string(BALLOT_SOURCE_DIR) + "/tests/golden/eval";
  const std::vector<TaskPlan> plans = plan_tasks(options, false);
  ASSERT_EQ(plans.size(), 2u);
  EXPECT_EQ(plans[0].problem, "");
  EXPECT_THAT(plans[1].problem, testing::HasSubstr("bbh/snarks.json"));
  EXPECT_EQ(plans[1].plan.forest_tokens, 0);
}

TEST(EvaluationPlan, ScoresReadEachPromptAndCompletionOnceAndAPolicyTwice) {
  std::vector<RewardItem> items;
  for (const char* wrong : {"no", "never mind", "nothing"}) {
    RewardItem item;
    item.id = wrong, item.prompt_id = "p";
    item.prompt = {{"user", "What is the colour of the sky on a clear day?"}};
    item.right = {"blue"}, item.wrong = {wrong};
    items.push_back(item);
  }
  const std::string model = std::string(BALLOT_SOURCE_DIR) + "/tests/golden/models/tiny_llama";
  const ComputePlan reward = plan_scores(model, false, true, items, {}),
                    policy = plan_scores(model, false, false, items, {});
  EXPECT_EQ(reward.examples, 3);
  EXPECT_EQ(reward.prompts, 1);
  EXPECT_EQ(reward.completions, 4);
  EXPECT_LT(reward.forest_tokens * 2, reward.num_tokens);  // six sequences of one prompt and four completions
  EXPECT_GT(policy.forest_tokens, reward.forest_tokens * 2 - 40);
  EXPECT_GT(policy.flops, reward.flops * 2);  // and each token meets the vocabulary
}

}  // namespace
}  // namespace ballot
