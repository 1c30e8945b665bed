#include "judges/openai_judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/random.h"
#include "formats/format.h"
#include "judges/chat_answer.h"
#include "judges/judge_servers.h"
#include "judges/label_logprobs.h"
#include "judges/try_tokens.h"
#include "net/api_request.h"
#include "net/http_client.h"
#include "net/server_reply.h"

namespace ballot {
namespace {

constexpr int kTries = 6;                   // of one request, those that a busy server turned away left out
constexpr double kLongestWait = 120;        // seconds that a server may ask for before it is parked
constexpr double kWorthTelling = 2;         // seconds of waiting that the progress line mentions
constexpr std::int64_t kShortAnswer = 512;  // tokens of an answer in short form
constexpr int kOtherModels = 10;            // answers in a row by another model: the server has changed
constexpr std::size_t kAllRefused = 8;      // so many requests refused and none answered: it is not the request

class OpenAiJudge : public Judge {
 public:
  explicit OpenAiJudge(ServerOptions options) : options_(std::move(options)) {}

  std::string name() const override { return "openai:" + options_.chat.model; }
  Json fingerprint() const override {
    Json json = server_fingerprint(options_);
    json["kind"] = "openai";
    return json;
  }

  std::string prepare(const Format&, const JudgeSetup& setup) override {
    concurrency_ = std::max<std::int64_t>(1, setup.concurrency);
    requests_ = RateLimit(options_.requests_per_minute);
    tokens_ = RateLimit(options_.tokens_per_minute);
    if (const auto fields = unsent_fields(options_.chat); !fields.empty())
      log_warning("a server of profile {} cannot be told {}: it uses its own", to_string(options_.chat.profile),
                  fmt::join(fields, ", "));
    spent_ = setup.spent;
    waiting_told_ = setup.waiting;
    servers_.open(client_, options_, concurrency_, spent_);
    model_ = servers_.model();
    const Json before = setup.notes.empty() ? Json() : Json::parse(setup.notes);
    if (before.is_object() && before.value("model", model_) != model_)
      throw Error(ErrorKind::kFailed,
                  fmt::format("this journal's answers are by the model {}; the server now answers as {}",
                              before["model"].get<std::string>(), model_),
                  "serve that model again, or judge with this one into another --out");
    if (options_.chat.reasoning.value_or(false) || servers_[0].probe.reasoning) stream_ = true;
    if (servers_[0].probe.schema_field == SchemaField::kNone)
      log_warning("the judge does not obey a JSON schema: ballots that stay unread are asked a third time in words");
    if (!servers_[0].probe.usage)
      log_warning("the judge tells no token counts: they are estimated, and so are budgets");
    return Json({{"model", model_}, {"probes", servers_.probes()}}).dump();
  }

  Json counters() const override {
    Json json = {{"requests", sent_},
                 {"probe_requests", servers_.probe_requests()},
                 {"retries", retries_},
                 {"most_in_flight", most_in_flight_}};
    json["faults"] = faults_;
    if (short_forms_ > 0) json["short_form"] = short_forms_;
    if (estimated_ > 0) json["usage_estimated"] = estimated_;
    if (repetitions_ > 0) json["repetitions_stopped"] = repetitions_;
    return json;
  }

  void answer(const Format& format, std::span<const BallotRequest> requests,
              const std::function<void(std::size_t, BallotAnswer)>& done, const std::function<bool()>& stop) override {
    format_ = &format;
    requests_given_ = requests;
    done_ = &done;
    calls_.assign(requests.size(), {});
    const std::vector<std::size_t> homes = servers_.assign(requests);
    for (std::size_t i = 0; i < calls_.size(); ++i) calls_[i].home = homes[i];
    waiting_ = {};
    suspects_.clear();
    open_ = requests.size();
    schemas_.clear();
    heard(now());
    bool stopping = false;
    for (;;) {
      stopping = stopping || failure_ || stop();
      if (!stopping && in_flight_ == 0 && open_ == suspects_.size()) settle_suspects();
      if (in_flight_ == 0 && (stopping || open_ == 0)) break;
      if (!stopping) send_what_may_go();
      client_.run_for(std::chrono::milliseconds(stopping ? 50 : pause()));
      if (!stopping) look_after_endpoints();
    }
    servers_.clear_queues();
    if (failure_) throw Error(*failure_);
  }

