#include "study/runner.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/suggest.h"
#include "study/record.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

bool matches(const std::string& stage, const std::string& pattern) {
  return stage == pattern || stage.starts_with(pattern.ends_with("/") ? pattern : pattern + "/");
}

/// Keys of all stages, in order. Contents from outside are hashed once.
class Keys {
 public:
  explicit Keys(const std::vector<Stage>& stages) {
    for (const Stage& stage : stages) {
      std::map<std::string, std::string>& inputs = inputs_[stage.name];
      for (const std::string& input : stage.inputs) inputs[input] = keys_.at(input);
      for (const auto& [role, path] : stage.files) {
        auto found = files_.find(path);
        if (found == files_.end()) found = files_.emplace(path, content_sha256(path)).first;
        inputs[role] = found->second;
      }
      keys_[stage.name] = stage_key(stage, inputs);
    }
  }
  const std::string& key(const std::string& stage) const { return keys_.at(stage); }
  const std::map<std::string, std::string>& inputs(const std::string& stage) const { return inputs_.at(stage); }

 private:
  std::map<std::string, std::string> keys_, files_;
  std::map<std::string, std::map<std::string, std::string>> inputs_;
};

void check_pattern(const std::vector<Stage>& stages, const std::string& flag, const std::string& pattern) {
  if (pattern.empty()) return;
  std::vector<std::string> names;
  for (const Stage& stage : stages) {
    if (matches(stage.name, pattern)) return;
    names.push_back(stage.name);
  }
  throw wrong_usage("{} {}: no such stage{}", flag, pattern, did_you_mean(pattern, names));
}

/// What a folder says of its own state, as a hash; "-" where it says nothing.
std::string own_notes(const fs::path& artefact) {
  std::string text;
  for (const char* name : {"manifest.json", "unfinished.json"})
    if (fs::exists(artefact / name)) text += name + read_file(artefact / name);
  return text.empty() ? "-" : sha256_hex(text).substr(0, 32);
}

void run_one(const fs::path& folder, const Stage& stage, const Keys& keys, const RunOptions& options,
             Progress& progress) {
  const fs::path artefact = folder / stage.artefact, begun = folder / "stages" / (stage.name + ".begun");
  StageRun run;
  run.folder = folder;
  run.artefact = artefact;
  run.threads = options.threads;
  // What lies there goes on only where it was begun with this very key. What was made with another one must not pass
  // for finished or begun where this process dies before the stage has started over: `begun` holds the key and what the
  // artefact said of itself at that moment.
  const std::string key = keys.key(stage.name), note = fs::exists(begun) ? read_file(begun) : "";
  const bool same = note.starts_with(key);
  fs::remove(record_path(folder, stage.name));
  if (!same) write_file(begun, key + " " + own_notes(artefact));
  const bool started = same && note != key + " " + own_notes(artefact);
  run.force = fs::exists(artefact) && !(started && fs::exists(artefact / "unfinished.json"));
  // Finished by its own account, and the process died before the runner wrote that down. (A file is made anew: what
  // lies beside it, such as its rejects, may be written after its manifest.)
  const bool finished = started && fs::exists(artefact / "manifest.json");
  RecordedProgress recorded(progress, folder, stage.name);
  run.progress = &recorded;
  const auto began = std::chrono::steady_clock::now();
  if (!finished) stage.run(run);
  // A process killed just after it wrote the manifest left its note beside it.
  if (finished) fs::remove(artefact / "unfinished.json");
  StageRecord record;
  record.name = stage.name;
  record.kind = stage.kind;
  record.key = key;
  record.parameters = stage.parameters;
  record.version = stage.version;
  record.inputs = keys.inputs(stage.name);
  record.artefact = stage.artefact.generic_string();
  record.sha256 = content_sha256(artefact);
  record.finished = utc_now();
  record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  write_record(folder, record);
  fs::remove(begun);
}

}  // namespace

