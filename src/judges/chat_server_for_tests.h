// A chat-completions server for tests and benchmarks: it answers every ballot of a format from the request alone
// (messages and seed), so that two runs get the same answers, and plays faults in an order that its seed gives.
#pragma once
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/hash.h"
#include "core/json.h"
#include "core/random.h"
#include "formats/format.h"
#include "formats/parse.h"
#include "net/http_server.h"

namespace ballot {

enum class ServerFault {
  kNone,
  kTooManySeconds,  // 429 with retry-after: 0
  kTooManyDate,     // 429 with retry-after: a date
  kTooManyMilliseconds,
  kUnavailable,
  kInternal,
  kGateway,
  kErrorIn200,
  kHtml,
  kCutBeforeHeaders,
  kCutInBody,
  kSilence,  // nothing, ever
  kNoChoices,
  kNullFinish,
  kUnknownFinish,
  kOtherModel,
  kTwoChoices,
  kNoUsage,
  kInvalidUtf8,    // in a field that is no answer
  kCutBeforeDone,  // of a stream: after the answer
  kCount,
  // Those that take long, so that only who names them gets them.
  kTooManyLong,    // 429 with retry-after: `retry_after`
  kLateFirstByte,  // the answer, after `late`
};

struct ChatServerOptions {
  std::string format = "binary";
  double fault_share = 0;
  std::uint64_t fault_seed = 1;
  std::vector<ServerFault> faults = {};  ///< which; empty: all but kSilence
  double unreadable_share = 0;           ///< answers in free text without a label
  /// Does it constrain the answer to a schema? As given: by any response_format.
  std::function<bool(const Json& body)> constrains = [](const Json& body) { return body.contains("response_format"); };
  /// Does it refuse such a request? Returns the status (0: no) and sets the body of the reply.
  std::function<int(const Json& body, std::string& reply)> refuses = [](const Json&, std::string&) { return 0; };
  bool knows_models = true;
  std::size_t longest_prompt = 0;  ///< bytes; beyond: context_length_exceeded
  bool thinks = false;
  std::string key = "";
  bool has_health = true;
  bool calm_look = false;  ///< faults befall ballots alone
  std::chrono::milliseconds late{0};
  std::string retry_after = "600";  ///< of kTooManyLong
  /// What is said in place of `content`, which names a label; of ballots in free text.
  std::function<std::string(const std::string& user, const std::string& content)> says =
      [](const std::string&, const std::string& content) { return content; };
};

class ChatServer {
 public:
  explicit ChatServer(ChatServerOptions options = {})
      : options_(std::move(options)),
        format_(Format::load(options_.format)),
        server_({.token = options_.key}, [this](ServedRequest request, ServerReply reply) { take(request, reply); }) {}

  std::string url() const { return server_.url() + "/v1"; }

  struct Logged {
    std::string content;
    int asked = 0, delivered = 0;
  };
  /// By the seed of the request, ballots only.
  std::map<std::uint64_t, Logged> log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::int64_t requests() const { return requests_; }
  std::int64_t streamed() const { return streamed_; }
  std::int64_t prompt_tokens() const { return prompt_tokens_; }  ///< told in replies, answers or not
  std::int64_t completion_tokens() const { return completion_tokens_; }
  std::int64_t played(ServerFault fault) const {
    const std::lock_guard lock(mutex_);
    const auto found = played_.find(fault);
    return found == played_.end() ? 0 : found->second;
  }
  /// Ballots that came although the server had asked to be left alone.
  std::int64_t too_early() const {
    const std::lock_guard lock(mutex_);
    return too_early_;
  }
  std::atomic<bool> down = false;               ///< 503 to everything
  std::atomic<bool> renamed = false;            ///< answers as another model from now on
  std::atomic<std::int64_t> refuse_after = -1;  ///< 401 once so many ballots were answered

