#include "formats/binarize_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "core/suggest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "formats/hub_folder.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

PreferenceLayout layout_of(const std::string& word) {
  const std::vector<std::string> words = {"trl", "dpo_text", "rewardbench"};
  if (word == words[0]) return PreferenceLayout::kTrl;
  if (word == words[1]) return PreferenceLayout::kDpoText;
  if (word == words[2]) return PreferenceLayout::kRewardBench;
  throw wrong_usage("unknown layout '{}'{}", word, did_you_mean(word, words));
}

// The hash of what is read: of the annotations alone, not of the journal beside them.
ManifestInput describe_annotations(const std::string& name, const std::string& path) {
  return describe_input(name, fs::is_directory(path) ? fs::path(path) / "annotations.parquet" : fs::path(path));
}

Manifest manifest_of(const BinarizeRequest& request, const std::vector<std::string>& names,
                     const std::vector<std::string>& annotations) {
  Manifest manifest;
  manifest.stage = "binarize";
  manifest.seed = request.seed;
  Json parameters = Json::parse(options_json(request.options, true));
  parameters["layout"] = request.layout;
  manifest.parameters = parameters.dump();
  for (std::size_t i = 0; i < names.size(); ++i)
    manifest.inputs.push_back(describe_annotations("annotations " + names[i], annotations[i]));
  manifest.inputs.push_back(describe_input("pool", request.pool));
  manifest.started = utc_now();
  return manifest;
}

// The last folder of a path to annotations, and the one above it: "labels/judge/placebo" -> "placebo", "judge".
std::pair<std::string, std::string> folders_of(const std::string& path) {
  fs::path folder = fs::absolute(path).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  if (!fs::is_directory(path)) {
    // A file of any name, or annotations.parquet in a folder that says more.
    if (folder.stem() != "annotations") return {folder.stem().string(), folder.parent_path().filename().string()};
    folder = folder.parent_path();
  }
  return {folder.filename().string(), folder.parent_path().filename().string()};
}

// A name an input: its format's; where several are of one format their folders'.
std::vector<std::string> names_of(const std::vector<FormatAnnotations>& inputs, const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  const auto times = [](const std::vector<std::string>& all, const std::string& name) {
    return std::count(all.begin(), all.end(), name);
  };
  for (const FormatAnnotations& input : inputs) names.push_back(input.format.name);
  const std::vector<std::string> formats = names;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (times(formats, formats[i]) > 1) names[i] = folders_of(paths[i]).first;
  const std::vector<std::string> folders = names;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (times(folders, folders[i]) > 1) names[i] = folders_of(paths[i]).second + "_" + folders_of(paths[i]).first;
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j])
        throw Error(ErrorKind::kUsage,
                    fmt::format("{} and {} are both of the format '{}' and both called '{}'", paths[j], paths[i],
                                formats[i], names[i]),
                    "binarize them one by one, each with its own --out");
  return names;
}

void write_out(const BinarizeRequest& request, PreferenceLayout layout, const std::vector<std::string>& names,
               const std::vector<PreferenceSet>& sets, std::vector<BinarizedFile>& files) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const fs::path path = sets.size() > 1 ? fs::path(request.out) / (names[i] + ".parquet") : fs::path(request.out);
    write_preferences(path, sets[i].rows, layout);
    files[i].path = path.string();
  }
}

}  // namespace

FormatAnnotations read_format_annotations(const std::string& path) {
  std::vector<Annotation> rows = read_annotations(path);
  if (rows.empty()) throw bad_input("{} holds no annotations", path);
  const std::string name = rows.front().format;
  for (const Annotation& row : rows)
    if (row.format != name)
      throw Error(ErrorKind::kInput,
                  fmt::format("{} holds annotations of two formats, '{}' and '{}'", path, name, row.format),
                  "give one file a format");
  const fs::path beside =
      fs::is_directory(path) ? fs::path(path) / "format.yaml" : fs::path(path).parent_path() / "format.yaml";
  // A folder tells the format as its ballots had it; a table from elsewhere only its name.
  if (fs::exists(beside)) {
    Format format = Format::load(beside.string());
    if (format.name == name) return {std::move(format), std::move(rows)};
  }
  return {Format::load(name), std::move(rows)};
}

