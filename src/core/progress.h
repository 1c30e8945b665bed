// How long work tells that it is alive: done / total, rate, time left, and a note ("loss 0.61", "$0.12"). The library
// calls this interface; the program gives it a terminal, plain lines or nothing.
#pragma once
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

namespace ballot {

/// Thread-safe.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A new piece of work: what it is ("annotate binary"), how many units (0: unknown) and their name ("ballots").
  virtual void start(std::string_view what, std::int64_t total, std::string_view unit) = 0;
  /// `done` units in all are done now (counted from 0, what a resumed run found included); `note` replaces the last
  /// one.
  virtual void update(std::int64_t done, std::string_view note = "") = 0;
  virtual void finish(std::string_view note = "") = 0;
  /// One line of talk, such as "loading the model".
  virtual void say(std::string_view line) = 0;
};

/// Says nothing.
Progress& silent_progress();

/// On a terminal one line redrawn at most ten times a second; elsewhere a plain line every ten seconds and at the end.
class StreamProgress : public Progress {
 public:
  explicit StreamProgress(std::FILE* stream);
  void start(std::string_view what, std::int64_t total, std::string_view unit) override;
  void update(std::int64_t done, std::string_view note) override;
  void finish(std::string_view note) override;
  void say(std::string_view line) override;

 private:
  using Clock = std::chrono::steady_clock;
  std::string line() const;
  void draw(bool last);
  std::FILE* stream_;
  bool terminal_;
  std::mutex mutex_;
  std::string what_, unit_, note_;
  std::int64_t total_ = 0, done_ = 0, first_done_ = -1;
  Clock::time_point started_, drawn_;
  bool active_ = false;
};

/// "1 h 02 min", "3 min 10 s", "4.2 s".
std::string human_duration(double seconds);
/// 1234567 -> "1 234 567".
std::string human_count(std::int64_t count);

}  // namespace ballot
