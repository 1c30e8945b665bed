// `ballot pool`: k of the ranked completions of each prompt.
#include "data/pool.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/rejects_summary.h"
#include "core/error.h"
#include "data/rejects.h"

namespace ballot {
namespace {

struct PoolArguments {
  std::vector<std::string> sources;
  PoolOptions pool;
  BadRowOptions bad_rows;
};

CommandResult run_pool(const PoolArguments& arguments, Context& context) {
  const std::string& out = context.require_out();
  begin_file(out, context.force);
  RejectLog rejects(arguments.bad_rows);
  PoolSummary summary;
  try {
    summary = make_pool(arguments.sources, out, arguments.pool, context.seed, static_cast<int>(context.threads),
                        rejects, *context.progress);
  } catch (const Error&) {
    rejects.write(arguments.bad_rows, out);  // what was found by then says why
    throw;
  }
  rejects.write(arguments.bad_rows, out);
  Json json;
  json["out"] = out;
  json["layout"] = summary.layout;
  json["rows_read"] = summary.rows_read;
  json["prompts"] = summary.prompts;
  json["completions"] = summary.completions;
  json["held_out"] = summary.held_out;
  json["key"] = summary.key;
  json.update(rejects.to_json());
  CommandResult result;
  result.json = json.dump();
  result.text =
      fmt::format("{}: {} prompts ({} held out) with {} completions, from {} rows in the layout {}\n{}\n", out,
                  human_count(summary.prompts), human_count(summary.held_out), human_count(summary.completions),
                  human_count(summary.rows_read), summary.layout, rejects_text(rejects, arguments.bad_rows, out));
  return result;
}

}  // namespace

Command pool_command() {
  return {
      "pool", "Take k of the ranked completions of each prompt",
      "  ballot pool studies/demo/ranked.jsonl --out pool.parquet\n"
      "  ballot pool studies/demo/ranked.jsonl --positions 0,1,2,3,4,5,6 --prompts 12 --held-out 0 --out all.parquet\n"
      "  ballot inspect pool.parquet\n",
      [](CLI::App& app) -> CommandRun {
        auto arguments = std::make_shared<PoolArguments>();
        app.add_option("SOURCE", arguments->sources,
                       "files, folders of shards, or hub datasets (owner/name) in the local cache")
            ->required();
        add_options(app, arguments->pool);
        add_options(app, arguments->bad_rows);
        return [arguments](Context& context) { return run_pool(*arguments, context); };
      }};
}

}  // namespace ballot
