// compare_statistics of agreement_tests.h: every two raters' agreement with a reference on one set of draws.
#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/suggest.h"
#include "statistics/agreement_tests.h"
#include "statistics/packed_columns.h"
#include "statistics/tests.h"

namespace ballot {
namespace {

constexpr std::size_t kColumns = 4096;  // at a time: bounds the memory of tables with many raters
constexpr std::size_t kChunk = 32;      // swaps a thread takes at a time

using RaterPair = std::pair<std::size_t, std::size_t>;

Interval interval_of(const Bootstrap& result, std::size_t statistic, const AgreementOptions& options) {
  return options.interval == IntervalMethod::kBca
             ? bca_interval(result.estimates[statistic], result.samples_of(statistic), result.jackknife_of(statistic))
             : percentile_interval(result.samples_of(statistic));
}

/// What one statistic needs of the units that all three rated.
class Contrasts {
 public:
  Contrasts(const Ratings& ratings, std::span<const RaterPair> pairs, std::size_t reference,
            Estimate PairStatistics::* member, const AgreementOptions& options)
      : ratings_(ratings),
        options_(options),
        member_(member),
        cells_(ratings.categories() * ratings.categories()),
        width_(plain() ? 2 : 2 * cells_),
        sums_(ratings.cluster_count(), pairs.size() * width_),
        out_(pairs.size()) {
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      std::vector<bool> rated(ratings.cluster_count(), false);
      for (std::size_t u = 0; u < ratings.units(); ++u) {
        const std::int32_t x = ratings.code(u, pairs[p].first), y = ratings.code(u, pairs[p].second),
                           z = ratings.code(u, reference);
        if (x < 0 || y < 0 || z < 0) continue;
        ++out_[p].n;
        rated[ratings.cluster_of(u)] = true;
        add(ratings.cluster_of(u), p * width_, x, y, z);
      }
      out_[p].clusters = static_cast<std::size_t>(std::count(rated.begin(), rated.end(), true));
      rated_.push_back(std::move(rated));
    }
  }

  std::vector<AgreementContrast> measure() {
    const Bootstrap result = bootstrap(
        sums_, out_.size(),
        [&](std::span<const double> sums, std::span<double> values) {
          for (std::size_t p = 0; p < values.size(); ++p) values[p] = difference(sums.subspan(p * width_, width_));
        },
        {.replicates = options_.replicates, .seed = options_.seed, .threads = options_.threads, .strata = {}});
    for (std::size_t p = 0; p < out_.size(); ++p) {
      if (out_[p].n == 0) continue;
      out_[p].difference = result.estimates[p];
      if (options_.replicates > 0 && !std::isnan(out_[p].difference))
        out_[p].interval = interval_of(result, p, options_);
    }
    if (options_.replicates > 0) {
      if (plain())
        flip();
      else
        swap();
    }
    return out_;
  }

 private:
  /// The difference of shares of agreement needs two columns: units, and by how many more a agrees than b. Others: the
  /// cross table of a and the reference, then that of b and the reference.
  bool plain() const { return member_ == &PairStatistics::percent_agreement; }

  void add(std::size_t cluster, std::size_t column, std::int32_t x, std::int32_t y, std::int32_t z) {
    if (plain()) {
      sums_.at(cluster, column) += 1;
      sums_.at(cluster, column + 1) += (x == z) - (y == z);
      return;
    }
    const auto q = static_cast<std::int32_t>(ratings_.categories());
    for (int orientation = 0; orientation <= (ratings_.both_orientations ? 1 : 0); ++orientation) {
      const auto code = [&](std::int32_t c) { return static_cast<std::size_t>(orientation == 0 ? c : q - 1 - c); };
      sums_.at(cluster, column + code(x) * static_cast<std::size_t>(q) + code(z)) += 1;
      sums_.at(cluster, column + cells_ + code(y) * static_cast<std::size_t>(q) + code(z)) += 1;
    }
  }

  double difference(std::span<const double> sums) const {
    if (plain()) return sums[0] == 0 ? std::numeric_limits<double>::quiet_NaN() : sums[1] / sums[0];
    const PairStatistics one = pair_statistics({ratings_.values, sums.subspan(0, cells_)}, options_.level);
    const PairStatistics two = pair_statistics({ratings_.values, sums.subspan(cells_, cells_)}, options_.level);
    return (one.*member_).value - (two.*member_).value;
  }

  /// p of shares: flips the sign of whole clusters, those that all three rated.
  void flip() {
    for (std::size_t p = 0; p < out_.size(); ++p) {
      if (out_[p].n == 0) continue;
      std::vector<double> differences;
      for (std::size_t c = 0; c < sums_.clusters(); ++c)
        if (rated_[p][c]) differences.push_back(sums_.row(c)[p * width_ + 1]);
      out_[p].p = sign_flip_test(differences,
                                 {.flips = options_.replicates, .seed = options_.seed, .threads = options_.threads})
                      .p;
    }
  }

