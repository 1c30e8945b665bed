// The bootstrap's draws: Philox, four draws a block, the block's counter being (i / 4, replicate). Where the processor
// has AVX2 four blocks are computed at once (2 cycles a draw instead of 12); both ways give the same numbers.
#include <bit>

#include "core/hash.h"
#include "core/random.h"
#include "statistics/bootstrap.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ballot {
namespace {

// A draw is floor(u n / 2^32) of 32 uniform bits u. The bias, at most n / 2^32 relative, is far below a bootstrap's own
// noise.
std::uint32_t scaled(std::uint32_t bits, std::uint32_t n) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(bits) * n >> 32);
}

using Key = std::array<std::uint32_t, 2>;

/// Remembers the last one: the hash costs as much as some hundred draws, and every replicate asks with the same seed.
Key key_of(std::uint64_t seed) {
  struct Made {
    std::uint64_t seed = 0;
    Key key{};
    bool any = false;
  };
  thread_local Made last;
  if (!last.any || last.seed != seed) {
    const std::uint64_t digest = hash64("cluster bootstrap " + std::to_string(seed));
    last = {seed, {static_cast<std::uint32_t>(digest), static_cast<std::uint32_t>(digest >> 32)}, true};
  }
  return last.key;
}

std::array<std::uint32_t, 4> block_of(Key key, std::uint64_t replicate, std::uint64_t block) {
  return philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                 static_cast<std::uint32_t>(replicate), static_cast<std::uint32_t>(replicate >> 32)},
                key);
}

#if defined(__x86_64__)
/// Blocks `first` .. `first + 4 n - 1` into out (16 n draws). 64-bit lanes hold the 32-bit words; what lies above them
/// is rubbish that the multiplication ignores.
__attribute__((target("avx2"))) void blocks_avx2(Key key, std::uint64_t replicate, std::uint64_t first, std::size_t n,
                                                 std::uint32_t clusters, std::uint32_t* out) {
  const __m256i m0 = _mm256_set1_epi64x(0xD2511F53), m1 = _mm256_set1_epi64x(0xCD9E8D57),
                scale = _mm256_set1_epi64x(clusters);
  const __m256i low = _mm256_set1_epi64x(0xffffffff);
  for (std::size_t i = 0; i < n; ++i, first += 4, out += 16) {
    const __m256i block =
        _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(first)), _mm256_set_epi64x(3, 2, 1, 0));
    __m256i c0 = block, c1 = _mm256_srli_epi64(block, 32);
    __m256i c2 = _mm256_set1_epi64x(static_cast<std::uint32_t>(replicate));
    __m256i c3 = _mm256_set1_epi64x(static_cast<std::uint32_t>(replicate >> 32));
    std::uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; ++round) {
      const __m256i p0 = _mm256_mul_epu32(c0, m0), p1 = _mm256_mul_epu32(c2, m1);
      c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p1, 32), c1), _mm256_set1_epi64x(k0));
      c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p0, 32), c3), _mm256_set1_epi64x(k1));
      c1 = p1;
      c3 = p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    const auto index = [&](__m256i word) __attribute__((target("avx2"))) { return _mm256_mul_epu32(word, scale); };
    // Words 0 and 1 (2 and 3) of each block side by side, then the blocks one after another.
    const __m256i w01 = _mm256_or_si256(_mm256_srli_epi64(index(c0), 32), _mm256_andnot_si256(low, index(c1)));
    const __m256i w23 = _mm256_or_si256(_mm256_srli_epi64(index(c2), 32), _mm256_andnot_si256(low, index(c3)));
    const __m256i even = _mm256_unpacklo_epi64(w01, w23), odd = _mm256_unpackhi_epi64(w01, w23);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), _mm256_permute2x128_si256(even, odd, 0x31));
  }
}
#endif

}  // namespace

void cluster_draws(std::uint64_t seed, std::uint64_t replicate, std::uint64_t first, std::uint32_t clusters,
                   std::span<std::uint32_t> out) {
  const Key key = key_of(seed);
  std::size_t i = 0;
  const auto plain_until = [&](std::size_t end) {
    while (i < end) {
      const std::array<std::uint32_t, 4> block = block_of(key, replicate, (first + i) / 4);
      do out[i] = scaled(block[(first + i) % 4], clusters);
      while (++i < end && (first + i) % 4 != 0);
    }
  };
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    plain_until(std::min<std::size_t>(out.size(), (4 - first % 4) % 4));
    const std::size_t rounds = (out.size() - i) / 16;
    blocks_avx2(key, replicate, (first + i) / 4, rounds, clusters, out.data() + i);
    i += 16 * rounds;
  }
#endif
  plain_until(out.size());
}

}  // namespace ballot
