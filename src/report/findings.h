// What the report says in words. Sentences are made from the numbers, never from a template that knows the outcome;
// "better" and "worse" stand only where a contrast has earned them: an interval without zero and a p below 0.05 after
// the correction for the whole family. Everything else is "not distinguished".
#pragma once
#include <string>
#include <vector>

#include "report/study_results.h"

namespace ballot {

/// One line of a finding. `tag`: "better", "worse", "not distinguished", "measured", "caution".
struct FindingLine {
  std::string tag;
  std::string subject;         ///< what it is about: "RewardBench, reward models (smollm2)"
  std::string numbers;         ///< "+0.031 [+0.010, +0.052], corrected p 0.012"; may be empty
  std::int64_t contrast = -1;  ///< the contrast of the results that it rests on
  /// As one sentence: "RewardBench, reward models (smollm2): better, +0.031 [...]".
  std::string text() const;
};

struct Finding {
  std::string title;  ///< "RANKING against BINARY"
  std::vector<FindingLine> lines;
  bool aside = false;  ///< a pair of formats that nobody had named before the run
};

/// The findings, what was claimed before the run first.
std::vector<Finding> make_findings(const StudyResults& results);
/// The one sentence (or two) at the top of the page.
std::string headline(const StudyResults& results);

/// Did this contrast earn "better" or "worse"? Decided from its numbers, whatever its verdict says.
bool is_earned(const StudyContrast& contrast);

/// Sentences of `prose` that use a word of superiority (best, worse, improves, beats, ...) although no earned contrast
/// among the findings stands behind them. A report with one is not written.
std::vector<std::string> unearned_claims(const std::string& prose, const StudyResults& results,
                                         const std::vector<Finding>& findings);

/// A claim that somebody makes about the formats, to be held against the numbers.
struct DirectionalClaim {
  enum class Relation { kBest, kWorst, kBetterThan, kWorseThan } relation = Relation::kBest;
  std::string format;   ///< "ranking"
  std::string other;    ///< of kBetterThan and kWorseThan: a format, or "sft" (policies on tasks)
  std::string outcome;  ///< "rewardbench": plain reward models, mean of the sections; "tasks": policies, each task
  std::string model;    ///< empty: at every model
};
enum class Standing {
  kEarned,            ///< corrected contrasts carry it
  kNotDistinguished,  ///< the estimates point this way, no interval carries it
  kContradicted,      ///< some estimate points the other way
  kNotMeasured
};
Standing standing_of(const DirectionalClaim& claim, const StudyResults& results);

}  // namespace ballot
