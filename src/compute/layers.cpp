#include "compute/layers.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <bit>
#include <cmath>
#include <optional>

#include "compute/rows.h"
#include "compute/weight_gradient.h"
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

at::ScalarType widened(at::ScalarType type) {
  return type == at::kBFloat16 ? at::kFloat : type;
}

// The arithmetic of a norm, outside the graph. In bfloat16 Llama rounds before the weight is multiplied, Gemma after.

struct NormValue {
  at::Tensor y, r;  ///< r [rows]: rsqrt(mean x^2 + eps)
};

template <class T>
void norm_rows(const at::Tensor& x, const at::Tensor& weight, double epsilon, double offset, at::Tensor& y,
               at::Tensor& r) {
  const std::int64_t n = x.size(-1);
  const T *from = x.const_data_ptr<T>(), *w = weight.const_data_ptr<T>();
  T *to = y.mutable_data_ptr<T>(), *rs = r.mutable_data_ptr<T>();
  at::parallel_for(0, r.numel(), grain(n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* row = from + i * n;
      rs[i] = T(1) / std::sqrt(rows::dot(row, row, n) / static_cast<T>(n) + static_cast<T>(epsilon));
      rows::scale_by_weights(to + i * n, row, w, n, rs[i], static_cast<T>(offset));
    }
  });
}

NormValue norm_value(const at::Tensor& x, const at::Tensor& weight, double epsilon, NormStyle style) {
  const at::Tensor wide = x.to(widened(x.scalar_type())).contiguous();
  const bool half = x.scalar_type() == at::kBFloat16, round_first = half && style == NormStyle::kLlama;
  const double offset = style == NormStyle::kGemma ? 1 : 0;
  const at::Tensor w = round_first ? at::ones_like(weight, wide.options()) : weight.to(wide.scalar_type());
  NormValue value{at::empty_like(wide),
                  at::empty({wide.numel() / std::max<std::int64_t>(wide.size(-1), 1)}, wide.options())};
  AT_DISPATCH_FLOATING_TYPES(wide.scalar_type(), "rms_norm",
                             [&] { norm_rows<scalar_t>(wide, w, epsilon, offset, value.y, value.r); });
  if (half) value.y = value.y.to(at::kBFloat16);
  if (round_first) value.y.mul_(weight.to(at::kBFloat16));
  return value;
}

/// The gradients of x and the weight, each in its own type.
std::pair<at::Tensor, at::Tensor> norm_gradients(const at::Tensor& dy_in, const at::Tensor& x_in,
                                                 const at::Tensor& weight, const at::Tensor& r, NormStyle style) {
  const auto type = widened(x_in.scalar_type());
  const at::Tensor dy = dy_in.to(type).contiguous(), x = x_in.to(type).contiguous(), wide_weight = weight.to(type);
  const std::int64_t n = x.size(-1), count = r.numel();
  // Each piece of rows sums the weight's gradient for itself; the pieces are fixed by the number of threads.
  const std::int64_t pieces =
      std::max<std::int64_t>(1, std::min<std::int64_t>(at::get_num_threads(), count / grain(n)));
  at::Tensor dx = at::empty_like(x), parts = at::zeros({pieces, n}, x.options());
  AT_DISPATCH_FLOATING_TYPES(type, "rms_norm_backward", [&] {
    const scalar_t *from = x.const_data_ptr<scalar_t>(), *w = wide_weight.const_data_ptr<scalar_t>(),
                   *rs = r.const_data_ptr<scalar_t>(), *g = dy.const_data_ptr<scalar_t>();
    scalar_t *to = dx.mutable_data_ptr<scalar_t>(), *dw = parts.mutable_data_ptr<scalar_t>();
    const auto offset = static_cast<scalar_t>(style == NormStyle::kGemma ? 1 : 0);
    at::parallel_for(0, pieces, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t piece = first; piece < last; ++piece)
        for (std::int64_t i = count * piece / pieces; i < count * (piece + 1) / pieces; ++i)
          rows::norm_gradient(to + i * n, dw + piece * n, g + i * n, from + i * n, w, n, rs[i], offset);
    });
  });
  return {dx.to(x_in.scalar_type()), (pieces == 1 ? parts[0] : parts.sum(0)).to(weight.scalar_type())};
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, double epsilon,
                            std::int64_t style) {
    NormValue value = norm_value(x, weight, epsilon, static_cast<NormStyle>(style));
    context->save_for_backward({x, weight, value.r});
    context->saved_data["style"] = style;
    return value.y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    auto [dx, dw] = norm_gradients(gradients[0], saved[0], saved[1], saved[2],
                                   static_cast<NormStyle>(context->saved_data["style"].toInt()));
    return {dx, dw, at::Tensor(), at::Tensor()};
  }
};