 private:
  struct Call {
    int tries = 0, busy = 0;
    bool short_form = false;
    std::size_t home = 0;
    double estimate = 0;  // tokens taken from the limit
  };
  struct Waiting {
    double due;
    std::size_t index;
    bool operator>(const Waiting& other) const { return std::tie(due, index) > std::tie(other.due, other.index); }
  };
  /// One request on its way.
  struct Flight {
    std::size_t index = 0, place = 0;
    double sent = 0;
    ChatAsk ask;
    ChatStream stream;
  };

  double now() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

  void send_what_may_go() {
    const double time = now();
    while (!waiting_.empty() && waiting_.top().due <= time) {
      servers_[calls_[waiting_.top().index].home].endpoint->queue.push_front(waiting_.top().index);
      waiting_.pop();
    }
    limited_ = 0;
    bool any = true;
    while (any) {  // one each in turn, so that a small number in flight is shared
      any = false;
      for (std::size_t e = 0; e < servers_.size(); ++e) {
        Endpoint& endpoint = *servers_[e].endpoint;
        if (in_flight_ >= concurrency_ || !endpoint.may_send(time)) continue;
        if ((limited_ = std::max(requests_.wait(time, 1), tokens_.wait(time, expected_tokens_))) > 0) return;
        const std::optional<std::size_t> index = servers_.next_for(endpoint);
        if (!index) continue;
        send(*index, e);
        any = true;
      }
    }
  }

  /// How long nothing can be due, in milliseconds.
  std::int64_t pause() const {
    double wait = 0.1;
    const double time = now();
    if (!waiting_.empty()) wait = std::min(wait, waiting_.top().due - time);
    if (limited_ > 0) wait = std::min(wait, limited_);
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(wait * 1000));
  }

  const Json& schema(std::size_t shown) {
    const auto found = schemas_.find(shown);
    return found != schemas_.end() ? found->second
                                   : schemas_.emplace(shown, format_->answer_schema(shown)).first->second;
  }

  void send(std::size_t index, std::size_t place) {
    const BallotRequest& request = requests_given_[index];
    Call& call = calls_[index];
    Endpoint& endpoint = *servers_[place].endpoint;
    const auto flight = std::make_shared<Flight>();
    flight->index = index;
    flight->place = place;
    flight->sent = now();
    flight->ask.stream = stream_ && !call.short_form;
    if (request.structured || call.short_form) flight->ask.schema_field = servers_[place].probe.schema_field;
    if (call.short_form) {
      flight->ask.no_thinking = true;
      flight->ask.max_tokens = std::min(kShortAnswer, options_.chat.sampling.max_tokens);
    }
    const bool constrained = flight->ask.schema_field != SchemaField::kNone;
    std::string body = chat_body(options_.chat, flight->ask, request.messages, request.seed,
                                 constrained ? schema(request.item->shown.size()) : Json());
    call.estimate = expected_tokens_;
    requests_.take(flight->sent, 1);
    tokens_.take(flight->sent, call.estimate);
    HttpRequest http =
        api_request(endpoint.base + "/chat/completions", endpoint.key, options_.timeouts, std::move(body));
    if (!flight->ask.stream) http.timeouts.idle = 0;  // a whole answer comes at once, after all its thinking
    HttpClient::OnData on_data;
    if (flight->ask.stream) on_data = [flight](std::string_view part) { return flight->stream.feed(part); };
    ++endpoint.in_flight;
    most_in_flight_ = std::max(most_in_flight_, ++in_flight_);
    ++sent_;
    retries_ += call.tries + call.busy > 0;
    client_.send(std::move(http), [this, flight](HttpReply reply) { take(*flight, std::move(reply)); }, on_data);
  }

