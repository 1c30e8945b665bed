// Labels to preferences: chosen over rejected, one row a pair, in the same way for every format.
//
//   pairwise   the pair is the ballot: the letter is chosen; margin: the magnitude, or 0
//   pointwise  two scores of a prompt make a pair; margin: their difference
//   listwise   two places of a ranking make a pair; margin: rank of the rejected less rank of the chosen, 1 for
//   neighbours; or the groups of equals between them
//
// Several labels of one pair (repeats, both orders, ballots that show other completions beside it) are averaged: the
// mean of +margin where one is preferred and -margin where the other is; a mean of 0 is a tie.
//
// With `labels: expected` a label is the mean over the judge's distribution instead of what it said: the margin is the
// expected one (of a choice without magnitude the difference of the two letters' probabilities), the target the
// probability that the chosen one is better. Labels without a distribution are left out and counted.
//
// A tie needs a declared policy, since a pair without a direction cannot be trained on:
//   random  a coin keyed by (seed, format, judge, pair): every pair stays, margin 0 (a tie whose label names a letter
//   keeps it) drop    the pair goes soft    it stays with target 0.5 and margin 0, in the direction of `random` keep it
//   stays with margin 0 in a direction that no seed decides: the label's letter, else the smaller completion id
// Failed ballots never become a label: their pairs are counted by the status of the ballot.
//
// Rows stand in the pool's order, within a prompt by pair id, so that rows of all formats align by pair_id.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/options.h"
#include "formats/format.h"

namespace ballot {

struct BinarizeOptions {
  std::string ties = "random";  ///< random, drop, soft, keep
  std::string pairs = "all";    ///< "complete": a pair that any of the given formats lacks is dropped from all
  std::string labels = "said";  ///< "expected": the mean over the judge's distribution of labels
  /// A study's way, no option: where labels are expected, listwise formats, which have no distribution, are taken as
  /// said instead of refused.
  bool listwise_as_said = false;
};
void visit_options(OptionVisitor& visit, BinarizeOptions& options);

/// The labels of one format by one judge.
struct FormatAnnotations {
  Format format;
  std::vector<Annotation> rows;
};

struct BinarizeSummary {
  std::string format, judge;
  std::int64_t possible = 0;  ///< pairs of the prompts that were annotated
  std::int64_t pairs = 0;     ///< rows written
  std::int64_t ties = 0;      ///< of them, however they were decided
  std::int64_t decided = 0;   ///< ties among them that a coin or an id decided
  std::int64_t averaged = 0;  ///< rows from more than one label
  std::map<std::string, std::int64_t>
      dropped;  ///< by reason: "tie", the status of the ballot, "no_ballot", "incomplete", "no_probabilities"
};

struct PreferenceSet {
  BinarizeSummary summary;
  std::vector<Preference> rows;
};

/// One set an input, in its order. Throws Error (input) where an annotation names a prompt or completion that the pool
/// does not have, or is of another format than said.
std::vector<PreferenceSet> binarize(const std::vector<PoolRow>& pool, const std::vector<FormatAnnotations>& inputs,
                                    const BinarizeOptions& options, std::uint64_t seed);

}  // namespace ballot
