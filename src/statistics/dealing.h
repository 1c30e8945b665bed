// internal to statistics: labels dealt anew, cluster by cluster, for the permutation test of chance agreement.
//
// A permutation exchanges whole clusters of the same number of units, and shuffles the units of each. Both are
// Fisher-Yates shuffles whose draws are leading digits of a few random words. Where labels fit into bytes and a cluster
// into 16 of them, several steps of a shuffle are one table look-up and one byte shuffle (AVX2): the leading digits of
// a fraction in the radices 2, 3, ..., 6 are one digit in the radix 720, and the digit names one of 720 shuffles. The
// draws, and so the results, are those of one step at a time.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/random.h"
#include "statistics/ratings.h"

namespace ballot {

/// The units that count, cluster by cluster, clusters with equally many units together.
struct Blocks {
  struct Size {
    std::uint32_t units = 0, clusters = 0;
    std::size_t first = 0;  ///< place of its first unit
  };
  std::vector<std::uint32_t> units;
  std::vector<Size> sizes;
  std::size_t clusters = 0;
  std::size_t fixed = 0;  ///< clusters that have no other one of their size
};
Blocks blocks_of(const Ratings& ratings, const std::vector<bool>& counts);

/// Agreement of pairs of raters when the second one's labels are dealt anew.
template <class Code>
class Dealing {
 public:
  using RaterPair = std::pair<std::size_t, std::size_t>;
  /// `pairs`: of raters who have labelled all units of the blocks. `by_step`: no tables, to be compared with.
  Dealing(const Ratings& ratings, Blocks blocks, std::vector<RaterPair> pairs, bool by_step = false);

  const Blocks& blocks() const { return blocks_; }
  /// How often the labels of a pair are equal as they are.
  std::int64_t observed(std::size_t pair) const;

  /// Of one thread.
  struct Room {
    std::vector<std::uint32_t> order, partner;
    std::vector<std::vector<Code>> theirs;
  };
  /// sums[p]: how often the labels of pair p are equal in the permutation that `random` draws.
  void deal(Random random, Room& room, std::span<std::int64_t> sums) const;

 private:
  Blocks blocks_;
  std::vector<RaterPair> pairs_;
  std::vector<std::size_t> dealt_;        // raters whose labels are dealt: the second ones
  std::vector<std::vector<Code>> codes_;  // by rater, in the blocks' order; some room behind
  bool by_table_ = false;
};

extern template class Dealing<std::uint8_t>;
extern template class Dealing<std::uint32_t>;

}  // namespace ballot