  void take(Flight& flight, HttpReply reply) {
    Endpoint& endpoint = *servers_[flight.place].endpoint;
    --endpoint.in_flight;
    --in_flight_;
    ReplyVerdict verdict = verdict_of(reply);
    std::optional<ChatAnswer> answer, partial;
    const bool streamed = flight.ask.stream && reply.status >= 200 && reply.status < 300;
    const bool content_came = streamed && (verdict.kind == ReplyKind::kRetry || verdict.kind == ReplyKind::kAnswer);
    if (verdict.kind == ReplyKind::kAnswer || content_came) {
      try {
        answer = streamed && reply.body.empty() ? flight.stream.finish() : read_chat_answer(reply.body);
        check_finish(*answer);
        check_model(*answer);
      } catch (const ChatProblem& problem) {
        partial = std::exchange(answer, {});
        if (verdict.kind == ReplyKind::kAnswer) verdict = {ReplyKind::kRetry, problem.word(), problem.what(), {}};
      }
    }
    verdict.message = without_key(std::move(verdict.message), endpoint.key);
    if (answer) return deliver(flight, std::move(*answer), reply.seconds);
    ++faults_[verdict.word];
    log_debug("{}: {}", endpoint.base, verdict.message);
    if (!partial) partial = flight.ask.stream && reply.body.empty() ? flight.stream.so_far() : read_account(reply.body);
    account(flight, tokens_of_failure(reply, *partial, requests_given_[flight.index].messages), verdict.word);
    turn_away(flight, endpoint, verdict);
  }

  /// A try that failed may have been paid for all the same.
  void account(const Flight& flight, const std::optional<TokenCount>& count, const std::string& fault) {
    if (!count || !spent_) return;
    const BallotRequest& request = requests_given_[flight.index];
    spent_(
        {request.item, request.attempt, fault, count->prompt, count->completion, count->cached, count->estimated, 0});
  }

  /// A word that no server should say ("abort", "error") is no end of an answer.
  static void check_finish(const ChatAnswer& answer) {
    static const std::vector<std::string> known = {"stop",       "length",    "tool_calls",    "function_call",
                                                   "eos",        "eos_token", "end_turn",      "stop_sequence",
                                                   "max_tokens", "refusal",   "content_filter"};
    if (std::find(known.begin(), known.end(), answer.finish_reason) == known.end())
      throw ChatProblem("finish_reason", "the answer ended by '" + answer.finish_reason.substr(0, 40) + "'");
  }

  void check_model(const ChatAnswer& answer) {
    if (answer.model.empty() || answer.model == model_ || answer.model == options_.chat.model) {
      others_in_a_row_ = 0;
      return;
    }
    if (++others_in_a_row_ >= kOtherModels && !failure_)
      failure_.emplace(ErrorKind::kFailed,
                       fmt::format("the server now answers as the model {}; the judge is {}", answer.model, model_),
                       "serve that model again and give the same command: what was answered is in the journal");
    throw ChatProblem("model_changed", "an answer by the model " + answer.model);
  }

