// The model in process as a judge: what it is asked for. A plain struct: it passes through the door of the engine.
#pragma once
#include <cstdint>
#include <string>

#include "judges/judge.h"

namespace ballot {

struct LocalJudgeOptions {
  std::string model;  ///< folder, GGUF file, deps:NAME or hub name
  Sampling sampling;  ///< of the label
  std::int64_t tokens_per_batch = 0;  ///< tokens computed at once; 0: what fits memory
};

}  // namespace ballot
