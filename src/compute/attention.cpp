#include "compute/attention.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "compute/blas.h"
#include "compute/rows.h"
#include "core/error.h"

namespace ballot {
namespace {

constexpr std::int64_t kKeyTile = 128;
/// Multiplications of scores (queries x keys x heads x dim) from which on more than one thread is asked.
constexpr double kWorthThreads = 1 << 18;

/// Sizes and row distances (in numbers) of one call.
struct Shape {
  std::int64_t heads, groups, dim;  ///< H, G, D
  std::int64_t q_stride, k_stride, v_stride, out_stride;
  double scale;
  std::int64_t heads_per_group() const { return heads / groups; }
};

/// What a query at `position` sees of a tile whose first key is at `key_position`: the interval [first, last).
struct Interval {
  std::int64_t first, last;
};
Interval visible(std::int64_t position, std::int64_t key_position, std::int64_t keys, std::int64_t window) {
  const std::int64_t last = std::min(keys, position - key_position + 1);
  const std::int64_t first = window > 0 ? std::max<std::int64_t>(0, position - window + 1 - key_position) : 0;
  return {std::min(first, std::max<std::int64_t>(last, 0)), std::max<std::int64_t>(last, 0)};
}

template <class T>
void clear_outside(T* row, std::int64_t keys, Interval seen) {
  std::fill(row, row + seen.first, T(0));
  std::fill(row + seen.last, row + keys, T(0));
}

template <class T>
struct Source {
  const T *keys, *values;
  std::int64_t stride;
};

/// One block of queries, one group of heads.
template <class T>
void forward_block(const AttentionPlan& plan, const AttentionPlan::Block& block, std::int64_t group, const Shape& shape,
                   const T* q, std::span<const Source<T>> sources, T* out, T* lse_HT, T* tile) {
  const std::int64_t rows = block.end - block.begin, D = shape.dim, T_all = plan.queries();
  std::vector<T> largest(rows), total(rows);
  const T scale = static_cast<T>(shape.scale);
  for (std::int64_t h = group * shape.heads_per_group(); h < (group + 1) * shape.heads_per_group(); ++h) {
    std::fill(largest.begin(), largest.end(), -std::numeric_limits<T>::infinity());
    std::fill(total.begin(), total.end(), T(0));
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      T* o = out + i * shape.out_stride + h * D;
      std::fill(o, o + D, T(0));
    }
    for (std::size_t s = block.segment_begin; s < block.segment_end; ++s) {
      const AttentionPlan::Segment& segment = plan.segments()[s];
      const Source<T>& source = sources[segment.source];
      const std::int64_t count = segment.row_end - segment.row_begin;
      for (std::int64_t j = segment.key_begin; j < segment.key_end; j += kKeyTile) {
        const std::int64_t keys = std::min(kKeyTile, segment.key_end - j);
        blas::product_nt(count, keys, D, q + segment.row_begin * shape.q_stride + h * D, shape.q_stride,
                         source.keys + j * source.stride + group * D, source.stride, T(0), tile, kKeyTile);
        for (std::int64_t i = 0; i < count; ++i) {
          T* row = tile + i * kKeyTile;
          const std::int64_t query = segment.row_begin + i, local = query - block.begin;
          const Interval seen =
              visible(plan.positions()[query], segment.position + j - segment.key_begin, keys, plan.window());
          const T before = largest[local];
          const T now = std::max(before, scale * rows::max(row + seen.first, seen.last - seen.first));
          clear_outside(row, keys, seen);
          if (seen.first == seen.last) continue;
          const T sum = rows::exp_in_place(row + seen.first, seen.last - seen.first, scale, now);
          if (now > before) {
            const T shrink = std::exp(before - now);
            total[local] *= shrink;
            rows::scale(out + query * shape.out_stride + h * D, D, shrink);
            largest[local] = now;
          }
          total[local] += sum;
        }
        blas::product_nn(count, D, keys, tile, kKeyTile, source.values + j * source.stride + group * D, source.stride,
                         T(1), out + segment.row_begin * shape.out_stride + h * D, shape.out_stride);
      }
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      rows::scale(out + (block.begin + i) * shape.out_stride + h * D, D, T(1) / total[i]);
      if (lse_HT) lse_HT[h * T_all + block.begin + i] = largest[i] + std::log(total[i]);
    }
  }
}

template <class T>
void forward(const AttentionPlan& plan, const Shape& shape, const T* q, std::span<const Source<T>> sources, T* out,
             T* lse_HT) {
  const std::int64_t blocks = static_cast<std::int64_t>(plan.blocks().size());
  std::int64_t block_rows = 0;
  double cost = 0;
  for (const auto& block : plan.blocks()) {
    block_rows = std::max(block_rows, block.end - block.begin);
    cost += block.cost * static_cast<double>(shape.heads * shape.dim);
  }
  // A step of one stream over few keys is done before other threads have heard of it.
  const std::int64_t threads = cost < kWorthThreads ? 1 : at::get_num_threads();
  std::atomic<std::int64_t> next{0};  // who computes a block does not change it
  at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) {
    std::vector<T> tile(block_rows * kKeyTile);
    for (std::int64_t task = next++; task < blocks * shape.groups; task = next++)
      // The last blocks are the dearest: they go first.
      forward_block(plan, plan.blocks()[blocks - 1 - task / shape.groups], task % shape.groups, shape, q, sources, out,
                    lse_HT, tile.data());
  });
}

