#include "training/train.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "data/annotations.h"
#include "data/ids.h"
#include "data/pool.h"
#include "data/table.h"
#include "models/model.h"
#include "models/safetensors.h"
#include "models/tokenizer_files.h"
#include "training/metrics.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const bool kOneThread = (at::set_num_threads(1), true);

TrainingOptions small_run(const TemporaryFolder& folder, const std::string& objective, const std::string& out = "out") {
  TrainingOptions o = training_defaults(objective);
  o.model = golden_path(objective == "reward" ? "models/tiny_llama_rm" : "models/tiny_llama");
  if (!fs::exists(folder.path() / "rows.jsonl"))
    folder.write_lines("rows.jsonl", objective == "sft" ? golden_lines("small/sft.jsonl", 0, 16)
                                                        : golden_lines("small/preferences.jsonl", 0, 40));
  o.data = {(folder.path() / "rows.jsonl").string()};
  o.out = (folder.path() / out).string();
  o.batch_size = 10;
  o.learning_rate = 1e-3;
  return o;
}

std::string message_of(const TrainingOptions& o, ErrorKind kind) {
  try {
    train(o, silent_progress());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.message();
    return error.message();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(Train, LeavesAModelFolderWithMetricsEventsAndManifest) {
  const TemporaryFolder folder;
  const TrainingOptions o = small_run(folder, "dpo");
  const TrainingResult result = train(o, silent_progress());
  for (const char* name :
       {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
        "generation_config.json", "metrics.jsonl", "manifest.json", "reference.parquet", "plan.json"})
    EXPECT_TRUE(fs::exists(fs::path(o.out) / name)) << name;
  EXPECT_FALSE(fs::exists(fs::path(o.out) / "unfinished.json"));
  EXPECT_EQ(result.steps, 4);
  EXPECT_EQ(result.examples, 40);
  EXPECT_EQ(result.prompts, 4);
  EXPECT_EQ(result.completions, 20);
  EXPECT_NEAR(result.first.at("loss"), std::log(2.0), 1e-12);
  EXPECT_LT(result.forest_tokens, result.num_tokens / 3);
  EXPECT_GT(result.changed_weights, 0.9);
  const auto manifest = read_manifest(o.out);
  ASSERT_TRUE(manifest);
  const Json facts = Json::parse(manifest->facts);
  EXPECT_EQ(facts["model_hash"], result.model_hash);
  EXPECT_EQ(facts["forest_tokens"], result.forest_tokens);
  EXPECT_EQ(facts["order"], "prompts");
  EXPECT_GT(facts["batch_cuts"]["tokens"].get<int>(), 0);
  EXPECT_EQ(model_hash(*load_model(o.out)), result.model_hash);
}

TEST(Train, TheSameSeedGivesTheSameBitsAndAnotherAnother) {
  const TemporaryFolder folder;
  TrainingOptions o = small_run(folder, "dpo", "a");
  const std::string hash = train(o, silent_progress()).model_hash;
  o.out = (folder.path() / "b").string();
  EXPECT_EQ(train(o, silent_progress()).model_hash, hash);
  o.out = (folder.path() / "c").string();
  o.seed = 1;
  EXPECT_NE(train(o, silent_progress()).model_hash, hash);
}

// Configurations that must give one trajectory: compared pointwise, and by the mean signed difference.
TEST(Trajectory, LayoutsAndCutsAndCheckpointingGiveOne) {
  const TemporaryFolder folder;
  std::vector<std::vector<Json>> runs;
  for (const auto& [layout, tokens, checkpointing] :
       {std::tuple{"forest", 0, "off"}, {"forest", 250, "off"}, {"pairs", 0, "off"}, {"pairs", 300, "on"}}) {
    TrainingOptions o = small_run(folder, "dpo", "run" + std::to_string(runs.size()));
    o.layout = layout;
    o.tokens_per_microbatch = tokens;
    o.gradient_checkpointing = checkpointing;
    o.max_steps = 12;
    train(o, silent_progress());
    runs.push_back(read_metrics(fs::path(o.out) / "metrics.jsonl"));
  }
  for (std::size_t r = 1; r < runs.size(); ++r) {
    double difference = 0;
    for (std::size_t i = 0; i < runs[0].size(); ++i) {
      const double a = runs[0][i]["loss"], b = runs[r][i]["loss"];
      EXPECT_NEAR(a, b, 2e-4) << "run " << r << " step " << i + 1;
      difference += a - b;
    }
    EXPECT_LT(std::abs(difference / 12), 1e-4);
  }
}

TEST(Train, ReferenceIsComputedOnceAndSharedThroughTheCache) {
  const TemporaryFolder folder;
  TrainingOptions o = small_run(folder, "dpo", "a");
  o.reference_cache = (folder.path() / "cache").string();
  const Json first = Json::parse(train(o, silent_progress()).json);
  EXPECT_GT(first["reference_tokens"].get<int>(), 0);
  // Another format: the same completions in other pairs.
  std::vector<std::string> lines = golden_lines("small/preferences.jsonl", 0, 40), flipped;
  for (const std::string& line : lines) {
    Json row = Json::parse(line);
    std::swap(row["chosen"], row["rejected"]);
    for (const char* name : {"pair_id", "chosen_id", "rejected_id"}) row.erase(name);
    flipped.push_back(row.dump());
  }
  o.data = {folder.write_lines("flipped.jsonl", flipped)};
  o.out = (folder.path() / "b").string();
  EXPECT_EQ(Json::parse(train(o, silent_progress()).json)["reference_tokens"], 0);
  // Another model shares nothing.
  TrainingOptions other = o;
  other.model = (folder.path() / "a").string();
  other.out = (folder.path() / "c").string();
  EXPECT_GT(Json::parse(train(other, silent_progress()).json)["reference_tokens"].get<int>(), 0);
  // Unless its reference is the first one.
  other.reference = o.model;
  other.out = (folder.path() / "d").string();
  const TrainingResult result = train(other, silent_progress());
  EXPECT_EQ(Json::parse(result.json)["reference_tokens"], 0);
  EXPECT_GT(std::abs(result.first.at("loss") - std::log(2.0)), 1e-3);

  const Table table = read_table((folder.path() / "a/reference.parquet").string());
  EXPECT_EQ(table.columns, (std::vector<std::string>{"completion_id", "logp", "tokens", "model", "content"}));
  EXPECT_EQ(table.rows, 20);
}

TEST(Train, ADamagedCacheIsAnErrorAndNeverAZero) {
  const TemporaryFolder folder;
  TrainingOptions o = small_run(folder, "dpo");
  o.reference_cache = (folder.path() / "cache").string();
  train(o, silent_progress());
  for (const auto& entry : fs::directory_iterator(o.reference_cache))
    fs::resize_file(entry.path(), fs::file_size(entry.path()) / 2);
  o.out = (folder.path() / "again").string();
  EXPECT_THAT(message_of(o, ErrorKind::kInput), HasSubstr(".parquet"));
}

TEST(Train, RewardLossesLearnTheirLabels) {
  const TemporaryFolder folder;
  for (const char* loss : {"bradley_terry", "scaled", "soft"}) {
    TrainingOptions o = small_run(folder, "reward", loss);
    o.loss = {loss};
    if (o.loss[0] == "scaled") o.margin = "column";
    o.epochs = 8;
    const TrainingResult result = train(o, silent_progress());
    EXPECT_LT(result.last.at("loss"), result.first.at("loss")) << loss;
    EXPECT_GT(result.last.at("accuracy"), 0.6) << loss;
  }
}

TEST(Train, RankingsAndRatingsAreLearntFromAnnotations) {
  const TemporaryFolder folder;
  std::vector<PoolRow> pool;
  std::vector<Annotation> rankings, ratings;
  for (int p = 0; p < 6; ++p) {
    PoolRow row;
    row.prompt = {{"user", "Question " + std::to_string(p)}};
    row.prompt_id = prompt_id_of(row.prompt);
    for (int c = 0; c < 5; ++c) {
      const std::string text = std::string(c % 2 ? "good " : "bad ") + std::to_string(c);
      row.completions.push_back({completion_id_of(row.prompt_id, "m", text), text, "m", c + 1});
    }
    Annotation ranking;
    ranking.item_id = "r" + std::to_string(p);
    ranking.prompt_id = row.prompt_id;
    ranking.format = "ranking";
    ranking.judge = "j";
    ranking.status = "ok";
    ranking.ranking = {{row.completions[1].completion_id, row.completions[3].completion_id},
                       {row.completions[0].completion_id},
                       {row.completions[2].completion_id, row.completions[4].completion_id}};
    for (const Completion& completion : row.completions) ranking.shown.push_back(completion.completion_id);
    rankings.push_back(ranking);
    for (int c = 0; c < 5; ++c) {
      Annotation rating = ranking;
      rating.item_id = "s" + std::to_string(p) + std::to_string(c);
      rating.format = "single";
      rating.ranking.clear();
      rating.shown = {row.completions[c].completion_id};
      rating.rating = c % 2 ? 5 : 1;
      ratings.push_back(rating);
    }
    pool.push_back(row);
  }
  write_pool(folder.path() / "pool.parquet", pool);
  write_annotations(folder.path() / "rankings.parquet", rankings);
  write_annotations(folder.path() / "ratings.parquet", ratings);
  for (const auto& [loss, data] : {std::pair{"plackett_luce", "rankings.parquet"}, {"regression", "ratings.parquet"}}) {
    TrainingOptions o = small_run(folder, "reward", loss);
    o.loss = {loss};
    o.data = {(folder.path() / data).string()};
    EXPECT_THAT(message_of(o, ErrorKind::kUsage), HasSubstr("--pool"));
    o.pool = (folder.path() / "pool.parquet").string();
    o.batch_size = 6;
    o.max_steps = 25;
    const TrainingResult result = train(o, silent_progress());
    EXPECT_LT(result.last.at("loss"), 0.8 * result.first.at("loss")) << loss;
    EXPECT_GT(result.last.at("accuracy"), 0.9) << loss;
  }
}

TEST(Train, ANewHeadIsDrawnAndAnOldOneKept) {
  const TemporaryFolder folder;
  TrainingOptions o = small_run(folder, "reward");
  o.model = golden_path("models/tiny_llama");
  o.learning_rate = 1e-12;
  o.head_init = 0.5;
  train(o, silent_progress());
  const auto model = load_model(o.out);
  EXPECT_EQ(model->score_weight().sizes(), (std::vector<std::int64_t>{1, 64}));
  EXPECT_NEAR(model->score_weight().std().item<double>(), 0.5, 0.15);
  EXPECT_EQ(model->config()["architectures"][0], "LlamaForSequenceClassification");
  TrainingOptions kept = small_run(folder, "reward", "kept");
  kept.model = o.out;
  kept.learning_rate = 1e-12;
  train(kept, silent_progress());
  EXPECT_LT((load_model(kept.out)->score_weight() - model->score_weight()).abs().max().item<double>(), 1e-6);
}

TEST(Train, SftGivesABaseModelChatMl) {
  const TemporaryFolder folder;
  TrainingOptions o = small_run(folder, "sft");
  o.model = golden_path("models/tiny_base");
  const TrainingResult result = train(o, silent_progress());
  EXPECT_LT(result.last.at("loss"), result.first.at("loss"));
  const auto model = load_model(o.out);
  EXPECT_EQ(model->shape().vocabulary % 64, 0);
  const Tokenizer tokenizer = load_tokenizer(o.out);
  EXPECT_TRUE(tokenizer.has_chat_template());
  EXPECT_TRUE(tokenizer.token_to_id("<|im_end|>"));
  o.add_chatml = false;
  o.out = (folder.path() / "bare").string();
  EXPECT_THAT(message_of(o, ErrorKind::kInput), HasSubstr("no chat template"));
}

TEST(Train, ANumberThatIsNoneStopsWithStepExamplesAndCheckpoint) {
  const TemporaryFolder folder;
  // A model whose weights overflow after the first step.
  TrainingOptions o = small_run(folder, "reward");
  o.learning_rate = 1e38;
  o.max_grad_norm = 0;
  o.save_every = 1;
  const std::string message = message_of(o, ErrorKind::kFailed);
  EXPECT_THAT(message, HasSubstr("step 2"));
  EXPECT_THAT(message, HasSubstr("examples of the step"));
  EXPECT_THAT(message, HasSubstr("step-00000001"));
  EXPECT_FALSE(fs::exists(fs::path(o.out) / "model.safetensors"));
}

TEST(Train, PrecisionSaysHowManyWeightsMoved) {
  const TemporaryFolder folder;
  std::map<std::string, double> changed;
  for (const char* precision : {"fp32_master", "bf16", "bf16_stochastic", "bf16_kahan"}) {
    TrainingOptions o = small_run(folder, "dpo", precision);
    o.learning_rate = 1e-6;
    o.precision = precision;
    o.max_steps = 8;
    changed[precision] = train(o, silent_progress()).changed_weights;
  }
  EXPECT_GT(changed["fp32_master"], 0.95);
  EXPECT_LT(changed["bf16"], 0.1);
  EXPECT_GT(changed["bf16_stochastic"], changed["bf16"]);
}

TEST(Train, WrongOptionsAreToldBeforeAnythingIsMade) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& objective, const std::function<void(TrainingOptions&)>& change) {
    TrainingOptions o = small_run(folder, objective);
    change(o);
    const std::string message = message_of(o, ErrorKind::kUsage);
    EXPECT_FALSE(fs::exists(folder.path() / "out")) << message;
    return message;
  };
  EXPECT_THAT(refused("dpo", [](auto& o) { o.loss = {"sigmoyd"}; }), HasSubstr("did you mean 'sigmoid'"));
  EXPECT_THAT(refused("dpo", [](auto& o) { o.label_smoothing = 0.1; }), HasSubstr("would be ignored"));
  EXPECT_THAT(refused("reward", [](auto& o) { o.loss = {"scaled"}; }), HasSubstr("--margin column"));
  EXPECT_THAT(refused("sft", [](auto& o) { o.learning_rate = 0; }), HasSubstr("--learning-rate"));
  EXPECT_THAT(refused("sft", [](auto& o) { o.max_steps = 0; }), HasSubstr("--max-steps"));
  EXPECT_THAT(refused("sft", [](auto& o) { o.schedule = "liner"; }), HasSubstr("linear"));
  EXPECT_THAT(refused("dpo", [](auto& o) { o.keep = 0; }), HasSubstr("--keep"));
}

