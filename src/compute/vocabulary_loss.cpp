#include "compute/vocabulary_loss.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <limits>
#include <vector>

#include "compute/rows.h"
#include "compute/weight_gradient.h"
#include "core/error.h"

namespace ballot {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A tile of logits: so many positions by so many words of the vocabulary. Two megabytes: large enough for products at
/// full speed, small enough to be read again from the caches.
constexpr std::int64_t kPositions = 512, kWords = 1024;

/// float64 stays; everything else is computed in float32.
at::Tensor wide(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
}

/// The logits of positions [begin, begin + n) and words [word, word + w) into `tile` (reshaped to [n, w]).
at::Tensor logits(const at::Tensor& hidden, const at::Tensor& head, std::int64_t begin, std::int64_t n,
                  std::int64_t word, std::int64_t w, const at::Tensor& tile) {
  at::Tensor z = tile.narrow(0, 0, n * w).view({n, w});
  const at::Tensor rows = head.narrow(0, word, w);
  // In bf16 the product is made and rounded in bf16, as the reference's logits are; the statistics are float32.
  if (hidden.scalar_type() == at::kBFloat16)
    z.copy_(at::mm(hidden.narrow(0, begin, n), rows.t()));
  else
    at::mm_out(z, hidden.narrow(0, begin, n), rows.t());
  return z;
}

struct Statistics {
  at::Tensor log_probability, log_sum_exp, correct, mean;
};

template <class T>
void accumulate(const at::Tensor& z, std::int64_t begin, std::int64_t word, const std::int64_t* target, T* largest,
                T* total, T* picked, T* sum, std::int64_t* best) {
  const std::int64_t w = z.size(1);
  const T* tile = z.const_data_ptr<T>();
  at::parallel_for(0, z.size(0), 8, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) {
      const T* row = tile + i * w;
      const std::int64_t p = begin + i;
      if (target[p] >= word && target[p] < word + w) picked[p] = row[target[p] - word];
      const T now = rows::max(row, w);
      if (now > largest[p]) {
        total[p] *= std::exp(largest[p] - now);
        largest[p] = now;
        if (best) best[p] = word + (std::find(row, row + w, now) - row);
      }
      total[p] += rows::sum_exp(row, w, largest[p]);
      if (sum) sum[p] += rows::sum(row, w);
    }
  });
}

Statistics statistics(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& targets, bool want_correct,
                      bool want_mean) {
  const std::int64_t N = hidden.size(0), V = head.size(0);
  const auto options = hidden.options().dtype(hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const at::Tensor largest = at::full({N}, -std::numeric_limits<double>::infinity(), options),
                   total = at::zeros({N}, options), picked = at::full({N}, std::nan(""), options),
                   sum = at::zeros({want_mean ? N : 0}, options),
                   best = at::full({want_correct ? N : 0}, -1, options.dtype(at::kLong));
  const at::Tensor tile = at::empty({std::min(N, kPositions) * std::min(V, kWords)}, options);
  const std::int64_t* target = targets.const_data_ptr<std::int64_t>();
  // Words outside: each piece of the head is read from memory once.
  for (std::int64_t word = 0; word < V; word += kWords) {
    const std::int64_t w = std::min(kWords, V - word);
    for (std::int64_t begin = 0; begin < N; begin += kPositions) {
      const at::Tensor z = logits(hidden, head, begin, std::min(kPositions, N - begin), word, w, tile);
      AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "token_log_probabilities", [&] {
        accumulate<scalar_t>(z, begin, word, target, largest.mutable_data_ptr<scalar_t>(),
                             total.mutable_data_ptr<scalar_t>(), picked.mutable_data_ptr<scalar_t>(),
                             want_mean ? sum.mutable_data_ptr<scalar_t>() : nullptr,
                             want_correct ? best.mutable_data_ptr<std::int64_t>() : nullptr);
      });
    }
  }
  Statistics result;
  result.log_sum_exp = largest + total.log();
  result.log_probability = picked - result.log_sum_exp;
  if (want_correct) result.correct = best.eq(targets);
  if (want_mean) result.mean = sum / static_cast<double>(V);
  return result;
}

