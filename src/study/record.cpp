#include "study/record.h"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/manifest.h"

namespace ballot {
namespace fs = std::filesystem;

fs::path record_path(const fs::path& folder, const std::string& stage) {
  return folder / "stages" / (stage + ".json");
}

std::optional<StageRecord> read_record(const fs::path& folder, const std::string& stage) {
  const fs::path path = record_path(folder, stage);
  if (!fs::exists(path)) return std::nullopt;
  try {
    const Json json = Json::parse(read_file(path));
    StageRecord record;
    record.name = json.at("stage");
    record.kind = json.at("kind");
    record.key = json.at("key");
    record.parameters = json.at("parameters").dump();
    record.version = json.at("version");
    record.inputs = json.at("inputs").get<std::map<std::string, std::string>>();
    record.artefact = json.at("artefact");
    record.sha256 = json.at("sha256");
    record.finished = json.at("finished");
    record.seconds = json.at("seconds");
    return record;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::kInput, fmt::format("cannot read {}: {}", path.string(), error.what()),
                "delete that file; the stage is then made again");
  }
}

void write_record(const fs::path& folder, const StageRecord& record) {
  Json json;
  json["stage"] = record.name;
  json["kind"] = record.kind;
  json["key"] = record.key;
  json["version"] = record.version;
  json["parameters"] = Json::parse(record.parameters);
  json["inputs"] = record.inputs;
  json["artefact"] = record.artefact;
  json["sha256"] = record.sha256;
  json["finished"] = record.finished;
  json["seconds"] = record.seconds;
  write_file(record_path(folder, record.name), json.dump(2) + "\n");
}

std::string stage_key(const Stage& stage, const std::map<std::string, std::string>& inputs) {
  Hasher hasher;
  hasher.field(stage.kind).field(stage.version).field(Json::parse(stage.parameters).dump());
  for (const auto& [name, key] : inputs) hasher.field(name).field(key);
  return hasher.hex(32);
}

std::string why_run(const fs::path& folder, const Stage& stage, const std::string& key,
                    const std::map<std::string, std::string>& inputs) {
  const auto record = read_record(folder, stage.name);
  if (!record) return fs::exists(folder / stage.artefact) ? "begun and not finished" : "never made";
  if (record->key == key) return fs::exists(folder / stage.artefact) ? "" : "its artefact is missing";
  if (record->version != stage.version)
    return fmt::format("Ballot's stage version {} -> {}", record->version, stage.version);
  const Json before = Json::parse(record->parameters), now = Json::parse(stage.parameters);
  for (const auto& [name, value] : now.items())
    if (!before.contains(name) || before[name] != value)
      return fmt::format("parameter {}: {} -> {}", name, before.contains(name) ? before[name].dump() : "(none)",
                         value.dump());
  for (const auto& [name, value] : before.items())
    if (!now.contains(name)) return fmt::format("parameter {}: {} -> (none)", name, value.dump());
  for (const auto& [name, input] : inputs) {
    const auto old = record->inputs.find(name);
    if (old == record->inputs.end()) return fmt::format("a new input, {}", name);
    if (old->second != input) return fmt::format("its input {} changed", name);
  }
  return "an input fell away";
}

namespace {
fs::path state_path(const fs::path& folder, const std::string& stage) {
  return folder / "stages" / (stage + ".state.json");
}
}  // namespace

void write_state(const fs::path& folder, const std::string& stage, const StageState& s) {
  const Json json = {{"state", s.state},     {"what", s.what},       {"unit", s.unit},       {"note", s.note},
                     {"message", s.message}, {"started", s.started}, {"updated", s.updated}, {"done", s.done},
                     {"total", s.total},     {"process", s.process}, {"seconds", s.seconds}};
  write_file(state_path(folder, stage), json.dump() + "\n");
}

std::optional<StageState> read_state(const fs::path& folder, const std::string& stage) {
  const fs::path path = state_path(folder, stage);
  if (!fs::exists(path)) return std::nullopt;
  try {
    const Json json = Json::parse(read_file(path));
    return StageState{json.at("state"),   json.at("what"),    json.at("unit"),    json.at("note"),
                      json.at("message"), json.at("started"), json.at("updated"), json.at("done"),
                      json.at("total"),   json.at("process"), json.at("seconds")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // only a hint for people: a damaged one says nothing
  }
}

void clear_state(const fs::path& folder, const std::string& stage) {
  std::error_code ignored;
  fs::remove(state_path(folder, stage), ignored);
}

RecordedProgress::RecordedProgress(Progress& inner, fs::path folder, std::string stage)
    : inner_(inner),
      folder_(std::move(folder)),
      stage_(std::move(stage)),
      began_(std::chrono::steady_clock::now()),
      written_(began_) {
  state_.state = "running";
  state_.started = utc_now();
  state_.process = ::getpid();
  write(true);
}

void RecordedProgress::write(bool now) {
  const auto time = std::chrono::steady_clock::now();
  if (!now && time - written_ < std::chrono::seconds(1)) return;
  written_ = time;
  state_.updated = utc_now();
  state_.seconds = std::chrono::duration<double>(time - began_).count();
  try {
    write_state(folder_, stage_, state_);
  } catch (const Error&) {
    // Only for onlookers: where the disk is full, the stage itself says so.
  }
}

void RecordedProgress::start(std::string_view what, std::int64_t total, std::string_view unit) {
  inner_.start(what, total, unit);
  const std::lock_guard lock(mutex_);
  state_.what = what, state_.unit = unit, state_.total = total, state_.done = 0, state_.note.clear();
  write(false);
}

void RecordedProgress::update(std::int64_t done, std::string_view note) {
  inner_.update(done, note);
  const std::lock_guard lock(mutex_);
  state_.done = done;
  if (!note.empty()) state_.note = note;
  write(false);
}

void RecordedProgress::finish(std::string_view note) {
  inner_.finish(note);
}
void RecordedProgress::say(std::string_view line) {
  inner_.say(line);
}

}  // namespace ballot
