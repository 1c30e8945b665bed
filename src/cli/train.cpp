// `ballot sft`, `ballot dpo`, `ballot reward`: one command each over the one loop behind the engine's door.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "engine/engine.h"
#include "training/options.h"

namespace ballot {
namespace {

std::string metric_line(const TrainingResult& result, const char* name, const char* metric) {
  const auto first = result.first.find(metric), last = result.last.find(metric);
  if (first == result.first.end() || last == result.last.end()) return "";
  return fmt::format(", {} {:.4f} -> {:.4f}", name, first->second, last->second);
}

std::string summary(const TrainingResult& result) {
  std::string text =
      fmt::format("{}: {} steps over {} examples of {} prompts ({} completions)", result.out, human_count(result.steps),
                  human_count(result.examples), human_count(result.prompts), human_count(result.completions));
  text += metric_line(result, "loss", "loss");
  text += metric_line(result, "accuracy", "rewards/accuracies");
  text += metric_line(result, "accuracy", "accuracy");
  text += metric_line(result, "token accuracy", "mean_token_accuracy");
  text += fmt::format("\n{} tokens computed for the {} of separate sequences; {:.1f}% of the weights changed; {}",
                      human_count(result.forest_tokens), human_count(result.num_tokens), 100 * result.changed_weights,
                      human_duration(result.seconds));
  for (const auto& [reason, count] : result.dropped)
    text += fmt::format("\nleft out: {} rows, {}", human_count(count), reason);
  return text + "\n";
}

Command training_command(const std::string& objective, const char* summary_line, const char* examples) {
  return {objective, summary_line, examples, [objective](CLI::App& app) -> CommandRun {
            auto options = std::make_shared<TrainingOptions>(training_defaults(objective));
            add_options(app, *options);
            return [options](Context& context) -> CommandResult {
              options->out = context.require_out();
              options->force = context.force;
              options->seed = context.seed;
              options->device = context.device;
              options->dtype = context.dtype;
              const TrainingResult result = engine().train(*options, *context.progress);
              return {result.json, summary(result)};
            };
          }};
}

}  // namespace

Command sft_command() {
  return training_command(
      "sft", "supervised fine-tuning on conversations",
      "  ballot sft --model deps:smollm2-135m --data studies/demo/sft.jsonl --out sft --max-steps 2\n"
      "  ballot sft --model deps:smollm2-135m --data studies/demo/sft.jsonl --out sft2 --batch-size 8 --max-length 512 "
      "--truncate completion_right\n");
}

Command dpo_command() {
  return training_command(
      "dpo", "train a policy on preferences",
      "  ballot dpo --model sft --data preferences/ranking.parquet --out dpo --reference-cache reference\n"
      "  ballot dpo --model sft --data preferences/ranking.parquet --out ipo --loss ipo --beta 0.1 --order pairs\n");
}

Command reward_command() {
  return training_command("reward", "train a reward model on preferences",
                          "  ballot reward --model sft --data preferences/ranking.parquet --out rm\n"
                          "  ballot reward --model sft --data preferences/ranking.parquet --out rm-margin --margin "
                          "column --margin-scale mean_one\n");
}

}  // namespace ballot
