// The float rows once more for each instruction set: rows.cpp includes this file inside a namespace and under a target
// of its own, with BALLOT_LANES floats a vector. Only builtins and the types below are used here, so that nothing
// compiled for one processor is shared with another.

typedef float Vector __attribute__((vector_size(BALLOT_LANES * 4)));
typedef int Integers __attribute__((vector_size(BALLOT_LANES * 4)));
constexpr long kLanes = BALLOT_LANES;

#define BALLOT_INLINE static inline __attribute__((always_inline))

BALLOT_INLINE Vector load(const float* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
BALLOT_INLINE void store(float* p, Vector v) {
  __builtin_memcpy(p, &v, sizeof v);
}
BALLOT_INLINE Vector all(float x) {
  return x - Vector{};
}
BALLOT_INLINE Vector load_some(const float* p, long n, float rest) {
  Vector v = all(rest);
  __builtin_memcpy(&v, p, n * sizeof(float));
  return v;
}
BALLOT_INLINE void store_some(float* p, Vector v, long n) {
  __builtin_memcpy(p, &v, n * sizeof(float));
}
BALLOT_INLINE float total(Vector v) {
  float sum = 0;
  for (long i = 0; i < kLanes; ++i) sum += v[i];
  return sum;
}
BALLOT_INLINE Vector larger(Vector a, Vector b) {
  return a > b ? a : b;
}

/// exp by 2^n times a polynomial of the rest (the coefficients are Cephes' expf). Below -87.3 the smallest normal
/// number.
BALLOT_INLINE Vector exponential(Vector x) {
  x = x < all(-87.33654f) ? all(-87.33654f) : x;
  x = x > all(88.37626f) ? all(88.37626f) : x;
  const Vector magic = all(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vector shifted = x * 1.44269504f + magic;
  const Vector n = shifted - magic;
  const Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Integers whole, from;
  __builtin_memcpy(&whole, &shifted, sizeof whole);
  __builtin_memcpy(&from, &magic, sizeof from);
  const Integers bits = (whole - from + 127) << 23;
  Vector power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return p * power;
}
BALLOT_INLINE Vector logistic(Vector x) {
  return 1.0f / (1.0f + exponential(-x));
}

/// Calls body(offset, count) for whole vectors and once for what is left.
#define BALLOT_ROW(n, body)                                             \
  do {                                                                  \
    long row_i = 0;                                                     \
    for (; row_i + kLanes <= (n); row_i += kLanes) body(row_i, kLanes); \
    if (row_i < (n)) body(row_i, (n) - row_i);                          \
  } while (0)

BALLOT_INLINE Vector get(const float* p, long count) {
  return count == kLanes ? load(p) : load_some(p, count, 0);
}
BALLOT_INLINE void put(float* p, Vector v, long count) {
  if (count == kLanes)
    store(p, v);
  else
    store_some(p, v, count);
}

static float row_max(const float* x, long n) {
  float largest = -__builtin_inff();
  Vector best = all(largest);
  long i = 0;
  for (; i + kLanes <= n; i += kLanes) best = larger(best, load(x + i));
  if (i < n) best = larger(best, load_some(x + i, n - i, largest));
  for (long j = 0; j < kLanes; ++j) largest = best[j] > largest ? best[j] : largest;
  return largest;
}

static float row_exp_in_place(float* x, long n, float scale, float shift) {
  Vector sum{};
  long i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vector e = exponential(load(x + i) * scale - shift);
    store(x + i, e);
    sum += e;
  }
  float rest = 0;
  if (i < n) {
    const Vector e = exponential(load_some(x + i, n - i, 0) * scale - shift);
    store_some(x + i, e, n - i);
    for (long j = 0; j < n - i; ++j) rest += e[j];
  }
  return total(sum) + rest;
}

static float row_sum_exp(const float* x, long n, float shift) {
  Vector sum{};
  long i = 0;
  for (; i + kLanes <= n; i += kLanes) sum += exponential(load(x + i) - shift);
  float rest = 0;
  if (i < n) {
    const Vector e = exponential(load_some(x + i, n - i, 0) - shift);
    for (long j = 0; j < n - i; ++j) rest += e[j];
  }
  return total(sum) + rest;
}

static float row_sum(const float* x, long n) {
  Vector sum{};
  const auto body = [&](long i, long c) __attribute__((always_inline)) { sum += get(x + i, c); };
  BALLOT_ROW(n, body);
  return total(sum);
}

static void row_scale(float* x, long n, float a) {
  const auto body = [&](long i, long c) __attribute__((always_inline)) { put(x + i, get(x + i, c) * a, c); };
  BALLOT_ROW(n, body);
}

static void row_add(float* y, const float* x, long n) {
  const auto body = [&](long i, long c)
                        __attribute__((always_inline)) { put(y + i, get(y + i, c) + get(x + i, c), c); };
  BALLOT_ROW(n, body);
}

static float row_dot(const float* x, const float* y, long n) {
  Vector sum{};
  const auto body = [&](long i, long c) __attribute__((always_inline)) { sum += get(x + i, c) * get(y + i, c); };
  BALLOT_ROW(n, body);
  return total(sum);
}

/// Four rows at a time: each number of x is read once for all of them, and four sums run beside each other.
static void row_products(float* y, const float* w, const float* x, long rows, long n) {
  long r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* row = w + r * n;
    Vector sums[4] = {};
    long i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      const Vector v = load(x + i);
      for (long k = 0; k < 4; ++k) sums[k] += load(row + k * n + i) * v;
    }
    for (long k = 0; k < 4; ++k) {
      float sum = total(sums[k]);
      for (long j = i; j < n; ++j) sum += row[k * n + j] * x[j];
      y[r + k] = sum;
    }
  }
  for (; r < rows; ++r) y[r] = row_dot(w + r * n, x, n);
}

