#include "judges/server_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/progress.h"
#include "judges/chat_answer.h"
#include "net/api_request.h"
#include "net/server_reply.h"

namespace ballot {
namespace {

constexpr int kTries = 8, kSchemaTries = 4, kConnectTries = 3;
constexpr double kWorthTelling = 10;  // seconds of waiting that the log mentions
constexpr double kOthersWait = 120;   // seconds that one of several servers may ask for before the run begins without

/// Under this schema only one word can be said, and none would say it of its own accord.
const Json& odd_schema() {
  static const Json schema = {{"type", "object"},
                              {"properties", {{"word", {{"type", "string"}, {"enum", {"quetzal"}}}}}},
                              {"required", {"word"}},
                              {"additionalProperties", false}};
  return schema;
}

bool obeyed(const std::string& content) {
  const Json json = Json::parse(content, nullptr, false);
  return json.is_object() && json.size() == 1 && json.value("word", Json()) == "quetzal";
}

class Prober {
 public:
  Prober(HttpClient& client, const std::string& base, const std::string& key, const ServerOptions& options,
         const std::function<void(const TokenCount&)>& spent)
      : client_(client), base_(base), key_(key), options_(options), spent_(spent) {}

  ServerProbe run() {
    ask_models();
    for (const SchemaField field : schema_fields(options_.chat.profile)) {
      ChatAsk ask{.schema_field = field, .max_tokens = 512, .no_thinking = options_.chat.reasoning.has_value()};
      const std::optional<ChatAnswer> answer =
          chat(ask, "Reply with the single word yes, as the value of the key word.", odd_schema(), "{}");
      if (answer && obeyed(answer->content)) {
        probe_.schema_field = field;
        break;
      }
    }
    ask_freely();
    if (probe_.model != options_.chat.model) {  // a name of its own: heard twice, so that it is no accident
      for (int i = 0; i < 4; ++i) {
        const std::string before = probe_.model;
        chat({.max_tokens = 8}, "Reply with the single word yes.", Json(), "{}");
        if (probe_.model == before) break;
      }
    }
    return probe_;
  }

 private:
  void ask_models() {
    const HttpReply reply =
        patient(kTries, [&] { return client_.fetch(api_request(base_ + "/models", key_, options_.timeouts)); });
    if (reply.fault != HttpFault::kNone || reply.status != 200) return;  // not every server has the list
    const Json json = Json::parse(reply.body, nullptr, false);
    if (!json.is_object() || !json.contains("data") || !json["data"].is_array()) return;
    for (const Json& model : json["data"]) {
      if (!model.is_object() || (model.value("id", "") != options_.chat.model && json["data"].size() > 1)) continue;
      if (model.contains("max_model_len") && model["max_model_len"].is_number_integer())
        probe_.context = model["max_model_len"];
      else if (const auto meta = model.find("meta"); meta != model.end() && meta->is_object() &&
                                                     meta->contains("n_ctx_train") &&
                                                     (*meta)["n_ctx_train"].is_number_integer())
        probe_.context = (*meta)["n_ctx_train"];
    }
  }

  void ask_freely() {
    const ChatAsk ask{.max_tokens = std::min<std::int64_t>(options_.chat.sampling.max_tokens, 256)};
    const std::string question = "Is 7 a prime number? Reply yes or no.";
    std::optional<ChatAnswer> answer = chat(ask, question, Json(), R"({"logprobs": true, "top_logprobs": 5})");
    if (!answer) answer = chat(ask, question, Json(), "{}");
    if (!answer) throw stop("a plain question", last_);
    probe_.reasoning = !answer->reasoning.empty() || answer->content.find("</think>") != std::string::npos ||
                       answer->content.starts_with("<think>");
    probe_.logprobs = !answer->logprobs.empty() && answer->logprobs[0].top.size() > 1;
    probe_.usage = answer->prompt_tokens && answer->completion_tokens;
    probe_.cached_tokens = answer->cached_tokens.has_value();
  }

