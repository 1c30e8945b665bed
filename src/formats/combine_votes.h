// Inside combine only: the votes of all annotators, aligned by pair, and what each method makes of them.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "formats/combine.h"

namespace ballot {

struct Vote {
  std::uint32_t annotator = 0;
  int outcome = 0;  ///< 1: the pair's first is better, -1: its second, 0: a tie
  double margin = 0;
};

struct VotedPair {
  Preference row;  ///< of the annotator who had it first; chosen is not necessarily the first
  std::uint32_t prompt = 0, first = 0,
                second = 0;  ///< places among the prompt's completions; the first has the smaller id
  std::vector<Vote> votes;
};

struct Votes {
  std::vector<VotedPair> pairs;                       ///< in the order of the result
  std::vector<std::vector<std::string>> completions;  ///< by prompt: ids
  std::vector<std::vector<std::size_t>> of_prompt;    ///< by prompt: its pairs
  std::unordered_map<std::string, std::uint32_t> prompt_of;
  /// The place of a completion in its prompt; throws Error (input) where the prompt has no such one among the pairs.
  std::uint32_t place(std::uint32_t prompt, const std::string& completion_id) const;
  bool has(std::uint32_t prompt, const std::string& completion_id) const;
};
Votes gather_votes(const std::vector<CombineAnnotator>& annotators);

/// What a method says of a pair.
struct Opinion {
  double p = 0.5;       ///< that the first is better
  double log_odds = 0;  ///< of the first
  std::optional<double> score_first, score_second;
};
struct Opinions {
  std::vector<Opinion> pairs;
};

Opinions by_majority(const Votes& votes);
Opinions by_dawid_skene(const Votes& votes, std::size_t annotators, const CombineOptions& options,
                        CombineSummary& summary);
Opinions by_bradley_terry(const Votes& votes, const CombineOptions& options);
Opinions by_plackett_luce(const Votes& votes, const std::vector<CombineAnnotator>& annotators,
                          const CombineOptions& options);
Opinions by_latent_utility(const Votes& votes, const std::vector<CombineAnnotator>& annotators,
                           const CombineOptions& options, int threads, CombineSummary& summary);
Opinions by_cascade(const Votes& votes, const std::vector<CombineAnnotator>& annotators, const CombineOptions& options,
                    CombineSummary& summary);

}  // namespace ballot
