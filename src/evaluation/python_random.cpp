#include "evaluation/python_random.h"

#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <set>

namespace ballot {

PythonRandom::PythonRandom(std::uint32_t seed) {
  // init_by_array with the seed as its only word (Matsumoto and Nishimura 2002).
  state_[0] = 19650218;
  for (std::uint32_t i = 1; i < 624; ++i) state_[i] = 1812433253u * (state_[i - 1] ^ state_[i - 1] >> 30) + i;
  std::size_t i = 1;
  const auto step = [&] {
    if (++i >= 624) state_[0] = state_[623], i = 1;
  };
  for (int k = 0; k < 624; ++k) {
    state_[i] = (state_[i] ^ (state_[i - 1] ^ state_[i - 1] >> 30) * 1664525u) + seed;
    step();
  }
  for (int k = 0; k < 623; ++k) {
    state_[i] = (state_[i] ^ (state_[i - 1] ^ state_[i - 1] >> 30) * 1566083941u) - static_cast<std::uint32_t>(i);
    step();
  }
  state_[0] = 0x80000000u;
}

std::uint32_t PythonRandom::next() {
  if (index_ == 624) {
    for (std::size_t i = 0; i < 624; ++i) {
      const std::uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % 624] & 0x7FFFFFFFu);
      state_[i] = state_[(i + 397) % 624] ^ y >> 1 ^ ((y & 1) != 0 ? 0x9908B0DFu : 0u);
    }
    index_ = 0;
  }
  std::uint32_t y = state_[index_++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9D2C5680u;
  y ^= y << 15 & 0xEFC60000u;
  return y ^ y >> 18;
}

std::uint32_t PythonRandom::below(std::uint32_t n) {
  const int bits = std::bit_width(n);
  std::uint32_t r = next() >> (32 - bits);
  while (r >= n) r = next() >> (32 - bits);
  return r;
}

double PythonRandom::random() {
  const std::uint32_t high = next() >> 5, low = next() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

double PythonRandom::gauss() {
  if (next_gauss_) {
    const double z = *next_gauss_;
    next_gauss_.reset();
    return z;
  }
  const double angle = random() * 2 * std::numbers::pi;
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random()));
  next_gauss_ = std::sin(angle) * radius;
  return std::cos(angle) * radius;
}

std::vector<std::size_t> PythonRandom::sample(std::size_t n, std::size_t k) {
  std::vector<std::size_t> result(k);
  // Python keeps a list of all where that is smaller than a set of those taken; the two draw differently.
  std::size_t set_size = 21;
  if (k > 5)
    set_size +=
        static_cast<std::size_t>(std::pow(4.0, std::ceil(std::log(static_cast<double>(k) * 3) / std::log(4.0))));
  if (n <= set_size) {
    std::vector<std::size_t> pool(n);
    std::iota(pool.begin(), pool.end(), 0);
    for (std::size_t i = 0; i < k; ++i) {
      const std::size_t j = below(static_cast<std::uint32_t>(n - i));
      result[i] = pool[j];
      pool[j] = pool[n - i - 1];
    }
    return result;
  }
  std::set<std::size_t> taken;
  for (std::size_t i = 0; i < k; ++i) {
    std::size_t j = below(static_cast<std::uint32_t>(n));
    while (taken.contains(j)) j = below(static_cast<std::uint32_t>(n));
    taken.insert(j);
    result[i] = j;
  }
  return result;
}

}  // namespace ballot
