// The blocks of GGUF tensors and what numbers they stand for: q are small whole numbers, d and m half-precision scales.
#include <array>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "models/gguf.h"

namespace ballot {
namespace {

using Bytes = const unsigned char*;

float half_at(Bytes p) {
  std::uint16_t h;
  std::memcpy(&h, p, sizeof h);
  const std::uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31u, fraction = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = static_cast<float>(fraction) * 5.9604644775390625e-8f;  // 2^-24
  return sign ? -small : small;
}

void from_f32(Bytes from, float* to, std::int64_t n) {
  std::memcpy(to, from, static_cast<std::size_t>(n) * 4);
}
void from_f16(Bytes from, float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = half_at(from + 2 * i);
}
void from_bf16(Bytes from, float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    to[i] = std::bit_cast<float>(static_cast<std::uint32_t>(from[2 * i] | from[2 * i + 1] << 8) << 16);
}

/// d | q[32] signed bytes: d q
void from_q8_0(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 34, to += 32) {
    const float d = half_at(b);
    for (int j = 0; j < 32; ++j) to[j] = d * static_cast<float>(static_cast<signed char>(b[2 + j]));
  }
}

// In blocks of 32 four-bit numbers the first half are the low nibbles of q[0..15], the second the high ones.

/// d | q[16]: d (q - 8)
void from_q4_0(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 18, to += 32) {
    const float d = half_at(b);
    for (int j = 0; j < 16; ++j) {
      to[j] = d * static_cast<float>((b[2 + j] & 15) - 8);
      to[j + 16] = d * static_cast<float>((b[2 + j] >> 4) - 8);
    }
  }
}
/// d m | q[16]: d q + m
void from_q4_1(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 20, to += 32) {
    const float d = half_at(b), m = half_at(b + 2);
    for (int j = 0; j < 16; ++j) {
      to[j] = d * static_cast<float>(b[4 + j] & 15) + m;
      to[j + 16] = d * static_cast<float>(b[4 + j] >> 4) + m;
    }
  }
}
std::uint32_t word_at(Bytes p) {
  std::uint32_t w;
  std::memcpy(&w, p, sizeof w);
  return w;
}
/// d | h (32 fifth bits) | q[16]: d (q - 16)
void from_q5_0(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 22, to += 32) {
    const float d = half_at(b);
    const std::uint32_t h = word_at(b + 2);
    for (int j = 0; j < 16; ++j) {
      to[j] = d * static_cast<float>(static_cast<int>((b[6 + j] & 15u) | (h >> j & 1u) << 4) - 16);
      to[j + 16] = d * static_cast<float>(static_cast<int>((b[6 + j] >> 4) | (h >> (j + 16) & 1u) << 4) - 16);
    }
  }
}
/// d m | h | q[16]: d q + m
void from_q5_1(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 24, to += 32) {
    const float d = half_at(b), m = half_at(b + 2);
    const std::uint32_t h = word_at(b + 4);
    for (int j = 0; j < 16; ++j) {
      to[j] = d * static_cast<float>((b[8 + j] & 15u) | (h >> j & 1u) << 4) + m;
      to[j + 16] = d * static_cast<float>((b[8 + j] >> 4) | (h >> (j + 16) & 1u) << 4) + m;
    }
  }
}

/// The six-bit scale and minimum of sub-block s of a K block, packed into twelve bytes.
std::pair<int, int> scale_and_minimum(Bytes b, int s) {
  if (s < 4) return {b[s] & 63, b[s + 4] & 63};
  return {(b[s + 4] & 15) | (b[s - 4] >> 6) << 4, (b[s + 4] >> 4) | (b[s] >> 6) << 4};
}
/// d dmin | scales[12] | q[128]: eight sub-blocks of 32; 2g and 2g + 1 are the low and high nibbles of q[32 g ...]:
/// d scale q - dmin minimum
void from_q4_k(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 144, to += 256) {
    const float d = half_at(b), dmin = half_at(b + 2);
    for (int s = 0; s < 8; ++s) {
      const auto [scale, minimum] = scale_and_minimum(b + 4, s);
      const float ds = d * static_cast<float>(scale), m = dmin * static_cast<float>(minimum);
      for (int j = 0; j < 32; ++j) {
        const int byte = b[16 + 32 * (s / 2) + j];
        to[32 * s + j] = ds * static_cast<float>(s % 2 ? byte >> 4 : byte & 15) - m;
      }
    }
  }
}
/// d dmin | scales[12] | h[32] | q[128]: as Q4_K, with bit s of h[j] as the fifth bit.
void from_q5_k(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 176, to += 256) {
    const float d = half_at(b), dmin = half_at(b + 2);
    for (int s = 0; s < 8; ++s) {
      const auto [scale, minimum] = scale_and_minimum(b + 4, s);
      const float ds = d * static_cast<float>(scale), m = dmin * static_cast<float>(minimum);
      for (int j = 0; j < 32; ++j) {
        const int byte = b[48 + 32 * (s / 2) + j];
        const int q = (s % 2 ? byte >> 4 : byte & 15) | (b[16 + j] >> s & 1) << 4;
        to[32 * s + j] = ds * static_cast<float>(q) - m;
      }
    }
  }
}
/// low[128] | high[64] | scales[16] signed bytes | d: d scale (q - 32), q from four low and two high bits
void from_q6_k(Bytes b, float* to, std::int64_t blocks) {
  for (; blocks > 0; --blocks, b += 210, to += 256) {
    const float d = half_at(b + 208);
    for (int t = 0; t < 2; ++t)
      for (int r = 0; r < 4; ++r)
        for (int j = 0; j < 32; ++j) {
          const int low = b[64 * t + 32 * (r & 1) + j], high = b[128 + 32 * t + j] >> (2 * r) & 3;
          const int q = ((r < 2 ? low & 15 : low >> 4) | high << 4) - 32;
          const int scale = static_cast<signed char>(b[192 + 8 * t + 2 * r + j / 16]);
          to[128 * t + 32 * r + j] = d * static_cast<float>(scale) * static_cast<float>(q);
        }
  }
}

constexpr std::array<GgufType, 14> kTypes = {{{0, "F32", 1, 4, from_f32},
                                              {1, "F16", 1, 2, from_f16},
                                              {2, "Q4_0", 32, 18, from_q4_0},
                                              {3, "Q4_1", 32, 20, from_q4_1},
                                              {6, "Q5_0", 32, 22, from_q5_0},
                                              {7, "Q5_1", 32, 24, from_q5_1},
                                              {8, "Q8_0", 32, 34, from_q8_0},
                                              {10, "Q2_K", 256, 84, nullptr},
                                              {11, "Q3_K", 256, 110, nullptr},
                                              {12, "Q4_K", 256, 144, from_q4_k},
                                              {13, "Q5_K", 256, 176, from_q5_k},
                                              {14, "Q6_K", 256, 210, from_q6_k},
                                              {28, "F64", 1, 8, nullptr},
                                              {30, "BF16", 1, 2, from_bf16}}};

}  // namespace

const GgufType& gguf_type(std::uint32_t id, const std::string& context) {
  std::string known;
  for (const GgufType& type : kTypes) {
    if (type.id == id && type.dequantise) return type;
    if (type.id == id) known = std::string(type.name);
  }
  std::string readable;
  for (const GgufType& type : kTypes)
    if (type.dequantise) readable += (readable.empty() ? "" : ", ") + std::string(type.name);
  throw bad_input("{} has quantisation type {}{}, which Ballot does not read (it reads {})", context, id,
                  known.empty() ? "" : " (" + known + ")", readable);
}

}  // namespace ballot