  /// p of others: where a and b are alike, whose label is whose in a cluster does not matter. Swapping a cluster adds
  /// the difference of its two tables to one sum and takes it from the other.
  void swap() {
    ClusterSums changes(sums_.clusters(), out_.size() * cells_);
    std::vector<double> total(sums_.columns(), 0);
    for (std::size_t c = 0; c < sums_.clusters(); ++c) {
      const std::span<const double> row = sums_.row(c);
      for (std::size_t column = 0; column < row.size(); ++column) total[column] += row[column];
      for (std::size_t p = 0; p < out_.size(); ++p)
        for (std::size_t cell = 0; cell < cells_; ++cell)
          changes.at(c, p * cells_ + cell) = row[p * width_ + cells_ + cell] - row[p * width_ + cell];
    }
    const PackedColumns rows(changes);
    const auto draws = static_cast<std::size_t>(options_.replicates);
    std::vector<double> swapped(out_.size() * draws);
    parallel_for((draws + kChunk - 1) / kChunk, options_.threads, [&](std::size_t chunk) {
      check_interrupt();
      std::vector<std::uint32_t> room(changes.clusters());
      std::vector<double> change(changes.columns()), sums(width_);
      for (std::size_t draw = chunk * kChunk; draw < std::min(draws, (chunk + 1) * kChunk); ++draw) {
        Random random(options_.seed, "swap raters", draw);
        rows.sum(random_half(random, room), change);
        for (std::size_t p = 0; p < out_.size(); ++p) {
          for (std::size_t cell = 0; cell < cells_; ++cell) {
            sums[cell] = total[p * width_ + cell] + change[p * cells_ + cell];
            sums[cells_ + cell] = total[p * width_ + cells_ + cell] - change[p * cells_ + cell];
          }
          swapped[p * draws + draw] = difference(sums);
        }
      }
    });
    for (std::size_t p = 0; p < out_.size(); ++p) {
      if (std::isnan(out_[p].difference)) continue;
      const double observed = std::fabs(out_[p].difference);
      const auto first = swapped.begin() + static_cast<std::ptrdiff_t>(p * draws);
      const auto as_large = std::count_if(first, first + static_cast<std::ptrdiff_t>(draws), [&](double d) {
        return std::isnan(d) || std::fabs(d) >= observed - 1e-12;  // what cannot be told counts against the claim
      });
      out_[p].p = static_cast<double>(1 + as_large) / static_cast<double>(draws + 1);
    }
  }

  const Ratings& ratings_;
  const AgreementOptions& options_;
  Estimate PairStatistics::* member_;
  std::size_t cells_, width_;
  ClusterSums sums_;
  std::vector<AgreementContrast> out_;
  std::vector<std::vector<bool>> rated_;
};

}  // namespace

std::vector<AgreementContrast> compare_statistics(const Ratings& ratings, std::span<const RaterPair> pairs,
                                                  std::size_t reference, std::string_view statistic,
                                                  const AgreementOptions& options) {
  std::vector<std::string> names;
  Estimate PairStatistics::* member = nullptr;
  for (const PairStatistic& known : kPairStatistics) {
    names.emplace_back(known.name);
    if (known.name == statistic) member = known.member;
  }
  if (member == nullptr)
    throw wrong_usage("unknown statistic '{}'{}", statistic, did_you_mean(std::string(statistic), names));
  const std::size_t q = ratings.categories();
  const bool plain = member == &PairStatistics::percent_agreement;
  if (!plain && q > kShortScale)
    throw wrong_usage("differences of {} are measured on scales of up to {} categories, not {}", statistic, kShortScale,
                      q);
  const std::size_t width = plain ? 2 : std::max<std::size_t>(1, 2 * q * q);
  const std::size_t at_once = std::max<std::size_t>(1, kColumns / width);
  std::vector<AgreementContrast> out;
  for (std::size_t begin = 0; begin < pairs.size(); begin += at_once)
    for (AgreementContrast& contrast :
         Contrasts(ratings, pairs.subspan(begin, std::min(at_once, pairs.size() - begin)), reference, member, options)
             .measure())
      out.push_back(contrast);
  return out;
}

AgreementContrast compare_statistic(const Ratings& ratings, std::size_t a, std::size_t b, std::size_t reference,
                                    std::string_view statistic, const AgreementOptions& options) {
  const RaterPair pair{a, b};
  return compare_statistics(ratings, {&pair, 1}, reference, statistic, options).front();
}

AgreementContrast compare_agreement(const Ratings& ratings, std::size_t a, std::size_t b, std::size_t reference,
                                    const AgreementOptions& options) {
  return compare_statistic(ratings, a, b, reference, "percent_agreement", options);
}

}  // namespace ballot
