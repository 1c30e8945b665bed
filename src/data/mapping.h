// Any table of ranked completions, told by a small YAML file (docs/artefacts.md) instead of a layout of its own:
//
//   prompt: question             # a column; `meta.question` for a field inside one; [instruction, input]: joined
//   completions: answers         # a list column, an item a completion ...
//   completion: {text: answer, model: engine, rank: place}
//
//   completions:                 # ... or columns side by side ...
//     - {text: response_a, model: model_a, score: stars_a}
//     - {text: response_b, model: model_b, score: stars_b}
//
//   completion: {text: answer, rank: place}     # ... or, without `completions`, one completion a row
//
// `rank` is 1 for the best; `score` is higher for the better, lower with `order: lowest`; `winner` and `wins` name the
// column that says which of two is the better one and the words that say so. Unknown keys are errors with line, column
// and the nearest valid one.
#pragma once
#include <memory>
#include <string>

#include "data/layouts.h"

namespace ballot {

/// True where `--layout` names a mapping's file and no layout.
bool is_mapping_file(const std::string& layout);

/// The layout that the file describes. Throws Error (usage).
std::shared_ptr<const Layout> read_mapping(const std::string& path);
/// From YAML text; `file` stands for it in errors.
std::shared_ptr<const Layout> parse_mapping(const std::string& yaml, const std::string& file);

}  // namespace ballot