/// Rows up to which a product is bound by reading the weights: a step of generation.
constexpr std::int64_t kFewRows = 4;

bool few_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return x.scalar_type() == at::kFloat && x.dim() == 2 && x.size(0) <= kFewRows && weight.scalar_type() == at::kFloat &&
         weight.is_contiguous() && (!bias.defined() || bias.scalar_type() == at::kFloat);
}

/// x W^T + b of several layers for few rows of x in float32: every weight is read once, a piece of them for all rows of
/// x, by all threads, which meet once for all layers.
std::vector<at::Tensor> few_rows_products(const at::Tensor& x_in, std::span<const Linear> layers) {
  constexpr std::int64_t kPiece = 16;  // rows of W that stay in the cache for the next row of x
  const at::Tensor x = x_in.contiguous();
  const std::int64_t m = x.size(0), k = x.size(1);
  struct Part {
    const float* weight;
    float* to;
    std::int64_t rows, first_piece;
  };
  std::vector<at::Tensor> results;
  std::vector<Part> parts;
  std::int64_t pieces = 0;
  for (const Linear& layer : layers) {
    const std::int64_t rows = layer.weight.size(0);
    results.push_back(at::empty({m, rows}, x.options()));
    parts.push_back({layer.weight.const_data_ptr<float>(), results.back().mutable_data_ptr<float>(), rows, pieces});
    pieces += (rows + kPiece - 1) / kPiece;
  }
  const float* from = x.const_data_ptr<float>();
  at::parallel_for(0, pieces, std::max<std::int64_t>(1, 4 * grain(k) / kPiece),
                   [&](std::int64_t begin, std::int64_t end) {
                     std::size_t part = 0;
                     for (std::int64_t piece = begin; piece < end; ++piece) {
                       while (part + 1 < parts.size() && parts[part + 1].first_piece <= piece) ++part;
                       const auto& [w, to, rows, first] = parts[part];
                       const std::int64_t o = (piece - first) * kPiece;
                       for (std::int64_t i = 0; i < m; ++i)
                         rows::products(to + i * rows + o, w + o * k, from + i * k, std::min(kPiece, rows - o), k);
                     }
                   });
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].bias.defined()) results[i].add_(layers[i].bias);
  return results;
}

/// x W^T + b outside the graph.
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const auto type = x.scalar_type();
  const Linear layer{weight, bias};
  if (few_rows(x, weight, bias)) return few_rows_products(x, std::span(&layer, 1))[0];
  return bias.defined() ? at::addmm(bias.to(type), x, weight.to(type).t()) : at::mm(x, weight.to(type).t());
}

