// `ballot plan`: what a study will ask, read, compute and cost, stage by stage, before anything is spent.
//
//   exact       ballots, pairs, rows and questions; tokens where the model that reads them is here; operations of
//   trainings
//               and evaluations (2 a weight and token, attention by visible pairs, three times that with the backward
//               pass), given that every label can be used
//   predicted   the memory that a training holds at its fullest
//   estimated   tokens of a judge that is a server (four characters a token), tokens of its answers, and so its price;
//               hours, from the operations and what a matrix product on this machine was measured to reach
// What a study's folder already holds is read instead of assumed: its pool, its preferences, how long a judge's answers
// were.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "core/progress.h"
#include "study/study_file.h"

namespace ballot {

struct StagePlan {
  std::string stage, kind;
  bool done = false;                                         ///< the study's folder has it; not counted in the total
  std::int64_t items = 0;                                    ///< of `unit`
  std::string unit;                                          ///< "prompts", "ballots", "pairs", "rows", "questions"
  std::int64_t steps = 0;                                    ///< optimiser steps of a training
  std::optional<std::int64_t> prompt_tokens, answer_tokens;  ///< of a judge's ballots and answers
  std::optional<std::int64_t> sequence_tokens;  ///< of a training or evaluation, each sequence counted alone
  std::optional<std::int64_t> computed_tokens;  ///< what goes through a model of this machine
  bool estimated = false;                       ///< the tokens are
  std::optional<double> cost, most_cost;        ///< by the judge's price; the most: every answer as long as may be
  std::optional<double> flops;
  std::optional<std::int64_t> peak_bytes;
  std::optional<double> seconds;
  std::string note;  ///< why something is not told, or what else is to be known
};

struct StudyPlan {
  std::string study;
  std::vector<StagePlan> stages;
  double peak_flops = 0;  ///< measured here, fp32; 0: no engine was needed
  double share = 0;       ///< of it that a training is taken to reach
  std::vector<std::string> notes;
};

struct PlanOptions {
  double share = 0.65;
  std::int64_t answer_tokens = 200;  ///< of a server's answer, where nothing is known of this judge's
};
void visit_options(OptionVisitor& visit, PlanOptions& options);

/// `folder`: the study's, which need not exist; empty: none. Throws Error where the study's source cannot be read.
StudyPlan plan_study(const StudyFile& study, const std::filesystem::path& folder, const PlanOptions& options,
                     int threads, Progress& progress);

Json plan_json(const StudyPlan& plan);
std::string plan_text(const StudyPlan& plan);

}  // namespace ballot