static void row_scaled_exp(float* x, long n, float shift, float g) {
  const auto body = [&](long i, long c)
                        __attribute__((always_inline)) { put(x + i, exponential(get(x + i, c) - shift) * g, c); };
  BALLOT_ROW(n, body);
}

static void row_softmax_gradient(float* d, const float* p, long n, float delta, float scale) {
  const auto body = [&](long i, long c) __attribute__((always_inline)) {
    put(d + i, get(p + i, c) * (get(d + i, c) - delta) * scale, c);
  };
  BALLOT_ROW(n, body);
}

static void row_scale_by_weights(float* y, const float* x, const float* w, long n, float r, float offset) {
  const auto body = [&](long i, long c)
                        __attribute__((always_inline)) { put(y + i, get(x + i, c) * r * (get(w + i, c) + offset), c); };
  BALLOT_ROW(n, body);
}

static void row_norm_gradient(float* dx, float* dw, const float* dy, const float* x, const float* w, long n, float r,
                              float offset) {
  Vector sum{};
  const auto first = [&](long i, long c) __attribute__((always_inline)) {
    const Vector normed = get(x + i, c) * r, g = get(dy + i, c);
    sum += g * (get(w + i, c) + offset) * normed;
    put(dw + i, get(dw + i, c) + g * normed, c);
  };
  BALLOT_ROW(n, first);
  const float mean = total(sum) / static_cast<float>(n);
  const auto second = [&](long i, long c) __attribute__((always_inline)) {
    put(dx + i, r * (get(dy + i, c) * (get(w + i, c) + offset) - get(x + i, c) * r * mean), c);
  };
  BALLOT_ROW(n, second);
}

static void row_silu_gate(float* y, const float* gate, const float* up, long n) {
  const auto body = [&](long i, long c) __attribute__((always_inline)) {
    const Vector z = get(gate + i, c);
    put(y + i, z * logistic(z) * get(up + i, c), c);
  };
  BALLOT_ROW(n, body);
}

static void row_silu_gate_gradient(float* dgate, float* dup, const float* dy, const float* gate, const float* up,
                                   long n) {
  const auto body = [&](long i, long c) __attribute__((always_inline)) {
    const Vector z = get(gate + i, c), u = get(up + i, c), g = get(dy + i, c), s = logistic(z);
    put(dup + i, g * z * s, c);
    put(dgate + i, g * u * s * (1.0f + z * (1.0f - s)), c);
  };
  BALLOT_ROW(n, body);
}

/// tanh(sqrt(2/pi) (z + 0.044715 z^3)) of the tanh form of gelu.
BALLOT_INLINE Vector gelu_tanh(Vector z) {
  const Vector inner = 0.7978845608f * (z + 0.044715f * z * z * z);
  return 1.0f - 2.0f / (exponential(2.0f * inner) + 1.0f);
}

static void row_gelu_gate(float* y, const float* gate, const float* up, long n) {
  const auto body = [&](long i, long c) __attribute__((always_inline)) {
    const Vector z = get(gate + i, c);
    put(y + i, 0.5f * z * (1.0f + gelu_tanh(z)) * get(up + i, c), c);
  };
  BALLOT_ROW(n, body);
}

static void row_gelu_gate_gradient(float* dgate, float* dup, const float* dy, const float* gate, const float* up,
                                   long n) {
  const auto body = [&](long i, long c) __attribute__((always_inline)) {
    const Vector z = get(gate + i, c), u = get(up + i, c), g = get(dy + i, c), t = gelu_tanh(z);
    const Vector slope =
        0.5f * (1.0f + t) + 0.5f * z * (1.0f - t * t) * 0.7978845608f * (1.0f + 3.0f * 0.044715f * z * z);
    put(dup + i, g * 0.5f * z * (1.0f + t), c);
    put(dgate + i, g * u * slope, c);
  };
  BALLOT_ROW(n, body);
}

static void row_rotate_halves(float* y, const float* x, const float* cosine, const float* sine, long half, float sign) {
  const auto body = [&](long i, long c) __attribute__((always_inline)) {
    const Vector a = get(x + i, c), b = get(x + half + i, c), k = get(cosine + i, c), s = get(sine + i, c) * sign;
    put(y + i, a * k - b * s, c);
    put(y + half + i, b * k + a * s, c);
  };
  BALLOT_ROW(half, body);
}

const RowTable kTable = {row_max,
                         row_exp_in_place,
                         row_sum_exp,
                         row_sum,
                         row_scale,
                         row_add,
                         row_dot,
                         row_products,
                         row_scaled_exp,
                         row_softmax_gradient,
                         row_scale_by_weights,
                         row_norm_gradient,
                         row_silu_gate,
                         row_silu_gate_gradient,
                         row_gelu_gate,
                         row_gelu_gate_gradient,
                         row_rotate_halves};

#undef BALLOT_INLINE
#undef BALLOT_ROW
#undef BALLOT_LANES
