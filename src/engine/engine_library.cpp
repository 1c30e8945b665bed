// The other side of the door: one line an operation.
#include <ATen/Parallel.h>

#include "engine/engine.h"

extern "C" __attribute__((visibility("default"))) const ballot::Engine* ballot_engine_table(int threads) {
  at::set_num_threads(threads);
  static const ballot::Engine table = [] {
    ballot::Engine engine{};
    return engine;
  }();
  return &table;
}
