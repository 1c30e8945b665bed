// YAML files that people write: read into JSON, with every value's place kept, so that an unknown key or a wrong value
// is told with file, line, column and the nearest valid word.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"

namespace ballot {

class YamlFile {
 public:
  /// Throws Error (usage) with line and column where the text is not YAML, has a key twice or an alias without anchor.
  static YamlFile parse(const std::string& text, const std::string& name);
  static YamlFile read(const std::filesystem::path& path);

  /// Plain scalars become null, true/false, numbers or text as YAML 1.2's core schema has it; quoted ones stay text.
  const Json& root() const;
  const std::string& name() const { return name_; }
  /// "file:line:column" of the value at a JSON pointer ("/judges/local/kind"), or of the nearest parent that is known.
  std::string place(const std::string& pointer) const;
  /// Throws Error (usage) "FILE:LINE:COL: unknown key 'x' in 'pool'; did you mean ..." where the mapping at `pointer`
  /// has a key outside `known`.
  void check_keys(const std::string& pointer, const std::vector<std::string>& known) const;

  YamlFile(const YamlFile&);
  YamlFile(YamlFile&&) noexcept;
  YamlFile& operator=(YamlFile&&) noexcept;
  ~YamlFile();

 private:
  YamlFile();
  std::string name_;
  std::unique_ptr<Json> root_;
  std::map<std::string, std::pair<int, int>> places_;      // of values
  std::map<std::string, std::pair<int, int>> key_places_;  // of keys
};

}  // namespace ballot
