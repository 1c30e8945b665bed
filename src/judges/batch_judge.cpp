#include "judges/batch_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "formats/format.h"
#include "judges/chat_answer.h"
#include "judges/label_logprobs.h"
#include "judges/try_tokens.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr int kTries = 5;  // requests that came back as an error so often are given up

std::string custom_id(const BallotRequest& request) {
  const Item& item = *request.item;
  return fmt::format("{}/{}/{}{}/{}", item.format, item.prompt_id, item.item_id,
                     item.repeat > 0 ? fmt::format("~{}", item.repeat) : "", request.attempt);
}

bool is_ours(const fs::path& path) {
  return path.filename().string().starts_with("requests-");
}

/// What the folder holds on one request.
struct Known {
  std::int32_t asked = 0, errors = 0;
  std::int32_t file = -1;  // of the answer; -1: none yet
  std::int64_t offset = 0;
  std::string error;    // the last one
  ChatAnswer of_error;  // what its line tells of tokens
};

/// Writes requests-NNNNN.jsonl one after the other; each appears whole.
class RequestFiles {
 public:
  RequestFiles(fs::path folder, BatchLimits limits, int next)
      : folder_(std::move(folder)), limits_(limits), next_(next) {}

  void add(const std::string& line) {
    if (file_ && (lines_ >= limits_.lines || bytes_ + static_cast<std::int64_t>(line.size()) + 1 > limits_.bytes))
      close();
    if (!file_) file_ = std::make_unique<AtomicFile>(folder_ / fmt::format("requests-{:05}.jsonl", next_++));
    buffer_ += line;
    buffer_ += '\n';
    bytes_ += static_cast<std::int64_t>(line.size()) + 1;
    ++lines_, ++requests;
    if (buffer_.size() > 1 << 20) flush();
  }
  void close() {
    if (!file_) return;
    flush();
    file_->commit();
    file_.reset();
    lines_ = bytes_ = 0;
    ++files;
  }
  std::int64_t requests = 0, files = 0;

 private:
  void flush() {
    file_->write(buffer_);
    buffer_.clear();
  }
  fs::path folder_;
  BatchLimits limits_;
  int next_;
  std::unique_ptr<AtomicFile> file_;
  std::string buffer_;
  std::int64_t lines_ = 0, bytes_ = 0;
};

class BatchJudge : public Judge {
 public:
  BatchJudge(ServerOptions options, BatchLimits limits)
      : options_(std::move(options)), limits_(limits), folder_(options_.folder) {}

  std::string name() const override { return "batch:" + options_.chat.model; }
  Json fingerprint() const override {
    Json json = server_fingerprint(options_);
    json["kind"] = "batch";
    return json;
  }
  bool answers_later() const override { return true; }

  std::string prepare(const Format&, const JudgeSetup& setup) override {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw failed("cannot make the folder {}: {}", folder_.string(), error.message());
    remove_stale_temporaries(folder_);
    spent_ = setup.spent;
    read_folder();
    return setup.notes;
  }

  Json counters() const override {
    return {{"answers_read", read_}, {"error_lines", error_lines_}, {"lines_of_others", strange_}};
  }

  void answer(const Format& format, std::span<const BallotRequest> requests,
              const std::function<void(std::size_t, BallotAnswer)>& done, const std::function<bool()>& stop) override {
    for (std::size_t i = 0; i < requests.size() && !stop(); ++i) {
      const std::string id = custom_id(requests[i]);
      Known& known = known_[id];
      if (known.file >= 0) {
        ++read_;
        done(i, answer_at(format, requests[i], known));
      } else if (known.errors >= kTries) {
        BallotAnswer answer;
        answer.error = fmt::format("{} requests came back as an error, the last: {}", known.errors, known.error);
        answer.permanent = true;
        tell_error(requests[i], known);
        done(i, std::move(answer));
      } else if (known.asked > known.errors) {
        ++outstanding_;
      } else {
        tell_error(requests[i], known);
        ask(format, requests[i], id);
        ++known.asked;
      }
    }
  }

  std::string ask_later() override {
    std::string text;
    if (out_) out_->close();
    if (out_ && out_->requests > 0)
      text += fmt::format("{} requests in {} new file{} in {}. ", human_count(out_->requests), out_->files,
                          out_->files == 1 ? "" : "s", folder_.string());
    if (outstanding_ > 0)
      text += fmt::format("{} requests written before have no answer yet. ", human_count(outstanding_));
    out_.reset();
    return text + fmt::format(
                      "Have the files run, put the answers into {} as .jsonl, and give the same command again. "
                      "(To ask anew what a batch never answered, remove its requests file first.)",
                      folder_.string());
  }

