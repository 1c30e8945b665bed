// `ballot inspect`: what an artefact is, how it was made, what it holds.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/command.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "core/terminal.h"
#include "core/version.h"
#include "data/describe.h"
#include "engine/engine.h"
#include "judges/journal.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

struct InspectArguments {
  std::string path;
  std::int64_t rows = 3;
  bool tokens = false;
  std::string model;
};

constexpr std::size_t kShownCharacters = 400;  // of one text, on a terminal; --json has all

std::string human_bytes(std::int64_t bytes) {
  const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes);
  int unit = 0;
  while (size >= 1024 && unit < 4) size /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", size, units[unit]);
}

/// The first characters of a text, on one line, and how much is left out.
std::string shortened(const std::string& text) {
  std::size_t end = std::min(text.size(), kShownCharacters);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  std::string shown = printable(text.substr(0, end));
  if (end < text.size()) shown += fmt::format(" ... ({} more bytes)", text.size() - end);
  return shown;
}

void show_value(const Json& value, const std::string& indent, std::string& out) {
  if (value.is_string()) {
    out += shortened(value.get<std::string>()) + "\n";
  } else if (value.is_array() && !value.empty() && value[0].is_object()) {
    out += "\n";
    for (const Json& item : value) {
      std::string line;
      for (const auto& [name, field] : item.items())
        line += fmt::format("{}{}: {}", line.empty() ? "" : "  ", name,
                            field.is_string() ? shortened(field.get<std::string>()) : printable(field.dump()));
      out += fmt::format("{}- {}\n", indent, line);
    }
  } else {
    out += shortened(value.dump()) + "\n";
  }
}

void show_manifest(const Json& manifest, std::string& out) {
  out += "\nmade by\n";
  const auto line = [&](const char* name, const std::string& value) {
    out += fmt::format("  {:<12} {}\n", name, value);
  };
  line("stage", fmt::format("{} (version {})", manifest.value("stage", "?"), manifest.value("stage_version", 0)));
  line("key", manifest.value("key", ""));
  line("parameters", shortened(manifest.value("parameters", Json::object()).dump()));
  line("seed", manifest.value("seed", Json(0)).dump());
  for (const Json& input : manifest.value("inputs", Json::array()))
    line("input", fmt::format("{} {} ({})", input.value("name", ""), printable(input.value("path", "")),
                              input.value("sha256", "").substr(0, 12)));
  line("facts", shortened(manifest.value("facts", Json::object()).dump()));
  line("program", fmt::format("ballot {} {}", manifest.value("ballot_version", ""), manifest.value("commit", "")));
  line("when",
       fmt::format("{}, in {}", manifest.value("started", "?"), human_duration(manifest.value("seconds", 0.0))));
}

Json data_json(const DataFacts& facts) {
  Json json = {
      {"format", facts.format}, {"bytes", facts.bytes}, {"rows", facts.rows}, {"unreadable", facts.unreadable}};
  if (facts.row_groups > 0) json["row_groups"] = facts.row_groups;
  if (!facts.compression.empty()) json["compression"] = facts.compression;
  json["schema"] = Json::array();
  for (const ColumnFacts& column : facts.columns) {
    Json entry = {{"name", column.name}, {"type", column.type}};
    if (facts.format != "Parquet") entry["missing"] = column.missing;
    json["schema"].push_back(std::move(entry));
  }
  json["sample"] = Json::array();
  for (const std::string& row : facts.sample) json["sample"].push_back(Json::parse(row));
  return json;
}