template <class T>
struct Gradients {
  const T *q, *k, *v, *out, *dout, *lse_HT, *delta_HT;
  T* dq;  ///< [T, H, D], stride H D
  std::int64_t dout_stride;
};

/// One block of queries, one group of heads: writes dq of the block, adds to dk and dv (row distance kv_stride).
template <class T>
void backward_block(const AttentionPlan& plan, const AttentionPlan::Block& block, std::int64_t group,
                    const Shape& shape, const Gradients<T>& g, T* dk, T* dv, std::int64_t kv_stride, T* p, T* d) {
  const std::int64_t D = shape.dim, T_all = plan.queries(), dq_stride = shape.heads * D;
  const T scale = static_cast<T>(shape.scale);
  for (std::int64_t h = group * shape.heads_per_group(); h < (group + 1) * shape.heads_per_group(); ++h) {
    for (std::int64_t i = block.begin; i < block.end; ++i) {
      T* row = g.dq + i * dq_stride + h * D;
      std::fill(row, row + D, T(0));
    }
    for (std::size_t s = block.segment_begin; s < block.segment_end; ++s) {
      const AttentionPlan::Segment& segment = plan.segments()[s];
      const std::int64_t count = segment.row_end - segment.row_begin;
      const T* q = g.q + segment.row_begin * shape.q_stride + h * D;
      const T* dout = g.dout + segment.row_begin * g.dout_stride + h * D;
      for (std::int64_t j = segment.key_begin; j < segment.key_end; j += kKeyTile) {
        const std::int64_t keys = std::min(kKeyTile, segment.key_end - j);
        const T* k = g.k + j * shape.k_stride + group * D;
        blas::product_nt(count, keys, D, q, shape.q_stride, k, shape.k_stride, T(0), p, kKeyTile);
        blas::product_nt(count, keys, D, dout, g.dout_stride, g.v + j * shape.v_stride + group * D, shape.v_stride,
                         T(0), d, kKeyTile);
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t query = segment.row_begin + i;
          T *p_row = p + i * kKeyTile, *d_row = d + i * kKeyTile;
          const Interval seen =
              visible(plan.positions()[query], segment.position + j - segment.key_begin, keys, plan.window());
          const std::int64_t n = seen.last - seen.first;
          clear_outside(p_row, keys, seen);
          clear_outside(d_row, keys, seen);
          rows::exp_in_place(p_row + seen.first, n, scale, g.lse_HT[h * T_all + query]);
          rows::softmax_gradient(d_row + seen.first, p_row + seen.first, n, g.delta_HT[h * T_all + query], scale);
        }
        blas::product_tn(keys, D, count, p, kKeyTile, dout, g.dout_stride, T(1), dv + j * kv_stride, kv_stride);
        blas::product_tn(keys, D, count, d, kKeyTile, q, shape.q_stride, T(1), dk + j * kv_stride, kv_stride);
        blas::product_nn(count, D, keys, d, kKeyTile, k, shape.k_stride, T(1),
                         g.dq + segment.row_begin * dq_stride + h * D, dq_stride);
      }
    }
  }
}

