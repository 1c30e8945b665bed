#include "compute/layers.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "compute/rows.h"
#include "core/error.h"

namespace ballot {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows a piece of parallel work should have, so that a piece is worth a thread's while.
std::int64_t grain(std::int64_t row_length) {
  return std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(row_length, 1));
}

template <class T>
struct Held : torch::CustomClassHolder {
  explicit Held(T v) : value(std::move(v)) {}
  T value;
};
template <class T>
void hold(AutogradContext* context, const char* name, T value) {
  context->saved_data[name] = c10::IValue::make_capsule(c10::make_intrusive<Held<T>>(std::move(value)));
}
template <class T>
T held(AutogradContext* context, const char* name) {
  return c10::static_intrusive_pointer_cast<Held<T>>(context->saved_data[name].toCapsule())->value;
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_in, const at::Tensor& weight, double epsilon,
                            double offset) {
    const at::Tensor x = x_in.contiguous();
    const std::int64_t n = x.size(-1), count = n == 0 ? 0 : x.numel() / n;
    at::Tensor y = at::empty_like(x), r = at::empty({count}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rms_norm", [&] {
      const scalar_t *from = x.const_data_ptr<scalar_t>(), *w = weight.const_data_ptr<scalar_t>();
      scalar_t *to = y.mutable_data_ptr<scalar_t>(), *rs = r.mutable_data_ptr<scalar_t>();
      at::parallel_for(0, count, grain(n), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const scalar_t* row = from + i * n;
          rs[i] = scalar_t(1) /
                  std::sqrt(rows::dot(row, row, n) / static_cast<scalar_t>(n) + static_cast<scalar_t>(epsilon));
          rows::scale_by_weights(to + i * n, row, w, n, rs[i], static_cast<scalar_t>(offset));
        }
      });
    });
    context->save_for_backward({x, weight, r});
    context->saved_data["offset"] = offset;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &r = saved[2], dy = gradients[0].contiguous();
    const double offset = context->saved_data["offset"].toDouble();
    const std::int64_t n = x.size(-1), count = r.numel();
    // Each piece of rows sums the weight's gradient for itself; the pieces are fixed by the number of threads.
    const std::int64_t pieces =
        std::max<std::int64_t>(1, std::min<std::int64_t>(at::get_num_threads(), count / grain(n)));
    at::Tensor dx = at::empty_like(x), parts = at::zeros({pieces, n}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rms_norm_backward", [&] {
      const scalar_t *from = x.const_data_ptr<scalar_t>(), *w = weight.const_data_ptr<scalar_t>(),
                     *rs = r.const_data_ptr<scalar_t>(), *g = dy.const_data_ptr<scalar_t>();
      scalar_t *to = dx.mutable_data_ptr<scalar_t>(), *dw = parts.mutable_data_ptr<scalar_t>();
      at::parallel_for(0, pieces, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t piece = first; piece < last; ++piece)
          for (std::int64_t i = count * piece / pieces; i < count * (piece + 1) / pieces; ++i)
            rows::norm_gradient(to + i * n, dw + piece * n, g + i * n, from + i * n, w, n, rs[i],
                                static_cast<scalar_t>(offset));
      });
    });
    return {dx, pieces == 1 ? parts[0] : parts.sum(0), at::Tensor(), at::Tensor()};
  }
};

