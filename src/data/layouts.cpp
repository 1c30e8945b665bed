#include "data/layouts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "core/suggest.h"
#include "data/fields.h"
#include "data/preference_rows.h"
#include "data/preferences.h"
#include "data/prompt_markers.h"

namespace ballot {
namespace {

constexpr std::int32_t kNectarAnswers = 7;

/// A model's name, which a source may lack: then it is empty, with a warning.
std::string take_model(const Value& object, std::string_view name, const std::string& path, RankedRow& row) {
  const Value& value = object.get(name);
  if (!value.is_null()) return take_text(value, path);
  row.warnings.push_back({path, "model_missing", "the completion's model is not named"});
  return "";
}

std::string take_completion_text(const Value& value, const std::string& path, RankedRow& row) {
  std::string text = take_text(value, path);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    row.warnings.push_back({path, "empty_completion", "the completion is empty"});
  return text;
}

void take_common(const Value& row, RankedRow& ranked) {
  ranked.source = take_texts(row, "source");
  ranked.turns = take_optional_integer(row, "turns");
  ranked.good_natured = take_optional_bool(row, "good_natured");
}

RankedRow read_nectar(const Value& row) {
  RankedRow ranked;
  ranked.prompt = split_human_assistant(take_full_text(row.get("prompt"), "prompt"));
  const std::span<const Value> answers = take_list(row, "answers");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string path = fmt::format("answers[{}]", i);
    if (!answers[i].is_object())
      refuse(path, "answer_not_an_object",
             fmt::format("wanted {{answer, model, rank}}, found {}", kind_name(answers[i].kind())));
    Completion completion;
    completion.text = take_completion_text(answers[i].get("answer"), path + ".answer", ranked);
    completion.model = take_model(answers[i], "model", path + ".model", ranked);
    completion.source_rank = take_rank(answers[i].get("rank"), path + ".rank", kNectarAnswers);
    ranked.completions.push_back(std::move(completion));
  }
  take_common(row, ranked);
  if (const auto said = take_optional_integer(row, "num_responses"); said && *said != std::ssize(answers))
    ranked.warnings.push_back(
        {"num_responses", "num_responses_mismatch", fmt::format("says {}, the list has {}", *said, answers.size())});
  return ranked;
}

/// The mean of the four aspects' ratings, where all are there; else the overall score.
double ultrafeedback_score(const Value& completion, const std::string& path) {
  double sum = 0;
  int n = 0;
  for (const Member& aspect : completion.get("annotations").members()) {
    const Value& rating = aspect.value.get("Rating");
    double number = 0;
    if (rating.is_number()) {
      number = rating.as_double();
    } else if (rating.is_text()) {
      const std::string_view text = rating.as_text();
      if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) continue;  // "N/A"
    } else {
      continue;
    }
    sum += number;
    ++n;
  }
  if (n == 4) return sum / 4;
  for (const char* name : {"fine-grained_score", "overall_score"})
    if (const Value& score = completion.get(name); score.is_number()) return score.as_double();
  refuse(path, "score_missing", "neither four ratings nor an overall score");
}

RankedRow read_ultrafeedback(const Value& row) {
  RankedRow ranked;
  ranked.prompt = {{"user", take_full_text(row.get("instruction"), "instruction")}};
  const std::span<const Value> completions = take_list(row, "completions");
  std::vector<double> scores;
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const std::string path = fmt::format("completions[{}]", i);
    if (!completions[i].is_object())
      refuse(path, "completion_not_an_object",
             fmt::format("wanted an object, found {}", kind_name(completions[i].kind())));
    Completion completion;
    completion.text = take_completion_text(completions[i].get("response"), path + ".response", ranked);
    completion.model = take_model(completions[i], "model", path + ".model", ranked);
    ranked.completions.push_back(std::move(completion));
    scores.push_back(ultrafeedback_score(completions[i], path));
  }
  rank_by_score(ranked.completions, scores, "completions");
  take_common(row, ranked);
  return ranked;
}

/// Two answers with a preference: negative, the first is better; 0 gives no order.
void take_two(const Value& row, const char* first, const char* second, const char* preference, RankedRow& ranked) {
  const auto strength = take_optional_integer(row, preference);
  if (!strength) refuse(preference, fmt::format("{}_missing", preference), "the field is absent or null");
  if (*strength == 0) refuse(preference, "tied_scores", "the two answers are equally good: they have no order");
  for (const char* name : {first, second}) {
    Completion completion;
    completion.text = take_completion_text(row.get(name), name, ranked);
    completion.source_rank = (*strength < 0) == (name == first) ? 1 : 2;
    ranked.completions.push_back(std::move(completion));
  }
}

