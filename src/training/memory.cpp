#include "training/memory.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "core/error.h"
#include "models/model.h"

namespace ballot {
namespace {

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();
/// Tokens of a micro-batch: fewer cost speed (each reads all weights once), more bring none.
constexpr std::int64_t kFewestTokens = 512, kMostTokens = 2048;
/// Below this nobody saves.
constexpr std::int64_t kSmallBytes = std::int64_t{512} << 20;
/// The program with its libraries, a tokenizer and rows of data, without tensors (measured).
constexpr std::int64_t kProgramBytes = std::int64_t{190} << 20;

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

std::int64_t activation_bytes_per_token(const ModelShape& s, bool recompute) {
  const std::int64_t layers = recompute ? s.layers * s.hidden + s.kept_per_layer : s.layers * s.kept_per_layer;
  // Around the layers: the first input, the last norm's, the hidden states that are scored and their gradients. In the
  // backward pass of a layer: what comes back from its feed-forward part.
  return 4 * (layers + 8 * s.hidden + 3 * s.intermediate);
}

std::int64_t state_bytes(const Model& model) {
  std::int64_t numbers = 0;
  for (const auto& [name, parameter] : model.parameters()) numbers += parameter.numel();
  return 16 * numbers;  // fp32: weight, gradient, two moments
}

MicrobatchBudget choose_microbatches(const Model& model, const TrainingSet& set, std::int64_t tokens_per_microbatch,
                                     const std::string& gradient_checkpointing) {
  if (tokens_per_microbatch < 0)
    throw wrong_usage("--tokens-per-microbatch is {}; it must be 0 (what fits) or more", tokens_per_microbatch);
  const std::int64_t kept = activation_bytes_per_token(model.shape(), false),
                     kept_twice = activation_bytes_per_token(model.shape(), true), state = state_bytes(model);
  // The weights are there already; gradients and moments are still to come.
  const std::int64_t half = std::max<std::int64_t>(0, available_bytes() - state / 4 * 3) / 2;

  MicrobatchBudget budget;
  if (gradient_checkpointing == "on") budget.recompute_above = 0;
  if (gradient_checkpointing == "auto") budget.recompute_above = std::min(std::max(state, kSmallBytes), half) / kept;
  budget.limit = std::max(kFewestTokens, half / (gradient_checkpointing == "off" ? kept : kept_twice));
  budget.target = std::clamp(std::max(state / 6, kSmallBytes / 6) / kept, kFewestTokens, kMostTokens);
  budget.target = std::min(budget.target, budget.limit);
  if (tokens_per_microbatch > 0) budget.target = budget.limit = tokens_per_microbatch;
  return budget;
}

bool keep_moments_on_disk(const Model& model, const std::string& moments, const std::filesystem::path& folder) {
  if (moments != "auto") return moments == "disk";
  struct statfs system{};
  const bool in_memory =
      ::statfs(folder.c_str(), &system) != 0 || system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
  // The system writes what the step changed back to the disk, 8 bytes a parameter: worth it where memory is short, and
  // only there.
  return !in_memory && state_bytes(model) / 2 >= kSmallBytes && available_bytes() < state_bytes(model) / 4 * 5;
}

std::int64_t predicted_peak_bytes(const ModelShape& shape, const PeakMemory& training, const MicrobatchBudget& budget) {
  const std::int64_t n = training.parameters, tokens = training.largest_microbatch;
  const std::int64_t activations = tokens * activation_bytes_per_token(shape, tokens > budget.recompute_above);
  const std::int64_t gradients = training.several_microbatches ? 4 * n : 4 * shape.vocabulary * shape.hidden;
  const std::int64_t weights = 4 * n, moments = training.moments_on_disk ? 0 : 8 * n;
  return kProgramBytes + weights + moments + std::max(4 * n, gradients + activations);
}

}  // namespace ballot
