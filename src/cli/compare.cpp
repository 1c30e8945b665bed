// ballot compare: paired differences between results, corrected as one family.
#include "report/compare.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/atomic_file.h"
#include "core/manifest.h"

namespace ballot {

Command compare_command() {
  return {"compare", "Paired differences between results over the same items, with intervals",
          "  ballot compare results/ranking results/binary\n"
          "  ballot compare ranking=rm_a/scores.parquet binary=rm_b/scores.parquet --sections\n"
          "  ballot compare eval/dpo_ranking eval/dpo_binary eval/sft --against sft --json\n",
          [](CLI::App& app) {
            auto options = std::make_shared<CompareOptions>();
            app.add_option("RESULTS", options->results,
                           "folders of rewardbench or eval, or scores.parquet files (NAME=PATH names one)")
                ->required();
            add_options(app, *options);
            return [options](Context& context) -> CommandResult {
              if (!context.out.empty()) begin_file(context.out, context.force);
              const auto seed = static_cast<std::uint64_t>(context.seed);
              const auto contrasts = compare_results(*options, seed, static_cast<int>(context.threads));
              const std::string json = compare_json(contrasts, *options, seed).dump(2) + "\n";
              if (!context.out.empty()) write_file(context.out, json);
              return {json, compare_text(contrasts, *options)};
            };
          }};
}

}  // namespace ballot
