// `ballot rewardbench` and `ballot score`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/terminal.h"
#include "engine/engine.h"
#include "evaluation/options.h"

namespace ballot {

namespace {

std::string shown(const Json& x) {
  return x.is_number() ? fmt::format("{:.3f}", x.get<double>()) : std::string("-");
}

std::string with_interval(const Json& s) {
  return fmt::format("{} ({} to {})", shown(s["score"]), shown(s["low"]), shown(s["high"]));
}

/// One line a section and the score, baselines beside it; RM-Bench's three styles below.
TextTable results_table(const Json& json) {
  TextTable table{{"", "score", "95%", "random", "longer", "shorter"}, {}, {false, true, true, true, true, true}};
  const auto add = [&](const std::string& name, const Json& score, const Json& low, const Json& high, auto baseline) {
    std::vector<std::string> row = {name, shown(score), fmt::format("{} to {}", shown(low), shown(high))};
    for (const char* scorer : {"random", "longer", "shorter"}) row.push_back(baseline(json["baselines"][scorer]));
    table.rows.push_back(row);
  };
  for (const auto& [name, section] : json["sections"].items())
    add(name, section["score"], section["low"], section["high"], [&, name = name](const Json& baseline) {
      return shown(baseline["sections"].value(name, Json::object())["score"]);
    });
  add("mean", json["score"], json["score_low"], json["score_high"],
      [](const Json& baseline) { return shown(baseline["score"]); });
  for (const char* style : {"easy", "normal", "hard"})
    if (json.contains("styles")) {
      const Json& s = json["styles"][style];
      add(fmt::format("mean, {}", style), s["score"], s["low"], s["high"], [&](const Json& baseline) {
        return baseline.contains("styles") ? shown(baseline["styles"][style]["score"]) : std::string("-");
      });
    }
  return table;
}

std::string results_text(const Json& json) {
  const Json& length = json["length"];
  std::string out = render_plain(results_table(json));
  out += fmt::format("\n{}: {} rows, {} ties ({}); intervals resample prompts\n", json["suite"].get<std::string>(),
                     json["n"].get<std::int64_t>(), json["ties"].get<std::int64_t>(),
                     json["suite"] == "rewardbench2" ? "a share of the credit, as the reference gives it"
                                                     : "counted wrong, as the reference does");
  out +=
      fmt::format("right answer longer: {} right; shorter: {}; mean of the two: {}; a scorer of length alone: 0.500\n",
                  shown(length["by_sign"]["longer"]["score"]), shown(length["by_sign"]["shorter"]["score"]),
                  with_interval(length["length_controlled_accuracy"]));
  out += fmt::format("correlation of score and length within a prompt: {}\n",
                     with_interval(length["correlation_within_prompt"]));
  if (json["truncated"].get<std::int64_t>() > 0)
    out += fmt::format("{} rows were cut to fit --max-length\n", json["truncated"].get<std::int64_t>());
  for (const Json& outside : json["outside_sections"])
    out += fmt::format("'{}' ({} rows) is no subset of the suite and enters no section\n",
                       printable(outside["subset"].get<std::string>()), outside["rows"].get<std::int64_t>());
  return out;
}

/// What both commands take from the options of every command.
template <class Options>
void take_context(const Context& context, Options& options) {
  options.out = context.require_out();
  options.force = context.force;
  options.seed = context.seed;
  options.scorer.device = context.device;
  options.scorer.dtype = context.dtype;
}

}  // namespace

Command rewardbench_command() {
  return {"rewardbench", "RewardBench 1 or 2, RM-Bench or any pairs, for a reward model or a policy's implicit reward",
          "  ballot rewardbench --model runs/rm --data rewardbench.jsonl --out runs/rm-bench\n"
          "  ballot rewardbench --policy runs/dpo --reference runs/sft --data rewardbench.jsonl --out runs/dpo-bench\n"
          "  ballot rewardbench --model runs/rm --data total_dataset.jsonl --suite rm_bench --out runs/rm-styles\n",
          [](CLI::App& app) -> CommandRun {
            auto options = std::make_shared<RewardBenchOptions>();
            add_options(app, *options);
            return [options](Context& context) -> CommandResult {
              take_context(context, *options);
              const std::string text = engine().rewardbench(*options, *context.progress);
              return {text, results_text(Json::parse(text))};
            };
          }};
}

Command score_command() {
  return {"score", "Scores of any preference pairs by a reward model or an implicit reward",
          "  ballot score --model runs/rm --data preferences.parquet --split held_out --out scores.parquet\n",
          [](CLI::App& app) -> CommandRun {
            auto options = std::make_shared<ScoreOptions>();
            add_options(app, *options);
            return [options](Context& context) -> CommandResult {
              take_context(context, *options);
              const std::string text = engine().score(*options, *context.progress);
              const Json json = Json::parse(text);
              return {text, fmt::format("{} pairs, {:.1f}% with the chosen one scored higher, {} ties\n{}\n",
                                        json["n"].get<std::int64_t>(), 100 * json["accuracy"].get<double>(),
                                        json["ties"].get<std::int64_t>(), json["out"].get<std::string>())};
            };
          }};
}

}  // namespace ballot