struct Project : torch::autograd::Function<Project> {
  /// `parameters`: the layers' weights, then the biases of those that have one (bit i of `biased`).
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& norm_weight,
                               at::TensorList parameters, std::int64_t biased, double epsilon, std::int64_t style) {
    const NormValue value = norm_value(x, norm_weight, epsilon, static_cast<NormStyle>(style));
    const std::size_t count = parameters.size() - std::popcount(static_cast<std::uint64_t>(biased));
    variable_list results, saved = {x, norm_weight, value.r};
    std::size_t bias = count;
    std::vector<Linear> layers;
    bool few = true;
    for (std::size_t i = 0; i < count; ++i) {
      layers.push_back({parameters[i], biased >> i & 1 ? parameters[bias++] : at::Tensor()});
      few = few && few_rows(value.y, layers[i].weight, layers[i].bias);
    }
    if (few)
      results = few_rows_products(value.y, layers);
    else
      for (const Linear& layer : layers) results.push_back(product(value.y, layer.weight, layer.bias));
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    context->save_for_backward(saved);
    context->saved_data["biased"] = biased;
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["style"] = style;
    return results;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &norm_weight = saved[1], &r = saved[2];
    const auto style = static_cast<NormStyle>(context->saved_data["style"].toInt());
    const std::int64_t biased = context->saved_data["biased"].toInt();
    const at::Tensor y = norm_value(x, norm_weight, context->saved_data["epsilon"].toDouble(), style).y;
    constexpr std::size_t kBefore = 2, kBehind = 3;  // x and the norm's weight; bias mask, epsilon, style
    variable_list results(saved.size() - 1 + kBehind);
    std::size_t bias = gradients.size();
    at::Tensor dy;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const std::size_t own_bias = biased >> i & 1 ? bias++ : 0;
      const at::Tensor &g = gradients[i], &weight = saved[3 + i];
      if (!g.defined()) continue;
      const at::Tensor w = weight.to(g.scalar_type());
      if (dy.defined())
        dy.addmm_(g, w);
      else
        dy = at::mm(g, w);
      results[kBefore + i] = product_gradient(weight, g, y);
      if (own_bias > 0) results[kBefore + own_bias] = g.sum(0).to(saved[3 + own_bias].scalar_type());
    }
    if (dy.defined()) std::tie(results[0], results[1]) = norm_gradients(dy, x, norm_weight, r, style);
    return results;
  }
};

at::Tensor gate_value(const at::Tensor& gate_in, const at::Tensor& up_in, bool silu) {
  const auto type = widened(gate_in.scalar_type());
  const at::Tensor gate = gate_in.to(type).contiguous(), up = up_in.to(type).contiguous();
  at::Tensor y = at::empty_like(gate);
  AT_DISPATCH_FLOATING_TYPES(type, "gated", [&] {
    const scalar_t *a = gate.const_data_ptr<scalar_t>(), *b = up.const_data_ptr<scalar_t>();
    scalar_t* to = y.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, gate.numel(), 16384, [&](std::int64_t i, std::int64_t end) {
      if (silu)
        rows::silu_gate(to + i, a + i, b + i, end - i);
      else
        rows::gelu_gate(to + i, a + i, b + i, end - i);
    });
  });
  return y.to(gate_in.scalar_type());
}

