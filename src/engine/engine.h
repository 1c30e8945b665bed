// The door to the rooms that compute. They form one shared library beside the program (libballot_engine.so) that is
// opened when a command first needs it, so that no other command pays a quarter of a second for libtorch. What passes
// through the door are plain structs; no tensor does.
//
// To put a new operation behind the door: one line here, one in engine_library.cpp.
#pragma once
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/progress.h"

namespace ballot {

class Judge;
class Tokenizer;
struct ComputePlan;         // training/plan.h
struct LocalJudgeOptions;   // local_judge/options.h
struct Message;             // text/message.h
struct RewardItem;          // data/reward_items.h
struct ScorerOptions;       // evaluation/options.h
struct TaskPlan;            // evaluation/plan.h
struct TrainingOptions;     // training/options.h
struct TrainingResult;      // training/options.h
struct RewardBenchOptions;  // evaluation/options.h
struct ScoreOptions;
struct EvalOptions;
struct GenerateOptions;  // models/options.h

struct Engine {
  /// `ballot sft|dpo|reward`: options.objective says which.
  TrainingResult (*train)(const TrainingOptions&, Progress&);
  /// Each of these returns the results object that --json prints.
  std::string (*rewardbench)(const RewardBenchOptions&, Progress&);
  std::string (*score)(const ScoreOptions&, Progress&);
  std::string (*eval)(const EvalOptions&, Progress&);
  /// JSONL in, JSONL out.
  void (*generate)(const GenerateOptions&, std::istream& in, std::ostream& out, Progress&);
  std::unique_ptr<Judge> (*local_judge)(const LocalJudgeOptions&, Progress&);
  /// models/tokenizer_files.h: for GGUF files (a folder's tokenizer needs no engine).
  Tokenizer (*load_tokenizer)(const std::string& model);
  /// Schema, counts and a few lines of a model folder or safetensors/GGUF file, for `inspect`.
  std::string (*inspect_model)(const std::filesystem::path&);
  /// training/token_view.h: token ids, text and loss mask of the first rows of training data.
  std::string (*token_view)(const std::vector<std::string>& data, const std::string& model, std::int64_t rows);
  /// What each of these would compute: training/plan.h, evaluation/plan.h.
  ComputePlan (*plan_training)(const TrainingOptions&, bool after_sft);
  ComputePlan (*plan_conversations)(const std::string& model,
                                    const std::vector<std::vector<std::vector<Message>>>& groups,
                                    std::int64_t answer_tokens);
  ComputePlan (*plan_scores)(const std::string& model, bool after_sft, bool reward,
                             const std::vector<RewardItem>& items, const ScorerOptions& options);
  std::vector<TaskPlan> (*plan_tasks)(const EvalOptions&, bool after_sft);
  /// training/throughput.h: fp32 operations a second.
  double (*measured_peak)();
};

/// Opens the library (once a process) and gives its table. Throws Error (failed) saying what is missing.
const Engine& engine();
/// Before engine(): how many threads its kernels use (0: available cores).
void set_engine_threads(int threads);

}  // namespace ballot

extern "C" const ballot::Engine* ballot_engine_table(int threads);