RankedRow read_helpsteer(const Value& row) {
  RankedRow ranked;
  if (row.find("overall_preference")) {  // HelpSteer3
    ranked.prompt = take_prompt(row.get("context"), "context");
    take_two(row, "response1", "response2", "overall_preference", ranked);
  } else if (row.find("preference_strength")) {  // HelpSteer2, preferences
    ranked.prompt = split_extra_id(take_full_text(row.get("prompt"), "prompt"));
    take_two(row, "response_1", "response_2", "preference_strength", ranked);
  } else {  // HelpSteer2, one rated response a row
    ranked.prompt = split_extra_id(take_full_text(row.get("prompt"), "prompt"));
    Completion completion;
    completion.text = take_completion_text(row.get("response"), "response", ranked);
    ranked.completions.push_back(std::move(completion));
    ranked.score = take_optional_number(row, "helpfulness");
    if (!ranked.score) refuse("helpfulness", "helpfulness_missing", "the field is absent or null");
  }
  take_common(row, ranked);
  return ranked;
}

RankedRow read_preferences_row(const Value& row) {
  Preference p = take_preference(row);
  RankedRow ranked;
  if (is_plain_text(p.prompt)) p.prompt[0].role = "user";
  if (p.prompt.empty() || p.prompt.back().content.empty() || p.prompt.back().role != "user")
    refuse("prompt", "prompt_empty", "the prompt must end with a user's turn");
  ranked.prompt = std::move(p.prompt);
  for (const bool chosen : {true, false}) {
    Completion completion;
    completion.text = chosen ? p.chosen : p.rejected;
    completion.model = chosen ? p.chosen_model : p.rejected_model;
    completion.source_rank = chosen ? 1 : 2;
    if (completion.text.empty())
      ranked.warnings.push_back({chosen ? "chosen" : "rejected", "empty_completion", "the completion is empty"});
    ranked.completions.push_back(std::move(completion));
  }
  take_common(row, ranked);
  return ranked;
}

constexpr const char* kTableTexts[] = {"completion", "response", "answer", "text"};

RankedRow read_table_row(const Value& row) {
  RankedRow ranked;
  ranked.prompt = take_prompt(row.get("prompt"), "prompt");
  const char* name = kTableTexts[0];
  for (const char* candidate : kTableTexts)
    if (row.find(candidate)) {
      name = candidate;
      break;
    }
  Completion completion;
  completion.text = take_completion_text(row.get(name), name, ranked);
  completion.model = take_model(row, "model", "model", ranked);
  completion.source_rank = take_written_rank(row.get("rank"), "rank", 1'000);
  ranked.completions.push_back(std::move(completion));
  ranked.source = take_texts(row, "source");
  return ranked;
}

RankedRow read_ballot(const Value& row) {
  RankedRow ranked;
  ranked.prompt = take_prompt(row.get("prompt"), "prompt");
  const std::span<const Value> completions = take_list(row, "completions");
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const std::string path = fmt::format("completions[{}]", i);
    if (!completions[i].is_object())
      refuse(path, "completion_not_an_object",
             fmt::format("wanted an object, found {}", kind_name(completions[i].kind())));
    Completion completion;
    completion.text = take_completion_text(completions[i].get("text"), path + ".text", ranked);
    completion.model = take_model(completions[i], "model", path + ".model", ranked);
    completion.source_rank = take_rank(completions[i].get("source_rank"), path + ".source_rank", 1'000'000);
    ranked.completions.push_back(std::move(completion));
  }
  take_common(row, ranked);
  return ranked;
}

const std::vector<Layout>& table() {
  static const std::vector<std::int64_t> study_positions = {0, 2, 3, 5, 6};
  static const std::vector<std::string> common = {"source", "turns", "good_natured"};
  static const std::vector<Layout> all = {
      {"nectar",
       {{"prompt", "answers"}},
       {"turns", "num_responses", "source", "good_natured"},
       read_nectar,
       false,
       true,
       study_positions},
      {"ultrafeedback",
       {{"instruction", "completions"}},
       {"source", "models", "correct_answers", "incorrect_answers"},
       read_ultrafeedback,
       false,
       true,
       {}},
      {"ballot",
       {{"prompt", "completions"}},
       {"prompt_id", "source", "turns", "good_natured", "split"},
       read_ballot,
       false,
       false,
       {}},
      {"preferences",
       {{"chosen", "rejected"}},
       {"prompt", "margin", "chosen_model", "rejected_model"},
       read_preferences_row,
       false,
       true,
       {}},
      {"helpsteer",
       {{"prompt", "response_1", "response_2", "preference_strength"},
        {"context", "response1", "response2", "overall_preference"}},
       common,
       read_helpsteer,
       false,
       true,
       {}},
      {"helpsteer",
       {{"prompt", "response", "helpfulness"}},
       {"correctness", "coherence", "complexity", "verbosity"},
       read_helpsteer,
       true,
       true,
       {}},
      {"table",
       {{"prompt", "completion", "rank"},
        {"prompt", "response", "rank"},
        {"prompt", "answer", "rank"},
        {"prompt", "text", "rank"}},
       {"model", "source"},
       read_table_row,
       true,
       true,
       study_positions},
  };
  return all;
}

bool has_all(const std::vector<std::string>& columns, const std::vector<std::string>& needed) {
  return std::all_of(needed.begin(), needed.end(), [&](const std::string& name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  });
}

}  // namespace

