#include "evaluation/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"

namespace ballot {
namespace {

constexpr std::int64_t kDefaultTokens = 256;  // the harness's
constexpr const char* kTokenNames[] = {"max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"};

}  // namespace

std::string problem_of_generation(const Json& kwargs) {
  if (kwargs.is_null()) return "";
  if (!kwargs.is_object()) return "its generation_kwargs (a mapping is wanted)";
  for (const auto& [key, value] : kwargs.items()) {
    const bool tokens = std::find(std::begin(kTokenNames), std::end(kTokenNames), key) != std::end(kTokenNames);
    const bool number = key == "temperature" || key == "top_p" || key == "top_k" || key == "repetition_penalty";
    bool fits = false;
    if (key == "until")
      fits = value.is_null() || value.is_string() ||
             (value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& s) { return s.is_string(); }));
    else if (tokens)
      fits = value.is_null() || (value.is_number_integer() && value.get<std::int64_t>() > 0);
    else if (key == "do_sample")
      fits = value.is_null() || value.is_boolean();
    else if (number)
      fits = value.is_null() || (value.is_number() && value.get<double>() >= 0);
    if (!fits) return fmt::format("its generation_kwargs '{}': {}", key, value.dump());
  }
  return "";
}

SamplingOptions generation_rules(const TaskConfig& config) {
  const Json kwargs = config.generation_kwargs->is_null() ? Json::object() : *config.generation_kwargs;
  if (const std::string problem = problem_of_generation(kwargs); !problem.empty())
    throw Error(ErrorKind::kUsage,
                fmt::format("the task '{}' cannot be done by this version: {}", config.task, problem),
                "until, max_gen_toks, do_sample, temperature, top_p, top_k and repetition_penalty are done");
  const auto number = [&](const char* key, double otherwise) {
    return kwargs.contains(key) && kwargs[key].is_number() ? kwargs[key].get<double>() : otherwise;
  };
  SamplingOptions rules;
  const double temperature = number("temperature", 0);
  const Json draws = kwargs.value("do_sample", Json());
  rules.temperature = draws == Json(false)                                     ? 0
                      : draws == Json(true) && !kwargs.contains("temperature") ? 1
                                                                               : temperature;
  rules.top_k = static_cast<std::int64_t>(number("top_k", 0));
  rules.top_p = number("top_p", 1);
  rules.min_p = 0;
  rules.repetition_penalty = number("repetition_penalty", 1);
  rules.max_tokens = kDefaultTokens;
  for (const char* name : kTokenNames)
    if (kwargs.contains(name) && kwargs[name].is_number()) {
      rules.max_tokens = kwargs[name].get<std::int64_t>();
      break;
    }
  if (const Json until = kwargs.value("until", Json()); until.is_string())
    rules.stop.push_back(until);
  else if (until.is_array())
    rules.stop = until.get<std::vector<std::string>>();
  return rules;
}

GeneratedAnswers generate_answers(EvaluatedModel& model, const LoadedTask& task,
                                  const std::vector<std::vector<TokenId>>& prompts, std::int64_t seed,
                                  EvalJournal& journal, Progress& progress) {
  SamplingOptions rules = generation_rules(task.config);
  if (!task.config.generation_kwargs->contains("repetition_penalty"))
    rules.repetition_penalty = model.repetition_penalty();
  const std::int64_t room = model.max_length() - rules.max_tokens;
  if (room <= 0)
    throw Error(ErrorKind::kUsage,
                fmt::format("the task '{}' wants answers of up to {} tokens, and the model reads {} with the prompt",
                            task.config.task, rules.max_tokens, model.max_length()),
                "give a model with more positions; --max-length may be up to what it has");
  GeneratedAnswers result;
  result.answers.resize(prompts.size());
  std::vector<std::vector<TokenId>> wanted;
  std::vector<std::uint64_t> seeds;
  std::vector<std::size_t> places;
  std::int64_t finished = 0;
  for (std::size_t q = 0; q < prompts.size(); ++q) {
    std::vector<TokenId> ids = prompts[q];
    if (static_cast<std::int64_t>(ids.size()) > room) {
      ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(room));
      ++result.truncated;
    }
    const std::int64_t doc_id = task.questions[q].doc_id;
    if (const JournalAnswer* known = journal.find_answer(task.config.task, doc_id)) {
      result.answers[q] = known->text;
      result.cut_by_length += known->cut_by_length;
      ++finished;
      continue;
    }
    wanted.push_back(std::move(ids));
    seeds.push_back(hash64(fmt::format("{}/{}/{}", seed, task.config.task, doc_id)));
    places.push_back(q);
  }
  progress.update(finished);
  model.answer(
      wanted, rules, seeds,
      [&](std::size_t index, const JournalAnswer& answer) {
        const std::size_t q = places[index];
        journal.add_answer(task.config.task, task.questions[q].doc_id, answer);
        result.answers[q] = answer.text;
        result.cut_by_length += answer.cut_by_length;
        progress.update(++finished);
      },
      [&](std::size_t index, const std::string& why) {
        result.refused.emplace(places[index], why);
        progress.update(++finished);
      });
  check_interrupt("what is computed is kept: run the same command again to go on");
  return result;
}

}  // namespace ballot
