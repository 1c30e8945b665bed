// The other side of the door: what libballot_engine.so offers, one line an operation.
#include "compute/device.h"
#include "engine/engine.h"
#include "models/generate.h"
#include "models/model_files.h"
#include "models/tokenizer_files.h"

extern "C" const ballot::Engine* ballot_engine_table(int threads) {
  ballot::set_compute_threads(threads);
  static const ballot::Engine table = {
      .train = nullptr,
      .rewardbench = nullptr,
      .score = nullptr,
      .eval = nullptr,
      .generate = ballot::generate_lines,
      .local_judge = nullptr,
      .load_tokenizer = ballot::load_tokenizer,
      .inspect_model = ballot::inspect_model,
  };
  return &table;
}
