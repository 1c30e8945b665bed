// `ballot plan`: what a study will take, before anything is spent.
#include "study/plan.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"

namespace ballot {

Command plan_command() {
  return {"plan", "What a study will ask, compute and cost, stage by stage, before it is run",
          "  ballot plan studies/demo.yaml\n"
          "  ballot plan studies/demo.yaml --out runs/demo --json\n"
          "  ballot plan studies/nectar_like.yaml --set source.path=ranked.parquet\n",
          [](CLI::App& app) -> CommandRun {
            struct Options {
              std::string study;
              std::vector<std::string> set;
              PlanOptions plan;
            };
            auto o = std::make_shared<Options>();
            app.add_option("STUDY", o->study, "the study file (YAML)")->required();
            app.add_option("--set", o->set, "key.key=value: a value of the study file (several allowed)")
                ->take_all()
                ->expected(1);
            add_options(app, o->plan);
            return [o](Context& context) -> CommandResult {
              const StudyFile study = read_study(o->study, o->set);
              const StudyPlan plan =
                  plan_study(study, context.out, o->plan, static_cast<int>(context.threads), *context.progress);
              return {plan_json(plan).dump(2), plan_text(plan)};
            };
          }};
}

}  // namespace ballot