void show_data(const Json& data, std::string& out) {
  out += fmt::format("{}, {}, {} rows", data["format"].get<std::string>(), human_bytes(data["bytes"]),
                     human_count(data["rows"]));
  if (data["unreadable"] > 0) out += fmt::format(" ({} unreadable)", human_count(data["unreadable"]));
  if (data.contains("row_groups"))
    out += fmt::format(", {} row group{}, {}", data["row_groups"].dump(), data["row_groups"] == 1 ? "" : "s",
                       data.value("compression", ""));
  out += "\n\ncolumns\n";
  std::size_t width = 0;
  for (const Json& column : data["schema"]) width = std::max(width, display_width(column["name"].get<std::string>()));
  for (const Json& column : data["schema"]) {
    const std::string name = printable(column["name"]);
    out += fmt::format("  {}{}  {}", name, std::string(width - std::min(width, display_width(name)), ' '),
                       printable(column["type"]));
    if (column.value("missing", 0) > 0) out += fmt::format("  ({} missing)", human_count(column["missing"]));
    out += "\n";
  }
  int number = 0;
  for (const Json& row : data["sample"]) {
    out += fmt::format("\nrow {}\n", ++number);
    for (const auto& [name, value] : row.items()) {
      const std::string shown = printable(name);
      out += fmt::format("  {}{}  ", shown, std::string(width - std::min(width, display_width(shown)), ' '));
      show_value(value, "    ", out);
    }
  }
}

bool is_model(const fs::path& path) {
  if (fs::is_directory(path))
    return fs::exists(path / "config.json") &&
           (fs::exists(path / "model.safetensors") || fs::exists(path / "model.safetensors.index.json"));
  return path.extension() == ".safetensors" || path.extension() == ".gguf";
}

bool is_data(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const char* end : {".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".csv", ".tsv"})
    if (name.ends_with(end)) return true;
  return false;
}

Json journal_json(const fs::path& folder) {
  const Journal::Totals totals = Journal(folder).totals();
  return {{"answers", totals.answers},
          {"final", totals.final},
          {"prompt_tokens", totals.prompt_tokens},
          {"completion_tokens", totals.completion_tokens},
          {"cached_tokens", totals.cached_tokens},
          {"cost", totals.cost}};
}

std::string journal_text(const Json& journal) {
  return fmt::format("journal: {} answers, {} of them final; {} prompt, {} completion tokens; cost {}\n",
                     human_count(journal["answers"]), human_count(journal["final"]),
                     human_count(journal["prompt_tokens"]), human_count(journal["completion_tokens"]),
                     journal["cost"].dump());
}

/// A token's text with its spaces made visible.
std::string token_text(const std::string& text) {
  std::string shown;
  for (const char c : printable(text)) c == ' ' ? shown += "·" : shown += c;
  return shown;
}

/// What a folder holds: its data files in brief, the journal's counts, and every other file by name and size.
void inspect_folder(const fs::path& folder, Json& json, std::string& out) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with(".")) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  out += fs::exists(folder / "manifest.json")     ? "a finished folder\n"
         : fs::exists(folder / "unfinished.json") ? "an unfinished folder: the same command goes on with it\n"
                                                  : "a folder\n";
  json["files"] = Json::array();
  TextTable table{{"file", "size", "rows"}, {}, {false, true, true}};
  for (const fs::path& file : files) {
    Json entry = {{"name", file.filename().string()}};
    std::string rows, size;
    if (fs::is_directory(file)) {
      entry["kind"] = "folder";
      size = "folder";
    } else {
      const auto bytes = static_cast<std::int64_t>(fs::file_size(file));
      entry["bytes"] = bytes;
      size = human_bytes(bytes);
      if (is_data(file)) {
        const DataFacts facts = describe_data(file, 0);
        entry["rows"] = facts.rows;
        rows = human_count(facts.rows);
      }
    }
    table.rows.push_back({printable(file.filename().string()), size, rows});
    json["files"].push_back(std::move(entry));
  }
  out += "\n" + render_plain(table);
  if (fs::exists(folder / "journal.sqlite")) {
    json["journal"] = journal_json(folder);
    out += "\n" + journal_text(json["journal"]);
  }
}