  void deliver(const Flight& flight, ChatAnswer said, double seconds) {
    JudgeServers::Place& place = servers_[flight.place];
    const Call& call = calls_[flight.index];
    const BallotRequest& request = requests_given_[flight.index];
    place.endpoint->succeeded();
    heard(now());
    ++answered_;
    --open_;
    settle_suspects();
    BallotAnswer answer;
    answer.probabilities = label_probabilities(*format_, request.item->shown.size(), said);
    if (flight.stream.repeats()) {
      ++repetitions_;
      answer.note = "endless repetition: the stream was ended";
    }
    const TokenCount count = tokens_of_answer(said, request.messages);
    answer.prompt_tokens = count.prompt;
    answer.completion_tokens = count.completion;
    answer.cached_tokens = count.cached;
    if (count.estimated) {
      ++estimated_;
      answer.note += answer.note.empty() ? "usage estimated" : "; usage estimated";
    }
    const auto tokens = static_cast<double>(answer.prompt_tokens + answer.completion_tokens);
    tokens_.correct(tokens - call.estimate);
    expected_tokens_ += (tokens - expected_tokens_) / 16;
    if (call.short_form) answer.note += answer.note.empty() ? "short form" : "; short form";
    // A judge that obeys no schema was asked in words, whatever the ladder wanted.
    answer.transport = flight.ask.schema_field != SchemaField::kNone ? "structured" : "text";
    answer.content = without_key(std::move(said.content), place.endpoint->key);
    answer.reasoning = without_key(std::move(said.reasoning), place.endpoint->key);
    answer.finish_reason = std::move(said.finish_reason);
    answer.seconds = seconds;
    (*done_)(flight.index, std::move(answer));
  }

  void settle_suspects() {
    for (const auto& [index, verdict] : std::exchange(suspects_, {})) give_up(index, verdict, true);
  }

  void give_up(std::size_t index, const ReplyVerdict& verdict, bool permanent) {
    --open_;
    BallotAnswer answer;
    answer.error = verdict.word + ": " + verdict.message;
    answer.permanent = permanent;
    (*done_)(index, std::move(answer));
  }

  /// A sign of life of any endpoint.
  void heard(double when) {
    last_sign_ = when;
    failing_since_.reset();
  }

  void turn_away(const Flight& flight, Endpoint& endpoint, const ReplyVerdict& verdict) {
    Call& call = calls_[flight.index];
    const double time = now();
    // Patience begins with the first failure after the last sign of life: the last requests of a run may all be slow,
    // and time out together, where the server itself is well.
    if (!failing_since_) failing_since_ = time;
    tokens_.correct(-call.estimate);
    const auto jitter = [&] { return jitter_.uniform(); };
    const auto again = [&](double wait) { waiting_.push({time + wait, flight.index}); };
    switch (verdict.kind) {
      case ReplyKind::kBusy: {
        const double own = options_.first_wait / 0.5 * backoff_seconds(call.busy++, jitter());
        // A server that says "at once" again and again is not asked in a loop.
        const double wait = verdict.wait ? std::max(*verdict.wait, call.busy > 3 ? own / 8 : 0) : own;
        if (verdict.wait) heard(time);  // it is alive, and says when to come again
        if (wait > kLongestWait) {
          if (!endpoint.parked()) log_warning("{} wants to be left alone for {:.0f} s: parked", endpoint.base, wait);
          endpoint.park(time, time + wait);
          heard(time + wait);
        } else {
          endpoint.busy(time, flight.sent, verdict.wait ? wait : 0);  // a word without a time slows, and stops nothing
          if (verdict.word == "connect" && endpoint.failed(time))
            log_warning("{} is parked: {}", endpoint.base, verdict.message);
        }
        // Where the whole server is left alone, its requests are free for the others at once.
        const bool for_others = wait > kLongestWait || (verdict.wait && wait >= 1 && servers_.size() > 1);
        return again(for_others ? 0 : wait);
      }
      case ReplyKind::kRetry: {
        const bool slow = verdict.word == "idle_timeout" || verdict.word == "timeout";
        if (slow) endpoint.busy(time, flight.sent, 0);
        if (endpoint.failed(time)) log_warning("{} is parked: {}", endpoint.base, verdict.message);
        if (++call.tries >= kTries) return give_up(flight.index, verdict, false);
        return again(verdict.wait ? std::min(*verdict.wait, kLongestWait)
                                  : options_.first_wait / 0.5 * backoff_seconds(call.tries - 1, jitter()));
      }
      case ReplyKind::kTooLong:
        if (call.short_form) return give_up(flight.index, verdict, true);
        call.short_form = true;
        ++short_forms_;
        return again(0);
      case ReplyKind::kRefused:
        if (answered_ > 0) return give_up(flight.index, verdict, true);
        suspects_.emplace_back(flight.index, verdict);  // the ballot's fault, or the request's as such?
        if (suspects_.size() >= kAllRefused && !failure_)
          failure_.emplace(ErrorKind::kFailed,
                           fmt::format("the judge at {} refuses every ballot: {}", endpoint.base, verdict.message),
                           "check profile and extra of the judge file; the same command goes on");
        return;
      default:
        if (!failure_)
          failure_.emplace(ErrorKind::kFailed,
                           fmt::format("the judge at {} stopped: {}", endpoint.base, verdict.message),
                           advice_on(verdict.word));
    }
  }

