#include "evaluation/native_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/version.h"
#include "evaluation/ifeval.h"
#include "evaluation/math_task.h"
#include "evaluation/python_literal.h"
#include "evaluation/python_text.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

const std::string& text_of(const Json& row, const char* column) {
  const auto found = row.find(column);
  if (found == row.end() || !found->is_string())
    throw bad_input("the column '{}' of a row is {}, and a text is wanted", column,
                    found == row.end() ? "missing" : found->dump());
  return found->get_ref<const std::string&>();
}

Json musr_choices(const Json& row) {
  const Json& choices = row.contains("choices") ? row["choices"] : Json();
  return choices.is_string() ? parse_python_literal(choices.get_ref<const std::string&>()) : choices;
}

Json musr_doc_to_text(const Json& row) {
  std::string text = text_of(row, "narrative") + "\n\n" + text_of(row, "question") + "\n\n";
  int number = 0;
  for (const Json& choice : musr_choices(row)) text += fmt::format("{} - {}\n", ++number, python_str(choice));
  return text + "\nAnswer:";
}

const Json& options_of(const Json& row) {
  const auto found = row.find("options");
  if (found == row.end() || !found->is_array() || found->size() > 26)
    throw bad_input("the column 'options' of a row must be a list of at most 26 answers");
  return *found;
}

Json mmlu_pro_doc_to_text(const Json& row) {
  std::string text = text_of(row, "question") + "\n";
  char letter = 'A';
  for (const Json& option : options_of(row)) text += fmt::format("{}. {}\n", letter++, python_str(option));
  return text + "Answer:";
}

Json mmlu_pro_doc_to_choice(const Json& row) {
  Json letters = Json::array();
  for (std::size_t i = 0; i < options_of(row).size(); ++i)
    letters.push_back(std::string(1, static_cast<char>('A' + i)));
  return letters;
}

void gpqa_process_docs(Documents& documents, const ShuffleSource& shuffle) {
  for (Json& row : documents.rows) {
    std::vector<std::string> choices;
    for (const char* column : {"Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3", "Correct Answer"})
      choices.push_back(clean_gpqa_answer(row.contains(column) ? row[column] : Json()));
    const std::string correct = choices.back();
    if (shuffle.as_harness) {
      shuffle.shared->shuffle(choices);
    } else {
      PythonRandom own(static_cast<std::uint32_t>(hash64("gpqa order\n" + python_str(row.value("Question", Json())))));
      own.shuffle(choices);
    }
    for (std::size_t i = 0; i < choices.size(); ++i) row[fmt::format("choice{}", i + 1)] = choices[i];
    const auto place = std::find(choices.begin(), choices.end(), correct) - choices.begin();
    row["answer"] = fmt::format("({})", static_cast<char>('A' + place));
  }
  for (const char* column : {"choice1", "choice2", "choice3", "choice4", "answer"})
    if (std::find(documents.columns.begin(), documents.columns.end(), column) == documents.columns.end())
      documents.columns.emplace_back(column);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string clean_gpqa_answer(const Json& value) {
  if (value.is_null()) return " ";
  std::string text(python_strip(python_str(value)));
  replace_all(text, " [title]", ". ");
  // re.sub(r"\[.*?\]", "", text): the shortest match, and a point matches no newline.
  for (std::size_t open = text.find('['); open != std::string::npos; open = text.find('[', open)) {
    const std::size_t close = text.find(']', open), line = text.find('\n', open);
    if (close == std::string::npos || line < close)
      ++open;
    else
      text.erase(open, close - open + 1);
  }
  replace_all(text, "  ", " ");
  return text;
}

const std::vector<NativeFunction>& native_functions() {
  static const std::vector<NativeFunction> functions = {
      {"leaderboard/gpqa/utils.py", "process_docs", nullptr, gpqa_process_docs},
      {.file = "leaderboard/ifeval/utils.py",
       .name = "process_results",
       .of_answer = ifeval_scores,
       .is_chance = is_judged_at_random},
      {.file = "leaderboard/ifeval/utils.py", .name = "agg_inst_level_acc", .mean_of_entries = true},
      {"leaderboard/math/utils.py", "process_docs", nullptr, math_process_docs},
      {"leaderboard/math/utils.py", "doc_to_text", math_doc_to_text},
      {.file = "leaderboard/math/utils.py", .name = "process_results", .of_answer = math_process_results},
      {"leaderboard/mmlu_pro/utils.py", "doc_to_text", mmlu_pro_doc_to_text},
      {"leaderboard/mmlu_pro/utils.py", "doc_to_choice", mmlu_pro_doc_to_choice},
      {"leaderboard/musr/utils.py", "doc_to_text", musr_doc_to_text},
      {"leaderboard/musr/utils.py", "doc_to_choice", musr_choices},
  };
  return functions;
}

const NativeFunction& native_function(const Json& value, const std::string& where) {
  const fs::path file = value["file"].get<std::string>();
  const std::string name = value["function"];
  const fs::path tasks = deps_folder() / "lm_eval/tasks";
  std::error_code ignored;
  const fs::path here = fs::weakly_canonical(file, ignored);
  for (const NativeFunction& function : native_functions()) {
    if (function.name != name || !here.string().ends_with(function.file)) continue;
    const fs::path own = tasks / function.file;
    if (here == fs::weakly_canonical(own, ignored)) return function;
    if (fs::is_regular_file(here) && fs::is_regular_file(own) && read_file(here) == read_file(own)) return function;
  }
  std::string known;
  for (const NativeFunction& function : native_functions())
    known += fmt::format("{}{}:{}", known.empty() ? "" : ", ", function.file, function.name);
  throw Error(ErrorKind::kUsage,
              fmt::format("{}: '!function {}.{}' is Python, which is not run here", where, file.stem().string(), name),
              fmt::format("write it as a Jinja template, or use a function that Ballot has natively: {}", known));
}

}  // namespace ballot
