// Random numbers without a state: draw number `counter` of the stream `key` is always the same, on any machine and in
// any thread order, so that no stage can disturb another's draws (Philox4x32-10, Salmon et al. 2011).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ballot {

/// The Philox4x32 bijection with ten rounds.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// A stream of draws, named by (seed, name, index). Copyable; two streams of the same name give the same draws.
class Random {
 public:
  /// `name` says what the draws are for ("presentation", "bootstrap"), `index` which of many streams of that kind.
  Random(std::uint64_t seed, std::string_view name, std::uint64_t index = 0);
  std::uint64_t next();                                 ///< 64 uniform bits
  double uniform();                                     ///< in [0, 1), 53 bits
  double normal();                                      ///< standard normal (Box-Muller)
  std::uint64_t below(std::uint64_t n);                 ///< uniform in 0..n-1, unbiased; n > 0
  std::vector<std::size_t> permutation(std::size_t n);  ///< Fisher-Yates

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t index_, counter_ = 0;
  std::array<std::uint64_t, 2> buffer_{};
  int left_ = 0;
};

}  // namespace ballot