/// dk and dv [T, G, D] are zero at the start. Tasks (group, block) are cut into one contiguous piece a thread of equal
/// cost; a group whose blocks fall to several threads is summed from their own sums, in the order of the threads.
template <class T>
void backward(const AttentionPlan& plan, const Shape& shape, const Gradients<T>& g, T* dk, T* dv) {
  const std::int64_t blocks = static_cast<std::int64_t>(plan.blocks().size()), tasks = blocks * shape.groups;
  const std::int64_t threads = std::min<std::int64_t>(at::get_num_threads(), std::max<std::int64_t>(tasks, 1));
  const std::int64_t keys = plan.queries(), D = shape.dim, kv_stride = shape.groups * D;
  double cost = 0;
  std::int64_t block_rows = 0;
  for (const auto& block : plan.blocks()) {
    cost += block.cost * static_cast<double>(shape.groups);
    block_rows = std::max(block_rows, block.end - block.begin);
  }
  std::vector<std::int64_t> piece(threads + 1, tasks);
  piece[0] = 0;
  double seen = 0;
  std::int64_t thread = 1;
  for (std::int64_t task = 0; task < tasks && thread < threads; ++task) {
    while (thread < threads && seen >= cost * static_cast<double>(thread) / static_cast<double>(threads))
      piece[thread++] = task;
    seen += plan.blocks()[task % blocks].cost;
  }
  struct Part {
    std::int64_t group;
    std::vector<T> dk, dv;
  };
  std::vector<std::vector<Part>> parts(threads);
  at::parallel_for(0, threads, 1, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t t = from; t < to; ++t) {
      std::vector<T> p(block_rows * kKeyTile), d(block_rows * kKeyTile);
      for (std::int64_t task = piece[t]; task < piece[t + 1]; ++task) {
        const std::int64_t group = task / blocks;
        const bool whole = piece[t] <= group * blocks && (group + 1) * blocks <= piece[t + 1];
        if (!whole && (parts[t].empty() || parts[t].back().group != group))
          parts[t].push_back({group, std::vector<T>(keys * D), std::vector<T>(keys * D)});
        T* own_dk = whole ? dk + group * D : parts[t].back().dk.data();
        T* own_dv = whole ? dv + group * D : parts[t].back().dv.data();
        backward_block(plan, plan.blocks()[task % blocks], group, shape, g, own_dk, own_dv, whole ? kv_stride : D,
                       p.data(), d.data());
      }
    }
  });
  at::parallel_for(0, keys, 64, [&](std::int64_t from, std::int64_t to) {
    for (const auto& of_thread : parts)
      for (const Part& part : of_thread)
        for (std::int64_t j = from; j < to; ++j) {
          rows::add(dk + j * kv_stride + part.group * D, part.dk.data() + j * D, D);
          rows::add(dv + j * kv_stride + part.group * D, part.dv.data() + j * D, D);
        }
  });
}

/// Heads and numbers contiguous, tokens at any distance.
at::Tensor with_whole_rows(const at::Tensor& x) {
  return x.stride(2) == 1 && x.stride(1) == x.size(2) ? x : x.contiguous();
}

void check_shapes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionPlan& plan) {
  const bool fits = q.dim() == 3 && k.dim() == 3 && v.sizes() == k.sizes() && q.size(2) == k.size(2) && k.size(1) > 0 &&
                    q.size(1) % k.size(1) == 0 && q.size(0) == plan.queries() && k.size(0) == q.size(0) &&
                    q.scalar_type() == k.scalar_type() && k.scalar_type() == v.scalar_type();
  if (!fits)
    throw failed("attention over {} tokens cannot take q {}, k {} and v {}", plan.queries(), c10::str(q.sizes()),
                 c10::str(k.sizes()), c10::str(v.sizes()));
}

Shape shape_of(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  return {q.size(1), k.size(1), q.size(2), q.stride(0), k.stride(0), v.stride(0), q.size(1) * q.size(2), scale};
}

struct PlanHolder : torch::CustomClassHolder {
  explicit PlanHolder(std::shared_ptr<const AttentionPlan> p) : plan(std::move(p)) {}
  std::shared_ptr<const AttentionPlan> plan;
};

