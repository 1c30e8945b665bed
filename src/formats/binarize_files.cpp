#include "formats/binarize_files.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "core/suggest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"

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
  std::vector<FormatAnnotations> inputs;
  std::vector<std::string> names;
  std::map<std::string, std::string> taken;
  for (const std::string& path : request.annotations) {
    inputs.push_back(read_format_annotations(path));
    names.push_back(inputs.back().format.name);
    if (const auto [found, added] = taken.emplace(names.back(), path); !added)
      throw Error(ErrorKind::kUsage,
                  fmt::format("{} and {} are both of the format '{}'", found->second, path, names.back()),
                  "binarize them one by one, each with its own --out");
  }
  Manifest manifest = manifest_of(request, names, request.annotations);
  const bool several = inputs.size() > 1;
  if (several)
    begin_folder(request.out, manifest, request.force);
  else
    begin_file(request.out, request.force);

  const std::vector<PoolRow> pool = read_pool(request.pool);
  std::vector<PreferenceSet> sets = binarize(pool, inputs, request.options, static_cast<std::uint64_t>(request.seed));
  std::vector<BinarizedFile> files;
  Json facts = Json::object();
  for (PreferenceSet& set : sets) {
    const fs::path path = several ? fs::path(request.out) / (set.summary.format + ".parquet") : fs::path(request.out);
    write_preferences(path, set.rows, layout);
    facts[set.summary.format] = to_json(set.summary);
    files.push_back({path.string(), std::move(set.summary)});
  }
  manifest.facts = facts.dump();
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  write_manifest(request.out, manifest);
  return files;
}

}  // namespace ballot
