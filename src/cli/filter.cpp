// `ballot filter`: which rows of an SFT mixture a study trains on.
#include "data/filter.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command.h"
#include "cli/rejects_summary.h"
#include "core/error.h"
#include "core/terminal.h"

namespace ballot {

Command filter_command() {
  return {"filter", "Keep the SFT rows in a language, with one answer, short enough in every tokenizer",
          "  ballot filter studies/demo/sft.jsonl --language en --single-turn --out sft.parquet\n"
          "  ballot filter tulu.jsonl --language en --single-turn --max-tokens 2048 --tokenizer models/llama --out "
          "sft.parquet\n",
          [](CLI::App& app) -> CommandRun {
            struct Options {
              std::vector<std::string> sources;
              FilterOptions filter;
              BadRowOptions rows;
            };
            auto o = std::make_shared<Options>();
            app.add_option("SOURCE", o->sources,
                           "JSONL or Parquet files or folders: messages, or prompt and completion")
                ->required();
            add_options(app, o->filter);
            add_options(app, o->rows);
            return [o](Context& context) -> CommandResult {
              begin_file(context.require_out(), context.force);
              RejectLog rejects(o->rows);
              FilterSummary summary;
              try {
                summary = filter_sft(o->sources, context.out, o->filter, static_cast<int>(context.threads), rejects,
                                     *context.progress);
              } catch (const Error&) {
                rejects.write(o->rows, context.out);  // what was found by then says why
                throw;
              }
              rejects.write(o->rows, context.out);
              std::set<std::string> reasons;
              for (const auto& [source, counts] : summary.by_source)
                for (const auto& [reason, n] : counts)
                  if (reason != "kept") reasons.insert(reason);
              TextTable table{{"source", "kept"}, {}, {false, true}};
              for (const std::string& reason : reasons) table.columns.push_back(reason), table.right.push_back(true);
              for (const auto& [source, counts] : summary.by_source) {
                const auto count = [&](const std::string& key) {
                  return counts.contains(key) ? human_count(counts.at(key)) : std::string();
                };
                std::vector<std::string> row = {printable(source), count("kept")};
                for (const std::string& reason : reasons) row.push_back(count(reason));
                table.rows.push_back(row);
              }
              const Json json = {{"read", summary.read},
                                 {"kept", summary.kept},
                                 {"by_source", summary.by_source},
                                 {"rejects", rejects.to_json()},
                                 {"out", context.out}};
              return {json.dump(),
                      fmt::format("{}\n{} of {} rows kept; {}\n{}\n", render_plain(table), human_count(summary.kept),
                                  human_count(summary.read), rejects_text(rejects, o->rows, context.out), context.out)};
            };
          }};
}

}  // namespace ballot
