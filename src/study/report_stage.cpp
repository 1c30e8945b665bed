// The last stage: everything measured, as the report. `ballot report` does the same at any time, from what is there.
#include <nlohmann/json.hpp>

#include "report/page.h"
#include "study/results.h"
#include "study/stage.h"
#include "study/study_folder.h"

namespace ballot {

namespace {
constexpr std::int64_t kReportVersion = 1;
}

void write_study_report(const StudyFile& study, const std::filesystem::path& folder, Progress& progress) {
  write_report(folder / "report", collect_results(study, folder, 0, progress), progress);
}

void add_report_stage(const StudyFile& study, std::vector<Stage>& stages) {
  Stage stage;
  stage.name = stage.kind = "report";
  stage.version = kReportVersion;
  for (const Stage& other : stages) stage.inputs.push_back(other.name);
  stage.parameters = Json({{"claims", Json::parse(study.claims)}}).dump();
  stage.artefact = "report";
  stage.run = [study](const StageRun& run) { write_study_report(study, run.folder, *run.progress); };
  stages.push_back(std::move(stage));
}

}  // namespace ballot
