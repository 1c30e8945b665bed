// `ballot attack`: a pool that tries to talk the judge into a verdict.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/progress.h"
#include "formats/attacks.h"

namespace ballot {

Command attack_command() {
  return {"attack", "Append an injection or a distractor to one completion a prompt, to test a judge",
          "  ballot attack pool.parquet --out attacked.parquet\n"
          "  ballot annotate attacked.parquet --format binary --judge simulated:careful --out attacked\n"
          "  ballot judge-card labels/binary --attacked attacked\n",
          [](CLI::App& app) -> CommandRun {
            struct Options {
              std::string pool;
              AttackOptions attack;
            };
            auto options = std::make_shared<Options>();
            app.add_option("POOL", options->pool, "pool.parquet")->required();
            add_options(app, options->attack);
            return [options](Context& context) -> CommandResult {
              const std::int64_t attacked =
                  attack_pool_file(options->pool, context.require_out(), options->attack, context.seed, context.force);
              return {Json({{"out", context.out}, {"attacked", attacked}}).dump(),
                      fmt::format("{} completions attacked, one a prompt; {} says which\n", human_count(attacked),
                                  context.out + ".attacks.jsonl")};
            };
          }};
}

}  // namespace ballot