 private:
  void take(const ServedRequest& request, const ServerReply& reply) {
    if (down) return reply.send(503, R"({"error": {"message": "loading", "code": 503}})");
    if (request.target == "/health") return reply.send(options_.has_health ? 200 : 404, "");
    if (request.target == "/v1/models") {
      if (!options_.knows_models) return reply.send(404, "{}");
      return reply.send(200, R"({"object": "list", "data": [{"id": "m", "object": "model", "max_model_len": 4096}]})");
    }
    const Json body = Json::parse(request.body);
    const bool ballot = body["messages"].size() > 1;
    if (ballot) ++requests_;
    if (ballot) {
      const std::lock_guard lock(mutex_);
      if (closed_until_ > std::chrono::steady_clock::now()) ++too_early_;
    }
    if (body.value("stream", false)) ++streamed_;
    if (refuse_after >= 0 && requests_ > refuse_after)
      return reply.send(401,
                        fmt::format(R"({{"error": {{"message": "Incorrect API key provided: {}"}}}})", options_.key));
    const std::string user = body["messages"].back()["content"];
    if (options_.longest_prompt > 0 && user.size() > options_.longest_prompt)
      return reply.send(
          400, R"({"error": {"message": "too long", "code": "context_length_exceeded", "param": "messages"}})");
    std::string refusal;
    if (const int status = options_.refuses(body, refusal)) return reply.send(status, refusal);
    const std::uint64_t seed = body["seed"];
    const std::string content = ballot ? ballot_answer(body, user, seed) : probe_answer(body);
    const ServerFault fault = ballot || !options_.calm_look ? next_fault() : ServerFault::kNone;
    if (ballot) {
      const std::lock_guard lock(mutex_);
      Logged& logged = log_[seed];
      logged.content = content;
      ++logged.asked;
      ++played_[fault];
      if (fault == ServerFault::kTooManyLong)
        closed_until_ = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(static_cast<int>(1000 * std::stod(options_.retry_after)));
      logged.delivered += fault == ServerFault::kNone || fault == ServerFault::kTwoChoices ||
                          fault == ServerFault::kNoUsage || fault == ServerFault::kInvalidUtf8 ||
                          fault == ServerFault::kCutBeforeDone || fault == ServerFault::kLateFirstByte;
    }
    if (play(fault, reply)) return;
    if (fault == ServerFault::kLateFirstByte)
      return reply.after(options_.late,
                         [this, body, content, reply] { answer(body, content, ServerFault::kNone, reply); });
    answer(body, content, fault, reply);
  }

  ServerFault next_fault() {
    const std::lock_guard lock(mutex_);
    Random random(options_.fault_seed, "server faults", fault_number_++);
    if (random.uniform() >= options_.fault_share) return ServerFault::kNone;
    if (!options_.faults.empty()) return options_.faults[random.below(options_.faults.size())];
    ServerFault fault = ServerFault::kSilence;
    while (fault == ServerFault::kSilence)
      fault = static_cast<ServerFault>(1 + random.below(static_cast<std::uint64_t>(ServerFault::kCount) - 1));
    return fault;
  }

