#include "evaluation/generative_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "evaluation/native_functions.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

/// What exact_match leaves out before it compares: in the harness's order.
std::u32string comparable(const std::string& text, const MetricConfig& metric) {
  std::u32string out = decode_utf8(text);
  if (metric.ignore_case) out = python_lower(std::u32string_view(out));
  if (metric.ignore_punctuation)
    std::erase_if(out, [](char32_t c) {
      return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    });
  if (metric.ignore_numbers) std::erase_if(out, [](char32_t c) { return c >= '0' && c <= '9'; });
  return out;
}

bool matches(const Json& target, const std::string& answer, const MetricConfig& metric) {
  if (target.is_array())
    return std::any_of(target.begin(), target.end(), [&](const Json& one) { return matches(one, answer, metric); });
  return comparable(python_str(target), metric) == comparable(answer, metric);
}

double number_of(const Json& score) {
  return score.is_boolean() ? (score.get<bool>() ? 1.0 : 0.0) : score.get<double>();
}

}  // namespace

bool is_generative(const TaskConfig& config) {
  return config.output_type == "generate_until";
}

Json answer_scores(const LoadedTask& task, const Question& question, const std::string& answer) {
  if (!task.config.process_results->is_null())
    return native_function(task.config.process_results, task.file.path.string()).of_answer(question.row, answer);
  Json scores = Json::object();
  for (const MetricConfig& metric : task.config.metrics)
    scores[metric.metric] = matches(question.target, answer, metric) ? 1.0 : 0.0;
  return scores;
}

ScoredTask score_answers(LoadedTask& task, std::vector<std::string> answers, const EvalOptions& options,
                         RejectLog& rejects) {
  ScoredTask scored;
  std::vector<Question> questions;
  std::int64_t chance = 0;
  const NativeFunction* function = task.config.process_results->is_null()
                                       ? nullptr
                                       : &native_function(task.config.process_results, task.file.path.string());
  for (std::size_t q = 0; q < answers.size(); ++q) {
    Question& question = task.questions[q];
    try {
      Json scores = answer_scores(task, question, answers[q]);
      for (const MetricConfig& metric : task.config.metrics)
        if (!scores.contains(metric.metric))
          throw wrong_usage("the task '{}' has the metric '{}', which its process_results does not give",
                            task.config.task, metric.metric);
      if (const auto found = scores.find("undecided"); found != scores.end())
        scored.undecided = scored.undecided.value_or(0) + (*found == Json(true) ? 1 : 0);
      chance += function && function->is_chance && function->is_chance(question.row);
      scored.answer_scores.emplace_back(std::move(scores));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInput) throw;
      rejects.add({task.config.task, question.doc_id + 1, "", "row_not_scorable", error.message()});
      continue;
    }
    scored.answers.push_back(std::move(answers[q]));
    questions.push_back(std::move(question));
  }
  if (questions.empty())
    throw bad_input("the task '{}': no answer can be scored ({})", task.config.task, rejects.summary());
  task.questions = std::move(questions);
  if (chance > 0)
    task.notes.push_back(fmt::format(
        "{} rows ask for what the reference draws at random each time; here that counts as not followed", chance));
  scored.task = &task;
  for (const MetricConfig& metric : task.config.metrics) {
    std::vector<double>& values = scored.values[metric.metric];
    std::vector<std::size_t>& rows = scored.rows[metric.metric];
    for (std::size_t q = 0; q < task.questions.size(); ++q) {
      const Json& score = (*scored.answer_scores[q])[metric.metric];
      for (const Json& one : score.is_array() ? score : Json::array({score})) {
        values.push_back(number_of(one));
        rows.push_back(q);
      }
    }
    if (values.empty()) throw bad_input("the task '{}': no row has a value of {}", task.config.task, metric.metric);
    scored.intervals[metric.metric] = clustered_score({values_of(scored, metric.metric)}, Normalisation::kOfTasks,
                                                      options.bootstrap, static_cast<std::uint64_t>(options.seed));
  }
  return scored;
}

}  // namespace ballot
