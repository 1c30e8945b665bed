// `ballot run`, `status`, `report`, `verify`: a study's stages.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/study_commands.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/terminal.h"
#include "study/runner.h"
#include "study/study_file.h"
#include "study/study_folder.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

std::string outcome_table(const std::vector<StageOutcome>& outcomes, bool explain) {
  TextTable table{{"stage", "", "time"}, {}, {false, false, true}};
  if (explain) table = {{"stage", "", "why", "time"}, {}, {false, false, false, true}};
  for (const StageOutcome& o : outcomes) {
    const std::string time = o.what == "made" ? human_duration(o.seconds) : "";
    if (explain)
      table.rows.push_back({o.stage, o.what, o.why, time});
    else
      table.rows.push_back({o.stage, o.what, time});
  }
  return render_plain(table);
}

}  // namespace

Command run_command() {
  return {"run", "Do what a study has not yet done, from the pool to the report",
          "  ballot run studies/demo.yaml --out runs/demo\n"
          "  ballot run studies/demo.yaml --out runs/demo --explain --dry-run\n"
          "  ballot run studies/nectar_like.yaml --set source.path=ranked.parquet --out runs/mine\n",
          [](CLI::App& app) {
            struct Options {
              std::string study;
              std::vector<std::string> set;
              RunOptions run;
            };
            auto o = std::make_shared<Options>();
            app.add_option("STUDY", o->study, "the study file (YAML)")->required();
            app.add_option("--set", o->set, "key.key=value: a value of the study file, for this run (several allowed)")
                ->take_all()
                ->expected(1);
            app.add_option("--only", o->run.only, "one stage, or all below a name: annotate/simulated");
            app.add_option("--until", o->run.until, "stop after this stage");
            app.add_flag("--dry-run", o->run.dry_run, "say what would run");
            app.add_flag("--explain", o->run.explain, "say why each stage runs or is kept");
            return [o](Context& context) -> CommandResult {
              const fs::path folder = context.require_out();
              const StudyFile study = read_study(o->study, o->set);
              const std::vector<Stage> stages = make_stages(study);
              if (!o->run.dry_run) remember_study(folder, o->study, o->set, study);
              o->run.threads = static_cast<int>(context.threads);
              const auto outcomes = run_stages(folder, stages, o->run, *context.progress);
              CommandResult result;
              Json json;
              json["study"] = study.study;
              json["out"] = folder.string();
              json["stages"] = Json::array();
              for (const StageOutcome& out : outcomes)
                json["stages"].push_back(
                    {{"stage", out.stage}, {"what", out.what}, {"why", out.why}, {"seconds", out.seconds}});
              const fs::path page = folder / "report/index.html";
              const bool reported = !o->run.dry_run && fs::exists(page) && o->run.only.empty() && o->run.until.empty();
              result.text = outcome_table(outcomes, o->run.explain || o->run.dry_run);
              if (reported) {
                json["report"] = page.string();
                json["headline"] = Json::parse(headline_json(folder));
                result.text += "\n" + headline_text(folder) + fmt::format("\nThe report: {}\n", page.string());
              }
              result.json = json.dump();
              return result;
            };
          }};
}

Command status_command() {
  return {"status", "Each stage of a study: done, running, waiting, failed",
          "  ballot status runs/demo\n  ballot status runs/demo --json\n", [](CLI::App& app) {
            auto folder = std::make_shared<std::string>();
            app.add_option("DIR", *folder, "the study's folder")->required();
            return [folder](Context&) -> CommandResult {
              const StudyFile study = recalled_study(*folder);
              const auto lines = study_status(*folder, make_stages(study));
              TextTable table{{"stage", "state", "time", ""}, {}, {false, false, true, false}};
              Json json = Json::array();
              std::map<std::string, int> counts;
              for (const StageStatus& line : lines) {
                table.rows.push_back(
                    {line.stage, line.state, line.seconds > 0 ? human_duration(line.seconds) : "", line.detail});
                json.push_back(
                    {{"stage", line.stage}, {"state", line.state}, {"detail", line.detail}, {"seconds", line.seconds}});
                ++counts[line.state];
              }
              std::string summary;
              for (const auto& [state, count] : counts)
                summary += fmt::format("{}{} {}", summary.empty() ? "" : ", ", count, state);
              return {Json({{"study", study.study}, {"stages", json}}).dump(),
                      render_plain(table) + "\n" + summary + "\n"};
            };
          }};
}

Command report_command() {
  return {"report", "Write a study's tables, figures and page from what is done so far", "  ballot report runs/demo\n",
          [](CLI::App& app) {
            auto folder = std::make_shared<std::string>();
            app.add_option("DIR", *folder, "the study's folder")->required();
            return [folder](Context& context) -> CommandResult {
              const StudyFile study = recalled_study(*folder);
              write_study_report(study, *folder, *context.progress);
              const fs::path page = fs::path(*folder) / "report/index.html";
              return {Json({{"report", page.string()}, {"headline", Json::parse(headline_json(*folder))}}).dump(),
                      headline_text(*folder) + fmt::format("\nThe report: {}\n", page.string())};
            };
          }};
}

Command verify_command() {
  return {"verify", "Check a study's keys and hashes against its artefacts",
          "  ballot verify runs/demo\n  ballot verify runs/demo/report\n", [](CLI::App& app) {
            auto path = std::make_shared<std::string>();
            app.add_option("DIR|REPORT", *path, "the study's folder, or its report")->required();
            return [path](Context& context) -> CommandResult {
              fs::path folder = *path;
              if (!fs::exists(folder)) throw bad_input("cannot read {}: no such folder", *path);
              if (!fs::is_directory(folder)) folder = folder.parent_path();
              const bool report = fs::exists(folder / "proof.json");
              const fs::path study = report ? folder / ".." : folder;
              std::vector<std::string> complaints = verify_study(study, *context.progress);
              if (fs::exists(study / "report/proof.json"))
                for (std::string& complaint : verify_proof(study / "report/proof.json", study))
                  complaints.push_back(std::move(complaint));
              Json json = {{"verified", complaints.empty()}, {"complaints", complaints}};
              if (!complaints.empty()) {
                std::string text;
                for (const std::string& complaint : complaints) text += "\n  " + complaint;
                throw Error(ErrorKind::kFailed, fmt::format("{} does not verify:{}", *path, text),
                            "make those stages again: ballot run");
              }
              return {json.dump(),
                      "verified: every key follows from its inputs, every artefact is what was recorded\n"};
            };
          }};
}

}  // namespace ballot
