#include "cli/config_file.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/error.h"
#include "core/strict_yaml.h"

namespace ballot {

std::vector<std::string> with_config_file(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::string path;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) path = arguments[i + 1];
    if (arguments[i].starts_with("--config=")) path = arguments[i].substr(9);
  }
  if (path.empty()) return arguments;
  const YamlFile file = YamlFile::read(path);
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      if (name != "config" && name != "help") known.insert(known.end(), {name, option_key(name)});
  file.check_keys("", known);
  std::vector<std::string> out;
  for (const auto& [key, value] : file.root().items()) {
    std::string name = "--" + key;
    std::replace(name.begin(), name.end(), '_', '-');
    bool given = false;
    for (const std::string& argument : arguments)
      given |= argument == name || argument.starts_with(name + "=") || argument == "--no-" + name.substr(2);
    if (given) continue;
    const auto text = [](const Json& item) { return item.is_string() ? item.get<std::string>() : item.dump(); };
    if (value.is_boolean()) {
      if (value.get<bool>())
        out.push_back(name);
      else if (app.get_option_no_throw("--no-" + name.substr(2)) != nullptr)
        out.push_back("--no-" + name.substr(2));  // a flag that is off by default needs no word to stay so
    } else if (value.is_array()) {
      std::string joined;
      for (const Json& item : value) joined += (joined.empty() ? "" : ",") + text(item);
      out.insert(out.end(), {name, joined});
    } else {
      out.insert(out.end(), {name, text(value)});
    }
  }
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

}  // namespace ballot
