// `ballot rewardbench` and `ballot score`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/terminal.h"
#include "engine/engine.h"
#include "evaluation/options.h"

namespace ballot {

Command rewardbench_command() {
  return {
      "rewardbench", "RewardBench's sections for a reward model or a policy's implicit reward",
      "  ballot rewardbench --model runs/rm --data rewardbench.jsonl --out runs/rm-bench\n"
      "  ballot rewardbench --policy runs/dpo --reference runs/sft --data rewardbench.jsonl --out runs/dpo-bench\n",
      [](CLI::App& app) -> CommandRun {
        auto options = std::make_shared<RewardBenchOptions>();
        add_options(app, *options);
        return [options](Context& context) -> CommandResult {
          options->out = context.require_out();
          options->force = context.force;
          options->seed = context.seed;
          options->scorer.device = context.device;
          options->scorer.dtype = context.dtype;
          const std::string text = engine().rewardbench(*options, *context.progress);
          const Json json = Json::parse(text);
          TextTable table{
              {"", "score", "95%", "random", "longer", "shorter"}, {}, {false, true, true, true, true, true}};
          const auto number = [](const Json& x) {
            return x.is_number() ? fmt::format("{:.3f}", x.get<double>()) : std::string("-");
          };
          for (const auto& [name, section] : json["sections"].items()) {
            std::vector<std::string> row = {name, number(section["score"]),
                                            fmt::format("{} to {}", number(section["low"]), number(section["high"]))};
            for (const char* baseline : {"random", "longer", "shorter"})
              row.push_back(number(json["baselines"][baseline]["sections"][name]["score"]));
            table.rows.push_back(row);
          }
          std::vector<std::string> row = {
              "mean", number(json["score"]),
              fmt::format("{} to {}", number(json["score_low"]), number(json["score_high"]))};
          for (const char* baseline : {"random", "longer", "shorter"})
            row.push_back(number(json["baselines"][baseline]["score"]));
          table.rows.push_back(row);
          std::string out =
              render_plain(table) +
              fmt::format("\n{} pairs, {} ties (counted wrong, as the reference does); intervals resample prompts\n",
                          json["n"].get<std::int64_t>(), json["ties"].get<std::int64_t>());
          for (const Json& outside : json["outside_sections"])
            out += fmt::format("'{}' ({} rows) is no subset of RewardBench and enters no section\n",
                               printable(outside["subset"].get<std::string>()), outside["rows"].get<std::int64_t>());
          return {text, out};
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
              options->out = context.require_out();
              options->force = context.force;
              options->seed = context.seed;
              options->scorer.device = context.device;
              options->scorer.dtype = context.dtype;
              const std::string text = engine().score(*options, *context.progress);
              const Json json = Json::parse(text);
              return {text, fmt::format("{} pairs, {:.1f}% with the chosen one scored higher, {} ties\n{}\n",
                                        json["n"].get<std::int64_t>(), 100 * json["accuracy"].get<double>(),
                                        json["ties"].get<std::int64_t>(), json["out"].get<std::string>())};
            };
          }};
}

}  // namespace ballot
