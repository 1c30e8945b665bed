#include "compute/attention_plan.h"

#include <algorithm>
#include <unordered_map>

namespace ballot {
namespace {
/// Queries a block. Products of 64 rows by 128 keys reach nine tenths of the speed of large ones and waste little on
/// the diagonal; both score tiles of a head stay in the second-level cache.
constexpr std::int64_t kBlock = 64;
}  // namespace

AttentionPlan::AttentionPlan(const Forest& forest, std::int64_t window) : window_(window) {
  std::vector<Run> runs(forest.runs());
  for (std::int32_t r = 0; r < forest.runs(); ++r) {
    const std::int64_t begin = forest.run_begin[r], end = forest.run_begin[r + 1];
    runs[r] = {forest.parent[r], begin, end, 0, begin, end, forest.depth(r)};
  }
  build(runs);
}

AttentionPlan::AttentionPlan(std::span<const Run> runs, std::int64_t window) : window_(window) {
  build(runs);
}

void AttentionPlan::build(std::span<const Run> runs) {
  std::vector<std::int32_t> with_queries;
  for (std::size_t r = 0; r < runs.size(); ++r)
    if (runs[r].query_end > runs[r].query_begin) with_queries.push_back(static_cast<std::int32_t>(r));
  std::sort(with_queries.begin(), with_queries.end(),
            [&](std::int32_t a, std::int32_t b) { return runs[a].query_begin < runs[b].query_begin; });
  for (const std::int32_t r : with_queries) {
    const Run& run = runs[r];
    const std::int64_t first = run.position + (run.key_end - run.key_begin) - (run.query_end - run.query_begin);
    for (std::int64_t q = run.query_begin; q < run.query_end; ++q) positions_.push_back(first + q - run.query_begin);
  }

  std::size_t next = 0;  // into with_queries: the run that holds the block's first query
  for (std::int64_t begin = 0; begin < queries(); begin += kBlock) {
    const std::int64_t end = std::min(begin + kBlock, queries());
    Block block{begin, end, segments_.size(), 0, 0};
    while (runs[with_queries[next]].query_end <= begin) ++next;
    std::unordered_map<std::int32_t, std::size_t> open;  // ancestor -> its last segment in this block
    for (std::size_t i = next; i < with_queries.size() && runs[with_queries[i]].query_begin < end; ++i) {
      const std::int32_t r = with_queries[i];
      const std::int64_t row_begin = std::max(begin, runs[r].query_begin), row_end = std::min(end, runs[r].query_end);
      for (std::int32_t a = r; a >= 0; a = runs[a].parent) {
        const Run& ancestor = runs[a];
        // Of its own run a query sees the keys up to itself.
        const std::int64_t key_end = a == r ? ancestor.key_end - (ancestor.query_end - row_end) : ancestor.key_end;
        if (key_end == ancestor.key_begin) continue;
        const auto known = open.find(a);
        if (known != open.end() && segments_[known->second].row_end == row_begin &&
            segments_[known->second].key_end == key_end) {
          segments_[known->second].row_end = row_end;
          continue;
        }
        open[a] = segments_.size();
        segments_.push_back({row_begin, row_end, ancestor.source, ancestor.key_begin, key_end, ancestor.position});
      }
    }
    if (window_ > 0) {
      std::size_t kept = block.segment_begin;
      for (std::size_t s = block.segment_begin; s < segments_.size(); ++s) {
        Segment segment = segments_[s];
        const auto rows = std::span(positions_).subspan(segment.row_begin, segment.row_end - segment.row_begin);
        const std::int64_t out_of_sight = *std::min_element(rows.begin(), rows.end()) - window_ + 1 - segment.position;
        if (out_of_sight > 0) segment.key_begin += out_of_sight, segment.position += out_of_sight;
        if (segment.key_begin < segment.key_end) segments_[kept++] = segment;
      }
      segments_.resize(kept);
    }
    block.segment_end = segments_.size();
    for (std::size_t s = block.segment_begin; s < block.segment_end; ++s)
      block.cost += static_cast<double>((segments_[s].row_end - segments_[s].row_begin) *
                                        (segments_[s].key_end - segments_[s].key_begin));
    blocks_.push_back(block);
  }
}

}  // namespace ballot