std::int32_t take_rank(const Value& value, const std::string& path, std::int32_t most) {
  if (value.is_null()) refuse(path, "rank_missing", "the rank is absent or null");
  if (!value.is_number())
    refuse(path, "rank_not_a_number", fmt::format("wanted a whole number, found {}", kind_name(value.kind())));
  const double rank = value.as_double();
  if (!(rank == std::floor(rank))) refuse(path, "rank_not_whole", fmt::format("wanted a whole number, found {}", rank));
  if (rank < 1 || rank > most) refuse(path, "rank_out_of_range", fmt::format("wanted 1 to {}, found {}", most, rank));
  return static_cast<std::int32_t>(rank);
}

Conversation take_prompt(const Value& value, const std::string& name) {
  if (!value.is_list()) return {{"user", take_full_text(value, name)}};
  Conversation messages = take_messages(value, name);
  for (std::size_t i = 0; i < messages.size(); ++i)
    if (messages[i].content.find_first_not_of(" \t\r\n") == std::string::npos)
      refuse(fmt::format("{}[{}].content", name, i), fmt::format("{}_empty", name), "a turn of the prompt is empty");
  if (messages.back().role != "user")
    refuse(name, "prompt_ends_with_answer",
           fmt::format("the last turn is the {}'s, wanted the user's", messages.back().role));
  return messages;
}

std::int32_t take_written_rank(const Value& value, const std::string& path, std::int32_t most) {
  if (value.is_text()) {
    const std::string_view text = value.as_text();
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return take_rank(Value::number(number), path, most);
  }
  return take_rank(value, path, most);
}

std::span<const Layout> layouts() {
  return table();
}

const Layout& find_layout(const std::string& name) {
  std::vector<std::string> names;
  for (const Layout& layout : table()) {
    if (layout.name == name) return layout;
    if (names.empty() || names.back() != layout.name) names.emplace_back(layout.name);
  }
  throw wrong_usage("unknown layout '{}'{}", name, did_you_mean(name, names));
}

const Layout* match_layout(const std::vector<std::string>& columns, const std::string& name) {
  for (const Layout& layout : table())
    if (name == "auto" || name == layout.name)
      for (const auto& needed : layout.needed)
        if (has_all(columns, needed)) return &layout;
  return nullptr;
}

Error no_layout(const std::string& file, const std::vector<std::string>& columns) {
  // The nearest is the one that shares the most columns; what it lacks is what to look at.
  const Layout* nearest_layout = &table().front();
  const std::vector<std::string>* nearest_needed = &nearest_layout->needed.front();
  std::ptrdiff_t best = -1;
  for (const Layout& layout : table())
    for (const auto& needed : layout.needed) {
      std::ptrdiff_t shared = 0;
      for (const std::string& column : columns) {
        shared += 2 * std::count(needed.begin(), needed.end(), column);
        shared += std::count(layout.optional.begin(), layout.optional.end(), column);
      }
      if (shared > best) best = shared, nearest_layout = &layout, nearest_needed = &needed;
    }
  std::string lacks;
  for (const std::string& name : *nearest_needed)
    if (!has_all(columns, {name})) {
      const std::string near = nearest(name, columns);
      lacks += fmt::format("{}'{}'{}", lacks.empty() ? "" : ", ", name,
                           near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near));
    }
  std::vector<std::string> names;
  for (const Layout& layout : table())
    if (names.empty() || names.back() != layout.name) names.emplace_back(layout.name);
  return Error(ErrorKind::kInput,
               fmt::format("{} is in no layout that is known here: the nearest, {}, needs a column {} (columns: {})",
                           file, nearest_layout->name, lacks, fmt::join(columns, ", ")),
               fmt::format("name the layout with --layout (one of: {})", fmt::join(names, ", ")));
}

void rank_by_score(std::vector<Completion>& completions, const std::vector<double>& scores, const std::string& field) {
  for (std::size_t i = 0; i < scores.size(); ++i) {
    int better = 0;
    for (std::size_t j = 0; j < scores.size(); ++j) {
      if (j != i && scores[j] == scores[i])
        refuse(field, "tied_scores", fmt::format("two completions have the score {}: they have no order", scores[i]));
      better += scores[j] > scores[i];
    }
    completions[i].source_rank = better + 1;
  }
}

void order_by_rank(RankedRow& row, const Layout& layout) {
  std::vector<Completion>& completions = row.completions;
  std::sort(completions.begin(), completions.end(), [](const Completion& a, const Completion& b) {
    return std::tie(a.source_rank, a.text, a.model) < std::tie(b.source_rank, b.text, b.model);
  });
  const auto n = static_cast<std::int32_t>(completions.size());
  for (std::int32_t i = 0; i < n; ++i) {
    const std::int32_t rank = completions[static_cast<std::size_t>(i)].source_rank;
    if (i > 0 && rank == completions[static_cast<std::size_t>(i) - 1].source_rank)
      refuse("rank", "rank_repeated", fmt::format("the rank {} is there twice", rank));
    if (layout.ranks_begin_at_one && rank > i + 1)
      refuse("rank", "rank_absent", fmt::format("the ranks are not 1 to {}: {} is absent", n, i + 1));
  }
}

}  // namespace ballot
