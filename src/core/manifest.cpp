#include "core/manifest.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "core/version.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

Json parse(const std::string& text) {
  return text.empty() ? Json::object() : Json::parse(text);
}

Json host_facts() {
  Json host;
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  host["name"] = name;
  utsname system{};
  if (::uname(&system) == 0) host["system"] = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  host["cores"] = available_cores();
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) host["processor"] = line.substr(line.find(':') + 2);
    if (line.starts_with("flags")) {
      for (const char* feature : {"avx2", "avx512f", "avx512_bf16", "amx_bf16"})
        if ((line + " ").find(fmt::format(" {} ", feature)) != std::string::npos) host["features"].push_back(feature);
      break;
    }
  }
  return host;
}

Json to_json(const Manifest& m) {
  Json json;
  json["stage"] = m.stage;
  json["stage_version"] = m.stage_version;
  json["key"] = m.key;
  json["parameters"] = parse(m.parameters);
  json["seed"] = m.seed;
  json["inputs"] = Json::array();
  for (const ManifestInput& input : m.inputs)
    json["inputs"].push_back({{"name", input.name}, {"path", input.path}, {"sha256", input.sha256}});
  json["facts"] = parse(m.facts);
  json["ballot_version"] = version();
  json["commit"] = commit();
  json["started"] = m.started;
  json["seconds"] = m.seconds;
  json["host"] = host_facts();
  return json;
}

}  // namespace

std::string make_key(const Manifest& m) {
  Hasher hasher;
  hasher.field(m.stage).field(m.stage_version).field(parse(m.parameters).dump()).field(m.seed);
  for (const ManifestInput& input : m.inputs) hasher.field(input.name).field(input.sha256);
  return hasher.hex(32);
}

fs::path manifest_path(const fs::path& artefact) {
  if (fs::is_directory(artefact)) return artefact / "manifest.json";
  return artefact.string() + ".manifest.json";
}

void write_manifest(const fs::path& artefact, Manifest manifest) {
  manifest.key = make_key(manifest);
  write_file(manifest_path(artefact), to_json(manifest).dump(2) + "\n");
  if (fs::is_directory(artefact)) {
    std::error_code ignored;
    fs::remove(artefact / "unfinished.json", ignored);
  }
}

std::string read_manifest_text(const fs::path& artefact) {
  return read_file(manifest_path(artefact));
}

std::optional<Manifest> read_manifest(const fs::path& artefact) {
  const fs::path path = manifest_path(artefact);
  if (!fs::exists(path)) return std::nullopt;
  try {
    const Json json = Json::parse(read_file(path));
    Manifest m;
    m.stage = json.at("stage");
    m.stage_version = json.at("stage_version");
    m.key = json.at("key");
    m.parameters = json.at("parameters").dump();
    m.facts = json.value("facts", Json::object()).dump();
    m.seed = json.at("seed");
    m.seconds = json.value("seconds", 0.0);
    m.started = json.value("started", "");
    for (const Json& input : json.at("inputs"))
      m.inputs.push_back({input.at("name"), input.at("path"), input.at("sha256")});
    return m;
  } catch (const nlohmann::json::exception& error) {
    throw bad_input("cannot read the manifest {}: {}", path.string(), error.what());
  }
}

std::string content_sha256(const fs::path& artefact) {
  if (!fs::exists(artefact)) throw bad_input("cannot read {}: no such file or folder", artefact.string());
  return fs::is_directory(artefact) ? sha256_folder(artefact) : sha256_file(artefact);
}

namespace {

/// A model folder is what others load. What a training keeps beside it (its curves, which hold times, how it was cut,
/// checkpoints and event files in folders of their own) is none of that: two trainings that give the same weights give
/// the same input.
std::string model_sha256(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with(".") && name != "manifest.json" && name != "unfinished.json" &&
        name != "metrics.jsonl" && name != "plan.json")
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  Hasher hasher;
  for (const fs::path& file : files) hasher.field(file.filename().string()).field(sha256_file(file));
  return hasher.hex();
}

}  // namespace

ManifestInput describe_input(const std::string& name, const fs::path& path) {
  const bool model = fs::is_directory(path) && fs::exists(path / "config.json");
  return {name, path.string(), model ? model_sha256(path) : content_sha256(path)};
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

bool begin_folder(const fs::path& folder, const Manifest& manifest, bool force) {
  if (fs::exists(folder) && !fs::is_directory(folder))
    throw wrong_usage("{} is a file; --out wants a folder here", folder.string());
  if (force && fs::exists(folder)) {
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename() != ".lock") fs::remove_all(entry.path());
  }
  fs::create_directories(folder);
  remove_stale_temporaries(folder);
  const std::string key = make_key(manifest);
  const fs::path note = folder / "unfinished.json";
  if (fs::exists(folder / "manifest.json"))
    throw Error(ErrorKind::kUsage, fmt::format("{} is finished", folder.string()),
                "choose another --out, or start over with --force");
  if (!fs::exists(note)) {
    Json json;
    json["stage"] = manifest.stage;
    json["key"] = key;
    json["parameters"] = parse(manifest.parameters);
    json["parameters"]["seed"] = manifest.seed;
    for (const ManifestInput& input : manifest.inputs) json["parameters"]["input " + input.name] = input.sha256;
    write_file(note, json.dump(2) + "\n");
    return false;
  }
  Json before;
  try {
    before = Json::parse(read_file(note));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::kInput, fmt::format("{} is damaged: {}", note.string(), error.what()),
                "start over with --force");
  }
  if (before.value("key", "") == key) return true;
  Json now = parse(manifest.parameters);
  now["seed"] = manifest.seed;
  for (const ManifestInput& input : manifest.inputs) now["input " + input.name] = input.sha256;
  std::string difference;
  for (const auto& [name, value] : now.items()) {
    const Json old = before["parameters"].value(name, Json());
    if (old != value)
      difference += fmt::format("{}{}: {} -> {}", difference.empty() ? "" : ", ", name, old.dump(), value.dump());
  }
  if (difference.empty())
    difference = before.value("stage", "") != manifest.stage ? "another command" : "another version of Ballot";
  throw Error(ErrorKind::kUsage, fmt::format("{} was begun with other parameters ({})", folder.string(), difference),
              "use those to go on, choose another --out, or start over with --force");
}

void begin_file(const fs::path& file, bool force) {
  if (fs::is_directory(file)) throw wrong_usage("{} is a folder; --out wants a file here", file.string());
  if (fs::exists(file) && !force)
    throw Error(ErrorKind::kUsage, fmt::format("{} is there already", file.string()),
                "choose another --out, or write it anew with --force");
}

}  // namespace ballot
