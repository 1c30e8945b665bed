// SFT, DPO and reward models: the grid of models × formats × losses × margins × seeds. Within one base model nothing
// but the labels differs between two formats' trainings: same start, same order of prompts, same reference
// log-probabilities.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/version.h"
#include "engine/engine.h"
#include "formats/format.h"
#include "study/stage.h"
#include "study/study_file.h"

namespace ballot {
namespace {

constexpr std::int64_t kTrainingVersion = 1;

/// Expected labels have one in every format with a distribution: of a letter, the difference of the probabilities.
bool has_margin(const StudyFile& study, const std::string& name) {
  const Format format = Format::load(study.format_file(name));
  return format.margin != MarginRule::kNone ||
         (study.judges.front().labels == "expected" && format.kind != FormatKind::kListwise);
}

std::string model_of(const StudyFile& study, const std::string& name) {
  for (const StudyModel& model : study.models)
    if (model.name == name) return study.path(model.base);
  return name;
}

std::string parameters_of(const TrainingOptions& options, std::int64_t seed) {
  Json json = Json::parse(options_json(options, true));
  json["seed"] = seed;
  return json.dump();
}

std::string sft_stage(const std::string& model, std::int64_t seed) {
  return fmt::format("sft/{}/{}", model, seed);
}

void run_training(TrainingOptions options, const StageRun& run) {
  options.out = run.artefact.string();
  options.force = run.force;
  engine().train(options, *run.progress);
}

}  // namespace

std::vector<TrainedModel> training_grid(const StudyFile& study, const std::string& objective) {
  std::vector<TrainedModel> grid;
  const StudyTraining& training = objective == "sft" ? study.sft : objective == "dpo" ? study.dpo : study.reward;
  if (!training.present) return grid;
  for (const StudyModel& model : study.models)
    for (const std::int64_t seed : study.seeds) {
      if (objective == "sft") {
        const std::string stage = sft_stage(model.name, seed);
        grid.push_back({stage, model.name, "", "", "none", seed, std::filesystem::path("models") / stage});
        continue;
      }
      std::vector<std::string> formats = study.formats;
      if (objective == "reward" && !study.placebo.empty()) formats.push_back(kPlacebo);
      for (const std::string& loss : training.losses)
        for (const std::string& margin : training.margins)
          for (const std::string& format : formats) {
            if (margin != "none" && (format == kPlacebo || !has_margin(study, format))) continue;
            std::string stage = fmt::format("{}/{}/{}", objective, model.name, format);
            if (training.losses.size() > 1) stage += "." + loss;
            if (margin != "none") stage += "+margin";
            stage += fmt::format("/{}", seed);
            grid.push_back({stage, model.name, format, loss, margin, seed, std::filesystem::path("models") / stage});
          }
    }
  return grid;
}

void add_training_stages(const StudyFile& study, std::vector<Stage>& stages) {
  const std::string judge = study.judges.front().name;
  for (const TrainedModel& trained : training_grid(study, "sft")) {
    Stage stage;
    stage.name = trained.stage;
    stage.kind = "sft";
    stage.version = kTrainingVersion;
    stage.files = {{"model", find_model(model_of(study, trained.model)).string()}};
    stage.inputs = {"sft_data"};
    stage.artefact = trained.artefact;
    TrainingOptions options = study.sft.options;
    options.seed = trained.seed;
    options.model = model_of(study, trained.model);
    stage.parameters = parameters_of(options, trained.seed);
    stage.run = [options](const StageRun& run) mutable {
      options.data = {(run.folder / "sft.parquet").string()};
      run_training(options, run);
    };
    stages.push_back(std::move(stage));
  }
  for (const std::string objective : {"dpo", "reward"})
    for (const TrainedModel& trained : training_grid(study, objective)) {
      Stage stage;
      stage.name = trained.stage;
      stage.kind = objective;
      stage.version = kTrainingVersion;
      const std::string preferences = fmt::format("preferences/{}/{}", judge, trained.format);
      stage.inputs = {preferences};
      TrainingOptions options = objective == "dpo" ? study.dpo.options : study.reward.options;
      options.seed = trained.seed;
      options.loss = {trained.loss};
      options.margin = trained.margin;
      options.split = "train";
      std::string start;
      if (study.sft.present) {
        stage.inputs.push_back(sft_stage(trained.model, trained.seed));
        start = "models/" + sft_stage(trained.model, trained.seed);
      } else {
        stage.files = {{"model", find_model(model_of(study, trained.model)).string()}};
        options.model = model_of(study, trained.model);
      }
      stage.artefact = trained.artefact;
      stage.parameters = parameters_of(options, trained.seed);
      stage.run = [options, start, preferences, objective](const StageRun& run) mutable {
        if (!start.empty()) options.model = (run.folder / start).string();
        options.data = {(run.folder / (preferences + ".parquet")).string()};
        if (objective == "dpo") options.reference_cache = (run.folder / "reference").string();
        run_training(options, run);
      };
      stages.push_back(std::move(stage));
    }
}

}  // namespace ballot
