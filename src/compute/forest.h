// A batch is a forest, not a rectangle.
//
// A tree of token runs: a run attends to all tokens of its ancestors and, causally, to itself; positions go on along
// the path from the root. Five completions of one prompt are one root run with five children, each computed once; there
// is no padding anywhere. A few-shot prefix shared by many questions, a system prompt shared by ballots and a chat with
// its cache are the same structure. Runs stand one after the other in one flat token axis T; a parent stands before its
// children.
//     T tokens in the forest    R runs
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace ballot {

struct Forest {
  std::vector<std::int64_t> tokens;        ///< [T] ids
  std::vector<std::int64_t> positions;     ///< [T] place on the path from the root, from 0
  std::vector<std::int64_t> run_begin{0};  ///< [R + 1] run r holds tokens [run_begin[r], run_begin[r + 1])
  std::vector<std::int32_t> parent;        ///< [R] the parent run, -1 for a root; parent[r] < r

  /// Appends a run below `parent` (-1: a new tree) and returns its index. An empty run is allowed and attends as its
  /// parent.
  std::int32_t add_run(std::int32_t parent_run, std::span<const std::int32_t> ids);
  std::int64_t size() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int32_t runs() const { return static_cast<std::int32_t>(parent.size()); }
  std::int64_t run_length(std::int32_t run) const { return run_begin[run + 1] - run_begin[run]; }
  /// Tokens on the path above the run.
  std::int64_t depth(std::int32_t run) const;
  /// Index into T of the token before the first of `run` on its path (the last token of the nearest non-empty
  /// ancestor), or -1.
  std::int64_t token_before(std::int32_t run) const;
};

/// The tree of what some token sequences share: every common beginning stands there once. Runs are laid depth-first,
/// the order in which attention is cheapest (a subtree is one contiguous piece of T).
struct SharedForest {
  Forest forest;
  std::vector<std::int32_t>
      run;  ///< [S] the run that sequence s ends in (where one is the beginning of another, at its end)
  std::vector<std::vector<std::int64_t>> tokens;  ///< [S][length] where in T token i of sequence s stands
};
SharedForest share_prefixes(std::span<const std::vector<std::int32_t>> sequences);

/// The same forest with the runs in depth-first order. `run_of`: the new index of every old run; `token_of` [T]: the
/// new place of every old token. (Either may be null.)
Forest depth_first(const Forest& forest, std::vector<std::int32_t>* run_of = nullptr,
                   std::vector<std::int64_t>* token_of = nullptr);

/// Visible (query, key) pairs of one full-attention layer: what attention costs. With `window` > 0 the keys are limited
/// to the last `window` positions, the token itself included.
std::int64_t attention_entries(const Forest& forest, std::int64_t window = 0);

}  // namespace ballot
