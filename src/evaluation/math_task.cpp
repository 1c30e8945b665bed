#include "evaluation/math_task.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "evaluation/math_answers.h"

namespace ballot {
namespace {

const std::string& text_of(const Json& row, const char* column) {
  const auto found = row.find(column);
  if (found == row.end() || !found->is_string())
    throw bad_input("the column '{}' of a row is {}, and a text is wanted", column,
                    found == row.end() ? "missing" : found->dump());
  return found->get_ref<const std::string&>();
}

}  // namespace

void math_process_docs(Documents& documents, const ShuffleSource&) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < documents.rows.size(); ++i) {
    Json& row = documents.rows[i];
    if (row.value("level", Json()) != "Level 5") continue;
    // A row without a solution is kept: it is told where it is scored.
    const Json solution = row.value("solution", Json());
    row["answer"] = solution.is_string() ? Json(math_answer_of(solution.get_ref<const std::string&>())) : Json();
    if (kept != i) {
      documents.rows[kept] = std::move(row);
      documents.numbers[kept] = documents.numbers[i];
    }
    ++kept;
  }
  documents.rows.resize(kept);
  documents.numbers.resize(kept);
  if (std::find(documents.columns.begin(), documents.columns.end(), "answer") == documents.columns.end())
    documents.columns.emplace_back("answer");
}

Json math_doc_to_text(const Json& row) {
  return "Problem:\n" + text_of(row, "problem") + "\n\nSolution:";
}

Json math_process_results(const Json& row, const std::string& answer) {
  const MathVerdict verdict = score_math_answer(text_of(row, "solution"), answer);
  return Json{{"exact_match", verdict.exact_match ? 1 : 0},
              {"exact_match_original", verdict.exact_match_original ? 1 : 0},
              {"undecided", verdict.undecided}};
}

}  // namespace ballot
