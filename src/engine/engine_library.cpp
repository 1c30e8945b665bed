// The other side of the door: what libballot_engine.so offers, one line an operation.
#include "compute/device.h"
#include "engine/engine.h"
#include "evaluation/eval.h"
#include "evaluation/plan.h"
#include "evaluation/rewardbench.h"
#include "local_judge/local_judge.h"
#include "models/generate.h"
#include "models/model_files.h"
#include "models/tokenizer_files.h"
#include "training/plan.h"
#include "training/throughput.h"
#include "training/token_view.h"
#include "training/train.h"

extern "C" const ballot::Engine* ballot_engine_table(int threads) {
  ballot::set_compute_threads(threads);
  static const ballot::Engine table = {
      .train = ballot::train,
      .rewardbench = ballot::run_rewardbench,
      .score = ballot::run_score,
      .eval = ballot::run_eval,
      .generate = ballot::generate_lines,
      .local_judge = ballot::make_local_judge,
      .load_tokenizer = ballot::load_tokenizer,
      .inspect_model = ballot::inspect_model,
      .token_view = ballot::token_view,
      .plan_training = ballot::plan_training,
      .plan_conversations = ballot::plan_conversations,
      .plan_scores = ballot::plan_scores,
      .plan_tasks = ballot::plan_tasks,
      .measured_peak = ballot::measured_peak,
  };
  return &table;
}
