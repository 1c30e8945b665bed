// Several annotators into one: the labels of several judges or formats on the same pairs, as one more preference set.
//
// Whatever the method, its result is on one scale: p, the probability that the first of a pair is better, and the
// margin |log(p / (1-p))|, the log odds of the direction chosen.
//   majority        p: the share of votes (a tie is half a vote each way); margin from (votes + 1/2) / (all + 1)
//   dawid_skene     p: the posterior of the true label, each annotator weighed by its estimated errors; every pair in
//                   both orientations, so that no annotator can lean to one side
//   bradley_terry   strengths of a prompt's completions from the votes on its pairs; p from their difference
//   plackett_luce   the same from rankings: those that were given, the order of scores, of pairs that contradict
//                   nowhere; other pairs as rankings of two
//   latent          one utility a completion behind choices, degrees, scores and rankings alike
//                   (statistics/latent_utility.h); the unit is the first annotator's log odds. Of preferences files
//                   only the choices are known
//   cascade         the first annotator labels; a pair that it leaves open (a tie, or a margin of at most
//                   --uncertain-margin) is labelled by the next that has it, and so on. p: how often labels of that
//                   annotator with that margin agree with the others' on all pairs
// A pair stands in the result where any annotator labelled it. p = 1/2 is a tie.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "formats/binarize.h"

namespace ballot {

struct CombineOptions {
  std::string method = "majority";
  std::string confidence = "target";  ///< target: p as a soft target; weight: |2p - 1| as the row's weight; none
  std::string ties = "soft";          ///< soft, drop, random, keep: as binarize
  double prior = 0.1;                 ///< wins each way between every two completions (bradley_terry, plackett_luce)
  double smoothing = 0.01;            ///< of the error counts (dawid_skene)
  double utility_deviation = 2;       ///< of the utilities' prior (latent)
  std::vector<double> uncertain_margin = {1};  ///< cascade: one for all annotators, or one each
};
void visit_options(OptionVisitor& visit, CombineOptions& options);

/// One annotator: its pairs, and its ballots where there are any.
struct CombineAnnotator {
  std::string name;
  std::vector<Preference> rows;                  ///< as binarize() gives them with ties "keep"
  std::optional<FormatAnnotations> annotations;  ///< scores, degrees, rankings, tokens
};

struct CombineSummary {
  struct Annotator {
    std::string name;
    std::int64_t pairs = 0, ties = 0;
    double agreement = 0;                       ///< with the result, ties half; NaN without pairs
    std::optional<double> discrimination;       ///< latent
    std::vector<double> thresholds;             ///< latent
    std::vector<double> confusion;              ///< dawid_skene: rows are the truth (worse, tie, better)
    std::optional<std::int64_t> decided;        ///< cascade: pairs whose label is this one's
    std::int64_t tokens = 0;                    ///< of all its ballots
    std::optional<std::int64_t> tokens_needed;  ///< cascade: of the ballots about pairs that reach it
  };
  std::vector<Annotator> annotators;
  std::int64_t pairs = 0, ties = 0;
  std::map<std::string, std::int64_t> dropped;
  double mean_target = 0;
  std::optional<bool> converged;
  std::int64_t iterations = 0;
};
Json to_json(const CombineSummary& summary);

struct Combined {
  std::vector<Preference> rows;  ///< prompts in the order of the annotators' rows, within a prompt by pair id
  CombineSummary summary;
};

/// Throws Error (usage) with fewer than two annotators or an unknown method, (input) where an annotator has a pair
/// twice or two disagree on a pair's texts, split or ranks.
Combined combine(const std::vector<CombineAnnotator>& annotators, const CombineOptions& options, std::uint64_t seed,
                 int threads);

struct CombineRequest {
  std::vector<std::string> inputs;  ///< preferences files, or folders of `annotate`; NAME=PATH names one
  std::optional<std::string> pool;  ///< of annotations; default: the one their manifest names
  std::string out;
  CombineOptions options;
  std::int64_t seed = 0;
  int threads = 0;
  bool force = false;
};
/// Writes preferences.parquet and its manifest.
CombineSummary combine_files(const CombineRequest& request);

}  // namespace ballot
