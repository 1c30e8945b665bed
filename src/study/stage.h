// A stage: reads artefacts, writes one artefact; nothing else passes between stages. Its key hashes its own version
// (raised when the meaning of its output changes, so that a release does not ask a paid judge again), its parameters,
// and its inputs' keys. The runner knows stages by these only.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/progress.h"

namespace ballot {

struct StudyFile;

/// What a stage gets when it runs.
struct StageRun {
  std::filesystem::path folder;    ///< of the study: DIR
  std::filesystem::path artefact;  ///< where to write: DIR / stage.artefact
  bool force = false;              ///< what lies there was made with another key: start over
  int threads = 0;
  Progress* progress = nullptr;
};

struct Stage {
  std::string name;  ///< "dpo/smollm2/ranking/0"
  std::string kind;  ///< "dpo"
  std::int64_t version = 1;
  std::vector<std::string> inputs;  ///< names of stages before it
  std::vector<std::pair<std::string, std::string>>
      files;                       ///< what comes from outside: role and path; hashed by content
  std::string parameters = "{}";   ///< JSON text: what changes the result
  std::filesystem::path artefact;  ///< relative to DIR
  std::function<void(const StageRun&)> run;
};

/// Every stage of a study, each after its inputs. `folder`: DIR, where the artefacts are.
std::vector<Stage> make_stages(const StudyFile& study);

// One file each: label_stages.cpp, training_stages.cpp, evaluation_stages.cpp, report_stage.cpp.
void add_label_stages(const StudyFile& study, std::vector<Stage>& stages);
void add_training_stages(const StudyFile& study, std::vector<Stage>& stages);
void add_evaluation_stages(const StudyFile& study, std::vector<Stage>& stages);
void add_report_stage(const StudyFile& study, std::vector<Stage>& stages);

/// One trained model of the grid, by its stage.
struct TrainedModel {
  std::string stage, model, format, loss, margin;
  std::int64_t seed = 0;
  std::filesystem::path artefact;
};
/// The grid as the study file spans it: objective "sft", "dpo" or "reward". BINARY has no margin, so no margin model;
/// the placebo format gets one plain reward model a base model, which is the noise floor.
std::vector<TrainedModel> training_grid(const StudyFile& study, const std::string& objective);

/// The name under which the placebo's labels go: "placebo".
inline constexpr const char* kPlacebo = "placebo";

}  // namespace ballot
