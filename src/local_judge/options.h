// The model in process as a judge: what it is asked for. A plain struct: it passes through the door of the engine.
#pragma once
#include <cstdint>
#include <string>

#include "judges/judge.h"

namespace ballot {

struct LocalJudgeOptions {
  std::string model;                   ///< folder, GGUF file, deps:NAME or hub name
  Sampling sampling;                   ///< of the label; max_tokens says nothing here
  std::int64_t tokens_per_batch = 0;   ///< kept for callers; the cache decides (models/generate.h)
  std::string device = "auto", dtype;  ///< as --device and --dtype; dtype empty: the device's default
};

}  // namespace ballot
