// Public layouts of ranked completions, each read from a row of any file format (value.h). To add one: a function and a
// line in the table. Inside the room only.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/records.h"
#include "data/rows.h"

namespace ballot {

/// A prompt with completions as the source has it.
struct RankedRow {
  Conversation prompt;
  std::vector<Completion> completions;  ///< text, model, source_rank; no ids yet
  std::vector<std::string> source;
  std::optional<std::int64_t> turns;  ///< as the source says
  std::optional<bool> good_natured;
  std::optional<double> score;  ///< of a row with one completion, where ranks follow from scores (higher is better)
  std::vector<RowProblem> warnings;
};

struct Layout {
  const char* name;
  std::vector<std::vector<std::string>> needed;     ///< sets of columns, one of which a source must have
  std::vector<std::string> optional;                ///< columns that are taken where present
  std::function<RankedRow(const Value& row)> read;  ///< throws RowProblem
  bool one_completion_a_row = false;                ///< rows of one prompt are put together afterwards
  bool ranks_begin_at_one = true;                   ///< ranks must be exactly 1..K once each
  std::vector<std::int64_t> positions;              ///< taken by default; empty: all
};

/// In the order in which `auto` prefers them.
std::span<const Layout> layouts();
/// The layout of that name. Throws Error (usage) with the nearest.
const Layout& find_layout(const std::string& name);
/// The layout that has all its columns among these; none where there is none. `name`: of that name only, unless "auto".
const Layout* match_layout(const std::vector<std::string>& columns, const std::string& name);
/// Error (input): the columns fit no layout; which is nearest and what it lacks.
Error no_layout(const std::string& file, const std::vector<std::string>& columns);

/// A whole number from 1 to `most`; a written one also as a text (CSV has nothing else).
std::int32_t take_rank(const Value& value, const std::string& path, std::int32_t most);
std::int32_t take_written_rank(const Value& value, const std::string& path, std::int32_t most);
/// A prompt as one user's text or as messages that end with the user's turn.
Conversation take_prompt(const Value& value, const std::string& name);

/// Ranks by score, highest first. Throws RowProblem `tied_scores` where two are equal: they have no order.
void rank_by_score(std::vector<Completion>& completions, const std::vector<double>& scores, const std::string& field);

/// Orders the completions best first. Throws RowProblem unless ranks are as the layout says.
void order_by_rank(RankedRow& row, const Layout& layout);

}  // namespace ballot