struct Gated : torch::autograd::Function<Gated> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_in, const at::Tensor& up_in, bool silu) {
    const at::Tensor gate = gate_in.contiguous(), up = up_in.contiguous();
    at::Tensor y = at::empty_like(gate);
    AT_DISPATCH_FLOATING_TYPES(gate.scalar_type(), "gated", [&] {
      const scalar_t *a = gate.const_data_ptr<scalar_t>(), *b = up.const_data_ptr<scalar_t>();
      scalar_t* to = y.mutable_data_ptr<scalar_t>();
      at::parallel_for(0, gate.numel(), 16384, [&](std::int64_t i, std::int64_t end) {
        if (silu)
          rows::silu_gate(to + i, a + i, b + i, end - i);
        else
          rows::gelu_gate(to + i, a + i, b + i, end - i);
      });
    });
    context->save_for_backward({gate, up});
    context->saved_data["silu"] = silu;
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1], dy = gradients[0].contiguous();
    const bool silu = context->saved_data["silu"].toBool();
    at::Tensor dgate = at::empty_like(gate), dup = at::empty_like(up);
    AT_DISPATCH_FLOATING_TYPES(gate.scalar_type(), "gated_backward", [&] {
      const scalar_t *a = gate.const_data_ptr<scalar_t>(), *b = up.const_data_ptr<scalar_t>(),
                     *g = dy.const_data_ptr<scalar_t>();
      scalar_t *da = dgate.mutable_data_ptr<scalar_t>(), *db = dup.mutable_data_ptr<scalar_t>();
      at::parallel_for(0, gate.numel(), 16384, [&](std::int64_t i, std::int64_t end) {
        if (silu)
          rows::silu_gate_gradient(da + i, db + i, g + i, a + i, b + i, end - i);
        else
          rows::gelu_gate_gradient(da + i, db + i, g + i, a + i, b + i, end - i);
      });
    });
    return {dgate, dup, at::Tensor()};
  }
};

at::Tensor turned(const at::Tensor& x_in, const RotaryTable& table, int sign) {
  const at::Tensor x = x_in.stride(2) == 1 && x_in.stride(1) == x_in.size(2) ? x_in : x_in.contiguous();
  const std::int64_t tokens = x.size(0), heads = x.size(1), dim = x.size(2);
  if (tokens != table.tokens || dim != 2 * table.half)
    throw failed("rotary table of {} tokens and {} numbers a head does not fit {}", table.tokens, 2 * table.half,
                 c10::str(x.sizes()));
  at::Tensor y = at::empty(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rotate", [&] {
    const scalar_t* from = x.const_data_ptr<scalar_t>();
    scalar_t* to = y.mutable_data_ptr<scalar_t>();
    const std::int64_t stride = x.stride(0), half = table.half;
    at::parallel_for(0, tokens, grain(heads * dim), [&](std::int64_t begin, std::int64_t end) {
      std::vector<scalar_t> cosine(half), sine(half);
      for (std::int64_t t = begin; t < end; ++t) {
        for (std::int64_t j = 0; j < half; ++j) {
          cosine[j] = table.cosine[t * half + j];
          sine[j] = table.sine[t * half + j];
        }
        for (std::int64_t h = 0; h < heads; ++h)
          rows::rotate_halves(to + (t * heads + h) * dim, from + t * stride + h * dim, cosine.data(), sine.data(), half,
                              static_cast<scalar_t>(sign));
      }
    });
  });
  return y;
}

struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::shared_ptr<const RotaryTable> table) {
    at::Tensor y = turned(x, *table, 1);
    hold(context, "table", std::move(table));
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {turned(gradients[0], *held<std::shared_ptr<const RotaryTable>>(context, "table"), -1), at::Tensor()};
  }
};

struct Embedding : torch::autograd::Function<Embedding> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, const at::Tensor& ids, double factor) {
    context->save_for_backward({ids});
    context->saved_data["rows"] = weight.size(0);
    context->saved_data["factor"] = factor;
    at::Tensor y = weight.index_select(0, ids);
    return factor == 1 ? y : y.mul_(factor);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor ids = context->get_saved_variables()[0];
    const double factor = context->saved_data["factor"].toDouble();
    const at::Tensor dy = (factor == 1 ? gradients[0] : gradients[0] * factor).contiguous();
    at::Tensor dw = at::zeros({context->saved_data["rows"].toInt(), dy.size(1)}, dy.options());
    const std::int64_t n = dy.size(1);
    AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "embedding_backward", [&] {
      const std::int64_t* id = ids.const_data_ptr<std::int64_t>();
      const scalar_t* from = dy.const_data_ptr<scalar_t>();
      scalar_t* to = dw.mutable_data_ptr<scalar_t>();
      for (std::int64_t t = 0; t < ids.numel(); ++t) rows::add(to + id[t] * n, from + t * n, n);
    });
    return {dw, at::Tensor(), at::Tensor()};
  }
};

