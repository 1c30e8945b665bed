// internal to statistics: agreement on scales with many values (scores), for one set of weights per cluster.
//
// The tables of all pairs of categories would be mostly empty here, so every statistic is computed from the units:
// categories are renumbered to those that occur, orders are prepared once, and a replicate only weighs.
#pragma once
#include "statistics/agreement.h"

namespace ballot {

class LongScale {
 public:
  LongScale(const Ratings& ratings, Level level, bool pairs);
  std::size_t pair_count() const { return pairs_.size(); }
  std::size_t pair_units(std::size_t pair) const { return pairs_[pair].entries.size(); }
  /// `times`: how often each cluster is present.
  OverallStatistics overall(std::span<const std::uint32_t> times) const;
  PairStatistics pair(std::size_t pair, std::span<const std::uint32_t> times) const;

 private:
  struct Entry {
    std::uint32_t a, b, cluster;  // places among the pair's own categories
  };
  struct Pair {
    std::vector<std::int32_t> codes;  // the pair's categories, ascending
    std::vector<Entry> entries;       // by a, then b
  };
  const Ratings& ratings_;
  Level level_;
  std::vector<Pair> pairs_;
};

}  // namespace ballot
