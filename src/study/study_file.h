// The study file: what a study is, in one YAML file (interface.md §3). Strict: an unknown key is an error with line,
// column and the nearest valid key. Lists make a grid: every training is done for each model × format × loss × margin ×
// seed.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "judges/judge.h"
#include "training/options.h"

namespace ballot {

struct StudyJudge {
  std::string name;             ///< as the study calls it: "simulated"
  std::string spec;             ///< JSON text of the judge's mapping, without `limit` (judges/judge_spec.h reads it)
  std::string model;            ///< kind local: the model's name in `models`, or a path; else as the judge file has it
  std::int64_t limit = 0;       ///< prompts; 0: all
  std::string labels = "said";  ///< "expected": the mean over its distribution, of formats that have one
};

/// Another pool, one completion a prompt attacked (formats/attacks.h), labelled beside the plain one for the judges'
/// report cards. Off unless asked for: it costs ballots.
struct StudyAttacks {
  bool present = false;
  std::string kind = "all";          ///< all, injection, distractor
  std::string file;                  ///< attacks of one's own; empty: the set inside
  std::int64_t limit = 100;          ///< prompts; 0: all
  std::vector<std::string> formats;  ///< by name; all of the study where none is named
  /// The prompts that a judge of such a limit is asked about.
  std::int64_t limit_of(const StudyJudge& judge) const;
};

struct StudyModel {
  std::string name, base, instruct;  ///< instruct may be empty
};

/// One training section: TrainingOptions with the study's values, and the lists that make its grid.
struct StudyTraining {
  bool present = false;
  TrainingOptions options;           ///< loss and margin as of the grid's first
  std::vector<std::string> losses;   ///< dpo, reward
  std::vector<std::string> margins;  ///< reward: "none", "column"
  std::string data;                  ///< sft
};

struct StudyFile {
  std::string study;
  std::int64_t seed = 0;
  std::filesystem::path folder;  ///< of the file: relative paths start here
  std::string source, source_layout = "auto", source_split;
  std::int64_t prompts = 0;
  std::vector<std::int64_t> positions;
  double held_out = 0.05;
  std::vector<StudyJudge> judges;  ///< the first is the study's
  Sampling sampling;
  std::string presentation = "random";
  std::vector<std::string> formats;                 ///< by name
  std::map<std::string, std::string> format_files;  ///< of those that the study names by their file: where it is
  std::string placebo;                              ///< a format, or empty
  StudyAttacks attacks;
  std::string ties = "random", pairs = "all";
  std::vector<StudyModel> models;
  StudyTraining sft, dpo, reward;
  std::vector<std::int64_t> seeds = {0};
  std::string rewardbench;
  std::vector<std::string> tasks;
  std::string task_data;
  std::int64_t task_limit = 0;
  std::string claims = "{}";  ///< JSON text: primary, contrasts

  /// A path of the file as seen from here: absolute ones, deps: and hub names stay.
  std::string path(const std::string& name) const;
  /// What Format::load takes for a format of the study: its file, or its name.
  std::string format_file(const std::string& name) const;
  std::string json;  ///< the whole file as JSON, after --set
};

/// `set`: "key.key=value" (value read as YAML), as --set gives them.
StudyFile read_study(const std::filesystem::path& path, const std::vector<std::string>& set = {});

}  // namespace ballot
