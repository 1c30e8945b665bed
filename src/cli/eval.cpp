// `ballot eval`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/terminal.h"
#include "engine/engine.h"
#include "evaluation/options.h"

namespace ballot {
namespace {

std::string task_list(const Json& json) {
  TextTable table{{"task", "", "shots", "metric", ""}, {}, {false, false, true, false, false}};
  for (const Json& task : json["tasks"]) {
    std::string status = task["status"], metrics;
    std::replace(status.begin(), status.end(), '_', ' ');
    if (task.contains("metrics"))
      for (const Json& metric : task["metrics"]) metrics += (metrics.empty() ? "" : ", ") + metric.get<std::string>();
    const bool group = task["kind"] == "group";
    table.rows.push_back({(group ? "" : "  ") + task["name"].get<std::string>(), group ? "group" : status,
                          task.contains("num_fewshot") ? std::to_string(task["num_fewshot"].get<int>()) : "", metrics,
                          printable(task["detail"].get<std::string>())});
  }
  return render_plain(table) +
         "\ndata missing: put the file named there into a folder and give --data FOLDER, or have the dataset in the "
         "local hub "
         "cache.\nA task of your own: a YAML file in the harness's language over local files, by its path.\n";
}

std::string prompts_text(const Json& prompts) {
  std::string text;
  for (const Json& prompt : prompts) {
    text += fmt::format("--- {}: the first prompt, {} tokens\n{}\n", prompt["task"].get<std::string>(),
                        prompt["context_ids"].size(), printable(prompt["context"].get<std::string>()));
    text += prompt["continuations"].empty() ? std::string("--- here the model answers\n")
                                            : fmt::format("--- continuations (what is scored behind it; target {})\n",
                                                          printable(prompt["target"].get<std::string>()));
    for (std::size_t c = 0; c < prompt["continuations"].size(); ++c)
      text += fmt::format("{} {}\n", prompt["continuations"][c].dump(), prompt["continuation_ids"][c].dump());
    text += fmt::format("ids of the context: {}\n\n", prompt["context_ids"].dump());
  }
  return text;
}

std::string scores_text(const Json& json) {
  TextTable table{
      {"", "metric", "score", "95%", "chance", "rows", "clusters"}, {}, {false, false, true, true, true, true, true}};
  // Answers that checking could not decide stand beside the score that counts them as wrong.
  const Json& ballot = json["ballot"];
  const auto has_undecided = [](const Json& facts) { return facts.contains("undecided"); };
  const bool undecided = std::any_of(ballot["tasks"].begin(), ballot["tasks"].end(), has_undecided);
  if (undecided) {
    table.columns.emplace_back("undecided");
    table.right.push_back(true);
  }
  const auto number = [](const Json& x) {
    return x.is_number() ? fmt::format("{:.3f}", x.get<double>()) : std::string("-");
  };
  const auto add = [&](const std::string& name, const Json& facts, const Json& rows, const Json& chance) {
    for (const auto& [metric, score] : facts["metrics"].items()) {
      table.rows.push_back({name, metric, number(score["raw"]["estimate"]),
                            fmt::format("{} to {}", number(score["raw"]["low"]), number(score["raw"]["high"])),
                            number(chance), rows.dump(), score["clusters"].dump()});
      if (undecided) table.rows.back().push_back(has_undecided(facts) ? facts["undecided"].dump() : "-");
    }
  };
  for (const auto& [name, facts] : ballot["tasks"].items()) add(name, facts, facts["questions"], facts["chance"]);
  for (const auto& [name, facts] : ballot["groups"].items())
    add(name, facts, json["results"][name].value("sample_len", Json(0)), Json());
  const Json& prompt = ballot["prompt"];
  std::string text = render_plain(table);
  if (undecided) text += "undecided: checking met its bound of steps in one of the measures; wrong in it\n";
  if (ballot.contains("responses"))
    text += fmt::format("\nanswers of {}; rules of {}\n", printable(ballot["responses"].get<std::string>()),
                        ballot["task_files"].get<std::string>());
  else
    text += fmt::format("\n{}; {}; BOS {} ({} in front); rules and prompts of {}\n",
                        prompt["chat_template"].get<bool>() ? "chat template" : "plain text",
                        prompt["multi_turn"].get<bool>() ? "examples as turns" : "examples in one text",
                        prompt["bos"].get<std::string>(), prompt["leading_bos"].get<int>(),
                        ballot["task_files"].get<std::string>());
  if (ballot.contains("server")) {
    const Json& server = ballot["server"];
    const std::string way = server["probe"]["prompt_log_probabilities"];
    const std::string choices = server["server_scores"] == "next_token" ? "choices by lists of next tokens; "
                                : way == "none"                         ? ""
                                                : "choices by the prompt's log-probabilities (" + way + "); ";
    text += fmt::format("{} at {}; {}{} requests\n", printable(server["model"].get<std::string>()),
                        printable(server["url"].get<std::string>()), choices, server["requests"].dump());
  }
  for (const auto& [name, facts] : ballot["tasks"].items()) {
    if (facts["truncated"] != 0)
      text += fmt::format("{}: {} prompts lost their beginning (longer than {} tokens)\n", name,
                          facts["truncated"].dump(), ballot["max_length"].dump());
    if (facts["answer_not_among_choices"] != 0)
      text += fmt::format("{}: in {} rows the answer is none of the choices; they count as wrong\n", name,
                          facts["answer_not_among_choices"].dump());
    if (facts.contains("cut_by_length") && facts["cut_by_length"] != 0)
      text += fmt::format("{}: {} answers were still going on at the most tokens they may have\n", name,
                          facts["cut_by_length"].dump());
    for (const Json& note : facts["notes"]) text += fmt::format("{}: {}\n", name, printable(note.get<std::string>()));
  }
  std::int64_t rejected = 0;
  for (const auto& [reason, count] : ballot["rejects"]["rejected"].items()) {
    rejected += count.get<std::int64_t>();
    text += fmt::format("left out: {} rows, {}\n", count.get<std::int64_t>(), reason);
  }
  return text + fmt::format("{}\n", json["results_file"].get<std::string>());
}

}  // namespace

Command eval_command() {
  return {
      "eval", "Tasks of lm-evaluation-harness, from its own task files",
      "  ballot eval --tasks list\n"
      "  ballot eval --model deps:smollm2-135m --tasks studies/demo/choice.yaml --out runs/choice\n"
      "  ballot eval --model deps:smollm2-135m --tasks leaderboard_bbh --data leaderboard --limit 20 --out runs/bbh\n"
      "  ballot eval --model deps:smollm2-135m --tasks leaderboard_ifeval --data leaderboard --chat-template --out "
      "runs/ifeval\n"
      "  ballot eval --responses answers.jsonl --tasks leaderboard_ifeval --data leaderboard --out runs/given\n"
      "  ballot eval --model openai:http://127.0.0.1:8000/v1#smollm2 --tokenizer deps:smollm2-135m --tasks "
      "leaderboard_musr --data leaderboard --out runs/served\n",
      [](CLI::App& app) -> CommandRun {
        auto options = std::make_shared<EvalOptions>();
        add_options(app, *options);
        return [options](Context& context) -> CommandResult {
          const bool list = options->tasks == std::vector<std::string>{"list"};
          options->out = list || (options->show_prompt && context.out.empty()) ? context.out : context.require_out();
          options->force = context.force;
          options->seed = context.seed;
          options->device = context.device;
          options->dtype = context.dtype;
          const std::string text = engine().eval(*options, *context.progress);
          const Json json = Json::parse(text);
          std::string out;
          if (json.contains("prompts")) out += prompts_text(json["prompts"]);
          if (json.contains("tasks")) out += task_list(json);
          if (json.contains("results")) out += scores_text(json);
          return {text, out};
        };
      }};
}

}  // namespace ballot
