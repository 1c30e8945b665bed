// What an artefact says of its own making: `PATH.manifest.json` beside a file, `manifest.json` inside a folder.
//
// The key hashes the stage's name and whole-number version (raised when the meaning of its output changes), the
// parameters that change the result, and the inputs' keys or content hashes: equal keys, equal content. A folder counts
// as made once its manifest is there; one without is unfinished, and the same command goes on with it (`begin_folder`).
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace ballot {

struct ManifestInput {
  std::string name;    ///< its role: "pool", "model", "data"
  std::string path;    ///< as the user gave it
  std::string sha256;  ///< of the content
};

struct Manifest {
  std::string stage;  ///< "pool", "annotate", "dpo", ...
  std::int64_t stage_version = 1;
  std::string key;           ///< filled by make_key()
  std::string parameters;    ///< JSON text of the parameters that change the result
  std::string facts = "{}";  ///< JSON text: counts, tokens, cost, batch cuts, model hashes: what others want to read
  std::vector<ManifestInput> inputs;
  std::int64_t seed = 0;
  double seconds = 0;   ///< wall time of the making
  std::string started;  ///< ISO 8601, UTC
};

/// Key of (stage, version, parameters, inputs' hashes). Paths do not enter.
std::string make_key(const Manifest& manifest);
/// Where the manifest of an artefact stands: inside a folder, beside a file.
std::filesystem::path manifest_path(const std::filesystem::path& artefact);
/// Completes it (key, version, commit, host, threads) and writes it atomically. The artefact is finished after this.
void write_manifest(const std::filesystem::path& artefact, Manifest manifest);
/// Nothing where the artefact has no manifest. Throws Error (input) where it is damaged.
std::optional<Manifest> read_manifest(const std::filesystem::path& artefact);
/// The whole manifest as JSON text, as stored.
std::string read_manifest_text(const std::filesystem::path& artefact);
/// Content hash of an input: its manifest's key-independent content (file or folder). Cached beside nothing: always
/// computed.
std::string content_sha256(const std::filesystem::path& artefact);
/// The input as the manifest records it (hashes the content).
ManifestInput describe_input(const std::string& name, const std::filesystem::path& path);
/// Now, UTC, ISO 8601 with seconds.
std::string utc_now();

/// The rules of --out and --force for a folder: finished → Error (usage) "is finished" unless force (then it is
/// emptied); unfinished and made with another key → Error naming the parameter that differs; otherwise the work goes
/// on. Writes `unfinished.json` (key and parameters) where the folder is new. Returns true where there is something to
/// go on with.
bool begin_folder(const std::filesystem::path& folder, const Manifest& manifest, bool force);
/// The same for a file: Error (usage) where it is there already and force is not set.
void begin_file(const std::filesystem::path& file, bool force);

}  // namespace ballot
