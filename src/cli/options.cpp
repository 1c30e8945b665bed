#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "core/error.h"
#include "core/suggest.h"

namespace ballot {

template <class T>
void OptionsToCli::add(const OptionInfo& info, T& value) {
  std::string help = info.help;
  if (!info.choices.empty()) {
    help += " {";
    for (const std::string& choice : info.choices) help += (&choice == &info.choices.front() ? "" : ",") + choice;
    help += "}";
  }
  CLI::Option* option = app_.add_option("--" + info.name, value, help);
  if constexpr (requires { value.push_back({}); } && !std::is_same_v<T, std::string>) {
    option->delimiter(',');
    if (!value.empty()) option->capture_default_str();
  } else if constexpr (requires { value.has_value(); }) {
    // no default to show
  } else {
    option->capture_default_str();
  }
  if (!info.choices.empty())
    option->check(CLI::Validator(
        [choices = info.choices, name = info.name](std::string& word) -> std::string {
          for (const std::string& choice : choices)
            if (choice == word) return {};
          return "unknown value '" + word + "'" + did_you_mean(word, choices);
        },
        "", ""));
}

void OptionsToCli::operator()(const OptionInfo& info, bool& value) {
  if (value)
    app_.add_flag("--" + info.name + ",!--no-" + info.name, value, info.help + " (default: on)");
  else
    app_.add_flag("--" + info.name, value, info.help);
}
void OptionsToCli::operator()(const OptionInfo& i, std::int64_t& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, double& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, std::string& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, std::vector<std::string>& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, std::vector<std::int64_t>& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, std::vector<double>& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, std::optional<std::int64_t>& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, std::optional<double>& v) {
  add(i, v);
}
void OptionsToCli::operator()(const OptionInfo& i, std::optional<std::string>& v) {
  add(i, v);
}

}  // namespace ballot
