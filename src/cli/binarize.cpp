// `ballot binarize`: labels to preferences.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/terminal.h"
#include "formats/binarize_files.h"

namespace ballot {
namespace {

CommandResult run_binarize(BinarizeRequest& request, Context& context) {
  request.out = context.require_out();
  request.seed = context.seed;
  request.force = context.force;
  const std::vector<BinarizedFile> files = binarize_files(request);
  Json json{{"out", request.out}, {"files", Json::array()}};
  TextTable table{{"format", "judge", "pairs", "of", "ties", "by coin", "left out", "file"}, {}, {}};
  for (const BinarizedFile& file : files) {
    const BinarizeSummary& s = file.summary;
    Json entry = to_json(s);
    entry["path"] = file.path;
    json["files"].push_back(std::move(entry));
    std::string left_out;
    for (const auto& [reason, count] : s.dropped)
      left_out += fmt::format("{}{} {}", left_out.empty() ? "" : ", ", count, reason);
    table.rows.push_back({s.format, printable(s.judge), std::to_string(s.pairs), std::to_string(s.possible),
                          std::to_string(s.ties), std::to_string(s.decided), left_out.empty() ? "none" : left_out,
                          file.path});
  }
  return {json.dump(), render_plain(table)};
}

}  // namespace

Command binarize_command() {
  return {"binarize", "turn labels into preferences: chosen, rejected, margin",
          "  ballot binarize labels/binary --pool pool.parquet --out binary.parquet\n"
          "  ballot binarize labels/* --pool pool.parquet --ties drop --pairs complete --out preferences\n",
          [](CLI::App& app) -> CommandRun {
            auto request = std::make_shared<BinarizeRequest>();
            app.add_option("ANNOTATIONS", request->annotations,
                           "folders of `ballot annotate`, or annotations files: one a format")
                ->required();
            app.add_option("--pool", request->pool, "the pool that they were made from")->required();
            add_options(app, request->options);
            app.add_option("--layout", request->layout, "columns of the output: trl, dpo_text or rewardbench")
                ->check(CLI::IsMember({"trl", "dpo_text", "rewardbench"}))
                ->capture_default_str();
            return [request](Context& context) { return run_binarize(*request, context); };
          }};
}

}  // namespace ballot