 private:
  void read_folder() {
    known_.clear();
    files_.clear();
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.is_regular_file() && entry.path().extension() == ".jsonl" &&
          !entry.path().filename().string().starts_with("."))
        paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
      if (is_ours(path)) next_ = std::max(next_, std::atoi(path.filename().string().substr(9).c_str()) + 1);
      files_.push_back(path);
      read_lines(path, static_cast<std::int32_t>(files_.size()) - 1);
    }
  }

  /// A line that came back as an error may have been paid for. It is told when the ballot is asked anew or given up,
  /// once an error: whoever runs the command in between finds a request without an answer.
  void tell_error(const BallotRequest& request, const Known& known) {
    if (known.errors == 0 || !spent_) return;
    const ChatAnswer& said = known.of_error;
    const std::int64_t prompt = said.prompt_tokens.value_or(0), completion = said.completion_tokens.value_or(0);
    if (prompt + completion > 0)
      spent_({request.item, request.attempt, "error_line", prompt, completion,
              std::min(said.cached_tokens.value_or(0), prompt), false, 0});
  }

  void read_lines(const fs::path& path, std::int32_t file) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw bad_input("cannot read {}", path.string());
    std::string line;
    for (std::int64_t offset = 0; std::getline(in, line); offset += static_cast<std::int64_t>(line.size()) + 1) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const Json json = Json::parse(line, nullptr, false);
      if (!json.is_object() || !json.contains("custom_id") || !json["custom_id"].is_string()) {
        if (strange_++ == 0)
          log_warning("{} holds a line that is neither a request nor an answer (no custom_id): left out",
                      path.string());
        continue;
      }
      Known& known = known_[json["custom_id"].get<std::string>()];
      if (is_ours(path)) {
        ++known.asked;
        continue;
      }
      try {
        read_body(json);
        if (known.file < 0) known.file = file, known.offset = offset;
      } catch (const ChatProblem& problem) {
        ++known.errors;
        ++error_lines_;
        known.error = problem.what();
        known.of_error = {};
        if (const auto response = json.find("response"); response != json.end() && response->is_object())
          known.of_error = read_account(text_of_body(*response));
      }
    }
  }

  static std::string text_of_body(const Json& response) {
    const Json body = response.value("body", Json());
    return body.is_string() ? body.get<std::string>() : body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  /// The answer in an output line. Throws ChatProblem where it is an error.
  static ChatAnswer read_body(const Json& line) {
    const auto response = line.find("response");
    if (response == line.end() || !response->is_object()) {
      const Json error = line.value("error", Json());
      throw ChatProblem("error",
                        error.is_null()
                            ? "no response"
                            : read_server_error(error.dump(-1, ' ', false, Json::error_handler_t::replace)).message);
    }
    const std::string text = text_of_body(*response);
    const Json status = response->value("status_code", Json(200));
    if (status != 200)
      throw ChatProblem("error", fmt::format("HTTP {}: {}", status.dump(), read_server_error(text).message));
    return read_chat_answer(text);
  }

  BallotAnswer answer_at(const Format& format, const BallotRequest& request, const Known& known) {
    const fs::path& path = files_[static_cast<std::size_t>(known.file)];
    if (open_ != known.file) {
      in_ = std::ifstream(path, std::ios::binary);
      open_ = known.file;
    }
    in_.clear();
    in_.seekg(known.offset);
    std::string line;
    if (!std::getline(in_, line)) throw bad_input("{} changed while it was read", path.string());
    const ChatAnswer said = read_body(Json::parse(line));
    BallotAnswer answer;
    answer.probabilities = label_probabilities(format, request.item->shown.size(), said);
    answer.content = said.content;
    answer.reasoning = said.reasoning;
    answer.finish_reason = said.finish_reason;
    answer.transport = "batch";
    const TokenCount count = tokens_of_answer(said, request.messages);
    answer.prompt_tokens = count.prompt;
    answer.completion_tokens = count.completion;
    answer.cached_tokens = count.cached;
    if (count.estimated) answer.note = "usage estimated";
    return answer;
  }

  void ask(const Format& format, const BallotRequest& request, const std::string& id) {
    ChatAsk how;
    Json schema;
    if (request.structured) {
      how.schema_field = schema_fields(options_.chat.profile).front();
      schema = format.answer_schema(request.item->shown.size());
    }
    if (!out_) out_.emplace(folder_, limits_, next_);
    Json line = {{"custom_id", id}, {"method", "POST"}, {"url", "/v1/chat/completions"}};
    line["body"] = Json::parse(chat_body(options_.chat, how, request.messages, request.seed, schema));
    line["body"].erase("stream");
    out_->add(line.dump());
  }

  ServerOptions options_;
  BatchLimits limits_;
  fs::path folder_;
  std::unordered_map<std::string, Known> known_;
  std::vector<fs::path> files_;
  std::ifstream in_;
  std::int32_t open_ = -1;
  int next_ = 1;
  std::optional<RequestFiles> out_;
  std::function<void(const SpentTokens&)> spent_;
  std::int64_t outstanding_ = 0, read_ = 0, error_lines_ = 0, strange_ = 0;
};

}  // namespace

std::unique_ptr<Judge> make_batch_judge(ServerOptions options, BatchLimits limits) {
  return std::make_unique<BatchJudge>(std::move(options), limits);
}

}  // namespace ballot
