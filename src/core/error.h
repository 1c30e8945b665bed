// The one way in which Ballot says that something went wrong.
//
// An error answers three questions: what was attempted and on what, what was found instead, what to do now. Its kind
// says whose turn it is and is the exit code of the program. The library throws; only `cli` prints and exits.
#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace ballot {

enum class ErrorKind {
  kFailed = 1,         ///< something outside failed (disk, server, memory), or Ballot did
  kUsage = 2,          ///< the command line, a YAML file or a parameter is wrong
  kInput = 3,          ///< input data cannot be used: unreadable, no such column, nothing usable in it
  kInterrupted = 130,  ///< stopped on request; what was done is saved
};

class Error : public std::runtime_error {
 public:
  /// `what_failed`: what was attempted, on what, and why it did not work. `next`: what the user can do (may be empty).
  Error(ErrorKind kind, std::string what_failed, std::string next = "");
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }
  const std::string& message() const { return message_; }
  const std::string& next() const { return next_; }

 private:
  ErrorKind kind_;
  std::string message_, next_;
};

template <class... Args>
Error failed(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ErrorKind::kFailed, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
Error wrong_usage(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ErrorKind::kUsage, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
Error bad_input(fmt::format_string<Args...> format, Args&&... args) {
  return Error(ErrorKind::kInput, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ballot