struct Gated : torch::autograd::Function<Gated> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate, const at::Tensor& up,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias, bool silu) {
    context->save_for_backward({gate, up, weight, bias.value_or(at::Tensor())});
    context->saved_data["silu"] = silu;
    return product(gate_value(gate, up, silu), weight, bias.value_or(at::Tensor()));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &weight = saved[2], &bias = saved[3], &g = gradients[0];
    const bool silu = context->saved_data["silu"].toBool();
    const auto type = widened(g.scalar_type());
    at::Tensor dweight = product_gradient(weight, g, gate_value(saved[0], saved[1], silu));
    const at::Tensor dy = at::mm(g, weight.to(g.scalar_type())).to(type);
    const at::Tensor gate = saved[0].to(type).contiguous(), up = saved[1].to(type).contiguous();
    at::Tensor dgate = at::empty_like(gate), dup = at::empty_like(up);
    AT_DISPATCH_FLOATING_TYPES(type, "gated_backward", [&] {
      const scalar_t *a = gate.const_data_ptr<scalar_t>(), *b = up.const_data_ptr<scalar_t>(),
                     *d = dy.const_data_ptr<scalar_t>();
      scalar_t *da = dgate.mutable_data_ptr<scalar_t>(), *db = dup.mutable_data_ptr<scalar_t>();
      at::parallel_for(0, gate.numel(), 16384, [&](std::int64_t i, std::int64_t end) {
        if (silu)
          rows::silu_gate_gradient(da + i, db + i, d + i, a + i, b + i, end - i);
        else
          rows::gelu_gate_gradient(da + i, db + i, d + i, a + i, b + i, end - i);
      });
    });
    return {dgate.to(g.scalar_type()), dup.to(g.scalar_type()), dweight,
            bias.defined() ? g.sum(0).to(bias.scalar_type()) : at::Tensor(), at::Tensor()};
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
    context->save_for_backward({weight, ids});
    context->saved_data["factor"] = factor;
    at::Tensor y = weight.index_select(0, ids);
    return factor == 1 ? y : y.mul_(factor);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &weight = saved[0], &ids = saved[1];
    const double factor = context->saved_data["factor"].toDouble();
    const at::Tensor dy = (factor == 1 ? gradients[0] : gradients[0] * factor).contiguous();
    const bool in_place = adds_in_place(weight, dy.scalar_type());
    const at::Tensor dw = in_place ? gradient_to_add_to(weight) : at::zeros(weight.sizes(), dy.options());
    const std::int64_t n = dy.size(1);
    AT_DISPATCH_FLOATING_TYPES(dy.scalar_type(), "embedding_backward", [&] {
      const std::int64_t* id = ids.const_data_ptr<std::int64_t>();
      const scalar_t* from = dy.const_data_ptr<scalar_t>();
      scalar_t* to = dw.mutable_data_ptr<scalar_t>();
      for (std::int64_t t = 0; t < ids.numel(); ++t) rows::add(to + id[t] * n, from + t * n, n);
    });
    return {in_place ? at::Tensor() : dw, at::Tensor(), at::Tensor()};
  }
};

/// y = x W^T + b.
struct Affine : torch::autograd::Function<Affine> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight, bias.value_or(at::Tensor())});
    return product(x, weight, bias.value_or(at::Tensor()));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &g = gradients[0];
    at::Tensor dw = product_gradient(weight, g, x);
    return {context->needs_input_grad(0) ? at::mm(g, weight.to(g.scalar_type())) : at::Tensor(), std::move(dw),
            bias.defined() ? g.sum(0).to(bias.scalar_type()) : at::Tensor()};
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
  return RmsNorm::apply(x, weight, epsilon, static_cast<std::int64_t>(style));
}

std::vector<at::Tensor> project(const Normed& input, std::span<const Linear> layers) {
  std::vector<at::Tensor> parameters;
  std::int64_t biased = 0;
  for (const Linear& layer : layers) parameters.push_back(layer.weight);
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (layers[i].bias.defined()) {
      parameters.push_back(layers[i].bias);
      biased |= std::int64_t{1} << i;
    }
  return Project::apply(input.x, input.weight, at::TensorList(parameters), biased, input.epsilon,
                        static_cast<std::int64_t>(input.style));
}

at::Tensor gated(const at::Tensor& gate_Tf, const at::Tensor& up_Tf, Activation activation, const Linear& down) {
  const std::optional<at::Tensor> bias = down.bias.defined() ? std::optional(down.bias) : std::nullopt;
  return Gated::apply(gate_Tf, up_Tf, down.weight, bias, activation == Activation::kSilu);
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return Affine::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
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

at::Tensor embedding(const at::Tensor& weight_Vh, const at::Tensor& ids_T, double factor) {
  if (weight_Vh.scalar_type() == at::kBFloat16) return weight_Vh.index_select(0, ids_T) * factor;
  return Embedding::apply(weight_Vh, ids_T, factor);
}

at::Tensor checkpointed(std::function<at::Tensor(const at::Tensor&)> body, const at::Tensor& x,
                        const at::Tensor& any_parameter) {
  return Checkpointed::apply(x, any_parameter, std::move(body));
}

}  // namespace ballot
