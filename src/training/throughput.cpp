#include "training/throughput.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

#include "models/model.h"
#include "training/batches.h"

namespace ballot {

double training_flops(const Model& model, const TrainingBatch& batch) {
  const ModelShape& shape = model.shape();
  std::int64_t matrices = 0;
  for (const auto& [name, parameter] : model.parameters())
    if (parameter.dim() == 2 && name.find("embed_tokens") == std::string::npos && name != "lm_head.weight" &&
        name != "score.weight")
      matrices += parameter.numel();
  const double tokens = static_cast<double>(batch.forest.size());
  const bool reward = model.score_weight().defined();
  const double head =
      reward ? static_cast<double>(batch.completions.size() * shape.hidden)
             : static_cast<double>(batch.scored_N.size()) * static_cast<double>(shape.vocabulary * shape.hidden);
  const double attention = 2.0 * static_cast<double>(shape.heads * shape.head_dim * shape.layers) *
                           static_cast<double>(attention_entries(batch.forest));
  return 6 * (static_cast<double>(matrices) * tokens + head + attention);
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