  void look_after_endpoints() {
    servers_.look_after(client_, [this] { return now(); }, [this] { heard(now()); });
    const double time = now();
    const double patience = options_.timeouts.total > 0 ? options_.timeouts.total : 600;
    wait_for_servers(time, patience);
    if (in_flight_ == 0 && failing_since_ && time - std::max(last_sign_, *failing_since_) > patience && !failure_)
      failure_.emplace(ErrorKind::kFailed,
                       fmt::format("no endpoint of the judge has answered for {:.0f} s ({})", time - last_sign_,
                                   servers_[0].endpoint->base),
                       "see whether the server runs; the same command goes on from the journal");
  }

  /// Where every server asked to be left alone: tells for how long, or ends the run where that is beyond patience.
  void wait_for_servers(double time, double patience) {
    const double rest = in_flight_ == 0 && open_ > 0 ? servers_.opens_at() - time : 0;
    if (rest > patience && !failure_)
      failure_.emplace(ErrorKind::kFailed,
                       fmt::format("the judge at {} asks to be left alone for {}, and a run waits {} at most",
                                   servers_[0].endpoint->base, human_duration(rest), human_duration(patience)),
                       "give the same command again after that time: it goes on from the journal, where every answer "
                       "is. A run waits as long as the judge file's timeouts: {total: SECONDS} says");
    const bool tells = rest > (telling_ ? 0 : kWorthTelling) && !failure_;
    if (!waiting_told_ || (!tells && !telling_) || (tells && telling_ && time - told_ < 1)) return;
    telling_ = tells;
    told_ = time;
    waiting_told_(tells ? fmt::format("the judge asks to wait: on in {}", human_duration(rest)) : "");
  }

  ServerOptions options_;
  HttpClient client_;
  JudgeServers servers_;
  std::function<void(const SpentTokens&)> spent_;
  std::function<void(const std::string&)> waiting_told_;
  bool telling_ = false;
  double told_ = 0;
  std::string model_;  // as the servers call it
  int others_in_a_row_ = 0;
  bool stream_ = false;
  std::int64_t concurrency_ = 256, in_flight_ = 0;
  RateLimit requests_{0}, tokens_{0};
  double expected_tokens_ = 1000, limited_ = 0, last_sign_ = 0;
  std::optional<double> failing_since_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Random jitter_{1, "retry jitter"};
  std::optional<Error> failure_;
  // of one call of answer()
  const Format* format_ = nullptr;
  std::span<const BallotRequest> requests_given_;
  const std::function<void(std::size_t, BallotAnswer)>* done_ = nullptr;
  std::vector<Call> calls_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
  std::size_t open_ = 0;
  std::vector<std::pair<std::size_t, ReplyVerdict>> suspects_;  // refused before anything was answered
  std::map<std::size_t, Json> schemas_;
  // counted
  std::int64_t sent_ = 0, retries_ = 0, most_in_flight_ = 0, answered_ = 0, short_forms_ = 0, estimated_ = 0,
               repetitions_ = 0;
  std::map<std::string, std::int64_t> faults_;
};

}  // namespace

std::unique_ptr<Judge> make_openai_judge(ServerOptions options) {
  return std::make_unique<OpenAiJudge>(std::move(options));
}

}  // namespace ballot
