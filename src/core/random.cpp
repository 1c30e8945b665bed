#include "core/random.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "core/hash.h"

namespace ballot {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

Random::Random(std::uint64_t seed, std::string_view name, std::uint64_t index) : index_(index) {
  Hasher hasher;
  hasher.field(static_cast<std::int64_t>(seed)).field(name);
  const auto digest = hasher.digest();
  for (int half = 0; half < 2; ++half) {
    key_[half] = 0;
    for (int i = 0; i < 4; ++i) key_[half] |= static_cast<std::uint32_t>(digest[4 * half + i]) << (8 * i);
  }
}

std::uint64_t Random::next() {
  if (left_ == 0) {
    const auto block = philox({static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32),
                               static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32)},
                              key_);
    ++counter_;
    buffer_ = {block[0] | static_cast<std::uint64_t>(block[1]) << 32, block[2] | static_cast<std::uint64_t>(block[3])
                                                                                     << 32};
    left_ = 2;
  }
  return buffer_[2 - left_--];
}

double Random::uniform() {
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

double Random::normal() {
  const double u = 1.0 - uniform(), v = uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
}

std::uint64_t Random::below(std::uint64_t n) {
  // Lemire 2019: the high half of a product, redrawn in the few cases that would be biased.
  unsigned __int128 product = static_cast<unsigned __int128>(next()) * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t threshold = (0 - n) % n;
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<unsigned __int128>(next()) * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::vector<std::size_t> Random::permutation(std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

}  // namespace ballot