  /// Those that need no answer. Returns false where there is to be one.
  bool play(ServerFault fault, const ServerReply& reply) const {
    switch (fault) {
      case ServerFault::kTooManySeconds:
        reply.send(429, R"({"error": {"message": "slow down", "code": "rate_limit_exceeded"}})", "application/json",
                   {{"Retry-After", "0"}});
        return true;
      case ServerFault::kTooManyLong:
        reply.send(429, R"({"error": {"message": "come again later", "code": "rate_limit_exceeded"}})",
                   "application/json", {{"Retry-After", options_.retry_after}});
        return true;
      case ServerFault::kTooManyDate: {
        const std::time_t now = std::time(nullptr);
        std::tm parts{};
        ::gmtime_r(&now, &parts);
        char date[64];
        std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        reply.send(429, R"({"error": "Model is overloaded", "error_type": "overloaded"})", "application/json",
                   {{"Retry-After", date}});
        return true;
      }
      case ServerFault::kTooManyMilliseconds:
        reply.send(429, "{}", "application/json", {{"Retry-After-Ms", "3"}});
        return true;
      case ServerFault::kUnavailable:
        reply.send(503, R"({"object": "error", "message": "busy", "type": "ServiceUnavailable", "code": 503})");
        return true;
      case ServerFault::kInternal:
        reply.send(500, R"({"detail": "Internal Server Error"})");
        return true;
      case ServerFault::kGateway:
        reply.send(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html");
        return true;
      case ServerFault::kErrorIn200:
        reply.send(200, R"({"error": {"message": "worker died", "type": "internal", "code": 500}})");
        return true;
      case ServerFault::kHtml:
        reply.send(200, "<!doctype html><title>Sign in</title>", "text/html");
        return true;
      case ServerFault::kCutBeforeHeaders:
        reply.cut();
        return true;
      case ServerFault::kCutInBody:
        reply.raw(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"choices\": [{\"mess");
        reply.cut();
        return true;
      case ServerFault::kSilence:
        reply.after(std::chrono::minutes(1), [reply] {});
        return true;
      default:
        return false;
    }
  }

  /// A token a character, each with what else it might have been: of letters and digits the neighbour, at 3 to 7.
  static Json logprobs_of(const std::string& content) {
    Json tokens = Json::array();
    for (std::size_t at = 0; at < content.size(); ++at) {
      std::string token(1, content[at]);
      while (at + 1 < content.size() && (static_cast<unsigned char>(content[at + 1]) & 0xC0) == 0x80)
        token += content[++at];
      const char c = token[0];
      const bool first = c == 'A' || (c >= '0' && c < '5');
      const std::string other(1, static_cast<char>(c == 'A' || c == 'B' ? 'A' + 'B' - c : c + (first ? 1 : -1)));
      Json top = Json::array({{{"token", token}, {"logprob", std::log(0.7)}}});
      if (c == 'A' || c == 'B' || (c >= '0' && c <= '5')) top.push_back({{"token", other}, {"logprob", std::log(0.3)}});
      tokens.push_back({{"token", token}, {"logprob", std::log(0.7)}, {"top_logprobs", top}});
    }
    return {{"content", tokens}};
  }

  void answer(const Json& body, const std::string& content, ServerFault fault, const ServerReply& reply) const {
    Json choice = {{"index", 0}, {"finish_reason", "stop"}};
    if (fault == ServerFault::kNullFinish) choice["finish_reason"] = nullptr;
    if (fault == ServerFault::kUnknownFinish) choice["finish_reason"] = "abort";
    const Json usage = {{"prompt_tokens", body["messages"].back()["content"].get<std::string>().size() / 4 + 100},
                        {"completion_tokens", content.size() / 4 + 1},
                        {"prompt_tokens_details", {{"cached_tokens", 64}}}};
    if (fault != ServerFault::kNoUsage && (fault != ServerFault::kCutBeforeDone || !body.value("stream", false))) {
      prompt_tokens_ += usage["prompt_tokens"].get<std::int64_t>();
      completion_tokens_ += usage["completion_tokens"].get<std::int64_t>();
    }
    const std::string model = fault == ServerFault::kOtherModel || renamed ? "another" : "m";
    const std::string thought = options_.thinks ? "Let me see: caf\u00e9 or tea?" : "";
    if (!body.value("stream", false)) {
      Json message = {{"role", "assistant"}, {"content", content}};
      if (!thought.empty()) message["reasoning_content"] = thought;
      choice["message"] = message;
      if (body.value("logprobs", false)) choice["logprobs"] = logprobs_of(content);
      Json whole = {{"id", "x"}, {"object", "chat.completion"}, {"model", model}, {"choices", Json::array({choice})}};
      if (fault == ServerFault::kTwoChoices) {
        whole["choices"].push_back(choice);
        whole["choices"][1]["message"]["content"] = "Preference: A and B";
      }
      if (fault == ServerFault::kNoChoices) whole["choices"] = Json::array();
      if (fault != ServerFault::kNoUsage) whole["usage"] = usage;
      std::string text = whole.dump();
      if (fault == ServerFault::kInvalidUtf8) text.replace(text.find("\"x\"") + 1, 1, "\xff");
      return reply.send(200, text);
    }
    // Events cut into pieces of seven bytes: inside "data:", inside characters, inside escapes.
    std::string events = ": a comment\n\n\r\n";
    const auto event = [&](const Json& json) {
      std::string text = json.dump();
      if (fault == ServerFault::kInvalidUtf8) text.replace(text.find("\"x\"") + 1, 1, "\xff");
      events += "data: " + text + "\n\n";
    };
    const auto delta = [&](Json part) {
      event({{"id", "x"},
             {"model", model},
             {"choices", {{{"index", 0}, {"delta", std::move(part)}, {"finish_reason", nullptr}}}}});
    };
    if (!thought.empty()) delta({{"reasoning", thought}});
    delta({{"role", "assistant"}, {"content", content.substr(0, content.size() / 2)}});
    if (fault == ServerFault::kNoChoices) event({{"id", "x"}, {"error", {{"message", "worker died in the middle"}}}});
    delta({{"content", content.substr(content.size() / 2)}});
    choice["delta"] = Json::object();
    event({{"id", "x"}, {"model", model}, {"choices", Json::array({choice})}});
    if (fault != ServerFault::kNoUsage && fault != ServerFault::kCutBeforeDone)
      event({{"id", "x"}, {"model", model}, {"choices", Json::array()}, {"usage", usage}});
    if (fault != ServerFault::kCutBeforeDone) events += "data: [DONE]\n\n";
    reply.begin(200, "text/event-stream");
    for (std::size_t at = 0; at < events.size(); at += 7) reply.write(std::string_view(events).substr(at, 7));
    if (fault == ServerFault::kCutBeforeDone) return reply.cut();
    reply.end();
  }

  std::string probe_answer(const Json& body) const {
    if (options_.constrains(body)) return R"({"word": "quetzal"})";
    return "yes";
  }

  std::string ballot_answer(const Json& body, const std::string& user, std::uint64_t seed) const {
    const std::uint64_t hash = hash64(fmt::format("{} {}", seed, user));
    Label label;
    label.status = "ok";
    const std::size_t shown = format_.shown(5);
    if (format_.kind == FormatKind::kPairwise) label.choice = static_cast<int>(hash % 2);
    if (format_.field(FieldKind::kMagnitude)) label.magnitude = static_cast<int>(hash / 2 % 3);
    if (format_.kind == FormatKind::kPointwise) label.rating = static_cast<int>(1 + hash % 5);
    if (format_.kind == FormatKind::kListwise)
      for (const std::size_t place : Random(hash, "ranking").permutation(shown))
        label.ranking.push_back({static_cast<int>(place)});
    if (options_.constrains(body)) return structured_answer_of(format_, label, "na\u00efve but sound");
    if (static_cast<double>(hash >> 32) / 4294967296.0 < options_.unreadable_share)
      return "It depends, d\u00e9j\u00e0 vu.";
    return options_.says(user, "Both are fine, na\u00efve as they are.\n\n" + answer_of(format_, label));
  }

  ChatServerOptions options_;
  Format format_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Logged> log_;
  std::map<ServerFault, std::int64_t> played_;
  std::atomic<std::int64_t> requests_ = 0, streamed_ = 0;
  mutable std::atomic<std::int64_t> prompt_tokens_ = 0, completion_tokens_ = 0;
  std::uint64_t fault_number_ = 0;
  std::chrono::steady_clock::time_point closed_until_{};
  std::int64_t too_early_ = 0;
  HttpServer server_;  // last: it calls the others
};

}  // namespace ballot
