#include "net/endpoint.h"

#include <algorithm>

namespace ballot {

namespace {
constexpr double kFirstWindow = 16;
constexpr int kFailuresToPark = 5;
}  // namespace

Endpoint::Endpoint(std::string base_url, std::string secret, std::int64_t most)
    : base(std::move(base_url)),
      key(std::move(secret)),
      most_(static_cast<double>(std::max<std::int64_t>(1, most))),
      window_(std::min(kFirstWindow, most_)) {}

void Endpoint::succeeded() {
  failures_ = 0;
  health_wait_ = 0.5;
  window_ = std::min(most_, window_ + (doubling_ ? 1.0 : 1.0 / window_));
}

void Endpoint::busy(double now, double sent, double wait) {
  doubling_ = false;
  if (sent > halved_) {
    window_ = std::max(1.0, window_ / 2);
    halved_ = now;
  }
  not_before_ = std::max(not_before_, now + wait);
}

bool Endpoint::failed(double now) {
  if (++failures_ < kFailuresToPark || parked_) return false;
  park(now, now);
  return true;
}

void Endpoint::park(double now, double until) {
  parked_ = true;
  parked_until_ = std::max(parked_until_, until);
  next_health_ = std::max(now + health_wait_, parked_until_);
  health_wait_ = std::min(health_wait_ * 2, 30.0);
}

void Endpoint::health(double now, bool healthy, bool unknown) {
  asking_health = false;
  if ((healthy || unknown) && now >= parked_until_) {
    parked_ = false;
    failures_ = unknown ? kFailuresToPark - 1 : 0;
    window_ = 1;
    doubling_ = healthy;
    return;
  }
  next_health_ = std::max(now + health_wait_, parked_until_);
  health_wait_ = std::min(health_wait_ * 2, 30.0);
}

void RateLimit::refill(double now) {
  saved_ = std::min(most(), saved_ + (now - last_) * per_second_);
  last_ = now;
}

double RateLimit::wait(double now, double amount) {
  if (per_second_ <= 0) return 0;
  refill(now);
  const double wanted = std::min(amount, most());  // a request above the limit goes when all is saved up
  return saved_ >= wanted - 1e-9 ? 0 : (wanted - saved_) / per_second_;
}

void RateLimit::take(double now, double amount) {
  if (per_second_ <= 0) return;
  refill(now);
  saved_ -= amount;
}

}  // namespace ballot
