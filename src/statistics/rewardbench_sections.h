// RewardBench's subsets, their sections and weights, and the scores that follow from rows marked right or wrong.
//
// A section is the mean of its subsets' accuracies weighted by the constants of the published set (not by the rows
// present): math-prm counts 984, so that maths weighs what code does. The overall score is the plain mean of the
// sections present, as the study's tables have it (no prior sets). A row counts only where the chosen answer's score is
// strictly larger.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ballot {

struct RewardBenchSubset {
  std::string name, section;
  double weight;
};
/// All 23, in the published order.
const std::vector<RewardBenchSubset>& rewardbench_subsets();
/// "Chat", "Chat Hard", "Safety", "Reasoning".
const std::vector<std::string>& rewardbench_sections();

/// How subsets make sections, and these the score (the plain mean of the sections present).
struct SectionScheme {
  std::vector<RewardBenchSubset> subsets;
  std::vector<std::string> sections;
  /// A section whose weights are shares of it: absent subsets count as 0 and nothing is divided by the sum of weights.
  /// Otherwise a section is the weighted mean of the subsets present.
  std::string absolute_section;
};
/// RewardBench 1.
const SectionScheme& rewardbench_scheme();

/// One judged row: which subset, which cluster (rows of one prompt, or of one problem in several languages), how much
/// it counts.
struct JudgedRow {
  std::string subset, cluster;
  double correct = 0;  ///< 1, 0, or a share
  bool tie = false;
};

struct ScoreInterval {
  double score = 0, low = 0, high = 0;
};

struct SubsetAccuracy {
  double accuracy = 0;
  std::int64_t n = 0, ties = 0;
};

struct SectionScores {
  std::map<std::string, SubsetAccuracy> subsets;  ///< unknown names too; they enter no section
  std::map<std::string, ScoreInterval> sections;  ///< those with rows
  ScoreInterval overall;
};

/// Intervals: 95%, of shares (statistics/expanded_interval.h), over `replicates` bootstrap draws of clusters within
/// sections.
SectionScores section_scores(const std::vector<JudgedRow>& rows, std::int64_t replicates, std::uint64_t seed,
                             int threads = 0, const SectionScheme& scheme = rewardbench_scheme());

/// What scorers that know nothing get: every pair right with probability 1/2. The score is 1/2, the interval the
/// central 95% of `replicates` such scorers.
SectionScores random_scores(const std::vector<JudgedRow>& rows, std::int64_t replicates, std::uint64_t seed,
                            const SectionScheme& scheme = rewardbench_scheme());

}  // namespace ballot
