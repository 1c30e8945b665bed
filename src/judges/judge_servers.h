// The servers of one judge: looked at before anything is spent, each prompt's ballots at home on one of them, work
// taken over from the longest queue, those that are parked asked for their health. openai_judge.cpp sends and decides
// on replies.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "judges/judge.h"
#include "judges/server_options.h"
#include "judges/server_probe.h"
#include "net/endpoint.h"

namespace ballot {

class JudgeServers {
 public:
  struct Place {
    std::unique_ptr<Endpoint> endpoint;
    ServerProbe probe;
  };

  /// Looks at every server and keeps those that answer, with at most `concurrency` requests in flight at each. Throws
  /// Error where none does, and where they serve different models.
  void open(HttpClient& client, const ServerOptions& options, std::int64_t concurrency,
            const std::function<void(const SpentTokens&)>& spent);
  const std::string& model() const { return model_; }  ///< as the servers call it
  Json probes() const;                                 ///< what was seen, a server
  std::int64_t probe_requests() const { return probe_requests_; }

  std::size_t size() const { return places_.size(); }
  Place& operator[](std::size_t i) { return places_[i]; }
  const Place& operator[](std::size_t i) const { return places_[i]; }

  /// Queues every request at the server whose hash with the prompt is largest: the same one in every run and chunk.
  /// Returns the server of each.
  std::vector<std::size_t> assign(std::span<const BallotRequest> requests);
  /// The next request for a server: of its own queue, else of the longest other one's end.
  std::optional<std::size_t> next_for(Endpoint& endpoint);
  void clear_queues();

  /// Seconds on the clock from when on one of them may be asked again, by their own words; in the past: now.
  double opens_at() const;
  /// Asks those that are parked for their health when it is due, and often where all are parked; none before the time
  /// until which it asked to be left alone. `now`: the clock, in seconds; `heard`: a sign of life came.
  void look_after(HttpClient& client, const std::function<double()>& now, const std::function<void()>& heard);

 private:
  std::vector<Place> places_;
  std::string model_;
  std::int64_t probe_requests_ = 0;
  double all_asked_ = 0;
};

}  // namespace ballot
