// Python's random module, as far as the harness draws from it: the Mersenne twister seeded by a whole number,
// `shuffle`, `sample`, `random` and `gauss` (CPython 3.11 and later).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
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
  /// Uniform in [0, 1), 53 bits.
  double random();
  /// Normal with mean 0 and standard deviation 1: `random.gauss(0.0, 1.0)`, which makes two at a time.
  double gauss();

 private:
  std::array<std::uint32_t, 624> state_;
  std::size_t index_ = 624;
  std::optional<double> next_gauss_;
};

}  // namespace ballot
