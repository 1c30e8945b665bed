// Every agreement statistic of a table of ratings with its interval by cluster bootstrap.
//
// Short scales (labels): the sums of statistics/agreement.h per cluster, so that a replicate costs a sum of rows.
// Long scales (scores, more than kShortScale categories): each replicate weighs the units, with orders prepared once.
#pragma once
#include <string>
#include <vector>

#include "statistics/agreement.h"
#include "statistics/bootstrap.h"

namespace ballot {

enum class IntervalMethod { kBca, kPercentile };

struct AgreementOptions {
  Level level = Level::kNominal;
  std::int64_t replicates = 2000;  ///< 0: no intervals
  std::uint64_t seed = 0;
  int threads = 0;
  IntervalMethod interval = IntervalMethod::kBca;
  bool pairs = true;  ///< also every pair of raters
};

/// More categories than this, and tables of all pairs of categories would be mostly empty.
inline constexpr std::size_t kShortScale = 16;

struct Statistic {
  Estimate estimate;
  Interval interval;
  double undefined_share = 0;  ///< of the replicates: left out of the interval
};

struct PairAgreement {
  std::size_t a = 0, b = 0;           ///< raters
  std::size_t n = 0;                  ///< units that both rated
  std::vector<Statistic> statistics;  ///< as kPairStatistics
};

struct Agreement {
  std::size_t units = 0, raters = 0, values = 0, clusters = 0, categories = 0;
  std::vector<Statistic> overall;  ///< as kOverallStatistics
  std::vector<PairAgreement> pairs;
};

Agreement measure_agreement(const Ratings& ratings, const AgreementOptions& options);

const Statistic& overall_of(const Agreement& agreement, std::string_view name);
const Statistic& pair_of(const PairAgreement& pair, std::string_view name);

/// Do raters a and b agree differently often with a reference? Over the units that all three rated: the difference of
/// their shares of agreement, its interval on the same draws, and p by flipping the sign of whole clusters.
struct AgreementContrast {
  std::size_t n = 0, clusters = 0;
  double difference = std::numeric_limits<double>::quiet_NaN();
  Interval interval;
  double p = std::numeric_limits<double>::quiet_NaN();
};
AgreementContrast compare_agreement(const Ratings& ratings, std::size_t a, std::size_t b, std::size_t reference,
                                    const AgreementOptions& options);

}  // namespace ballot
