// Agreement between raters who put units into categories, corrected for chance.
//
// Every statistic here is a function of a few sums over units (how often values k and l met in a unit, how often rater
// a said k where rater b said l), so the same functions serve a table, a bootstrap replicate
// (statistics/agreement_bootstrap.h) and a jackknife. Sums are whole numbers held in doubles: exact, and the same in
// any order.
//     q categories    m ratings in a unit    o_kl coincidences    w_kl agreement weights, 1 on the diagonal
// Sources: Krippendorff 2011 (alpha), Fleiss 1971, Cohen 1960 and 1968, Scott 1955, Conger 1980, Gwet 2008 and 2014
// (AC1, AC2, and the convention for missing values), Bennett 1954.
#pragma once
#include <span>
#include <vector>

#include "statistics/estimate.h"
#include "statistics/ratings.h"

namespace ballot {

/// How much two different categories agree: kIdentity 0; linear and quadratic by the distance of their values over the
/// range; ordinal 1 - C(|k-l|+1, 2) / C(q, 2).
enum class Weighting { kIdentity, kLinear, kQuadratic, kOrdinal };
/// q x q.
std::vector<double> agreement_weights(Weighting weighting, std::span<const double> values);

/// What units say by themselves, whoever said it. Units are grouped by m, so that division by m-1 comes after the
/// summing.
struct UnitCounts {
  std::span<const double> values;    ///< q: the scale
  std::span<const int> sizes;        ///< the values of m >= 2 that occur
  std::span<const double> meetings;  ///< sizes x q x q: sum over units of n_uk (n_ul - [k = l])
  std::span<const double> singles;   ///< q: the values of units with one rating
};

/// Krippendorff's alpha; units with one rating play no part.
Estimate krippendorff_alpha(const UnitCounts& counts, Level level);
/// Mean over units with m >= 2 of the share of pairs of ratings that agree (weighted where weights are given).
Estimate percent_agreement(const UnitCounts& counts, std::span<const double> weights = {});
/// Chance from the mean shares pi_k over units with m >= 1. Equal m: Fleiss' own; two raters: Scott's pi.
Estimate fleiss_kappa(const UnitCounts& counts, std::span<const double> weights = {});
/// AC1; AC2 with weights. Categories that nobody used count, so the scale must be the format's.
Estimate gwet_ac(const UnitCounts& counts, std::span<const double> weights = {});
/// Chance 1/q (Brennan-Prediger with weights; Randolph's free-marginal kappa for many raters).
Estimate bennett_s(const UnitCounts& counts, std::span<const double> weights = {});
/// Cohen's for many raters: chance from each rater's own shares. `margins`: R x q, how often rater r said k.
Estimate conger_kappa(const UnitCounts& counts, std::span<const double> margins, std::span<const double> weights = {});

/// Two raters' cross table, q x q, row by row: how often a said k where b said l. Units that one of them left out are
/// not in it.
struct PairTable {
  std::span<const double> values;  ///< q: the scale
  std::span<const double> cells;   ///< q x q
  std::size_t categories() const { return values.size(); }
  double total() const;
};

enum class Disagreement { kNominal, kLinear, kQuadratic };  ///< [k != l], |k-l|, (k-l)^2 of the categories' places
Estimate cohen_kappa(const PairTable& table, Disagreement disagreement = Disagreement::kNominal);
Estimate scott_pi(const PairTable& table);
Estimate percent_agreement(const PairTable& table);
Estimate krippendorff_alpha(const PairTable& table, Level level);
/// Of the categories' values.
Estimate pearson(const PairTable& table);
/// Of mid-ranks.
Estimate spearman(const PairTable& table);
Estimate kendall_tau_b(const PairTable& table);

/// All statistics of one pair of raters at once (the margins are taken once: this is what a bootstrap calls).
struct PairStatistics {
  Estimate krippendorff_alpha, cohen_kappa, cohen_kappa_linear, cohen_kappa_quadratic, fleiss_kappa, pearson, spearman,
      kendall_tau_b, percent_agreement;
};
PairStatistics pair_statistics(const PairTable& table, Level level);

/// All statistics of a table of raters at once. AC2 weighs as its level says: ordinal, or quadratic for interval and
/// ratio.
struct OverallStatistics {
  Estimate krippendorff_alpha, fleiss_kappa, percent_agreement, gwet_ac1, gwet_ac2, conger_kappa, bennett_s;
};
OverallStatistics overall_statistics(const UnitCounts& counts, std::span<const double> margins, Level level);
Weighting weighting_of(Level level);

/// The statistics by name, in the order of results: what a bootstrap loops over and JSON shows.
struct OverallStatistic {
  std::string_view name;
  Estimate OverallStatistics::* member;
};
inline constexpr OverallStatistic kOverallStatistics[] = {
    {"krippendorff_alpha", &OverallStatistics::krippendorff_alpha},
    {"fleiss_kappa", &OverallStatistics::fleiss_kappa},
    {"percent_agreement", &OverallStatistics::percent_agreement},
    {"gwet_ac1", &OverallStatistics::gwet_ac1},
    {"gwet_ac2", &OverallStatistics::gwet_ac2},
    {"conger_kappa", &OverallStatistics::conger_kappa},
    {"bennett_s", &OverallStatistics::bennett_s}};
struct PairStatistic {
  std::string_view name;
  Estimate PairStatistics::* member;
};
inline constexpr PairStatistic kPairStatistics[] = {{"krippendorff_alpha", &PairStatistics::krippendorff_alpha},
                                                    {"cohen_kappa", &PairStatistics::cohen_kappa},
                                                    {"cohen_kappa_linear", &PairStatistics::cohen_kappa_linear},
                                                    {"cohen_kappa_quadratic", &PairStatistics::cohen_kappa_quadratic},
                                                    {"fleiss_kappa", &PairStatistics::fleiss_kappa},
                                                    {"pearson", &PairStatistics::pearson},
                                                    {"spearman", &PairStatistics::spearman},
                                                    {"kendall_tau_b", &PairStatistics::kendall_tau_b},
                                                    {"percent_agreement", &PairStatistics::percent_agreement}};

/// The sums of a whole table: owns what UnitCounts points to.
struct AgreementCounts {
  std::vector<double> values;
  std::vector<int> sizes;
  std::vector<double> meetings, singles;
  std::vector<double> margins;                   ///< R x q
  std::vector<std::vector<double>> pair_tables;  ///< by pair (0,1), (0,2), ..., (R-2,R-1): q x q
  UnitCounts units() const { return {values, sizes, meetings, singles}; }
  PairTable pair(std::size_t index) const { return {values, pair_tables[index]}; }
};
AgreementCounts count_agreement(const Ratings& ratings);

}  // namespace ballot
