// `ballot combine`: several annotators into one more preference set.
#include "formats/combine.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/progress.h"
#include "core/terminal.h"

namespace ballot {

Command combine_command() {
  return {"combine", "Several judges or formats into one preference set: weights, soft targets, margins on one scale",
          "  ballot combine preferences/binary.parquet preferences/ranking.parquet --out majority.parquet\n"
          "  ballot combine labels/binary labels/single labels/ranking --method latent --out latent.parquet\n"
          "  ballot combine labels/ranking labels/binary --method cascade --uncertain-margin 1 --out cascade.parquet\n",
          [](CLI::App& app) -> CommandRun {
            struct Options {
              CombineRequest request;
              std::string pool;
            };
            auto options = std::make_shared<Options>();
            app.add_option("ANNOTATOR", options->request.inputs,
                           "preferences files, or folders of `ballot annotate` (NAME=PATH names one)")
                ->required();
            app.add_option("--pool", options->pool,
                           "the pool that annotations were made from (default: the one that their manifest names)");
            add_options(app, options->request.options);
            return [options](Context& context) -> CommandResult {
              CombineRequest& request = options->request;
              request.out = context.require_out();
              if (!options->pool.empty()) request.pool = options->pool;
              request.seed = context.seed;
              request.threads = static_cast<int>(context.threads);
              request.force = context.force;
              const CombineSummary s = combine_files(request);
              Json json = to_json(s);
              json["out"] = request.out;
              TextTable table{{"annotator", "pairs", "ties", "agrees with the result"}, {}, {false, true, true, true}};
              const auto column = [&](const char* title) {
                table.columns.emplace_back(title);
                table.right.push_back(true);
              };
              if (s.annotators.front().discrimination) column("discrimination");
              if (s.annotators.front().decided) column("decided"), column("tokens needed");
              for (const CombineSummary::Annotator& a : s.annotators) {
                std::vector<std::string> row = {printable(a.name), human_count(a.pairs), human_count(a.ties),
                                                fmt::format("{:.3f}", a.agreement)};
                if (a.discrimination) row.push_back(fmt::format("{:.3f}", *a.discrimination));
                if (a.decided) {
                  row.push_back(human_count(*a.decided));
                  row.push_back(a.tokens > 0 ? human_count(*a.tokens_needed) : "-");
                }
                table.rows.push_back(std::move(row));
              }
              return {json.dump(), fmt::format("{}: {} pairs, {} of them ties{}\n\n{}\n{}\n", request.options.method,
                                               human_count(s.pairs), human_count(s.ties),
                                               s.converged && !*s.converged ? "; the fit did not settle" : "",
                                               render_plain(table), request.out)};
            };
          }};
}

}  // namespace ballot
