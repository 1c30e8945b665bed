// Where the golden files lie, for the tests of this room.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/atomic_file.h"
#include "core/json.h"
#include "core/version.h"

namespace ballot {

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(BALLOT_SOURCE_DIR) / "tests" / "golden" / name;
}
inline Json golden_json(const std::string& name) {
  return Json::parse(read_file(golden(name)));
}

/// SmolLM2-135M as the set-up fetches it; empty where it did not.
inline std::filesystem::path smollm2_gguf() {
  const std::filesystem::path folder = deps_folder() / "models" / "smollm2-135m";
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".gguf") return entry.path();
  return {};
}

/// A folder that is removed at the end.
class ScratchFolder {
 public:
  ScratchFolder() {
    static int count = 0;
    path_ = std::filesystem::path(::testing::TempDir()) /
            ("ballot_models_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace ballot