struct Checkpointed : torch::autograd::Function<Checkpointed> {
  using Body = std::function<at::Tensor(const at::Tensor&)>;
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& any_parameter, Body body) {
    context->save_for_backward({x});
    const at::AutoGradMode no_gradients(false);
    at::Tensor y = body(x);
    hold(context, "body", std::move(body));
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::AutoGradMode with_gradients(true);
    const at::Tensor x = context->get_saved_variables()[0].detach().requires_grad_();
    const at::Tensor y = held<Body>(context, "body")(x);
    torch::autograd::backward({y}, {gradients[0]});
    return {x.grad(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, NormStyle style) {
  const double offset = style == NormStyle::kGemma ? 1 : 0;
  if (x.scalar_type() != at::kBFloat16) return RmsNorm::apply(x, weight, epsilon, offset);
  const at::Tensor wide = x.to(at::kFloat);
  if (style == NormStyle::kGemma) return RmsNorm::apply(wide, weight.to(at::kFloat), epsilon, offset).to(at::kBFloat16);
  const at::Tensor ones = at::ones({x.size(-1)}, wide.options());
  return RmsNorm::apply(wide, ones, epsilon, 0.0).to(at::kBFloat16) * weight.to(at::kBFloat16);
}

at::Tensor gated(const at::Tensor& gate_Tf, const at::Tensor& up_Tf, Activation activation) {
  const bool silu = activation == Activation::kSilu;
  if (gate_Tf.scalar_type() == at::kBFloat16)
    return Gated::apply(gate_Tf.to(at::kFloat), up_Tf.to(at::kFloat), silu).to(at::kBFloat16);
  return Gated::apply(gate_Tf, up_Tf, silu);
}

std::shared_ptr<const RotaryTable> rotary_table(std::span<const std::int64_t> positions,
                                                std::span<const double> frequencies) {
  auto table = std::make_shared<RotaryTable>();
  table->tokens = static_cast<std::int64_t>(positions.size());
  table->half = static_cast<std::int64_t>(frequencies.size());
  table->cosine.resize(positions.size() * frequencies.size());
  table->sine.resize(table->cosine.size());
  std::size_t place = 0;
  for (const std::int64_t position : positions)
    for (const double frequency : frequencies) {
      const float angle = static_cast<float>(position) * static_cast<float>(frequency);
      table->cosine[place] = std::cos(angle);
      table->sine[place++] = std::sin(angle);
    }
  return table;
}

at::Tensor rotate(const at::Tensor& x_THD, std::shared_ptr<const RotaryTable> table) {
  if (x_THD.scalar_type() == at::kBFloat16)
    return Rotate::apply(x_THD.to(at::kFloat), std::move(table)).to(at::kBFloat16);
  return Rotate::apply(x_THD, std::move(table));
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const auto type = x.scalar_type();
  if (!bias.defined()) return at::linear(x, weight.to(type));
  return at::linear(x, weight.to(type), bias.to(type));
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight) {
  return linear(x, weight, at::Tensor());
}

at::Tensor embedding(const at::Tensor& weight_Vh, const at::Tensor& ids_T, double factor) {
  if (weight_Vh.scalar_type() == at::kBFloat16) return weight_Vh.index_select(0, ids_T) * factor;
  return Embedding::apply(weight_Vh, ids_T, factor);
}

at::Tensor checkpointed(std::function<at::Tensor(const at::Tensor&)> body, const at::Tensor& x,
                        const at::Tensor& any_parameter) {
  return Checkpointed::apply(x, any_parameter, std::move(body));
}

}  // namespace ballot
