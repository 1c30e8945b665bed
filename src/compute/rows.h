// Arithmetic over rows of numbers, the innermost loops of attention, norms, activations and losses: one pass over
// memory each, with the vector instructions that the processor has (chosen when the program runs).
//
// The float versions use an exponential with a relative error below 2e-7; the double versions are plain mathematics and
// serve the exact tests. No function allocates. Rows may be of any length and alignment.
#pragma once
#include <cstdint>

namespace ballot::rows {

/// max x_i; -infinity for an empty row.
float max(const float* x, std::int64_t n);
/// x_i <- exp(scale x_i - shift); returns their sum.
float exp_in_place(float* x, std::int64_t n, float scale, float shift);
/// sum exp(x_i - shift).
float sum_exp(const float* x, std::int64_t n, float shift);
/// sum x_i.
float sum(const float* x, std::int64_t n);
/// x_i <- a x_i.
void scale(float* x, std::int64_t n, float a);
/// y_i <- y_i + x_i.
void add(float* y, const float* x, std::int64_t n);
/// sum x_i y_i.
float dot(const float* x, const float* y, std::int64_t n);
/// y_r <- sum_i w_{r,i} x_i: `rows` rows of n numbers, one behind the other, against one vector.
void products(float* y, const float* w, const float* x, std::int64_t rows, std::int64_t n);
/// x_i <- g exp(x_i - shift).
void scaled_exp(float* x, std::int64_t n, float shift, float g);
/// d_i <- p_i (d_i - delta) scale: the gradient of a softmax row.
void softmax_gradient(float* d, const float* p, std::int64_t n, float delta, float scale);

/// y_i <- x_i r (offset + w_i), the second half of a root-mean-square norm.
void scale_by_weights(float* y, const float* x, const float* w, std::int64_t n, float r, float offset);
/// The gradient of that norm with r = rsqrt(mean x^2 + eps): dx_i <- r (g_i - x_i r c), g = dy (offset + w),
/// c = mean(g x r); dw_i <- dw_i + dy_i x_i r.
void norm_gradient(float* dx, float* dw, const float* dy, const float* x, const float* w, std::int64_t n, float r,
                   float offset);

/// y <- silu(gate) up, silu(z) = z / (1 + exp(-z)).
void silu_gate(float* y, const float* gate, const float* up, std::int64_t n);
void silu_gate_gradient(float* dgate, float* dup, const float* dy, const float* gate, const float* up, std::int64_t n);
/// y <- gelu(gate) up with the tanh form of gelu.
void gelu_gate(float* y, const float* gate, const float* up, std::int64_t n);
void gelu_gate_gradient(float* dgate, float* dup, const float* dy, const float* gate, const float* up, std::int64_t n);

/// Rotates pairs (x_j, x_{j+half}) by angles with the given cosines and sines; `sign` -1 turns back.
void rotate_halves(float* y, const float* x, const float* cosine, const float* sine, std::int64_t half, float sign);

double max(const double* x, std::int64_t n);
double exp_in_place(double* x, std::int64_t n, double scale, double shift);
double sum_exp(const double* x, std::int64_t n, double shift);
double sum(const double* x, std::int64_t n);
void scale(double* x, std::int64_t n, double a);
void add(double* y, const double* x, std::int64_t n);
double dot(const double* x, const double* y, std::int64_t n);
void scaled_exp(double* x, std::int64_t n, double shift, double g);
void softmax_gradient(double* d, const double* p, std::int64_t n, double delta, double scale);
void scale_by_weights(double* y, const double* x, const double* w, std::int64_t n, double r, double offset);
void norm_gradient(double* dx, double* dw, const double* dy, const double* x, const double* w, std::int64_t n, double r,
                   double offset);
void silu_gate(double* y, const double* gate, const double* up, std::int64_t n);
void silu_gate_gradient(double* dgate, double* dup, const double* dy, const double* gate, const double* up,
                        std::int64_t n);
void gelu_gate(double* y, const double* gate, const double* up, std::int64_t n);
void gelu_gate_gradient(double* dgate, double* dup, const double* dy, const double* gate, const double* up,
                        std::int64_t n);
void rotate_halves(double* y, const double* x, const double* cosine, const double* sine, std::int64_t half,
                   double sign);

}  // namespace ballot::rows
