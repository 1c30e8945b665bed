// rooms: evaluation
// Checking of IFEval's answers, strictly and loosely.
//   answer: the verdicts of scored_answers (its fields `strict` and `loose`) where that is given, none wrong
//   peer:   lm-evaluation-harness 0.4.13's checker in Python, 541 answers of GPT-4's length in 5 to 10 s on such a
//   machine unit:   seconds for 541 answers; at most 1 s is wanted, the reading of Punkt and of 55 language profiles
//   included
//
//   ifeval_bench [DATA]     DATA: a folder with input_data.jsonl and scored answers (gpt4_responses_scored_even.jsonl);
//                           without it, answers of about that length are put together here
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/version.h"
#include "evaluation/ifeval.h"

namespace {

using ballot::Json;

struct Case {
  Json row;
  std::string answer;
  Json strict, loose;  ///< null: not known
};

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<Case> given_cases(const std::filesystem::path& folder) {
  std::map<std::string, Json> rows;
  for (const Json& row : lines_of(folder / "input_data.jsonl")) rows[row.at("key").dump()] = row;
  std::vector<Case> cases;
  for (const Json& scored : lines_of(folder / "gpt4_responses_scored_even.jsonl"))
    cases.push_back({rows.at(scored.at("key").dump()), scored.at("response"), scored.at("strict"), scored.at("loose")});
  return cases;
}

std::vector<Case> made_cases() {
  std::string answer = "* A title, and a first point\n\n";
  for (int i = 0; i < 18; ++i)
    answer += "Mr. Smith said that it would rain on Monday; however, the sun shone at 5 p.m. and NOBODY minded.\n";
  const std::vector<std::pair<std::string, Json>> kinds = {
      {"punctuation:no_comma", Json::object()},
      {"length_constraints:number_sentences", {{"relation", "at least"}, {"num_sentences", 60}}},
      {"language:response_language", {{"language", "fr"}}},
      {"change_case:capital_word_frequency", {{"capital_relation", "less than"}, {"capital_frequency", 3}}},
      {"keywords:existence", {{"keywords", {"umbrella", "rain"}}}},
      {"detectable_format:number_bullet_lists", {{"num_bullets", 4}}}};
  std::vector<Case> cases;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto& [a, with_a] = kinds[i];
    const auto& [b, with_b] = kinds[(i + 1) % kinds.size()];
    cases.push_back({{{"instruction_id_list", {a, b}}, {"kwargs", {with_a, with_b}}}, answer, nullptr, nullptr});
  }
  return cases;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<Case> cases = count > 1 ? given_cases(arguments[1]) : made_cases();
  constexpr std::size_t kAnswers = 541;
  const auto begun = std::chrono::steady_clock::now();
  const ballot::IfevalModels models(ballot::deps_folder());
  std::size_t wrong = 0, instructions = 0;
  for (std::size_t i = 0; i < kAnswers; ++i) {
    const Case& one = cases[i % cases.size()];
    const ballot::IfevalVerdicts verdicts = ballot::ifeval_verdicts(one.row, one.answer, models);
    instructions += verdicts.strict.size();
    if (one.strict.is_null() || ballot::is_judged_at_random(one.row)) continue;
    wrong += Json(verdicts.strict) != one.strict || Json(verdicts.loose) != one.loose;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("ifeval: %zu answers, %zu instructions, %zu answers with a wrong verdict: %.3f s\n", kAnswers,
              instructions, wrong, seconds);
  return wrong == 0 && seconds < 1 ? 0 : 1;
}
