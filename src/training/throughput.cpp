#include "training/throughput.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "models/model.h"
#include "training/batches.h"

namespace ballot {

FlopsShape flops_shape(const Model& model) {
  const ModelShape& shape = model.shape();
  FlopsShape flops;
  for (const auto& [name, parameter] : model.parameters())
    if (parameter.dim() == 2 && name.find("embed_tokens") == std::string::npos && name != "lm_head.weight" &&
        name != "score.weight")
      flops.matrices += parameter.numel();
  flops.heads_by_width = shape.heads * shape.head_dim;
  flops.windows = shape.windows;
  flops.windows.resize(static_cast<std::size_t>(shape.layers), 0);
  flops.hidden = shape.hidden;
  flops.vocabulary = shape.vocabulary;
  flops.reward = model.score_weight().defined();
  return flops;
}

double forward_flops(const FlopsShape& shape, const Forest& forest, std::int64_t scored_positions) {
  double entries = 0;  // of all layers; most models have one kind of layer, some two
  std::map<std::int64_t, double> by_window;
  for (const std::int64_t window : shape.windows) {
    const auto [found, fresh] = by_window.try_emplace(window, 0);
    if (fresh) found->second = static_cast<double>(attention_entries(forest, window));
    entries += found->second;
  }
  const double head = static_cast<double>(shape.hidden) * (shape.reward ? 1 : static_cast<double>(shape.vocabulary));
  return 2 * (static_cast<double>(shape.matrices) * static_cast<double>(forest.size()) +
              head * static_cast<double>(scored_positions)) +
         4 * static_cast<double>(shape.heads_by_width) * entries;
}

double forward_flops(const FlopsShape& shape, const TrainingBatch& batch) {
  return forward_flops(shape, batch.forest,
                       static_cast<std::int64_t>(shape.reward ? batch.completions.size() : batch.scored_N.size()));
}

double training_flops(const Model& model, const TrainingBatch& batch) {
  return 3 * forward_flops(flops_shape(model), batch);
}

double measured_peak() {
  const at::NoGradGuard no_grad;
  constexpr std::int64_t n = 1536;
  const at::Tensor a = at::ones({n, n}, at::kFloat), b = at::ones({n, n}, at::kFloat);
  at::Tensor c = at::mm(a, b);
  double best = 1e30;
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    at::mm_out(c, a, b);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return 2.0 * n * n * n / best;
}

}  // namespace ballot
