#include "core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace ballot {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> made = [] {
    auto fresh = std::make_shared<spdlog::logger>("ballot", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    fresh->set_pattern("%^%l%$: %v");
    fresh->set_level(spdlog::level::warn);
    return fresh;
  }();
  return *made;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

}  // namespace

void set_log_level(LogLevel level) {
  logger().set_level(level_of(level));
}
void log_message(LogLevel level, std::string_view text) {
  logger().log(level_of(level), "{}", text);
}

}  // namespace ballot