void show_tokens(const Json& view, std::string& out) {
  if (view["added_chatml"]) out += "the tokenizer has no chat template: shown with ChatML, as `ballot sft` adds it\n";
  for (const Json& row : view["rows"]) {
    for (const Json& sequence : row["sequences"]) {
      const Json& tokens = sequence["tokens"];
      const auto scored =
          std::count_if(tokens.begin(), tokens.end(), [](const Json& t) { return t["scored"].get<bool>(); });
      out += fmt::format("\nrow {}, {}: {} tokens, {} scored\n", printable(row["id"]),
                         sequence["name"].get<std::string>(), tokens.size(), scored);
      TextTable table{{"place", "id", "scored", "text"}, {}, {true, true, false, false}};
      std::size_t place = 0;
      for (const Json& token : tokens)
        table.rows.push_back({fmt::format("{}", place++), token["id"].dump(), token["scored"].get<bool>() ? "yes" : "",
                              token_text(token["text"])});
      out += render_plain(table);
    }
  }
  for (const char* kind : {"rejected", "warnings"})
    if (!view[kind].empty()) out += fmt::format("\n{}: {}\n", kind, view[kind].dump());
}

CommandResult inspect(const InspectArguments& arguments, Context&) {
  fs::path path = arguments.path;
  Json json;
  std::string out;
  if (!fs::exists(path)) {
    if (is_data(path) || arguments.path.find_first_of("/:") == std::string::npos)
      throw bad_input("cannot read {}: no such file or folder", arguments.path);
    path = find_model(arguments.path);  // deps: or a hub name; throws where it is none
  }
  json["path"] = arguments.path;
  if (arguments.tokens) {
    if (arguments.model.empty())
      throw Error(ErrorKind::kUsage, "--tokens wants to know whose tokens",
                  "name the model or tokenizer folder: --model DIR");
    const Json view = Json::parse(engine().token_view({path.string()}, arguments.model, arguments.rows));
    json.update(view);
    show_tokens(view, out);
    return {json.dump(), out};
  }
  out = fmt::format("{}: ", printable(arguments.path));
  if (is_model(path)) {
    json["kind"] = "model";
    json["model"] = Json::parse(engine().inspect_model(path));
    out += "a model\n\n";
    for (const auto& [name, value] : json["model"].items()) {
      out += fmt::format("{:<18} ", name);
      show_value(value, "  ", out);
    }
  } else if (fs::is_directory(path)) {
    json["kind"] = "folder";
    inspect_folder(path, json, out);
  } else if (path.filename() == "journal.sqlite") {
    json["kind"] = "journal";
    json["journal"] = journal_json(path.parent_path().empty() ? "." : path.parent_path());
    out += journal_text(json["journal"]);
  } else if (path.extension() == ".json" || path.extension() == ".yaml") {
    json["kind"] = "text";
    json["text"] = read_file(path);
    out += human_bytes(static_cast<std::int64_t>(fs::file_size(path))) + "\n\n";
    std::istringstream lines(json["text"].get<std::string>());
    for (std::string line; std::getline(lines, line);) out += printable(line) + "\n";
  } else {
    json["kind"] = "data";
    const Json data = data_json(describe_data(path, arguments.rows));
    json.update(data);
    show_data(data, out);
  }
  if (fs::exists(manifest_path(path))) {
    json["manifest"] = Json::parse(read_manifest_text(path));
    show_manifest(json["manifest"], out);
  }
  return {json.dump(-1, ' ', false, Json::error_handler_t::replace), out};
}

}  // namespace

Command inspect_command() {
  return {"inspect", "Show manifest, schema, row counts and first rows of any artefact; token ids and loss masks",
          "  ballot inspect studies/demo/ranked.jsonl --rows 1\n"
          "  ballot inspect studies/demo/sft.jsonl --tokens --model deps:smollm2-135m --rows 1\n",
          [](CLI::App& app) -> CommandRun {
            auto arguments = std::make_shared<InspectArguments>();
            app.add_option("PATH", arguments->path,
                           "a file or folder: Parquet, JSONL, CSV, a model, a journal, a study's folder")
                ->required();
            app.add_option("--rows", arguments->rows, "how many rows to show")
                ->check(CLI::NonNegativeNumber)
                ->capture_default_str();
            app.add_flag("--tokens", arguments->tokens, "show token ids, text and loss mask of training data");
            app.add_option("--model,--tokenizer", arguments->model,
                           "whose tokenizer (--tokens): a folder, GGUF file, deps: or hub name");
            return [arguments](Context& context) { return inspect(*arguments, context); };
          }};
}

}  // namespace ballot