TEST(Train, RejectsAreKeptBesideTheFolder) {
  const TemporaryFolder folder;
  TrainingOptions o = small_run(folder, "dpo");
  std::vector<std::string> lines = golden_lines("small/preferences.jsonl", 0, 10);
  lines.push_back("{\"prompt\": [], ");
  Json row = Json::parse(lines[0]);
  row["chosen"] = "<|im_end|>";
  row["prompt"] = "Hello";
  row["rejected"] = "<|im_start|>x";
  for (const char* name : {"pair_id", "prompt_id", "chosen_id", "rejected_id"}) row.erase(name);
  lines.push_back(row.dump());
  o.data = {folder.write_lines("odd.jsonl", lines)};
  const TrainingResult result = train(o, silent_progress());
  EXPECT_EQ(result.examples, 10);
  EXPECT_EQ(result.dropped.at("control_token"), 1);
  const std::string rejects = read_file(folder.path() / "out.rejects.jsonl");
  EXPECT_THAT(rejects, HasSubstr("control_token"));
  EXPECT_THAT(rejects, HasSubstr("invalid_json"));
  o.on_bad_row = "fail";
  o.out = (folder.path() / "strict").string();
  message_of(o, ErrorKind::kInput);
}

}  // namespace
}  // namespace ballot
