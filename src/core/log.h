// The log: for what a maintainer wants to know later, on stderr through spdlog, at the level the program chose (-v).
// Results and errors do not go here.
#pragma once
#include <fmt/format.h>

#include <string_view>

namespace ballot {

enum class LogLevel { kDebug, kInfo, kWarning, kOff };

void set_log_level(LogLevel level);
void log_message(LogLevel level, std::string_view text);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ballot
