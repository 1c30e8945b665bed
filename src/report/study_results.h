// What a report is made of: everything a study measured, as numbers with their intervals. The study runner fills it
// from the artefacts; the report room turns it into tables, figures, sentences and the page, and never looks at an
// artefact itself. A NaN says "not measured"; nothing is filled in.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "report/judge_card_results.h"
#include "report/measured.h"

namespace ballot {

/// The labels of one format (or the placebo) by one judge.
struct LabelStats {
  std::string judge;   ///< as the study calls it
  std::string format;  ///< "ranking", ..., "placebo"
  std::string title;   ///< "RANKING"
  std::int64_t prompts = 0, ballots = 0, usable = 0, retried = 0;
  std::map<std::string, std::int64_t> statuses;  ///< of ballots
  std::int64_t pairs = 0, ties = 0, decided_by_coin = 0;
  std::map<std::string, std::int64_t> dropped;                               ///< pairs without a label, by reason
  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;  ///< all that was paid
  std::int64_t lost_tokens = 0;  ///< of them, those that gave no label: failed tries, unread answers, looks at servers
  double cost = 0, seconds = 0;
  std::int64_t margin_maximum = 0;
  Measured source_agreement;  ///< share of pairs labelled as the source ranks them; clustered by prompt
  std::map<std::int64_t, Measured> by_distance;  ///< the same by the distance of the source ranks
  Measured first_shown_wins;                     ///< pairwise formats: 0.5 is no position bias
  Measured longer_wins;                          ///< share of pairs whose longer completion (characters) is chosen
};

/// Agreement of all annotators of a judge: the formats, the placebo, the source.
struct AgreementResults {
  std::string judge;
  std::vector<std::string> raters;
  std::int64_t units = 0;
  std::map<std::string, Measured>
      overall;  ///< by statistic: krippendorff_alpha, fleiss_kappa, percent_agreement, gwet_ac1
  struct Pair {
    std::string a, b;
    std::map<std::string, Measured> statistics;  ///< and cohen_kappa, pearson, spearman, kendall_tau_b
  };
  std::vector<Pair> pairs;
};

/// One trained model of the grid: which one.
struct TrainedName {
  std::string model;      ///< as the study calls it
  std::string objective;  ///< "base", "instruct", "sft", "dpo", "reward"
  std::string format;     ///< empty for base, instruct, sft; "placebo"
  std::string loss, margin = "none";
  std::int64_t seed = 0;
  std::string stage;  ///< "reward/smollm2/ranking+margin/0"
};

/// metrics.jsonl of a training.
struct TrainingCurve {
  TrainedName name;
  std::vector<std::int64_t> step;
  std::map<std::string, std::vector<double>>
      metrics;  ///< "loss", "accuracy", "rewards/accuracies", ... one value a step
  std::int64_t examples = 0, forest_tokens = 0;
  double seconds = 0, changed_weights = std::numeric_limits<double>::quiet_NaN();
};

/// RewardBench and held-out pairs of a reward model or policy.
struct PreferenceScores {
  TrainedName name;
  std::map<std::string, Measured> sections;  ///< "Chat", ...; empty where not evaluated
  Measured overall;
  std::int64_t ties = 0;
  std::map<std::string, Measured> held_out;  ///< accuracy on held-out pairs against "source", each format, "consensus"
  std::string rewardbench_folder, held_out_scores;  ///< where the per-item scores lie, for paired contrasts
};

struct TaskScore {
  TrainedName name;
  std::string task, metric;  ///< "leaderboard_bbh_boolean_expressions", "acc_norm"
  Measured score;
  double chance = std::numeric_limits<double>::quiet_NaN();
  std::string folder;
};

/// One paired difference, corrected within the study's family.
struct StudyContrast {
  std::string outcome;  ///< "RewardBench score, smollm2", "held-out accuracy against source"
  std::string a, b;     ///< formats: a minus b
  double difference = 0, low = 0, high = 0, p = 1, p_holm = 1;
  std::int64_t n = 0, clusters = 0;
  std::string verdict;   ///< "better", "worse", "not distinguished"
  bool claimed = false;  ///< named in the study file before the run
};

/// Two trainings side by side: what is equal, what differs, from their manifests and records.
struct ProofRow {
  std::string what;  ///< "initial weights", "order of prompts", "labels"
  bool equal = false, expected_to_differ = false;
  std::string a, b;  ///< hashes or values
};
struct Proof {
  std::string a, b;  ///< stages compared
  std::vector<ProofRow> rows;
  bool only_labels_differ = false;
};

struct StageLine {
  std::string stage, key, sha256;
  double seconds = 0;
};

struct StudyResults {
  std::string study, generated, ballot_version;
  std::vector<std::string> formats;  ///< in the study's order
  std::vector<std::string> judges, models;
  std::map<std::string, std::string> bases;  ///< model -> its base, as the study file names it
  std::string placebo;                       ///< the format that is labelled again; empty: none
  std::int64_t prompts = 0, held_out_prompts = 0, completions = 0, pairs = 0;
  std::vector<std::int64_t> seeds;
  std::string ties, source;
  std::vector<std::string> claims;  ///< JSON texts: as first said, then each change
  std::vector<LabelStats> labels;
  std::vector<AgreementResults> agreement;
  std::map<std::string, std::map<std::string, double>>
      flips;                            ///< first judge: share of pairs that two formats label differently
  std::vector<JudgeCards> judge_cards;  ///< by judge
  std::vector<TrainingCurve> curves;
  std::vector<PreferenceScores> scores;
  std::map<std::string, std::map<std::string, Measured>>
      rewardbench_baselines;  ///< "random", "longer", "shorter" -> section or "score"
  std::vector<TaskScore> tasks;
  std::vector<StudyContrast> contrasts;
  std::vector<Proof> proofs;
  std::vector<StageLine> stages;
};

}  // namespace ballot
