// What the tests of this room read and write: golden files, rows, and a folder that goes away.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/json.h"

namespace ballot {

inline std::string golden_path(const std::string& name) {
  return std::string(BALLOT_SOURCE_DIR) + "/tests/golden/" + name;
}

inline Json golden_json(const std::string& name) {
  std::ifstream file(golden_path(name));
  EXPECT_TRUE(file.good()) << golden_path(name);
  return Json::parse(file);
}

/// Lines [first, first + count) of a golden file.
inline std::vector<std::string> golden_lines(const std::string& name, std::int64_t first, std::int64_t count) {
  std::ifstream file(golden_path(name));
  std::vector<std::string> lines;
  std::string line;
  for (std::int64_t i = 0; std::getline(file, line) && i < first + count; ++i)
    if (i >= first) lines.push_back(line);
  EXPECT_EQ(static_cast<std::int64_t>(lines.size()), count) << name;
  return lines;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ballot-training-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string write_lines(const std::string& name, const std::vector<std::string>& lines) const {
    std::ofstream file(path_ / name);
    for (const std::string& line : lines) file << line << "\n";
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace ballot
