// What annotations say about pairs of completions, one label a pair and asking: the raw material of diagnostics and of
// putting several annotators together.
//
// A label says which of two completions of a prompt is better, whatever the format: binarize() turns one asking
// (repeat) of a prompt into pairs, so that repeats and both orders of presentation stay apart here where binarize()
// would average them.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/binarize.h"

namespace ballot {

struct PairLabel {
  std::uint32_t prompt = 0;             ///< row of the pool
  std::uint32_t first = 0, second = 0;  ///< places in that row's completions, first < second
  std::int32_t repeat = 0;
  int outcome = 0;  ///< 1: the first is better, -1: the second, 0: a tie
  int letter = 0;   ///< as outcome, but a tie that names a letter has its letter: 0 only where none is named
  int shown = 0;    ///< 1: the first was shown before the second, -1: after it, 0: not on one ballot
  double margin = 0;
};

/// By (repeat, pool row, pair). The pool's texts are not looked at. Throws Error (input) as binarize() does.
std::vector<PairLabel> pair_labels(const std::vector<PoolRow>& pool, const FormatAnnotations& annotations);

/// The pool without prompts and texts, of the prompts that are annotated: what pair_labels needs, at a hundredth of the
/// size. `row`: the place of each in `pool`.
struct AnnotatedPrompts {
  std::vector<PoolRow> pool;
  std::vector<std::size_t> row;
};
AnnotatedPrompts annotated_prompts(const std::vector<PoolRow>& pool, const std::vector<Annotation>& rows);

}  // namespace ballot
