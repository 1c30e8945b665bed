// Many requests of POST /v1/completions to one server: as many in flight as it bears, tried again where that may help.
//
//   - 429, 503 and no connection: later, as the server says or ever more slowly, until patience ends; fewer are in
//     flight then (net/endpoint.h).
//   - broken off, timed out, 500, a reply that cannot be used: some tries, then this request is refused.
//   - 400, 422, too long: this request is refused at once.
//   - 401, 403, 404, no money, a wrong certificate: Error (failed), nothing can go on.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/json.h"
#include "evaluation/completion_reply.h"
#include "net/http_client.h"

namespace ballot {

class Endpoint;

/// When to give up: seconds without a connection, seconds without an answer, tries of one request.
struct CompletionPatience {
  double connect = 600, answer = 600;
  int tries = 6;
};

struct CompletionServer {
  std::string base, key;
  std::int64_t concurrency = 16;
  HttpTimeouts timeouts = {.connect = 10, .idle = 0, .total = 600};
  double first_wait = 0.5;  ///< seconds before a second try; the next waits double
};

class CompletionClient {
 public:
  explicit CompletionClient(CompletionServer server);
  ~CompletionClient();

  /// Asks `count` requests. `body(i)`: the i-th, as JSON text; `take(i, reply)` may throw CompletionProblem: then it is
  /// asked again; `refused(i, why)`: it will not be answered. Returns when all are done, or where an interruption is
  /// asked for, a little later: what is on its way gets ten seconds.
  void ask(std::size_t count, const std::function<std::string(std::size_t)>& body,
           const std::function<void(std::size_t, const CompletionReply&)>& take,
           const std::function<void(std::size_t, const std::string&)>& refused);
  /// A GET beside the API ("/models"), or behind its host ("//props"); JSON, discarded where there is none.
  Json get(const std::string& path);

  /// The first look at a server is less patient than a run.
  void set_patience(const CompletionPatience& patience) { patience_ = patience; }
  const CompletionServer& server() const { return server_; }
  std::int64_t requests() const { return requests_; }
  std::int64_t retries() const { return retries_; }

 private:
  class Round;
  CompletionServer server_;
  CompletionPatience patience_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<Endpoint> endpoint_;
  std::int64_t requests_ = 0, retries_ = 0, refused_in_a_row_ = 0;
};

}  // namespace ballot
