#include "evaluation/eval_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

std::vector<std::vector<ChoiceScore>> scores_of(const Json& json) {
  std::vector<std::vector<ChoiceScore>> scores;
  for (const Json& question : json) {
    scores.emplace_back();
    for (const Json& choice : question) scores.back().push_back({choice.at(0).get<double>(), choice.at(1).get<bool>()});
  }
  return scores;
}

}  // namespace

EvalJournal::EvalJournal(const fs::path& path) : path_(path) {
  std::size_t whole = 0;
  if (fs::exists(path)) {
    const std::string text = read_file(path);
    for (std::size_t end; (end = text.find('\n', whole)) != std::string::npos; whole = end + 1) {
      const Json line = Json::parse(text.substr(whole, end - whole), nullptr, false);
      if (line.is_discarded() || !line.is_object()) break;
      if (whole == 0) {
        date_ = line.value("date", "");
        started_ = line.value("started", 0.0);
      } else if (line.contains("answer")) {
        answers_[{line.at("task").get<std::string>(), line.at("doc_id").get<std::int64_t>()}] = {
            line.at("answer").get<std::string>(), line.at("cut_by_length").get<bool>()};
      } else {
        batches_[{line.at("task").get<std::string>(), line.at("batch").get<std::size_t>()}] =
            scores_of(line.at("scores"));
      }
    }
  }
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0 || ::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0 ||
      ::lseek(descriptor_, 0, SEEK_END) < 0)
    throw failed("cannot write {}: {}", path.string(), std::strerror(errno));
  if (!date_.empty()) return;
  const auto now = std::chrono::system_clock::now();
  started_ = std::chrono::duration<double>(now.time_since_epoch()).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%S", &parts);
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % std::int64_t{1000000};
  date_ = fmt::format("{}.{:06d}", text, micros);
  write(Json({{"date", date_}, {"started", started_}}).dump());
}

EvalJournal::~EvalJournal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

const std::vector<std::vector<ChoiceScore>>* EvalJournal::find(const std::string& task, std::size_t batch) const {
  const auto found = batches_.find({task, batch});
  return found == batches_.end() ? nullptr : &found->second;
}

void EvalJournal::add(const std::string& task, std::size_t batch, const std::vector<std::vector<ChoiceScore>>& scores) {
  Json lists = Json::array();
  for (const auto& question : scores) {
    Json list = Json::array();
    for (const ChoiceScore& choice : question) list.push_back({choice.log_likelihood, choice.greedy});
    lists.push_back(std::move(list));
  }
  write(Json({{"task", task}, {"batch", batch}, {"scores", lists}}).dump());
  batches_[{task, batch}] = scores;
}

const JournalAnswer* EvalJournal::find_answer(const std::string& task, std::int64_t doc_id) const {
  const auto found = answers_.find({task, doc_id});
  return found == answers_.end() ? nullptr : &found->second;
}

void EvalJournal::add_answer(const std::string& task, std::int64_t doc_id, const JournalAnswer& answer) {
  write(Json({{"task", task}, {"doc_id", doc_id}, {"answer", answer.text}, {"cut_by_length", answer.cut_by_length}})
            .dump());
  answers_[{task, doc_id}] = answer;
}

void EvalJournal::write(const std::string& text) {
  const std::string line = text + "\n";
  for (std::size_t written = 0; written < line.size();) {
    const ssize_t n = ::write(descriptor_, line.data() + written, line.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw Error(ErrorKind::kFailed, fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)),
                  "make room and run the same command again: what is computed is kept");
    written += static_cast<std::size_t>(n);
  }
  if (::fdatasync(descriptor_) != 0) throw failed("cannot write {}: {}", path_.string(), std::strerror(errno));
}

}  // namespace ballot
