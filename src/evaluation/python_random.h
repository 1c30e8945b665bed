// Python's random module, as far as the harness draws from it: the Mersenne twister seeded by a whole number, `shuffle`
// and `sample` (CPython 3.11 and later).
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace ballot {

class PythonRandom {
 public:
  explicit PythonRandom(std::uint32_t seed);
  std::uint32_t next();
  /// Uniform in 0..n-1; n > 0.
  std::uint32_t below(std::uint32_t n);
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i-- > 1;)
      std::swap(values[i], values[below(static_cast<std::uint32_t>(i + 1))]);
  }
  /// Indices of `random.sample(range(n), k)`; k <= n.
  std::vector<std::size_t> sample(std::size_t n, std::size_t k);

 private:
  std::array<std::uint32_t, 624> state_;
  std::size_t index_ = 624;
};

}  // namespace ballot
