// What the runner remembers of a stage: one small JSON file, DIR/stages/<name>.json, written after the artefact is
// complete.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/progress.h"
#include "study/stage.h"

namespace ballot {

struct StageRecord {
  std::string name, kind, key;
  std::string parameters;  ///< JSON text
  std::int64_t version = 1;
  std::map<std::string, std::string> inputs;  ///< stage or role to its key or content hash
  std::string artefact, sha256;               ///< path relative to DIR, hash of its content
  std::string finished;                       ///< ISO 8601
  double seconds = 0;
};

std::filesystem::path record_path(const std::filesystem::path& folder, const std::string& stage);
std::optional<StageRecord> read_record(const std::filesystem::path& folder, const std::string& stage);
void write_record(const std::filesystem::path& folder, const StageRecord& record);

/// The key of a stage whose inputs' keys are known.
std::string stage_key(const Stage& stage, const std::map<std::string, std::string>& inputs);

/// Why a stage must run, or empty where its record and artefact are as they should be: "never made", "parameter margin:
/// none -> column", "its input pool changed", "its artefact is missing".
std::string why_run(const std::filesystem::path& folder, const Stage& stage, const std::string& key,
                    const std::map<std::string, std::string>& inputs);

/// What a running or failed stage says of itself, for `ballot status` from another process.
struct StageState {
  std::string state;  ///< "running", "failed"
  std::string what, unit, note, message, started, updated;
  std::int64_t done = 0, total = 0, process = 0;
  double seconds = 0;
};
void write_state(const std::filesystem::path& folder, const std::string& stage, const StageState& state);
std::optional<StageState> read_state(const std::filesystem::path& folder, const std::string& stage);
void clear_state(const std::filesystem::path& folder, const std::string& stage);

/// Passes everything on, and writes the stage's state at most once a second.
class RecordedProgress : public Progress {
 public:
  RecordedProgress(Progress& inner, std::filesystem::path folder, std::string stage);
  void start(std::string_view what, std::int64_t total, std::string_view unit) override;
  void update(std::int64_t done, std::string_view note) override;
  void finish(std::string_view note) override;
  void say(std::string_view line) override;

 private:
  void write(bool now);
  Progress& inner_;
  std::filesystem::path folder_;
  std::string stage_;
  StageState state_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point began_, written_;
};

}  // namespace ballot