std::vector<StageOutcome> run_stages(const fs::path& folder, const std::vector<Stage>& stages,
                                     const RunOptions& options, Progress& progress) {
  check_pattern(stages, "--only", options.only);
  check_pattern(stages, "--until", options.until);
  const Keys keys(stages);
  std::optional<FolderLock> lock;
  if (!options.dry_run) {
    lock.emplace(folder);
    // What killed processes left of files that they had not finished.
    remove_stale_temporaries(folder);
    std::vector<fs::path> inside;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_directory()) inside.push_back(entry.path());
    for (const fs::path& each : inside) remove_stale_temporaries(each);
  }
  std::size_t end = stages.size();
  if (!options.until.empty())
    for (end = 0; const Stage& stage : stages) {
      const std::size_t index = static_cast<std::size_t>(&stage - stages.data());
      if (matches(stage.name, options.until)) end = index + 1;
    }
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < end; ++i)
    if (options.only.empty() || matches(stages[i].name, options.only)) wanted.push_back(stages[i].name);
  std::vector<StageOutcome> outcomes;
  std::map<std::string, bool> fresh;  // made in this run, or would be
  int count = 0;
  for (std::size_t i = 0; i < end; ++i) {
    const Stage& stage = stages[i];
    if (std::find(wanted.begin(), wanted.end(), stage.name) == wanted.end()) {
      fresh[stage.name] = false;
      continue;
    }
    ++count;
    std::string why = why_run(folder, stage, keys.key(stage.name), keys.inputs(stage.name));
    if (why.empty()) {
      outcomes.push_back({stage.name, "kept", "same key", 0});
      continue;
    }
    for (const std::string& input : stage.inputs)
      if (fresh[input]) why = why == "never made" ? why : fmt::format("{} ({} is made anew)", why, input);
    fresh[stage.name] = true;
    if (options.dry_run) {
      outcomes.push_back({stage.name, "would run", why, 0});
      continue;
    }
    check_interrupt();
    for (const std::string& input : stage.inputs) {
      const auto record = read_record(folder, input);
      if (!record || record->key != keys.key(input))
        throw wrong_usage("{} needs {}, which is {}; run that first, or leave out --only", stage.name, input,
                          record ? "out of date" : "not made");
    }
    progress.say(
        fmt::format("[{}/{}] {}{}", count, wanted.size(), stage.name, options.explain ? " (" + why + ")" : ""));
    const auto began = std::chrono::steady_clock::now();
    try {
      run_one(folder, stage, keys, options, progress);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInterrupted) {
        StageState state;
        state.state = "failed";
        state.message = error.message();
        state.updated = utc_now();
        try {
          write_state(folder, stage.name, state);
        } catch (const Error&) {
          // A disk that is full takes no note of it either; the error itself says so.
        }
        throw Error(error.kind(), fmt::format("stage {}: {}", stage.name, error.message()), error.next());
      }
      clear_state(folder, stage.name);
      throw;
    }
    clear_state(folder, stage.name);
    outcomes.push_back(
        {stage.name, "made", why, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()});
  }
  return outcomes;
}

std::vector<StageStatus> study_status(const fs::path& folder, const std::vector<Stage>& stages) {
  const Keys keys(stages);
  std::vector<StageStatus> lines;
  for (const Stage& stage : stages) {
    const auto record = read_record(folder, stage.name);
    const auto state = read_state(folder, stage.name);
    const std::string why = why_run(folder, stage, keys.key(stage.name), keys.inputs(stage.name));
    if (record && why.empty()) {
      lines.push_back({stage.name, "done", record->finished, record->seconds});
    } else if (state && state->state == "running" && ::kill(static_cast<pid_t>(state->process), 0) == 0) {
      std::string detail = state->what;
      if (state->total > 0) detail += fmt::format(" {}/{} {}", state->done, state->total, state->unit);
      if (state->done > 0 && state->total > state->done)
        detail +=
            fmt::format(", {} left", human_duration(state->seconds * static_cast<double>(state->total - state->done) /
                                                    static_cast<double>(state->done)));
      if (!state->note.empty()) detail += ", " + state->note;
      lines.push_back({stage.name, "running", detail, state->seconds});
    } else if (state && state->state == "failed") {
      lines.push_back({stage.name, "failed", state->message, 0});
    } else if (state) {
      lines.push_back({stage.name, "waiting", "stopped before its end; the same run goes on", 0});
    } else {
      lines.push_back({stage.name, record ? "out of date" : "waiting", why, 0});
    }
  }
  return lines;
}

std::vector<std::string> verify_study(const fs::path& folder, Progress& progress) {
  if (!fs::is_directory(folder / "stages"))
    throw bad_input("{} is not the folder of a study: it has no stages", folder.string());
  std::vector<std::string> complaints;
  std::map<std::string, StageRecord> records;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "stages")) {
    const std::string name = fs::relative(entry.path(), folder / "stages").generic_string();
    if (!entry.is_regular_file() || !name.ends_with(".json") || name.ends_with(".state.json")) continue;
    const auto record = read_record(folder, name.substr(0, name.size() - 5));
    if (record) records[record->name] = *record;
  }
  std::int64_t done = 0;
  progress.start("verify", static_cast<std::int64_t>(records.size()), "stages");
  for (const auto& [name, record] : records) {
    Stage stage;
    stage.kind = record.kind;
    stage.version = record.version;
    stage.parameters = record.parameters;
    if (stage_key(stage, record.inputs) != record.key)
      complaints.push_back(fmt::format("{}: its key does not follow from its parameters and inputs", name));
    for (const auto& [input, key] : record.inputs)
      if (const auto found = records.find(input); found != records.end() && found->second.key != key)
        complaints.push_back(fmt::format("{}: was made from another {} than the one that is there", name, input));
    if (!fs::exists(folder / record.artefact))
      complaints.push_back(fmt::format("{}: {} is missing", name, record.artefact));
    else if (content_sha256(folder / record.artefact) != record.sha256)
      complaints.push_back(fmt::format("{}: {} is not what was recorded", name, record.artefact));
    progress.update(++done);
  }
  progress.finish();
  return complaints;
}

}  // namespace ballot
