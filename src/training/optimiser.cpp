#include "training/optimiser.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/random.h"
#include "core/suggest.h"

namespace ballot {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

/// Clears the low 16 bits: towards zero.
float truncate_to_bf16(std::uint32_t bits) {
  bits &= 0xFFFF0000u;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
/// To nearest, ties to even. The values here are finite.
float round_to_bf16(float value) {
  const std::uint32_t bits = bits_of(value);
  return truncate_to_bf16(bits + 0x7FFFu + ((bits >> 16) & 1u));
}
/// Up with the probability of the bits lost: 16 random bits are added before they are cut off.
float round_stochastically(float value, std::uint32_t random16) {
  return truncate_to_bf16(bits_of(value) + (random16 & 0xFFFFu));
}

struct Update {
  float beta1, beta2, epsilon, step_size, bias2_sqrt, decay;
  /// New moments from the gradient; returns what is to be taken from the weight.
  float moments(float g, float& m, float& v) const {
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    return step_size * m / (std::sqrt(v) / bias2_sqrt + epsilon);
  }
};

/// Weights and gradients may be float or c10::BFloat16; both hold bf16 values.
template <class Weight, class Gradient>
void update_bf16(const Update& u, Weight* w, const Gradient* g, c10::BFloat16* m, c10::BFloat16* v, std::int64_t n) {
  at::parallel_for(0, n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      float m32 = m[i], v32 = v[i];
      const float taken = u.moments(round_to_bf16(static_cast<float>(g[i])), m32, v32);
      m[i] = m32;
      v[i] = v32;
      w[i] = static_cast<Weight>(round_to_bf16(static_cast<float>(w[i]) * u.decay - taken));
    }
  });
}

template <class Weight, class Gradient>
void update_stochastic(const Update& u, Weight* w, const Gradient* g, float* m, float* v, std::int64_t n,
                       std::uint64_t seed, std::uint32_t parameter, std::uint32_t step) {
  // Whole blocks of eight elements, one draw of 4 x 32 bits each, so that the cut into threads changes nothing.
  const std::int64_t blocks = (n + 7) / 8;
  at::parallel_for(0, blocks, kGrain / 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const auto draw =
          philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), parameter, step},
                 {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32) ^ 0x5eed0bf1u});
      for (std::int64_t i = block * 8; i < std::min(n, block * 8 + 8); ++i) {
        const float taken = u.moments(static_cast<float>(g[i]), m[i], v[i]);
        const std::uint32_t random16 = draw[(i & 7) / 2] >> (16 * (i & 1));
        w[i] = static_cast<Weight>(round_stochastically(static_cast<float>(w[i]) * u.decay - taken, random16));
      }
    }
  });
}

template <class Weight, class Gradient>
void update_kahan(const Update& u, Weight* w, const Gradient* g, float* m, float* v, c10::BFloat16* c, std::int64_t n) {
  at::parallel_for(0, n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float old = static_cast<float>(w[i]);
      const float taken = u.moments(static_cast<float>(g[i]), m[i], v[i]) + old * (1 - u.decay);
      const float y = -taken - static_cast<float>(c[i]);
      const float t = round_to_bf16(old + y);
      c[i] = (t - old) - y;
      w[i] = static_cast<Weight>(t);
    }
  });
}

template <class Body>
void with_type(const at::Tensor& tensor, Body body) {
  if (tensor.scalar_type() == at::kFloat)
    body(tensor.data_ptr<float>());
  else if (tensor.scalar_type() == at::kBFloat16)
    body(tensor.data_ptr<c10::BFloat16>());
  else
    throw failed("the bf16 precisions keep weights in float32 or bfloat16, not {}",
                 c10::toString(tensor.scalar_type()));
}

bool is_part(const std::string& name, std::size_t begin, std::size_t length) {
  return (begin == 0 || name[begin - 1] == '.') && (begin + length == name.size() || name[begin + length] == '.');
}

}  // namespace

void round_weights(const NamedTensors& parameters, const std::string& precision) {
  if (precision == "fp32_master") return;
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters) parameter.copy_(parameter.to(at::kBFloat16));
}

bool is_decayed(const std::string& parameter_name) {
  std::string name = parameter_name;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* word : {"bias", "layernorm", "rmsnorm"})
    if (name.find(word) != std::string::npos) return false;
  for (std::size_t at = name.find("norm"); at != std::string::npos; at = name.find("norm", at + 1)) {
    if (is_part(name, at, 4)) return false;
    if (at > 0 && name[at - 1] == '_' && (at + 4 == name.size() || name[at + 4] == '.')) return false;  // q_norm
  }
  return true;
}

double gradient_norm(const NamedTensors& parameters) {
  constexpr std::int64_t kAtATime = 1 << 20;  // numbers widened to float64 at a time: a whole embedding would be twice
  double sum = 0;                             // its own size
  for (const auto& [name, parameter] : parameters)
    if (parameter.grad().defined()) {
      const at::Tensor all = parameter.grad().reshape({-1});
      double squares = 0;
      for (std::int64_t begin = 0; begin < all.numel(); begin += kAtATime) {
        const at::Tensor piece = all.narrow(0, begin, std::min(kAtATime, all.numel() - begin));
        const double norm = at::linalg_vector_norm(piece, 2, std::nullopt, false, at::kDouble).item<double>();
        squares += norm * norm;
      }
      sum += squares;
    }
  return std::sqrt(sum);
}

