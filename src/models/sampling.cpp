// Drawing the next token from logits, in the order and with the rules of transformers' logits processors.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "core/error.h"
#include "models/generate.h"

namespace ballot {
namespace {

constexpr double kOut = -std::numeric_limits<double>::infinity();

std::vector<double> logits_of(const at::Tensor& logits_V) {
  const at::Tensor row = logits_V.to(at::kDouble).contiguous();
  if (row.dim() != 1) throw failed("one row of logits is wanted, not {}", c10::str(logits_V.sizes()));
  const double* values = row.const_data_ptr<double>();
  return {values, values + row.numel()};
}

/// Probabilities of what is left; what is out has none.
std::vector<double> softmax(const std::vector<double>& scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  std::vector<double> p(scores.size());
  double total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) total += p[i] = std::exp(scores[i] - largest);
  for (double& value : p) value /= total;
  return p;
}

void keep_largest(std::vector<double>& scores, std::int64_t k) {
  if (k <= 0 || k >= static_cast<std::int64_t>(scores.size())) return;
  std::vector<double> sorted = scores;
  std::nth_element(sorted.begin(), sorted.begin() + (k - 1), sorted.end(), std::greater<>());
  const double last = sorted[k - 1];
  for (double& score : scores)
    if (score < last) score = kOut;
}

void keep_mass(std::vector<double>& scores, double mass) {
  if (mass >= 1) return;
  const std::vector<double> p = softmax(scores);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] > 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  double below = 0;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {  // the most probable one stays
    below += p[order[i]];
    if (below > 1 - mass) break;
    scores[order[i]] = kOut;
  }
}

void keep_above(std::vector<double>& scores, double share_of_largest) {
  if (share_of_largest <= 0) return;
  const std::vector<double> p = softmax(scores);
  const double least = share_of_largest * *std::max_element(p.begin(), p.end());
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] < least) scores[i] = kOut;
}

}  // namespace

std::vector<double> candidate_log_probabilities(const at::Tensor& logits_V, std::span<const std::int32_t> candidates) {
  const std::vector<double> logits = logits_of(logits_V);
  std::vector<double> chosen;
  for (const std::int32_t id : candidates) {
    if (id < 0 || id >= static_cast<std::int64_t>(logits.size()))
      throw failed("candidate token {} lies outside the vocabulary of {}", id, logits.size());
    chosen.push_back(logits[id]);
  }
  if (chosen.empty()) return chosen;
  const double largest = *std::max_element(chosen.begin(), chosen.end());
  double total = 0;
  for (const double value : chosen) total += std::exp(value - largest);
  for (double& value : chosen) value -= largest + std::log(total);
  return chosen;
}

std::int32_t sample_token(const at::Tensor& logits_V, std::span<const std::int32_t> history,
                          const SamplingOptions& sampling, Random& random) {
  std::vector<double> scores = logits_of(logits_V);
  for (const double score : scores)
    if (std::isnan(score)) throw failed("the model's logits are not numbers: its weights or its input are damaged");
  if (sampling.repetition_penalty != 1) {
    const std::unordered_set<std::int32_t> seen(history.begin(), history.end());
    for (const std::int32_t id : seen)
      if (id >= 0 && id < static_cast<std::int64_t>(scores.size()))
        scores[id] =
            scores[id] < 0 ? scores[id] * sampling.repetition_penalty : scores[id] / sampling.repetition_penalty;
  }
  if (sampling.temperature == 0)
    return static_cast<std::int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
  for (double& score : scores) score /= sampling.temperature;
  keep_largest(scores, sampling.top_k);
  keep_mass(scores, sampling.top_p);
  keep_above(scores, sampling.min_p);
  const std::vector<double> p = softmax(scores);
  double draw = random.uniform();
  std::int32_t last = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) continue;
    last = static_cast<std::int32_t>(i);
    if (draw < p[i]) return last;
    draw -= p[i];
  }
  return last;
}

}  // namespace ballot
