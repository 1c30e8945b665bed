// One server's health and load, and the limits of an account: pure bookkeeping, time is handed in (seconds).
//
// How many requests may be in flight adapts: it doubles per round trip until the server first says "not now", then
// grows by one per round trip and is halved at each such word (once per round trip, not once per request). After five
// failures in a row an endpoint is parked and asked for its health; the answer 200 brings it back with one request at
// first. One that asked to be left alone until a time is parked until then, whatever it says of its health meanwhile.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>

namespace ballot {

class Endpoint {
 public:
  /// `most`: requests in flight at most.
  Endpoint(std::string base, std::string key, std::int64_t most);

  bool may_send(double now) const {
    return !parked_ && now >= not_before_ && in_flight < static_cast<std::int64_t>(window_);
  }
  void succeeded();
  /// The server said "not now" to a request sent at `sent`; `wait`: seconds until the next may go there.
  void busy(double now, double sent, double wait);
  /// A failure of another kind. Returns true where it parks the endpoint.
  bool failed(double now);

  bool parked() const { return parked_; }
  /// From when on it may be asked again, as far as it said so itself; in the past where it said nothing.
  double opens_at() const { return std::max(not_before_, parked_until_); }
  /// Nothing goes there before `until`, and then only once it is well.
  void park(double now, double until);
  bool health_is_due(double now) const { return parked_ && !asking_health && now >= next_health_; }
  /// `healthy`: 200 from /health; `unknown`: there is no such address, so trying is the only way to know. Neither ends
  /// a time that it asked for.
  void health(double now, bool healthy, bool unknown);
  double window() const { return window_; }

  const std::string base, key;
  std::deque<std::size_t> queue;  ///< requests that belong here, in prefix order
  std::int64_t in_flight = 0;
  bool asking_health = false;

 private:
  double most_, window_;
  bool doubling_ = true, parked_ = false;
  int failures_ = 0;
  double not_before_ = 0, halved_ = -1, parked_until_ = 0, next_health_ = 0, health_wait_ = 0.5;
};

/// So many a minute, with a tenth of a minute's worth saved up at most.
class RateLimit {
 public:
  explicit RateLimit(double per_minute) : per_second_(per_minute / 60), saved_(most()) {}
  /// Seconds until `amount` may be taken; 0: now.
  double wait(double now, double amount);
  void take(double now, double amount);
  /// What was taken on an estimate turned out to be more (or less).
  void correct(double more) { saved_ -= per_second_ > 0 ? more : 0; }

 private:
  double most() const { return per_second_ * 6 > 1 ? per_second_ * 6 : 1; }
  void refill(double now);
  double per_second_, saved_, last_ = 0;
};

}  // namespace ballot
