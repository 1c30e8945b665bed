#include "evaluation/completion_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <nlohmann/json.hpp>
#include <queue>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/random.h"
#include "net/api_request.h"
#include "net/endpoint.h"
#include "net/reply_json.h"
#include "net/server_reply.h"

namespace ballot {
namespace {

constexpr double kLastSeconds = 10;       // for what is on its way when the run is interrupted
constexpr std::int64_t kAllRefused = 64;  // refused in a row, and not for their length: it is not the requests
constexpr std::size_t kBodyLimit = std::size_t{64} << 20;  // the whole vocabulary's log-probabilities fit

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string advice_on(const std::string& word) {
  if (word == "http_401" || word == "http_403")
    return "name the variable that holds the server's key (--key-env) and check that the key may use this model";
  if (word == "http_404") return "check the address (it usually ends in /v1) and the model's name";
  if (word == "http_429") return "the account's quota is spent: top it up; the same command goes on";
  if (word == "connect") return "check the address and that the server is running; the same command goes on";
  if (word == "tls") return "name the authority that signed its certificate in SSL_CERT_FILE";
  if (word == "redirect") return "give the address that the server names, if you trust it";
  return "the same command goes on from the journal";
}

}  // namespace

/// One call of ask().
class CompletionClient::Round {
 public:
  Round(CompletionClient& client, std::size_t count, const std::function<std::string(std::size_t)>& body,
        const std::function<void(std::size_t, const CompletionReply&)>& take,
        const std::function<void(std::size_t, const std::string&)>& refused)
      : client_(client), body_(body), take_(take), refused_(refused), calls_(count), open_(count) {
    for (std::size_t i = 0; i < count; ++i) waiting_.push({0, i});
  }

