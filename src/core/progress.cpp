#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace ballot {
namespace {

class Silent : public Progress {
 public:
  void start(std::string_view, std::int64_t, std::string_view) override {}
  void update(std::int64_t, std::string_view) override {}
  void finish(std::string_view) override {}
  void say(std::string_view) override {}
};

}  // namespace

Progress& silent_progress() {
  static Silent silent;
  return silent;
}

std::string human_duration(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string human_count(std::int64_t count) {
  std::string digits = std::to_string(std::abs(count)), text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % 3 == 0) text += ' ';
    text += digits[i];
  }
  return count < 0 ? "-" + text : text;
}

StreamProgress::StreamProgress(std::FILE* stream) : stream_(stream), terminal_(::isatty(::fileno(stream)) == 1) {}

void StreamProgress::start(std::string_view what, std::int64_t total, std::string_view unit) {
  const std::lock_guard lock(mutex_);
  what_ = what, unit_ = unit, note_.clear();
  total_ = total, done_ = 0, first_done_ = -1;
  started_ = drawn_ = Clock::now();
  active_ = true;
  if (terminal_)
    draw(false);
  else
    fmt::print(stream_, "{}: {}\n", what_, total_ > 0 ? fmt::format("{} {}", human_count(total_), unit_) : "started");
}

std::string StreamProgress::line() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  const auto fresh = static_cast<double>(done_ - std::max<std::int64_t>(first_done_, 0));
  std::string text = fmt::format("{}: {}", what_, human_count(done_));
  if (total_ > 0)
    text += fmt::format("/{} {} ({:.0f}%)", human_count(total_), unit_,
                        100.0 * static_cast<double>(done_) / static_cast<double>(total_));
  else
    text += fmt::format(" {}", unit_);
  if (fresh > 0 && seconds > 0.5) {
    const double rate = fresh / seconds;
    text += rate >= 1 ? fmt::format(", {:.1f}/s", rate) : fmt::format(", {:.1f} s each", 1 / rate);
    if (total_ > done_) text += fmt::format(", {} left", human_duration(static_cast<double>(total_ - done_) / rate));
  }
  if (!note_.empty()) text += ", " + note_;
  return text;
}

void StreamProgress::draw(bool last) {
  drawn_ = Clock::now();
  if (!terminal_) {
    fmt::print(stream_, "{}\n", line());
  } else {
    fmt::print(stream_, "\r\033[K{}{}", line(), last ? "\n" : "");
  }
  std::fflush(stream_);
}

void StreamProgress::update(std::int64_t done, std::string_view note) {
  const std::lock_guard lock(mutex_);
  if (first_done_ < 0) first_done_ = done > 1 && total_ > 0 && done_ == 0 ? done - 1 : 0;
  done_ = done;
  if (!note.empty()) note_ = note;
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
  if (active_ && Clock::now() - drawn_ >= pause) draw(false);
}

void StreamProgress::finish(std::string_view note) {
  const std::lock_guard lock(mutex_);
  if (!active_) return;
  if (!note.empty()) note_ = note;
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  note_ = note_.empty() ? human_duration(seconds) : fmt::format("{}, {}", note_, human_duration(seconds));
  if (total_ > 0 && done_ > total_) total_ = done_;
  draw(true);
  active_ = false;
}

void StreamProgress::say(std::string_view line) {
  const std::lock_guard lock(mutex_);
  fmt::print(stream_, "{}{}\n", terminal_ && active_ ? "\r\033[K" : "", line);
  std::fflush(stream_);
}

}  // namespace ballot
