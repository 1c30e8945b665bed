#include "evaluation/log_likelihood.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "models/model.h"

namespace ballot {
namespace {

/// Positions whose logits exist at a time.
constexpr std::int64_t kPositions = 128;

/// A probability to read: of token `target` after the token at `position`, for choice `choice` (all choices counted
/// through).
struct Reading {
  std::int64_t position;
  TokenId target;
  std::size_t choice;
};

std::size_t common_beginning(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

std::vector<QuestionRange> cut_questions(std::span<const EncodedQuestion> questions, std::int64_t max_length,
                                         std::int64_t tokens) {
  std::vector<QuestionRange> ranges;
  std::int64_t filled = 0;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    std::int64_t own = std::min<std::int64_t>(static_cast<std::int64_t>(questions[q].context.size()), max_length);
    for (const auto& continuation : questions[q].continuations)
      own += static_cast<std::int64_t>(continuation.size()) - 1;
    // Cut on the left, contexts begin at different places and share nothing.
    std::int64_t shared = 0;
    if (q > 0 && !is_truncated(questions[q], max_length) && !is_truncated(questions[q - 1], max_length))
      shared = static_cast<std::int64_t>(common_beginning(questions[q - 1].context, questions[q].context));
    if (ranges.empty() || filled + own - shared > tokens) {
      ranges.push_back({q, q});
      filled = own;
    } else {
      filled += own - shared;
    }
    ranges.back().end = q + 1;
  }
  return ranges;
}

std::vector<std::vector<ChoiceScore>> score_choices(const Model& model, std::span<const EncodedQuestion> questions,
                                                    std::int64_t max_length, std::int64_t* computed) {
  const at::NoGradGuard no_gradients;
  // Sequences that the model reads, each once; choices of one token all read the same.
  std::vector<std::vector<std::int32_t>> sequences;
  struct Choice {
    std::size_t question, choice, sequence;
  };
  std::vector<Choice> choices;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    std::map<std::vector<TokenId>, std::size_t> known;
    for (std::size_t c = 0; c < questions[q].continuations.size(); ++c) {
      std::vector<TokenId> input = model_input(questions[q], c, max_length);
      const auto [found, fresh] = known.emplace(std::move(input), sequences.size());
      if (fresh) sequences.push_back(found->first);
      choices.push_back({q, c, found->second});
    }
  }
  const SharedForest shared = share_prefixes(sequences);
  if (computed) *computed += shared.forest.size();
  std::vector<Reading> readings;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const std::vector<TokenId>& continuation = questions[choices[i].question].continuations[choices[i].choice];
    const std::vector<std::int64_t>& places = shared.tokens[choices[i].sequence];
    const std::size_t first = places.size() - continuation.size();
    for (std::size_t k = 0; k < continuation.size(); ++k) readings.push_back({places[first + k], continuation[k], i});
  }
  std::stable_sort(readings.begin(), readings.end(),
                   [](const Reading& a, const Reading& b) { return a.position < b.position; });
  std::vector<std::int64_t> positions;
  for (const Reading& reading : readings)
    if (positions.empty() || positions.back() != reading.position) positions.push_back(reading.position);

  const at::Tensor hidden_Th = model.hidden_states(shared.forest);
  const at::Tensor hidden_Nh = hidden_Th.index_select(0, at::tensor(positions, at::kLong));
  const at::Tensor head_hV = model.head_weight().to(hidden_Nh.scalar_type()).t();
  std::vector<double> sums(choices.size(), 0);
  std::vector<bool> greedy(choices.size(), true);
  auto reading = readings.begin();
  const auto count = static_cast<std::int64_t>(positions.size());
  for (std::int64_t begin = 0; begin < count; begin += kPositions) {
    const std::int64_t n = std::min(kPositions, count - begin);
    const at::Tensor product = at::matmul(hidden_Nh.narrow(0, begin, n), head_hV);
    // Statistics in float32 at least, whatever the product is made in.
    const at::Tensor logits_nV = product.scalar_type() == at::kDouble ? product : product.to(at::kFloat);
    const at::Tensor log_sum_n = at::logsumexp(logits_nV, {1}).to(at::kDouble).contiguous();
    const at::Tensor best_n = logits_nV.argmax(1).contiguous();
    std::vector<std::int64_t> rows, targets;
    const auto first = reading;
    for (std::int64_t row = 0; row < n; ++row)
      for (; reading != readings.end() && reading->position == positions[static_cast<std::size_t>(begin + row)];
           ++reading)
        rows.push_back(row), targets.push_back(reading->target);
    const at::Tensor picked =
        logits_nV.index({at::tensor(rows, at::kLong), at::tensor(targets, at::kLong)}).to(at::kDouble).contiguous();
    const double* logit = picked.const_data_ptr<double>();
    const double* log_sum = log_sum_n.const_data_ptr<double>();
    const std::int64_t* best = best_n.const_data_ptr<std::int64_t>();
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const Reading& one = first[static_cast<std::ptrdiff_t>(k)];
      const auto row = static_cast<std::size_t>(rows[k]);
      sums[one.choice] += logit[k] - log_sum[row];
      if (best[row] != one.target) greedy[one.choice] = false;
    }
  }
  std::vector<std::vector<ChoiceScore>> scores(questions.size());
  for (std::size_t q = 0; q < questions.size(); ++q) scores[q].resize(questions[q].continuations.size());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (std::isnan(sums[i]))
      throw Error(ErrorKind::kFailed, "the model gives NaN as a probability",
                  "its weights are damaged, or training diverged: look at its metrics.jsonl");
    scores[choices[i].question][choices[i].choice] = {sums[i], greedy[i]};
  }
  return scores;
}

}  // namespace ballot
