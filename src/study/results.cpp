#include "study/results.h"

#include "core/manifest.h"
#include "core/version.h"
#include "study/record.h"
#include "study/stage.h"
#include "study/study_folder.h"

namespace ballot {

StudyResults collect_results(const StudyFile& study, const std::filesystem::path& folder, int threads,
                             Progress& progress) {
  StudyResults results;
  results.study = study.study;
  results.generated = utc_now();
  results.ballot_version = version() + (commit().empty() ? "" : " (" + commit() + ")");
  results.formats = study.formats;
  for (const StudyJudge& judge : study.judges) results.judges.push_back(judge.name);
  for (const StudyModel& model : study.models) {
    results.models.push_back(model.name);
    results.bases[model.name] = model.base;
  }
  results.placebo = study.placebo;
  results.seeds = study.seeds;
  results.ties = study.ties;
  results.source = study.source;
  results.claims = claims_history(folder);
  progress.say("reading what was measured");
  collect_labels(study, folder, threads, results);
  collect_scores(study, folder, threads, results);
  progress.say("paired contrasts between formats");
  collect_contrasts(study, folder, threads, results);
  results.proofs = collect_proofs(study, folder);
  for (const Stage& stage : make_stages(study))
    if (const auto record = read_record(folder, stage.name))
      results.stages.push_back({stage.name, record->key, record->sha256, record->seconds});
  return results;
}

}  // namespace ballot