std::string pool_of_annotations(const std::string& folder) {
  const auto manifest = read_manifest(folder);
  if (!manifest)
    throw Error(ErrorKind::kInput, fmt::format("{} has no manifest that names its pool", folder),
                "give the pool that the annotations were made from: --pool");
  for (const ManifestInput& input : manifest->inputs)
    if (input.name == "pool") {
      if (!fs::exists(input.path))
        throw Error(ErrorKind::kInput, fmt::format("{} was made from {}, which is not there", folder, input.path),
                    "give the pool that the annotations were made from: --pool");
      if (content_sha256(input.path) != input.sha256)
        throw Error(ErrorKind::kInput, fmt::format("{} was made from {}, which has changed since", folder, input.path),
                    "give the pool that the annotations were made from: --pool");
      return input.path;
    }
  throw Error(ErrorKind::kInput, fmt::format("the manifest of {} names no pool", folder),
              "give the pool that the annotations were made from: --pool");
}

Json to_json(const BinarizeSummary& summary) {
  Json dropped = Json::object();
  for (const auto& [reason, count] : summary.dropped) dropped[reason] = count;
  return {{"format", summary.format},     {"judge", summary.judge}, {"possible", summary.possible},
          {"pairs", summary.pairs},       {"ties", summary.ties},   {"decided", summary.decided},
          {"averaged", summary.averaged}, {"dropped", dropped}};
}

std::vector<BinarizedFile> binarize_files(const BinarizeRequest& request) {
  const auto begin = std::chrono::steady_clock::now();
  const PreferenceLayout layout = layout_of(request.layout);
  if (request.annotations.empty()) throw wrong_usage("binarize: no annotations were given");
  if (request.out.empty() && request.hub_folder.empty())
    throw Error(ErrorKind::kUsage, "binarize: nothing says where to write", "--out PATH, or --hub-folder DIR, or both");
  if (request.out.empty() && layout != PreferenceLayout::kTrl)
    throw Error(ErrorKind::kUsage,
                fmt::format("--layout {} is one of --out; a dataset folder has TRL's", request.layout),
                "leave --layout out, or give --out as well");
  std::vector<FormatAnnotations> inputs;
  for (const std::string& path : request.annotations) inputs.push_back(read_format_annotations(path));
  const std::vector<std::string> names = names_of(inputs, request.annotations);
  Manifest manifest = manifest_of(request, names, request.annotations);
  Manifest hub_manifest = manifest;
  if (!request.out.empty()) {
    if (inputs.size() > 1)
      begin_folder(request.out, manifest, request.force);
    else
      begin_file(request.out, request.force);
  }
  if (!request.hub_folder.empty()) {
    hub_manifest.stage = "hub_folder";
    Json parameters = Json::parse(hub_manifest.parameters);
    parameters["layout"] = "trl";
    parameters["licences"] = request.licences;
    hub_manifest.parameters = parameters.dump();
    begin_folder(request.hub_folder, hub_manifest, request.force);
  }

  const std::vector<PoolRow> pool = read_pool(request.pool);
  const std::vector<PreferenceSet> sets =
      binarize(pool, inputs, request.options, static_cast<std::uint64_t>(request.seed));
  std::vector<BinarizedFile> files;
  Json facts = Json::object();
  for (std::size_t i = 0; i < sets.size(); ++i) {
    files.push_back({names[i], (fs::path(request.hub_folder) / "data" / names[i]).string(), sets[i].summary});
    facts[names[i]] = to_json(sets[i].summary);
  }
  const auto finish = [&](Manifest& of, const std::string& artefact) {
    of.facts = facts.dump();
    of.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    write_manifest(artefact, of);
  };
  if (!request.out.empty()) {
    write_out(request, layout, names, sets, files);
    finish(manifest, request.out);
  }
  if (!request.hub_folder.empty()) {
    std::vector<HubInput> hub;
    for (std::size_t i = 0; i < sets.size(); ++i)
      hub.push_back({names[i], request.annotations[i], &inputs[i], &sets[i]});
    HubFolderOptions options;
    options.pool = request.pool;
    options.licences = request.licences;
    options.preferences = request.options;
    options.seed = request.seed;
    write_hub_folder(request.hub_folder, pool, hub, options);
    finish(hub_manifest, request.hub_folder);
    make_manifest_public(request.hub_folder);
  }
  return files;
}

}  // namespace ballot
