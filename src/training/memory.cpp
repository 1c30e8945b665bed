#include "training/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "core/error.h"
#include "models/model.h"

namespace ballot {
namespace {

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();

std::int64_t first_number(const char* path) {
  std::ifstream file(path);
  std::int64_t value;
  return file >> value ? value : kUnknown;  // "max" is no number: no limit
}

}  // namespace

std::int64_t available_bytes() {
  std::int64_t available = kUnknown;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);)
    if (line.starts_with("MemAvailable:")) available = std::stoll(line.substr(13)) * 1024;
  const std::int64_t limit = first_number("/sys/fs/cgroup/memory.max"),
                     used = first_number("/sys/fs/cgroup/memory.current");
  if (limit != kUnknown && used != kUnknown) available = std::min(available, limit - used);
  return available == kUnknown ? std::int64_t{8} << 30 : std::max<std::int64_t>(0, available);
}

std::int64_t activation_bytes_per_token(const Model& model, bool gradient_checkpointing) {
  const ModelShape& s = model.shape();
  // Kept of a layer, in numbers a token: its input and the middle of the residual stream, both normed; queries, keys
  // and values before and after the rotation; the attention's output before and after its projection; gate, up and
  // their product, with the activation, and the way back.
  const std::int64_t layer =
      5 * s.hidden + 4 * s.heads * s.head_dim + 4 * s.key_value_heads * s.head_dim + 5 * s.intermediate;
  const std::int64_t numbers = gradient_checkpointing ? s.layers * s.hidden + 2 * layer : s.layers * layer;
  return 4 * (numbers + 4 * s.hidden);
}

std::int64_t state_bytes(const Model& model) {
  std::int64_t numbers = 0;
  for (const auto& [name, parameter] : model.parameters()) numbers += parameter.numel();
  return 16 * numbers;  // fp32: weight, gradient, two moments
}

MicrobatchChoice choose_microbatches(const Model& model, const TrainingSet& set, std::int64_t tokens_per_microbatch,
                                     const std::string& gradient_checkpointing) {
  if (tokens_per_microbatch < 0)
    throw wrong_usage("--tokens-per-microbatch is {}; it must be 0 (what fits) or more", tokens_per_microbatch);
  std::int64_t longest = 0;  // tokens of the largest example
  for (const Example& example : set.examples) {
    const TokenPrompt& prompt = set.prompts[example.prompt];
    std::int64_t tokens = static_cast<std::int64_t>(prompt.ids.size());
    for (const std::int32_t c : example.completions)
      tokens += static_cast<std::int64_t>(prompt.completions[c].ids.size());
    longest = std::max(longest, tokens);
  }
  // The weights are there already; gradients and moments (three quarters of the state) and the chunks of the vocabulary
  // projection are still to come.
  const std::int64_t left = std::max<std::int64_t>(0, available_bytes() - state_bytes(model) / 4 * 3);
  const auto fits = [&](bool checkpointing) { return left / 2 / activation_bytes_per_token(model, checkpointing); };
  MicrobatchChoice choice;
  choice.gradient_checkpointing =
      gradient_checkpointing == "on" ||
      (gradient_checkpointing == "auto" && fits(false) < std::max<std::int64_t>(longest, 256));
  if (tokens_per_microbatch > 0) {
    choice.budget = {tokens_per_microbatch, tokens_per_microbatch};
  } else {
    choice.budget.limit = std::max<std::int64_t>(256, fits(choice.gradient_checkpointing));
    choice.budget.target = std::min<std::int64_t>(2048, choice.budget.limit);
  }
  return choice;
}

}  // namespace ballot