struct TokenLogProbabilities : torch::autograd::Function<TokenLogProbabilities> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& head,
                            const at::Tensor& targets, at::Tensor* correct, at::Tensor* mean) {
    const Statistics found = statistics(hidden, head, targets, correct != nullptr, mean != nullptr);
    if (correct) *correct = found.correct;
    if (mean) *mean = found.mean;
    context->save_for_backward({hidden, head, targets, found.log_sum_exp});
    return found.log_probability;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &hidden = saved[0], &head = saved[1], &targets = saved[2], &log_sum_exp = saved[3];
    const at::Tensor gradient = gradients[0].contiguous();
    const std::int64_t N = hidden.size(0), V = head.size(0);
    const bool half = hidden.scalar_type() == at::kBFloat16;
    const auto options = gradient.options();
    const bool want_hidden = context->needs_input_grad(0), want_head = context->needs_input_grad(1);
    at::Tensor dh = want_hidden ? at::zeros(hidden.sizes(), options) : at::Tensor();
    // Pieces of the head's gradient are written where a gradient begins and added where there is one already.
    const bool in_place = want_head && adds_in_place(head, gradient.scalar_type());
    const bool begun = in_place && head.grad().defined();
    at::Tensor dw = begun ? head.grad() : want_head ? at::empty(head.sizes(), options) : at::Tensor();
    const at::Tensor wide_hidden = wide(hidden);
    const at::Tensor tile = at::empty({std::min(N, kPositions) * std::min(V, kWords)}, options);
    const std::int64_t* target = targets.const_data_ptr<std::int64_t>();
    for (std::int64_t word = 0; word < V; word += kWords) {
      const std::int64_t w = std::min(kWords, V - word);
      const at::Tensor words = head.narrow(0, word, w);
      if (want_head && N == 0 && !begun) dw.zero_();
      for (std::int64_t begin = 0; begin < N; begin += kPositions) {
        const std::int64_t n = std::min(kPositions, N - begin);
        const at::Tensor dz = logits(hidden, head, begin, n, word, w, tile);
        AT_DISPATCH_FLOATING_TYPES(dz.scalar_type(), "token_log_probabilities_backward", [&] {
          scalar_t* rows_of = dz.mutable_data_ptr<scalar_t>();
          const scalar_t *g = gradient.const_data_ptr<scalar_t>(), *lse = log_sum_exp.const_data_ptr<scalar_t>();
          at::parallel_for(0, n, 8, [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t i = from; i < to; ++i) {
              const std::int64_t p = begin + i;
              rows::scaled_exp(rows_of + i * w, w, lse[p], -g[p]);
              if (target[p] >= word && target[p] < word + w) rows_of[i * w + target[p] - word] += g[p];
            }
          });
        });
        if (want_hidden) {
          at::Tensor piece = dh.narrow(0, begin, n);
          if (half)
            piece.add_(at::mm(dz.to(at::kBFloat16), words));
          else
            piece.addmm_(dz, words);
        }
        if (want_head) {
          at::Tensor piece = dw.narrow(0, word, w);
          const at::Tensor h = wide_hidden.narrow(0, begin, n);
          if (begin == 0 && !begun)
            at::mm_out(piece, dz.t(), h);
          else
            piece.addmm_(dz.t(), h);
        }
      }
    }
    if (in_place && !begun) head.mutable_grad() = dw;
    return {want_hidden ? dh.to(hidden.scalar_type()) : at::Tensor(),
            want_head && !in_place ? dw.to(head.scalar_type()) : at::Tensor(), at::Tensor(), at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor token_log_probabilities(const at::Tensor& hidden_Nh, const at::Tensor& head_Vh, const at::Tensor& targets_N,
                                   at::Tensor* correct_N, at::Tensor* mean_logit_N) {
  if (hidden_Nh.dim() != 2 || head_Vh.dim() != 2 || hidden_Nh.size(1) != head_Vh.size(1) || targets_N.dim() != 1 ||
      targets_N.size(0) != hidden_Nh.size(0) || targets_N.scalar_type() != at::kLong)
    throw failed("log-probabilities of {} targets cannot be taken from hidden states {} and head {}", targets_N.numel(),
                 c10::str(hidden_Nh.sizes()), c10::str(head_Vh.sizes()));
  const at::Tensor targets = targets_N.contiguous();
  if (targets.numel() > 0 &&
      (targets.min().item<std::int64_t>() < 0 || targets.max().item<std::int64_t>() >= head_Vh.size(0)))
    throw failed("a target token lies outside the {} rows of the vocabulary", head_Vh.size(0));
  return TokenLogProbabilities::apply(hidden_Nh.contiguous(), head_Vh.to(hidden_Nh.scalar_type()).contiguous(), targets,
                                      correct_N, mean_logit_N);
}

}  // namespace ballot