  /// Nothing where the server refuses such a request.
  std::optional<ChatAnswer> chat(const ChatAsk& ask, const std::string& question, const Json& schema,
                                 const std::string& more) {
    ChatOptions chat = options_.chat;
    Json extra = Json::parse(chat.extra);
    const Json added = Json::parse(more);
    for (const auto& [key, value] : added.items())
      if (!extra.contains(key)) extra[key] = value;
    chat.extra = extra.dump();
    const Conversation asked = {{"user", question}};
    const std::string body = chat_body(chat, ask, asked, 1, schema);
    std::optional<ChatAnswer> answer;
    const int tries = schema.is_null() ? kTries : kSchemaTries;  // a server may answer an unknown field by a 500
    last_ = patient(tries, [&] {
      HttpReply reply = client_.fetch(api_request(base_ + "/chat/completions", key_, options_.timeouts, body));
      ++probe_.requests;
      std::optional<TokenCount> cost;
      if (verdict_of(reply).kind == ReplyKind::kAnswer) {
        try {
          answer = read_chat_answer(reply.body);
          cost = tokens_of_answer(*answer, asked);
        } catch (const ChatProblem&) {
          cost = tokens_of_failure(reply, read_account(reply.body), asked);
          reply.fault = HttpFault::kCut;  // try again
        }
      } else {
        cost = tokens_of_failure(reply, read_account(reply.body), asked);
      }
      if (cost && spent_) spent_(*cost);
      return reply;
    });
    const ReplyVerdict verdict = verdict_of(last_);
    if (verdict.kind == ReplyKind::kStop || verdict.kind == ReplyKind::kBusy) throw stop("the first question", last_);
    if (!answer) return {};
    if (!answer->model.empty()) probe_.model = answer->model;
    return answer;
  }

  /// Again and again while the server is busy or breaks off.
  template <class Ask>
  HttpReply patient(int tries, const Ask& ask) {
    for (int n = 0;; ++n) {
      check_interrupt();
      HttpReply reply = ask();
      const ReplyVerdict verdict = verdict_of(reply);
      const bool again = verdict.kind == ReplyKind::kBusy || verdict.kind == ReplyKind::kRetry;
      if (reply.fault == HttpFault::kTls || reply.fault == HttpFault::kRedirect ||
          (reply.fault == HttpFault::kConnect && n + 1 >= kConnectTries))
        throw stop("the first request", reply);
      if (!again || n + 1 >= tries) return reply;
      const double wanted = verdict.wait.value_or(options_.first_wait * std::min(std::pow(2.0, n), 16.0));
      const double patience = options_.timeouts.total > 0 ? options_.timeouts.total : 600;
      if (wanted > (options_.endpoints.size() > 1 ? std::min(patience, kOthersWait) : patience))
        throw Error(ErrorKind::kFailed,
                    fmt::format("the judge at {} asks to be left alone for {}", base_, human_duration(wanted)),
                    "give the same command again after that time: it goes on from the journal. A run waits as long as "
                    "the judge file's timeouts: {total: SECONDS} says");
      if (wanted > kWorthTelling)
        log_warning("{} asks to be left alone for {}: waiting for it, {} tries left", base_, human_duration(wanted),
                    tries - 1 - n);
      for (double left = wanted; left > 0 && !interrupt_requested(); left -= 0.05)
        std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.05)));
    }
  }

  Error stop(const char* what, const HttpReply& reply) const {
    const ReplyVerdict verdict = verdict_of(reply);
    const std::string message = verdict.message.empty() ? "no answer in its reply" : verdict.message;
    return Error(ErrorKind::kFailed,
                 without_key(fmt::format("the judge at {} does not answer {}: {}", base_, what, message), key_),
                 advice_on(verdict.word));
  }

  HttpClient& client_;
  const std::string &base_, &key_;
  const ServerOptions& options_;
  const std::function<void(const TokenCount&)>& spent_;
  ServerProbe probe_;
  HttpReply last_;
};

}  // namespace

std::string ServerProbe::json() const {
  return Json({{"model", model},
               {"schema", to_string(schema_field)},
               {"reasoning", reasoning},
               {"logprobs", logprobs},
               {"usage", usage},
               {"cached_tokens", cached_tokens},
               {"context", context}})
      .dump();
}

ServerProbe probe_server(HttpClient& client, const std::string& base, const std::string& key,
                         const ServerOptions& options, const std::function<void(const TokenCount&)>& spent) {
  return Prober(client, base, key, options, spent).run();
}

std::string advice_on(const std::string& word) {
  if (word == "http_401" || word == "http_403")
    return "name the variable that holds the key (key_env: in the judge file) and check that the key may use this "
           "model";
  if (word == "http_404") return "check the address (it usually ends in /v1) and the model's name";
  if (word == "http_429") return "the account's quota is spent: top it up; the same command goes on from the journal";
  if (word == "connect") return "check the address and that the server is running; the same command goes on";
  if (word == "tls") return "name the authority that signed its certificate in SSL_CERT_FILE";
  if (word == "redirect") return "give the address that the server names, if you trust it";
  return "the same command goes on from the journal";
}

}  // namespace ballot