void clip_gradients(const NamedTensors& parameters, double norm, double max_norm) {
  if (max_norm <= 0) return;
  const double scale = max_norm / (norm + 1e-6);
  if (!(scale < 1)) return;
  for (const auto& [name, parameter] : parameters)
    if (parameter.grad().defined()) parameter.grad().mul_(scale);
}

AdamW::AdamW(NamedTensors parameters, const AdamOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  const std::vector<std::string> known{"fp32_master", "bf16", "bf16_stochastic", "bf16_kahan"};
  if (std::find(known.begin(), known.end(), options.precision) == known.end())
    throw wrong_usage("unknown precision '{}'{}", options.precision, did_you_mean(options.precision, known));
  round_weights(parameters_, options_.precision);
  if (options_.precision == "fp32_master" && !options_.moments_folder.empty()) {
    std::int64_t bytes = 0;
    for (const auto& [name, parameter] : parameters_) bytes += 2 * static_cast<std::int64_t>(parameter.nbytes());
    file_.emplace(options_.moments_folder, bytes, 2 * static_cast<std::int64_t>(parameters_.size()));
  }
  for (auto& [name, parameter] : parameters_) {
    decays_.push_back(is_decayed(name));
    if (options_.precision == "fp32_master") {
      const auto zeros = [&] {
        return file_ ? file_->take(parameter.sizes(), parameter.scalar_type())
                     : at::zeros(parameter.sizes(), parameter.options().requires_grad(false));
      };
      m_.push_back(zeros());
      v_.push_back(zeros());
      continue;
    }
    const auto moments = options_.precision == "bf16" ? at::kBFloat16 : at::kFloat;
    m_.push_back(at::zeros(parameter.sizes(), moments));
    v_.push_back(at::zeros(parameter.sizes(), moments));
    if (options_.precision == "bf16_kahan") compensation_.push_back(at::zeros(parameter.sizes(), at::kBFloat16));
  }
}

/// Piece by piece in both places of the moments, so that both give the same bits and a file's share of memory is small.
void AdamW::step_fp32(double learning_rate, std::int64_t step) {
  constexpr std::int64_t kPiece = 1 << 22;                                       // numbers: whole pages
  const at::Tensor count = at::full({}, static_cast<double>(step), at::kFloat);  // the fused kernel wants t, not t - 1
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    if (!parameter.grad().defined()) continue;
    const at::Tensor w = parameter.view({-1}), g = parameter.grad().contiguous().view({-1}), m = m_[i].view({-1}),
                     v = v_[i].view({-1});
    for (std::int64_t begin = 0; begin < w.numel(); begin += kPiece) {
      const std::int64_t n = std::min(kPiece, w.numel() - begin);
      const at::Tensor own_m = m.narrow(0, begin, n), own_v = v.narrow(0, begin, n);
      if (file_) MomentFile::fetch(own_m), MomentFile::fetch(own_v);
      at::_fused_adamw_({w.narrow(0, begin, n)}, {g.narrow(0, begin, n)}, {own_m}, {own_v}, {}, {count}, learning_rate,
                        options_.beta1, options_.beta2, decays_[i] ? options_.weight_decay : 0.0, options_.epsilon,
                        /*amsgrad=*/false, /*maximize=*/false);
      if (file_) MomentFile::put_away(own_m), MomentFile::put_away(own_v);
    }
  }
}

void AdamW::step(double learning_rate, std::int64_t step) {
  const at::NoGradGuard no_grad;
  if (options_.precision == "fp32_master") {
    step_fp32(learning_rate, step);
    return;
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    if (!parameter.grad().defined()) continue;
    const double correction1 = 1 - std::pow(options_.beta1, static_cast<double>(step));
    const double correction2 = 1 - std::pow(options_.beta2, static_cast<double>(step));
    const Update update{static_cast<float>(options_.beta1),
                        static_cast<float>(options_.beta2),
                        static_cast<float>(options_.epsilon),
                        static_cast<float>(learning_rate / correction1),
                        static_cast<float>(std::sqrt(correction2)),
                        static_cast<float>(1 - learning_rate * (decays_[i] ? options_.weight_decay : 0.0))};
    const std::int64_t n = parameter.numel();
    const at::Tensor gradient = parameter.grad().contiguous();
    with_type(parameter, [&](auto* w) {
      with_type(gradient, [&](const auto* g) {
        if (options_.precision == "bf16")
          update_bf16(update, w, g, m_[i].data_ptr<c10::BFloat16>(), v_[i].data_ptr<c10::BFloat16>(), n);
        else if (options_.precision == "bf16_stochastic")
          update_stochastic(update, w, g, m_[i].data_ptr<float>(), v_[i].data_ptr<float>(), n, options_.seed,
                            static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(step));
        else
          update_kahan(update, w, g, m_[i].data_ptr<float>(), v_[i].data_ptr<float>(),
                       compensation_[i].data_ptr<c10::BFloat16>(), n);
      });
    });
  }
}

void AdamW::zero_gradients() {
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
}

void AdamW::put_moments_away() {
  if (!file_) return;
  for (const auto* moments : {&m_, &v_})
    for (const at::Tensor& moment : *moments) MomentFile::put_away(moment);
}

NamedTensors AdamW::state() const {
  NamedTensors state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.emplace_back("m." + parameters_[i].first, m_[i]);
    state.emplace_back("v." + parameters_[i].first, v_[i]);
    if (!compensation_.empty()) state.emplace_back("c." + parameters_[i].first, compensation_[i]);
  }
  return state;
}

}  // namespace ballot