  void run() {
    Endpoint& endpoint = *client_.endpoint_;
    last_answer_ = now();
    double interrupted = 0;
    while (open_ > 0 && !failure_) {
      const double time = now();
      if (interrupt_requested() && interrupted == 0) interrupted = time;
      if (interrupted > 0 && (endpoint.in_flight == 0 || time - interrupted > kLastSeconds)) return;
      while (interrupted == 0 && !waiting_.empty() && waiting_.top().due <= time && endpoint.may_send(time)) {
        const std::size_t index = waiting_.top().index;
        waiting_.pop();
        send(index);
      }
      client_.http_->run_for(std::chrono::milliseconds(pause(time)));
      if (endpoint.in_flight == 0 && busy_ && !failure_ &&
          now() - last_answer_ > (last_kind_ == "connect" ? client_.patience_.connect : client_.patience_.answer))
        fail(fmt::format("the server at {} has not answered for {:.0f} s: {}", client_.server_.base,
                         now() - last_answer_, last_word_),
             advice_on(last_kind_));
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  struct Call {
    int tries = 0, busy = 0;
  };
  struct Waiting {
    double due;
    std::size_t index;
    bool operator>(const Waiting& other) const { return std::tie(due, index) > std::tie(other.due, other.index); }
  };

  std::int64_t pause(double time) const {
    double wait = 0.1;
    if (!waiting_.empty() && client_.endpoint_->in_flight == 0)
      wait = std::min(wait, std::max(waiting_.top().due, client_.endpoint_->opens_at()) - time);
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(wait * 1000));
  }

  void fail(const std::string& what, const std::string& next) {
    failure_ = std::make_exception_ptr(Error(ErrorKind::kFailed, what, next));
  }

  void send(std::size_t index) {
    ++client_.endpoint_->in_flight;
    ++client_.requests_;
    client_.retries_ += calls_[index].tries + calls_[index].busy > 0;
    HttpRequest request =
        api_request(client_.server_.base + "/completions", client_.server_.key, client_.server_.timeouts, body_(index));
    request.body_limit = kBodyLimit;
    const double sent = now();
    // Nothing may be thrown through the client's frames: a failure waits until run() is back.
    client_.http_->send(std::move(request), [this, index, sent](HttpReply reply) {
      --client_.endpoint_->in_flight;
      if (failure_) return;
      try {
        receive(index, sent, reply);
      } catch (...) {
        failure_ = std::current_exception();
      }
    });
  }

  void receive(std::size_t index, double sent, const HttpReply& reply) {
    ReplyVerdict verdict = verdict_of(reply);
    if (verdict.kind == ReplyKind::kAnswer) {
      try {
        take_(index, read_completion(reply.body));
        client_.endpoint_->succeeded();
        last_answer_ = now();
        busy_ = false;
        client_.refused_in_a_row_ = 0;
        --open_;
        return;
      } catch (const CompletionProblem& problem) {
        verdict = {ReplyKind::kRetry, problem.word(), problem.what(), {}};
      }
    }
    verdict.message = without_key(std::move(verdict.message), client_.server_.key);
    log_debug("{}: {}", client_.server_.base, verdict.message);
    turn_away(index, sent, verdict);
  }

  void turn_away(std::size_t index, double sent, const ReplyVerdict& verdict) {
    Call& call = calls_[index];
    const double time = now(), unit = client_.server_.first_wait / 0.5;
    last_word_ = verdict.message;
    last_kind_ = verdict.word;
    switch (verdict.kind) {
      case ReplyKind::kBusy: {
        const double own = unit * backoff_seconds(call.busy++, jitter_.uniform());
        // A server that says "at once" again and again is not asked in a loop.
        const double wait = verdict.wait ? std::max(*verdict.wait, call.busy > 3 ? own / 8 : 0) : own;
        if (verdict.wait) last_answer_ = std::max(last_answer_, time + wait);  // alive, and says when to come again
        client_.endpoint_->busy(time, sent, verdict.wait ? wait : 0);
        busy_ = true;
        waiting_.push({time + wait, index});
        return;
      }
      case ReplyKind::kRetry:
        if (++call.tries >= client_.patience_.tries) return refuse(index, verdict.message);
        waiting_.push({time + unit * backoff_seconds(call.tries - 1, jitter_.uniform()), index});
        return;
      case ReplyKind::kTooLong:
        --client_.refused_in_a_row_;
        return refuse(index, verdict.message);
      case ReplyKind::kRefused:
        return refuse(index, verdict.message);
      default:
        fail(fmt::format("the server at {} stopped: {}", client_.server_.base, verdict.message),
             advice_on(verdict.word));
    }
  }

  void refuse(std::size_t index, const std::string& why) {
    --open_;
    if (++client_.refused_in_a_row_ >= kAllRefused)
      return fail(fmt::format("the server at {} refuses one request after the other: {}", client_.server_.base, why),
                  "the same command goes on once it answers");
    refused_(index, why);
  }

  CompletionClient& client_;
  const std::function<std::string(std::size_t)>& body_;
  const std::function<void(std::size_t, const CompletionReply&)>& take_;
  const std::function<void(std::size_t, const std::string&)>& refused_;
  std::vector<Call> calls_;
  std::size_t open_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
  std::exception_ptr failure_;
  double last_answer_ = 0;
  bool busy_ = false;
  std::string last_word_, last_kind_;
  Random jitter_{1, "retry jitter"};
};

CompletionClient::CompletionClient(CompletionServer server)
    : server_(std::move(server)),
      http_(std::make_unique<HttpClient>()),
      endpoint_(std::make_unique<Endpoint>(server_.base, server_.key, server_.concurrency)) {}

CompletionClient::~CompletionClient() = default;

void CompletionClient::ask(std::size_t count, const std::function<std::string(std::size_t)>& body,
                           const std::function<void(std::size_t, const CompletionReply&)>& take,
                           const std::function<void(std::size_t, const std::string&)>& refused) {
  Round round(*this, count, body, take, refused);
  // Whatever is still on its way when the round is over is broken off: its callbacks go with the round.
  const auto break_off = [&] {
    if (endpoint_->in_flight == 0) return;
    http_ = std::make_unique<HttpClient>();
    endpoint_->in_flight = 0;
  };
  try {
    round.run();
  } catch (...) {
    break_off();
    throw;
  }
  break_off();
}

Json CompletionClient::get(const std::string& path) {
  const std::size_t host_end = server_.base.find('/', server_.base.find("://") + 3);
  const std::string url =
      path.starts_with("//") ? server_.base.substr(0, host_end) + path.substr(1) : server_.base + path;
  const HttpReply reply = http_->fetch(api_request(url, server_.key, {.connect = 5, .idle = 0, .total = 20}));
  if (reply.fault != HttpFault::kNone || reply.status != 200) return Json(Json::value_t::discarded);
  return parse_reply(reply.body);
}

}  // namespace ballot
