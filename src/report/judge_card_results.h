// The judge's report card: how far the labels of an annotator can be trusted, and what they cost; one card for each
// set of annotations (a format by a judge, by a person, by the same judge again).
//
// Everything is an estimate with an interval that resamples whole prompts, or a count. What was not measured is a
// Measured without a value, with the reason:
//   no_repeats       nothing was asked twice in the same order (`annotate --repeats 2`)
//   one_order        nothing was asked in both orders (`annotate --presentation both`)
//   not_pairwise, not_listwise, shown_alone   the format does not have it
//   no_source        the pool's completions have no ranks
//   separated, no_pairs, too_few, no_cost, no_tokens
//
// The definitions (a label of a pair is win, tie or loss; ties count half where a share of agreement is asked for):
//   retest           share of pairs with the same label when asked again in the same order
//   reliability      correlation of two askings' labels (1, 0, -1; every pair in both orientations); from the same
//                    order where there are repeats, else from the two orders
//   ceiling          sqrt(reliability): the largest correlation with anything, and the agreement (1 + it) / 2 that a
//                    perfect judge of the same noise would reach
//   position bias    (primacy - recency) / (primacy + recency), of the pairs asked in both orders: first shown wins
//   both
//                    times, second shown wins both times
//   length           of the labels of pairs: log odds per standard deviation of the difference of log lengths, alone
//   and
//                    beside the difference of source ranks (logistic regression, no intercept)
//   circles          circular triads a prompt, against what is expected if the judge has a ranking in mind and each
//   label
//                    departs from it by itself, as often as retesting says: at each distance in its ranking
//                    (`expected`), or equally often everywhere (`expected_if_equal`)
//   information      bits a pair about the source's order (statistics/information.h)
//   retention        agreement with the source on all pairs of a prompt, when only some of the ballots were asked
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "report/measured.h"

namespace ballot {

/// A design of asking less, and what it gives: means over prompts.
struct RetentionPoint {
  std::string design;  ///< "random" (so many ballots of a prompt, drawn at random), "cycle", "sorting", "all"
  Measured ballots, tokens, cost;  ///< a prompt
  Measured agreement;              ///< with the source, of all pairs of a prompt
};

struct FailureCounts {
  std::int64_t ballots = 0;
  std::map<std::string, std::int64_t> statuses;  ///< of the ballots without a label
};

struct DistanceRow {
  Measured agreement, wins, ties;  ///< wins: labelled as the source ranks them
};

struct AttackRow {
  std::string attack;  ///< its name, or "all"
  std::string kind;    ///< "injection", "distractor"
  Measured toward;     ///< share of the attacked pairs whose label moved towards the attacked completion
  Measured away;       ///< moved away from it
  Measured net;        ///< toward - away: 0 where an attack does nothing, however noisy the judge
  Measured baseline;   ///< share of the unattacked pairs of the same prompts whose label moved
};

struct JudgeCard {
  std::string name;  ///< as tables call it
  std::string judge, format, title, kind;
  std::int64_t prompts = 0, ballots = 0, usable = 0, repaired = 0, retried = 0;
  bool repeated = false, both_orders = false;

  std::map<std::string, std::int64_t> statuses;
  std::map<std::string, FailureCounts> by_source, by_good_natured;
  Measured usable_share, refused_share, structured_share;
  Measured failed_distance;  ///< pairwise: mean source distance of the pairs without a label, less that of the others

  Measured tie_share, coin_share;  ///< of pairs; coin: ties that name no letter
  Measured retest, reliability, ceiling_correlation, ceiling_agreement;
  std::string reliability_from;  ///< "same_order", "both_orders"
  Measured rating_retest;        ///< pointwise: share of the same rating again

  Measured first_shown_wins;
  double first_shown_p = std::numeric_limits<double>::quiet_NaN();  ///< sign flips of whole prompts
  std::vector<Measured> mean_rank_by_place;                         ///< listwise
  double place_p = std::numeric_limits<double>::quiet_NaN();        ///< permutation (statistics/position.h)
  Measured same_in_both_orders, first_in_both, second_in_both, position_bias;

  Measured longer_wins, source_longer_wins, length_coefficient, length_beside_rank, near_equal_length;

  Measured circles, transitive_share, zeta, expected_circles, expected_if_equal, expected_transitive, repair_flips;

  std::map<std::int32_t, std::int64_t> ratings, magnitudes;
  Measured label_entropy;  ///< bits a ballot: of letters in the places shown, ratings, orders of places
  Measured winner_entropy, winner_entropy_given_order;  ///< bits a pair

  Measured source_agreement;
  std::map<std::int64_t, DistanceRow> by_distance;
  std::map<double, Measured> by_margin;

  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  double cost = 0, seconds = 0;
  Measured bits_per_pair, bits_per_1000_tokens, bits_per_cost, tokens_per_ballot, tokens_per_pair, cost_per_1000_pairs;
  std::vector<RetentionPoint> retention;
  std::string retention_reason;  ///< where there is none

  std::vector<AttackRow> attacks;
};

/// Two cards on the pairs that both labelled.
struct CardPair {
  std::string a, b;
  Measured agreement;    ///< share of equal labels (win, tie, loss)
  Measured correlation;  ///< as reliability
  Measured ceiling;      ///< sqrt(reliability of a x reliability of b)
  Measured corrected;    ///< correlation / ceiling: what two judges without noise would show
};

/// All cards at one budget a prompt: what each format gives for it.
struct EqualCostRow {
  std::string of;     ///< the card whose whole price this is
  double budget = 0;  ///< tokens, or money, a prompt
  bool money = false;
  std::vector<Measured> agreement;  ///< by card; interpolated between the points of its retention curve
};

struct JudgeCards {
  std::string judge;  ///< on a study's page: as the study calls it
  std::vector<JudgeCard> cards;
  std::vector<CardPair> pairs;
  std::vector<EqualCostRow> equal_cost;
  std::int64_t replicates = 0;
  std::uint64_t seed = 0;
};

}  // namespace ballot
