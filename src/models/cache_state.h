// What is inside a KeyValueCache: for each run and layer a tensor of keys and one of values with room to grow.
#pragma once
#include <cstdint>
#include <vector>

#include "models/cache.h"

namespace ballot {

struct KeyValueCache::State {
  struct Layer {
    at::Tensor keys, values;  ///< [capacity, G, D]
  };
  struct Run {
    std::int32_t parent = -1, children = 0;
    std::int64_t position = 0, length = 0;  ///< of its first token; tokens in it
    bool released = false;
    std::vector<Layer> layers;
  };
  std::int64_t layers = 0, groups = 0, dim = 0;
  std::vector<Run> runs;

  /// Puts n tokens' keys and values at the end of what the run holds in this layer (its length is raised by the caller,
  /// after the last layer).
  void append(std::int32_t run, std::int64_t layer, const at::Tensor& keys_nGD, const at::Tensor& values_nGD);
};

}  // namespace ballot