struct ForestAttention : torch::autograd::Function<ForestAttention> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q_in, const at::Tensor& k_in,
                            const at::Tensor& v_in, std::shared_ptr<const AttentionPlan> plan, double scale) {
    const at::Tensor q = with_whole_rows(q_in), k = with_whole_rows(k_in), v = with_whole_rows(v_in);
    at::Tensor out = at::empty(q.sizes(), q.options()), lse = at::empty({q.size(1), q.size(0)}, q.options());
    AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "attention", [&] {
      const Source<scalar_t> source{k.const_data_ptr<scalar_t>(), v.const_data_ptr<scalar_t>(), k.stride(0)};
      ballot::forward<scalar_t>(*plan, shape_of(q, k, v, scale), q.const_data_ptr<scalar_t>(), std::span(&source, 1),
                                out.mutable_data_ptr<scalar_t>(), lse.mutable_data_ptr<scalar_t>());
    });
    context->save_for_backward({q, k, v, out, lse});
    context->saved_data["plan"] = c10::IValue::make_capsule(c10::make_intrusive<PlanHolder>(std::move(plan)));
    context->saved_data["scale"] = scale;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3], &lse = saved[4];
    const at::Tensor dout = with_whole_rows(gradients[0]);
    const auto holder = c10::static_intrusive_pointer_cast<PlanHolder>(context->saved_data["plan"].toCapsule());
    const double scale = context->saved_data["scale"].toDouble();
    at::Tensor dq = at::empty(q.sizes(), q.options()), dk = at::zeros(k.sizes(), k.options()),
               dv = at::zeros(v.sizes(), v.options());
    const std::int64_t tokens = q.size(0), heads = q.size(1), dim = q.size(2);
    at::Tensor delta = at::empty({heads, tokens}, q.options());
    AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "attention_backward", [&] {
      const scalar_t *o = out.const_data_ptr<scalar_t>(), *d = dout.const_data_ptr<scalar_t>();
      scalar_t* to = delta.mutable_data_ptr<scalar_t>();
      const std::int64_t o_stride = out.stride(0), d_stride = dout.stride(0);
      at::parallel_for(0, tokens, 64, [&](std::int64_t from, std::int64_t end) {
        for (std::int64_t t = from; t < end; ++t)
          for (std::int64_t h = 0; h < heads; ++h)
            to[h * tokens + t] = rows::dot(o + t * o_stride + h * dim, d + t * d_stride + h * dim, dim);
      });
      const Gradients<scalar_t> g{q.const_data_ptr<scalar_t>(),
                                  k.const_data_ptr<scalar_t>(),
                                  v.const_data_ptr<scalar_t>(),
                                  o,
                                  d,
                                  lse.const_data_ptr<scalar_t>(),
                                  to,
                                  dq.mutable_data_ptr<scalar_t>(),
                                  d_stride};
      ballot::backward<scalar_t>(*holder->plan, shape_of(q, k, v, scale), g, dk.mutable_data_ptr<scalar_t>(),
                                 dv.mutable_data_ptr<scalar_t>());
    });
    return {dq, dk, dv, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor attention(const at::Tensor& q_THD, const at::Tensor& k_TGD, const at::Tensor& v_TGD,
                     std::shared_ptr<const AttentionPlan> plan, double scale) {
  check_shapes(q_THD, k_TGD, v_TGD, *plan);
  if (q_THD.scalar_type() == at::kBFloat16)
    return ForestAttention::apply(q_THD.to(at::kFloat), k_TGD.to(at::kFloat), v_TGD.to(at::kFloat), std::move(plan),
                                  scale)
        .to(at::kBFloat16);
  return ForestAttention::apply(q_THD, k_TGD, v_TGD, std::move(plan), scale);
}

at::Tensor cached_attention(const at::Tensor& q_THD, std::span<const KeysAndValues> sources,
                            std::int64_t key_value_heads, const AttentionPlan& plan, double scale) {
  const at::Tensor q = with_whole_rows(q_THD);
  at::Tensor out = at::empty(q.sizes(), q.options());
  const Shape shape{q.size(1), key_value_heads, q.size(2), q.stride(0), 0, 0, q.size(1) * q.size(2), scale};
  AT_DISPATCH_FLOATING_TYPES(q.scalar_type(), "cached_attention", [&] {
    std::vector<Source<scalar_t>> typed;
    for (const KeysAndValues& source : sources)
      typed.push_back(
          {static_cast<const scalar_t*>(source.keys), static_cast<const scalar_t*>(source.values), source.stride});
    forward<scalar_t>(plan, shape, q.const_data_ptr<scalar_t>(), typed, out.mutable_data_ptr<scalar_t>(), nullptr);
  });
  return out;
}

}  // namespace ballot
