// internal to statistics: the columns of a ClusterSums, packed so that adding up the rows of a replicate is fast.
//
// Columns that are zero everywhere or equal to an earlier one are kept once; the rest lie in strips of at most four
// vectors, a strip's rows one after another, as 16-bit or 32-bit whole numbers where all are, else as doubles. 16-bit
// sums are widened before they can overflow.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "core/random.h"
#include "statistics/bootstrap.h"

namespace ballot {

class PackedColumns {
 public:
  explicit PackedColumns(const ClusterSums& sums);
  ~PackedColumns();
  PackedColumns(const PackedColumns&) = delete;
  PackedColumns& operator=(const PackedColumns&) = delete;
  /// out[c] = sum over the clusters in `index` of column c. Thread-safe.
  void sum(std::span<const std::uint32_t> index, std::span<double> out) const;

  struct Rows;

 private:
  std::unique_ptr<Rows> rows_;
  std::vector<std::int32_t> place_;  // where a column lies among the kept ones; -1: zero
  std::size_t kept_ = 0;
};

/// Each of the clusters 0 .. room.size() - 1 with probability one half, by one bit of the stream: what a test turns
/// round or swaps. Returns the part of `room` that holds them, in order.
std::span<const std::uint32_t> random_half(Random& random, std::span<std::uint32_t> room);

}  // namespace ballot
