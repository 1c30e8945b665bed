#include "study/stage.h"
#include "study/study_file.h"

namespace ballot {

std::vector<Stage> make_stages(const StudyFile& study) {
  std::vector<Stage> stages;
  add_label_stages(study, stages);
  add_training_stages(study, stages);
  add_evaluation_stages(study, stages);
  add_report_stage(study, stages);
  return stages;
}

}  // namespace ballot
