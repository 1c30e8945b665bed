#include "training/plan.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/manifest.h"
#include "models/model.h"
#include "text/tokenizer.h"
#include "training/batches.h"
#include "training/memory.h"
#include "training/throughput.h"
#include "training/train.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

TrainingOptions small_run(const TemporaryFolder& folder, const std::string& objective) {
  TrainingOptions o = training_defaults(objective);
  o.model = golden_path("models/tiny_llama");
  o.data = {folder.write_lines("rows.jsonl", objective == "sft" ? golden_lines("small/sft.jsonl", 0, 30)
                                                                : golden_lines("small/preferences.jsonl", 0, 30))};
  o.out = (folder.path() / "out").string();
  o.batch_size = 12;
  o.tokens_per_microbatch = 300;
  return o;
}

TEST(Plan, TokensAndStepsAreThoseOfTheTrainingItself) {
  for (const char* objective : {"sft", "dpo", "reward"})
    for (const char* order : {"prompts", "pairs"}) {
      SCOPED_TRACE(std::string(objective) + ", " + order);
      const TemporaryFolder folder;
      TrainingOptions o = small_run(folder, objective);
      o.order = order;
      o.max_steps = 4;  // more than an epoch
      const ComputePlan plan = plan_training(o, /*after_sft=*/false);
      const TrainingResult result = train(o, silent_progress());
      EXPECT_EQ(plan.examples, result.examples);
      EXPECT_EQ(plan.prompts, result.prompts);
      EXPECT_EQ(plan.completions, result.completions);
      EXPECT_EQ(plan.steps, result.steps);
      EXPECT_EQ(plan.num_tokens, result.num_tokens);
      EXPECT_EQ(plan.forest_tokens, result.forest_tokens);
      EXPECT_EQ(plan.reference_tokens, Json::parse(result.json)["reference_tokens"].get<std::int64_t>());
      EXPECT_EQ(plan.parameters, parameters_of(*load_model(o.out)));
      EXPECT_GT(plan.flops, 6.0 * static_cast<double>(plan.forest_tokens) * 50000);
    }
}

TEST(Plan, AModelWithoutNumbersHasTheShapeOfTheModelThatAnSftLeaves) {
  const TemporaryFolder folder;
  TrainingOptions o = small_run(folder, "sft");
  o.model = golden_path("models/tiny_base");  // without ChatML: its vocabulary grows
  o.max_steps = 1;
  train(o, silent_progress());
  const auto trained = load_model(o.out);
  const PlannedModel planned = planned_model(o.model, /*after_sft=*/true, /*reward=*/false);
  EXPECT_EQ(planned.model->shape().vocabulary, trained->shape().vocabulary);
  EXPECT_EQ(parameters_of(*planned.model), parameters_of(*trained));
  EXPECT_TRUE(planned.model->parameters().front().second.is_meta());
  EXPECT_EQ(planned.tokenizer->conversation_ids(Conversation{{"user", "a"}, {"assistant", "b"}}),
            Tokenizer::from_folder(o.out).conversation_ids(Conversation{{"user", "a"}, {"assistant", "b"}}));
}

TEST(Plan, OperationsAreCountedAsTheFormulaSays) {
  // Three tokens of a prompt, completions of two and one: 6 + 4 + 5 + 4 visible pairs in a full layer, with windows of
  // two 5 + 2 + 2 + 2.
  Forest forest;
  const std::vector<std::int32_t> prompt{1, 2, 3}, a{4, 5}, b{6};
  const std::int32_t root = forest.add_run(-1, prompt);
  forest.add_run(root, a);
  forest.add_run(root, b);
  FlopsShape shape;
  shape.matrices = 1000;
  shape.heads_by_width = 8;
  shape.windows = {0, 2};
  shape.hidden = 16;
  shape.vocabulary = 50;
  EXPECT_EQ(forward_flops(shape, forest, 3), 2.0 * 1000 * 6 + 2.0 * 16 * 50 * 3 + 4.0 * 8 * (19 + 11));
  shape.reward = true;
  EXPECT_EQ(forward_flops(shape, forest, 2), 2.0 * 1000 * 6 + 2.0 * 16 * 2 + 4.0 * 8 * (19 + 11));
}

TEST(Plan, FlopsOfATrainingAreTheSumOverItsBatches) {
  const auto model = load_model(golden_path("models/tiny_llama"), {.requires_grad = false});
  const FlopsShape shape = flops_shape(*model);
  // Two layers of q, k, v, o (64 x 64, 32 x 64 twice, 64 x 64) and gate, up, down (128 x 64).
  EXPECT_EQ(shape.matrices, 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 128 * 64));
  EXPECT_EQ(shape.heads_by_width, 64);
  EXPECT_EQ(shape.windows, std::vector<std::int64_t>({0, 0}));
  const auto gemma = load_model(golden_path("models/tiny_gemma3"), {.requires_grad = false, .values = false});
  const FlopsShape windows = flops_shape(*gemma);
  EXPECT_TRUE(std::any_of(windows.windows.begin(), windows.windows.end(), [](std::int64_t w) { return w > 0; }));
  EXPECT_TRUE(std::any_of(windows.windows.begin(), windows.windows.end(), [](std::int64_t w) { return w == 0; }));
}

TEST(Plan, BallotsOfAPromptShareWhatTheyHaveInCommon) {
  const Conversation a = {{"system", "You judge."}, {"user", "Which of these is better, the first one or the second?"}};
  const Conversation b = {{"system", "You judge."}, {"user", "Which of these is better, the first one or the third?"}};
  const std::string model = golden_path("models/tiny_llama");
  const ComputePlan alone = plan_conversations(model, {{a}, {b}}, 0), together = plan_conversations(model, {{a, b}}, 0);
  EXPECT_EQ(alone.num_tokens, together.num_tokens);
  EXPECT_EQ(alone.forest_tokens, alone.num_tokens);
  EXPECT_LT(together.forest_tokens, alone.forest_tokens * 2 / 3);
  EXPECT_LT(together.flops, alone.flops);
  EXPECT_EQ(plan_conversations(model, {{a, b}}, 3).forest_tokens, together.forest_tokens + 6);
}

}  // namespace
}  // namespace ballot
