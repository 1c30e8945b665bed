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
  request.out = request.hub_folder.empty() ? context.require_out() : context.out;
  request.seed = context.seed;
  request.force = context.force;
  const std::vector<BinarizedFile> files = binarize_files(request);
  Json json{{"out", request.out.empty() ? Json() : Json(request.out)}, {"files", Json::array()}};
  if (!request.hub_folder.empty()) json["hub_folder"] = request.hub_folder;
  TextTable table{{"name", "judge", "pairs", "of", "ties", "by coin", "left out", "file"}, {}, {}};
  for (const BinarizedFile& file : files) {
    const BinarizeSummary& s = file.summary;
    Json entry = to_json(s);
    entry["name"] = file.name;
    entry["path"] = file.path;
    json["files"].push_back(std::move(entry));
    std::string left_out;
    for (const auto& [reason, count] : s.dropped)
      left_out += fmt::format("{}{} {}", left_out.empty() ? "" : ", ", count, reason);
    table.rows.push_back({printable(file.name), printable(s.judge), std::to_string(s.pairs), std::to_string(s.possible),
                          std::to_string(s.ties), std::to_string(s.decided), left_out.empty() ? "none" : left_out,
                          file.path});
  }
  std::string text = render_plain(table);
  if (!request.hub_folder.empty())
    text += fmt::format("\n{0}: a dataset folder; read its card ({0}/README.md) before you publish it\n",
                        request.hub_folder);
  return {json.dump(), text};
}

}  // namespace

Command binarize_command() {
  return {"binarize", "turn labels into preferences: chosen, rejected, margin",
          "  ballot binarize labels/binary --pool pool.parquet --out binary.parquet\n"
          "  ballot binarize labels/* --pool pool.parquet --ties drop --pairs complete --out preferences\n"
          "  ballot binarize labels/* --pool pool.parquet --hub-folder my-preferences\n",
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
            app.add_option("--hub-folder", request->hub_folder,
                           "a folder ready to be pushed as a dataset: data, card, formats (with or without --out)");
            app.add_option("--license", request->licences,
                           "the dataset's licence (default: as the sources' own cards say)");
            return [request](Context& context) { return run_binarize(*request, context); };
          }};
}

}  // namespace ballot
