#include "core/version.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/atomic_file.h"
#include "core/error.h"

namespace ballot {
namespace fs = std::filesystem;

std::string version() {
  return BALLOT_VERSION;
}
std::string commit() {
  return BALLOT_COMMIT;
}

fs::path deps_folder() {
  if (const char* variable = std::getenv("BALLOT_DEPS"); variable && *variable) return variable;
  // An installed Ballot brings them along (cmake/install.cmake).
  std::error_code none;
  const fs::path installed = fs::read_symlink("/proc/self/exe", none).parent_path() / "../lib/ballot";
  return fs::exists(installed / ".stamp", none) ? installed.lexically_normal() : fs::path(BALLOT_DEPS_DIR);
}

namespace {

fs::path hub_cache() {
  if (const char* cache = std::getenv("HF_HUB_CACHE"); cache && *cache) return cache;
  if (const char* home = std::getenv("HF_HOME"); home && *home) return fs::path(home) / "hub";
  const char* home = std::getenv("HOME");
  return fs::path(home ? home : "") / ".cache/huggingface/hub";
}

bool is_commit(const std::string& text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

fs::path hub_snapshot(const std::string& kind, const std::string& name, const std::string& revision) {
  std::string folder = kind + "--" + name;
  for (std::size_t slash; (slash = folder.find('/')) != std::string::npos;) folder.replace(slash, 1, "--");
  const fs::path repository = hub_cache() / folder;
  std::string hash = revision;
  if (!is_commit(revision)) {
    const fs::path reference = repository / "refs" / revision;
    if (!fs::exists(reference)) return {};
    hash = read_file(reference);
    hash.erase(hash.find_last_not_of(" \n\r\t") + 1);
    if (!is_commit(hash)) return {};
  }
  const fs::path snapshot = repository / "snapshots" / hash;
  return fs::is_directory(snapshot) ? snapshot : fs::path();
}

fs::path find_model(const std::string& name) {
  if (name.starts_with("deps:")) {
    const fs::path folder = deps_folder() / "models" / name.substr(5);
    if (!fs::is_directory(folder))
      throw Error(ErrorKind::kInput,
                  fmt::format("no model '{}' among the fetched parts: {} is not there", name, folder.string()),
                  "run `make build` once, which fetches it, or name a folder");
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".gguf") return entry.path();
    return folder;
  }
  if (fs::exists(name)) return name;
  const std::size_t at = name.find('@');
  const std::string repository = name.substr(0, at), revision = at == std::string::npos ? "main" : name.substr(at + 1);
  if (repository.find('/') != std::string::npos && !repository.starts_with("/") && !repository.starts_with(".")) {
    const fs::path snapshot = hub_snapshot("models", repository, revision);
    if (!snapshot.empty()) return snapshot;
    throw Error(ErrorKind::kInput,
                fmt::format("no model '{}': neither a path nor in the hub cache {}", name, hub_cache().string()),
                fmt::format("download it first: huggingface-cli download {}", repository));
  }
  throw bad_input("no model '{}': no such folder or file", name);
}

}  // namespace ballot
