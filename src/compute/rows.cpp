#include "compute/rows.h"

#include <cmath>
#include <limits>

namespace ballot::rows {
namespace {

struct RowTable {
  float (*max)(const float*, long);
  float (*exp_in_place)(float*, long, float, float);
  float (*sum_exp)(const float*, long, float);
  float (*sum)(const float*, long);
  void (*scale)(float*, long, float);
  void (*add)(float*, const float*, long);
  float (*dot)(const float*, const float*, long);
  void (*products)(float*, const float*, const float*, long, long);
  void (*scaled_exp)(float*, long, float, float);
  void (*softmax_gradient)(float*, const float*, long, float, float);
  void (*scale_by_weights)(float*, const float*, const float*, long, float, float);
  void (*norm_gradient)(float*, float*, const float*, const float*, const float*, long, float, float);
  void (*silu_gate)(float*, const float*, const float*, long);
  void (*silu_gate_gradient)(float*, float*, const float*, const float*, const float*, long);
  void (*gelu_gate)(float*, const float*, const float*, long);
  void (*gelu_gate_gradient)(float*, float*, const float*, const float*, const float*, long);
  void (*rotate_halves)(float*, const float*, const float*, const float*, long, float);
};

namespace plain {
#define BALLOT_LANES 4
#include "compute/rows_vector.h"
}  // namespace plain

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define BALLOT_VECTOR_TARGETS 1
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#define BALLOT_LANES 8
#include "compute/rows_vector.h"
}  // namespace avx2
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
namespace avx512 {
#define BALLOT_LANES 16
#include "compute/rows_vector.h"
}  // namespace avx512
#pragma GCC pop_options
#endif

const RowTable& choose() {
#ifdef BALLOT_VECTOR_TARGETS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw"))
    return avx512::kTable;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::kTable;
#endif
  return plain::kTable;
}
const RowTable& table = choose();

}  // namespace

float max(const float* x, std::int64_t n) {
  return table.max(x, n);
}
float exp_in_place(float* x, std::int64_t n, float a, float shift) {
  return table.exp_in_place(x, n, a, shift);
}
float sum_exp(const float* x, std::int64_t n, float shift) {
  return table.sum_exp(x, n, shift);
}
float sum(const float* x, std::int64_t n) {
  return table.sum(x, n);
}
void scale(float* x, std::int64_t n, float a) {
  table.scale(x, n, a);
}
void add(float* y, const float* x, std::int64_t n) {
  table.add(y, x, n);
}
float dot(const float* x, const float* y, std::int64_t n) {
  return table.dot(x, y, n);
}
void products(float* y, const float* w, const float* x, std::int64_t rows, std::int64_t n) {
  table.products(y, w, x, rows, n);
}
void scaled_exp(float* x, std::int64_t n, float shift, float g) {
  table.scaled_exp(x, n, shift, g);
}
void softmax_gradient(float* d, const float* p, std::int64_t n, float delta, float a) {
  table.softmax_gradient(d, p, n, delta, a);
}
void scale_by_weights(float* y, const float* x, const float* w, std::int64_t n, float r, float offset) {
  table.scale_by_weights(y, x, w, n, r, offset);
}
void norm_gradient(float* dx, float* dw, const float* dy, const float* x, const float* w, std::int64_t n, float r,
                   float offset) {
  table.norm_gradient(dx, dw, dy, x, w, n, r, offset);
}
void silu_gate(float* y, const float* gate, const float* up, std::int64_t n) {
  table.silu_gate(y, gate, up, n);
}
void silu_gate_gradient(float* dgate, float* dup, const float* dy, const float* gate, const float* up, std::int64_t n) {
  table.silu_gate_gradient(dgate, dup, dy, gate, up, n);
}
void gelu_gate(float* y, const float* gate, const float* up, std::int64_t n) {
  table.gelu_gate(y, gate, up, n);
}
void gelu_gate_gradient(float* dgate, float* dup, const float* dy, const float* gate, const float* up, std::int64_t n) {
  table.gelu_gate_gradient(dgate, dup, dy, gate, up, n);
}
void rotate_halves(float* y, const float* x, const float* cosine, const float* sine, std::int64_t half, float sign) {
  table.rotate_halves(y, x, cosine, sine, half, sign);
}

// The same in double, as the equations stand.

double max(const double* x, std::int64_t n) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}
double exp_in_place(double* x, std::int64_t n, double a, double shift) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += x[i] = std::exp(a * x[i] - shift);
  return total;
}
double sum_exp(const double* x, std::int64_t n, double shift) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += std::exp(x[i] - shift);
  return total;
}
double sum(const double* x, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += x[i];
  return total;
}
void scale(double* x, std::int64_t n, double a) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= a;
}
void add(double* y, const double* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += x[i];
}
double dot(const double* x, const double* y, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += x[i] * y[i];
  return total;
}
void scaled_exp(double* x, std::int64_t n, double shift, double g) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = g * std::exp(x[i] - shift);
}
void softmax_gradient(double* d, const double* p, std::int64_t n, double delta, double a) {
  for (std::int64_t i = 0; i < n; ++i) d[i] = p[i] * (d[i] - delta) * a;
}
void scale_by_weights(double* y, const double* x, const double* w, std::int64_t n, double r, double offset) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] * r * (w[i] + offset);
}
void norm_gradient(double* dx, double* dw, const double* dy, const double* x, const double* w, std::int64_t n, double r,
                   double offset) {
  double mean = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    mean += dy[i] * (w[i] + offset) * x[i] * r / static_cast<double>(n);
    dw[i] += dy[i] * x[i] * r;
  }
  for (std::int64_t i = 0; i < n; ++i) dx[i] = r * (dy[i] * (w[i] + offset) - x[i] * r * mean);
}
void silu_gate(double* y, const double* gate, const double* up, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
}
void silu_gate_gradient(double* dgate, double* dup, const double* dy, const double* gate, const double* up,
                        std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double z = gate[i], s = 1 / (1 + std::exp(-z));
    dgate[i] = dy[i] * up[i] * s * (1 + z * (1 - s));
    dup[i] = dy[i] * z * s;
  }
}
namespace {
constexpr double kGelu = 0.79788456080286535588;  // sqrt(2 / pi)
double gelu_tanh(double z) {
  return std::tanh(kGelu * (z + 0.044715 * z * z * z));
}
}  // namespace
void gelu_gate(double* y, const double* gate, const double* up, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = 0.5 * gate[i] * (1 + gelu_tanh(gate[i])) * up[i];
}
void gelu_gate_gradient(double* dgate, double* dup, const double* dy, const double* gate, const double* up,
                        std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double z = gate[i], t = gelu_tanh(z);
    dgate[i] = dy[i] * up[i] * (0.5 * (1 + t) + 0.5 * z * (1 - t * t) * kGelu * (1 + 3 * 0.044715 * z * z));
    dup[i] = dy[i] * 0.5 * z * (1 + t);
  }
}
void rotate_halves(double* y, const double* x, const double* cosine, const double* sine, std::int64_t half,
                   double sign) {
  for (std::int64_t j = 0; j < half; ++j) {
    const double a = x[j], b = x[half + j], s = sign * sine[j];
    y[j] = a * cosine[j] - b * s;
    y[half + j] = b * cosine[j] + a * s;
  }
}

}  // namespace ballot::rows
