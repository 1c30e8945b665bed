// What every trained model is asked: RewardBench, the held-out pairs (scored once against the source's pairs; accuracy
// against any format's labels follows from the two scores of a pair), and the tasks for base, instruct, SFT and DPO
// models.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/version.h"
#include "engine/engine.h"
#include "evaluation/options.h"
#include "study/stage.h"
#include "study/study_file.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kRewardBenchVersion = 3, kScoreVersion = 2, kEvalVersion = 1;

std::string base_of(const StudyFile& study, const std::string& name) {
  for (const StudyModel& model : study.models)
    if (model.name == name) return study.path(model.base);
  return name;
}

/// A policy's reference: the SFT model where the study has one, else the base.
std::pair<std::string, fs::path> reference_of(const StudyFile& study, const TrainedModel& policy) {
  for (const TrainedModel& sft : training_grid(study, "sft"))
    if (sft.model == policy.model && sft.seed == policy.seed) return {sft.stage, sft.artefact};
  return {"", {}};
}

void add_preference_stages(const StudyFile& study, const TrainedModel& trained, bool policy,
                           std::vector<Stage>& stages) {
  const auto [reference_stage, reference_artefact] =
      policy ? reference_of(study, trained) : std::pair<std::string, fs::path>();
  const std::string base = base_of(study, trained.model);
  const auto scorer = [=](const StageRun& run) {
    ScorerOptions options;
    if (policy) {
      options.policy = (run.folder / trained.artefact).string();
      options.reference = reference_stage.empty() ? base : (run.folder / reference_artefact).string();
    } else {
      options.model = (run.folder / trained.artefact).string();
    }
    return options;
  };
  const auto prepare = [&](Stage& stage) {
    stage.inputs.push_back(trained.stage);
    if (!reference_stage.empty())
      stage.inputs.push_back(reference_stage);
    else if (policy)
      stage.files.emplace_back("reference", find_model(base).string());
  };
  Stage score;
  score.name = "score/" + trained.stage;
  score.kind = "score";
  score.version = kScoreVersion;
  score.inputs = {"preferences/source"};
  prepare(score);
  ScoreOptions score_options;
  score_options.split = "held_out";
  score_options.seed = study.seed;
  score.parameters = options_json(score_options, true);
  score.artefact = fs::path("scores") / (trained.stage + ".parquet");
  score.run = [=](const StageRun& run) mutable {
    score_options.scorer = scorer(run);
    score_options.data = (run.folder / "preferences/source.parquet").string();
    score_options.out = run.artefact.string();
    score_options.force = run.force;
    engine().score(score_options, *run.progress);
  };
  stages.push_back(std::move(score));

  if (study.rewardbench.empty()) return;
  Stage bench;
  bench.name = "rewardbench/" + trained.stage;
  bench.kind = "rewardbench";
  bench.version = kRewardBenchVersion;
  prepare(bench);
  const std::string data = study.path(study.rewardbench);
  bench.files.emplace_back("data", data);
  RewardBenchOptions options;
  options.seed = study.seed;
  bench.parameters = options_json(options, true);
  bench.artefact = fs::path("rewardbench") / trained.stage;
  bench.run = [=](const StageRun& run) mutable {
    options.scorer = scorer(run);
    options.data = data;
    options.out = run.artefact.string();
    options.force = run.force;
    engine().rewardbench(options, *run.progress);
  };
  stages.push_back(std::move(bench));
}

/// `input`: the stage that made the model; empty: it comes from outside.
void add_task_stage(const StudyFile& study, const std::string& name, const std::string& input, const std::string& model,
                    std::vector<Stage>& stages) {
  Stage stage;
  stage.name = "eval/" + name;
  stage.kind = "eval";
  stage.version = kEvalVersion;
  if (input.empty())
    stage.files.emplace_back("model", find_model(model).string());
  else
    stage.inputs = {input};
  EvalOptions options = study.evaluation(name.starts_with("base/"));
  for (const std::string& task : study.tasks)
    if (task.ends_with(".yaml")) stage.files.emplace_back("task " + task, study.path(task));
  if (!options.data.empty()) stage.files.emplace_back("task data", options.data);
  if (!options.fewshot_data.empty()) stage.files.emplace_back("few-shot data", options.fewshot_data);
  Json parameters = Json::parse(options_json(options, true));
  parameters["tasks"] = study.tasks;
  stage.parameters = parameters.dump();
  stage.artefact = fs::path("eval") / name;
  stage.run = [=](const StageRun& run) mutable {
    options.model = input.empty() ? model : (run.folder / model).string();
    options.out = run.artefact.string();
    options.force = run.force;
    engine().eval(options, *run.progress);
  };
  stages.push_back(std::move(stage));
}

}  // namespace

void add_evaluation_stages(const StudyFile& study, std::vector<Stage>& stages) {
  for (const TrainedModel& trained : training_grid(study, "reward"))
    add_preference_stages(study, trained, false, stages);
  for (const TrainedModel& trained : training_grid(study, "dpo")) add_preference_stages(study, trained, true, stages);
  if (study.tasks.empty()) return;
  for (const StudyModel& model : study.models) {
    add_task_stage(study, "base/" + model.name, "", study.path(model.base), stages);
    if (!model.instruct.empty())
      add_task_stage(study, "instruct/" + model.name, "", study.path(model.instruct), stages);
  }
  for (const char* objective : {"sft", "dpo"})
    for (const TrainedModel& trained : training_grid(study, objective))
      add_task_stage(study, trained.stage, trained.stage, trained.artefact.string(), stages);
}

}  // namespace ballot
