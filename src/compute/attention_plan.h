// Who attends to whom in a forest, cut into blocks for the kernel. Made once a batch, used by every layer.
//
// A token sees the tokens on its path from the root up to itself; with a window W only those of the last W positions.
// Keys of one run stand at consecutive positions, so what a query sees of a run is always one interval of keys, given
// by positions alone: the kernel needs no mask and no case for causal, prefix or window.
//
// Queries are cut into blocks of neighbouring tokens. All queries of a block below the same ancestor meet its keys in
// one dense product, so that sixty completions of three tokens cost the prompt as little as one of a hundred and
// eighty.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "compute/forest.h"

namespace ballot {

class AttentionPlan {
 public:
  /// A run as attention sees it: which queries are its, and where its keys stand (some may be older than the queries).
  struct Run {
    std::int32_t parent = -1;                     ///< a smaller index, or -1
    std::int64_t query_begin = 0, query_end = 0;  ///< its queries, the last tokens of the run
    std::int32_t source = 0;                      ///< in which tensor of keys its keys stand (training has one)
    std::int64_t key_begin = 0, key_end = 0;      ///< its keys there, in order of position
    std::int64_t position = 0;                    ///< of its first key
  };
  /// Queries [row_begin, row_end) against keys [key_begin, key_end) of a source; `position` is the first key's.
  struct Segment {
    std::int64_t row_begin, row_end;
    std::int32_t source;
    std::int64_t key_begin, key_end, position;
  };
  struct Block {
    std::int64_t begin, end;  ///< queries
    std::size_t segment_begin, segment_end;
    double cost;  ///< score entries computed
  };

  /// Every token is a query and a key. `window` 0: none.
  explicit AttentionPlan(const Forest& forest, std::int64_t window = 0);
  /// Runs whose queries, taken in order, are 0, 1, 2, ...
  AttentionPlan(std::span<const Run> runs, std::int64_t window);

  std::int64_t queries() const { return static_cast<std::int64_t>(positions_.size()); }
  std::int64_t window() const { return window_; }
  const std::vector<std::int64_t>& positions() const { return positions_; }  ///< of the queries
  const std::vector<Block>& blocks() const { return blocks_; }
  const std::vector<Segment>& segments() const { return segments_; }

 private:
  void build(std::span<const Run> runs);
  std::int64_t window_;
  std::vector<std::int64_t> positions_;
  std::vector<Block> blocks_;
  std::vector<Segment> segments_;
};

}  // namespace ballot
