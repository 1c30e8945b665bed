// ballot power: how small a difference a study can show, before money is spent.
#include <CLI/CLI.hpp>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/error.h"
#include "data/rewardbench.h"
#include "report/power_table.h"
#include "statistics/rewardbench_sections.h"
#include "study/study_file.h"

namespace ballot {
namespace {

/// The suites whose size the study file tells; `unknown` gets the names of the others.
std::vector<PowerSuite> suites_of(const StudyFile& study, std::vector<std::string>& unknown) {
  std::vector<PowerSuite> suites;
  const auto kept = static_cast<std::int64_t>(study.positions.empty() ? 5 : study.positions.size());
  const std::int64_t pairs = kept * (kept - 1) / 2;
  if (study.prompts > 0) {
    suites.push_back({"labels against the source", study.prompts * pairs, study.prompts});
    const auto held_out = static_cast<std::int64_t>(std::llround(static_cast<double>(study.prompts) * study.held_out));
    suites.push_back({"held-out pairs", held_out * pairs, held_out});
  } else {
    unknown.emplace_back("labels and held-out pairs (pool.prompts is not set)");
  }
  if (!study.rewardbench.empty()) {
    RejectLog rejects;
    std::map<std::string, std::int64_t> rows;
    std::int64_t all = 0;
    try {
      for (const RewardBenchRow& row : read_rewardbench({study.path(study.rewardbench)}, rejects)) {
        ++all;
        for (const RewardBenchSubset& subset : rewardbench_subsets())
          if (subset.name == row.subset) ++rows[subset.section];
      }
      suites.push_back({"RewardBench", all, all});
      for (const std::string& section : rewardbench_sections())
        suites.push_back({"  " + section, rows[section], rows[section]});
    } catch (const Error& error) {
      unknown.push_back("RewardBench (" + error.message() + ")");
    }
  }
  for (const std::string& task : study.tasks) {
    PowerSuite suite = known_task(task);
    if (suite.items == 0) unknown.push_back(task);
    if (study.task_limit > 0 && suite.items > study.task_limit)
      suite = {suite.name, study.task_limit, study.task_limit};
    suites.push_back(suite);
  }
  return suites;
}

}  // namespace

Command power_command() {
  return {"power", "The smallest difference a study can show, before it is run",
          "  ballot power studies/demo.yaml\n"
          "  ballot power studies/paper.yaml --discordant 0.2 --rho 0.05 --json\n",
          [](CLI::App& app) {
            struct Options {
              std::string study;
              std::vector<std::string> set;
              PowerAssumptions assumptions;
            };
            auto o = std::make_shared<Options>();
            app.add_option("STUDY", o->study, "the study file (YAML)")->required();
            app.add_option("--set", o->set, "key.key=value: a value of the study file (several allowed)")
                ->take_all()
                ->expected(1);
            add_options(app, o->assumptions);
            return [o](Context&) -> CommandResult {
              const StudyFile study = read_study(o->study, o->set);
              std::vector<std::string> unknown;
              const std::vector<PowerRow> rows = power_rows(suites_of(study, unknown), o->assumptions);
              const auto formats = static_cast<std::int64_t>(study.formats.size() + !study.placebo.empty());
              Json json = power_json(rows, o->assumptions);
              json["unknown"] = unknown;
              std::string text = power_text(rows, o->assumptions, formats * (formats - 1) / 2);
              for (const std::string& name : unknown) text += "Size not known: " + name + "\n";
              return {json.dump(2) + "\n", text};
            };
          }};
}

}  // namespace ballot
