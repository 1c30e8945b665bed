#include "judges/judge_servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "net/api_request.h"

namespace ballot {
namespace {

constexpr double kAskAllAgain = 2;  // seconds between questions for health while all are parked

}  // namespace

void JudgeServers::open(HttpClient& client, const ServerOptions& options, std::int64_t concurrency,
                        const std::function<void(const SpentTokens&)>& spent) {
  std::exception_ptr failure;
  places_.clear();
  for (const EndpointOptions& endpoint : options.endpoints) {
    const char* secret = endpoint.key_env.empty() ? nullptr : std::getenv(endpoint.key_env.c_str());
    const std::string key = secret ? secret : "";
    if (!key.empty() && endpoint.url.starts_with("http://") && endpoint.url.find("://127.") == std::string::npos &&
        endpoint.url.find("://localhost") == std::string::npos)
      log_warning("the key of {} goes over the network unencrypted", endpoint.url);
    Place place{
        std::make_unique<Endpoint>(endpoint.url, key, endpoint.concurrency > 0 ? endpoint.concurrency : concurrency),
        {}};
    try {
      place.probe = probe_server(client, endpoint.url, key, options, [&](const TokenCount& count) {
        if (spent) spent({nullptr, 0, "probe", count.prompt, count.completion, count.cached, count.estimated, 0});
      });
      probe_requests_ += place.probe.requests;
      if (model_.empty()) model_ = place.probe.model;
      if (place.probe.model != model_)
        throw Error(ErrorKind::kFailed,
                    fmt::format("the endpoints serve different models: {} and {}", model_, place.probe.model),
                    "name endpoints of one model; others are another judge");
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kInterrupted || options.endpoints.size() == 1) throw;
      if (!failure) failure = std::current_exception();
      log_warning("{}", error.message());
      continue;  // the others may do
    }
    places_.push_back(std::move(place));
  }
  if (places_.empty()) std::rethrow_exception(failure);
}

Json JudgeServers::probes() const {
  Json list = Json::array();
  for (const Place& place : places_) list.push_back(Json::parse(place.probe.json()));
  return list;
}

std::vector<std::size_t> JudgeServers::assign(std::span<const BallotRequest> requests) {
  std::vector<std::size_t> homes;
  homes.reserve(requests.size());
  const PoolRow* row = nullptr;
  std::size_t home = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].row != row && places_.size() > 1) {
      row = requests[i].row;
      std::uint64_t most = 0;
      for (std::size_t e = 0; e < places_.size(); ++e)
        if (const std::uint64_t weight = hash64(row->prompt_id + places_[e].endpoint->base); weight >= most)
          most = weight, home = e;
    }
    homes.push_back(home);
    places_[home].endpoint->queue.push_back(i);
  }
  return homes;
}

std::optional<std::size_t> JudgeServers::next_for(Endpoint& endpoint) {
  if (!endpoint.queue.empty()) {
    const std::size_t index = endpoint.queue.front();
    endpoint.queue.pop_front();
    return index;
  }
  Endpoint* longest = nullptr;
  for (const Place& place : places_)
    if (!place.endpoint->queue.empty() && (!longest || place.endpoint->queue.size() > longest->queue.size()))
      longest = place.endpoint.get();
  if (!longest) return {};
  const std::size_t index = longest->queue.back();
  longest->queue.pop_back();
  return index;
}

void JudgeServers::clear_queues() {
  for (Place& place : places_) place.endpoint->queue.clear();
}

double JudgeServers::opens_at() const {
  double first = std::numeric_limits<double>::infinity();
  for (const Place& place : places_) first = std::min(first, place.endpoint->opens_at());
  return first;
}

void JudgeServers::look_after(HttpClient& client, const std::function<double()>& now,
                              const std::function<void()>& heard) {
  const double time = now();
  const bool all_parked =
      std::all_of(places_.begin(), places_.end(), [](const Place& place) { return place.endpoint->parked(); });
  const bool ask_all = all_parked && time - all_asked_ > kAskAllAgain;
  if (ask_all) all_asked_ = time;
  for (Place& place : places_) {
    Endpoint& endpoint = *place.endpoint;
    if (!endpoint.health_is_due(time) && !(ask_all && !endpoint.asking_health && time >= endpoint.opens_at())) continue;
    endpoint.asking_health = true;
    const std::size_t path = endpoint.base.find('/', endpoint.base.find("://") + 3);
    HttpRequest request =
        api_request(endpoint.base.substr(0, path) + "/health", endpoint.key, {.connect = 5, .idle = 0, .total = 10});
    client.send(std::move(request), [&endpoint, now, heard](HttpReply reply) {
      const bool answered = reply.fault == HttpFault::kNone;
      const bool unknown = answered && (reply.status == 404 || reply.status == 405 || reply.status == 401);
      endpoint.health(now(), answered && reply.status == 200, unknown);
      if (answered && reply.status == 200) heard();
    });
  }
}

}  // namespace ballot
