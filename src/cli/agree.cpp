// ballot agree: how far annotators agree, with intervals.
#include "report/agree.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/atomic_file.h"
#include "core/manifest.h"

namespace ballot {

Command agree_command() {
  return {"agree", "How far annotators agree: alpha, kappas, correlations, with intervals",
          "  ballot agree preferences/binary.parquet preferences/ranking.parquet --pool pool.parquet\n"
          "  ballot agree --table labels.csv --unit id --rater who --value score --level ordinal\n"
          "  ballot agree --table scores.csv --unit id --raters gpt4_a,gpt4_b,gpt4_c --bootstrap 0 --json\n",
          [](CLI::App& app) {
            struct Options {
              AgreeOptions agree;
              BadRowOptions rows;
            };
            auto options = std::make_shared<Options>();
            app.add_option("PREFERENCES", options->agree.preferences,
                           "preferences files, or folders of annotations for their raw labels: each is one "
                           "annotator (NAME=FILE names it)");
            add_options(app, options->agree);
            add_options(app, options->rows);
            return [options](Context& context) -> CommandResult {
              if (!context.out.empty()) begin_file(context.out, context.force);
              RejectLog rejects(options->rows);
              const auto seed = static_cast<std::uint64_t>(context.seed);
              const AgreeResult result = agree(options->agree, seed, static_cast<int>(context.threads), rejects);
              const std::string json = agree_json(result, options->agree, seed, rejects).dump(2) + "\n";
              if (options->rows.rejects) rejects.write(*options->rows.rejects);
              if (!context.out.empty()) write_file(context.out, json);
              return {json, agree_text(result, options->agree, rejects)};
            };
          }};
}

}  // namespace ballot
