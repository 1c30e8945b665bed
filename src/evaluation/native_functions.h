// The Python functions that the harness's leaderboard tasks name (`!function utils.doc_to_text`), natively. The table
// is the list of them; a task file that names another is refused in words. A function is known by the file that it
// stands in: the harness's own, as the set-up fetched it, or a copy with the same bytes.
#pragma once
#include <string>
#include <vector>

#include "core/json.h"
#include "evaluation/documents.h"
#include "evaluation/python_random.h"

namespace ballot {

/// What process_docs may draw from. GPQA's answers are shuffled.
struct ShuffleSource {
  /// false: each row by a seed that follows from its question alone. true: as the harness does, by one generator over
  /// all rows of all tasks (with its cache empty), so that a row's order depends on what ran before it.
  bool as_harness = false;
  PythonRandom* shared = nullptr;
};

struct NativeFunction {
  std::string file, name;  ///< file below the harness's tasks: "leaderboard/musr/utils.py"
  /// Exactly one of these is set.
  /// doc_to_text, doc_to_choice, doc_to_target.
  Json (*of_row)(const Json& row) = nullptr;
  /// process_docs: changes rows in place, may drop some and add columns.
  void (*of_documents)(Documents& documents, const ShuffleSource& shuffle) = nullptr;
  /// process_results of a task that generates: the scores of one answer, an object with one entry a metric, each true
  /// or false, a number, or a list of them (IFEval: one an instruction). `row` is the row after process_docs; `answer`
  /// is UTF-8, possibly empty. Throws Error (input) where the row lacks what it needs; never for what an answer says.
  /// `undecided` beside them: true where a bound of steps was met and the answer counts as wrong for that.
  Json (*of_answer)(const Json& row, const std::string& answer) = nullptr;
  /// aggregation of a metric whose scores are lists: the mean over all entries of all rows. (A plain "mean" is no
  /// function.)
  bool mean_of_entries = false;
  /// With of_answer: the reference's verdict on an answer to this row is drawn at random.
  bool (*is_chance)(const Json& row) = nullptr;
};
const std::vector<NativeFunction>& native_functions();

/// `value`: a function of a task file. Throws Error (usage) where there is none natively, naming those there are.
const NativeFunction& native_function(const Json& value, const std::string& where);

/// GPQA's cleaning of an answer; null becomes one space.
std::string clean_gpqa_answer(const Json& text);

}  // namespace ballot
