// Where moments lie and how steps are cut for memory: the same bits, and what was promised to the system.
#include "training/memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/hash.h"
#include "core/progress.h"
#include "models/model.h"
#include "training/optimiser.h"
#include "training/train.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

/// Bytes of this process that are mapped from files and in memory.
std::int64_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssFile:")) return std::stoll(line.substr(8)) * 1024;
  return -1;
}

NamedTensors weights(std::int64_t numbers) {
  at::Tensor w = at::linspace(-1, 1, numbers).requires_grad_();
  at::Tensor b = at::linspace(-1, 1, 1000).requires_grad_();
  return {{"w", w}, {"b.bias", b}};
}

TEST(MomentFile, GivesTheBitsOfMemoryAndLeavesIt) {
  constexpr std::int64_t kNumbers = 10'000'000;  // two whole pieces and a part
  const TemporaryFolder folder;
  NamedTensors one = weights(kNumbers), other = weights(kNumbers);
  AdamW memory(one, {.weight_decay = 0.1}), disk(other, {.weight_decay = 0.1, .moments_folder = folder.path()});
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "the file has no name";
  const std::int64_t before = resident_file_bytes();
  for (std::int64_t step = 1; step <= 3; ++step) {
    for (std::size_t i = 0; i < one.size(); ++i) {
      one[i].second.mutable_grad() = one[i].second.detach() * static_cast<double>(step) + 0.1;
      other[i].second.mutable_grad() = one[i].second.grad().clone();
    }
    memory.step(1e-3, step);
    disk.step(1e-3, step);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i].second, other[i].second)) << step;
  }
  EXPECT_LT(resident_file_bytes() - before, std::int64_t{24} << 20) << "of 80 MB of moments";
  const NamedTensors kept = memory.state(), fetched = disk.state();
  for (std::size_t i = 0; i < kept.size(); ++i)
    EXPECT_TRUE(at::equal(kept[i].second, fetched[i].second)) << kept[i].first;
  disk.put_moments_away();
  EXPECT_LT(resident_file_bytes() - before, std::int64_t{24} << 20);
}

TEST(MomentFile, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(MomentFile("/nowhere/at/all", 4096, 1), Error);
}

TEST(Memory, TrainingsWithMomentsOnDiskAreTheSameTraining) {
  const TemporaryFolder folder;
  std::vector<std::string> hashes;
  for (const char* moments : {"memory", "disk"}) {
    TrainingOptions o = training_defaults("reward");
    o.model = golden_path("models/tiny_llama_rm");
    o.data = {folder.write_lines("rows.jsonl", golden_lines("small/preferences.jsonl", 0, 40))};
    o.out = (folder.path() / moments).string();
    o.batch_size = 10;
    o.moments = moments;
    o.save_every = 2;
    const TrainingResult result = train(o, silent_progress());
    hashes.push_back(result.model_hash);
    EXPECT_EQ(Json::parse(std::ifstream(folder.path() / moments / "manifest.json"))["facts"]["batch_cuts"]["moments"],
              moments);
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

TrainingSet one_prompt(std::int64_t tokens) {
  TrainingSet set;
  TokenPrompt prompt{"p", {1, 2, 3}, {}};
  for (int c = 0; c < 2; ++c) {
    TokenCompletion completion;
    completion.ids.assign(static_cast<std::size_t>(tokens / 2), 5);
    completion.scored = {{0, static_cast<std::int32_t>(completion.ids.size())}};
    prompt.completions.push_back(std::move(completion));
  }
  set.prompts.push_back(std::move(prompt));
  Example example;
  example.completions = {0, 1};
  set.examples.push_back(std::move(example));
  set.groups = 1;
  return set;
}

TEST(Memory, TheCutFollowsTheStateAndTheOptions) {
  const auto model = load_model(golden_path("models/tiny_llama"));
  const TrainingSet set = one_prompt(100);
  const MicrobatchBudget chosen = choose_microbatches(*model, set, 0, "auto");
  EXPECT_GE(chosen.target, 512);
  EXPECT_LE(chosen.target, 2048);
  EXPECT_GE(chosen.limit, chosen.target);
  EXPECT_GT(chosen.recompute_above, chosen.target);
  EXPECT_EQ(choose_microbatches(*model, set, 0, "off").recompute_above, MicrobatchBudget::kNever);
  EXPECT_EQ(choose_microbatches(*model, set, 0, "on").recompute_above, 0);
  const MicrobatchBudget named = choose_microbatches(*model, set, 777, "auto");
  EXPECT_EQ(named.target, 777);
  EXPECT_EQ(named.limit, 777);
  EXPECT_THROW(choose_microbatches(*model, set, -1, "auto"), Error);
}

TEST(Memory, MomentsStayInMemoryWhereItIsNotShort) {
  const auto model = load_model(golden_path("models/tiny_llama"));
  const TemporaryFolder folder;
  EXPECT_FALSE(keep_moments_on_disk(*model, "auto", folder.path())) << "a small state";
  EXPECT_TRUE(keep_moments_on_disk(*model, "disk", folder.path()));
  EXPECT_FALSE(keep_moments_on_disk(*model, "memory", folder.path()));
}

TEST(Memory, PredictionsGrowWithWhatIsKept) {
  const auto model = load_model(golden_path("models/tiny_llama"));
  const ModelShape& shape = model->shape();
  const std::int64_t n = state_bytes(*model) / 16;
  const MicrobatchBudget never, always{512, 512, 0};
  const auto peak = [&](std::int64_t tokens, bool several, bool disk, const MicrobatchBudget& budget) {
    return predicted_peak_bytes(shape, {n, tokens, several, disk}, budget);
  };
  EXPECT_EQ(peak(2000, true, false, never) - peak(1000, true, false, never),
            1000 * activation_bytes_per_token(shape, false));
  EXPECT_EQ(peak(1000, true, false, never) - peak(1000, true, true, never), 8 * n);
  EXPECT_LT(peak(1000, true, false, always), peak(1000, true, false, never));
  EXPECT_LE(peak(1000, false, false, never), peak(1000, true, false, never));
  EXPECT_GE(peak(0, true, false, never), 16 * n);
}

}  // namespace
}  // namespace ballot
