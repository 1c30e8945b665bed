// HTTP requests, many in flight on one thread (libcurl's multi interface over epoll).
//
//   HttpClient client;
//   client.send({.url = "http://127.0.0.1:8000/v1/models", .method = "GET"}, [](HttpReply reply) { ... });
//   while (client.in_flight() > 0) client.run_for(std::chrono::milliseconds(100));
//
// Callbacks run inside run_for, on the caller's thread. What goes wrong below HTTP (no connection, a wrong certificate,
// a connection cut off, a time-out) is a `fault` of the reply and never an exception; a status of 500 is no fault.
//   - TLS certificates are checked, against the system's authorities or the file named by SSL_CERT_FILE.
//   - Redirects are not followed: a request that carries a key never goes to a host that the caller did not name.
//   - Proxies as the environment has them (http_proxy, https_proxy, no_proxy); loopback addresses never go through one.
//   - A body larger than the request's limit ends it.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballot {

/// Seconds; 0: no limit.
struct HttpTimeouts {
  double connect = 10;
  double idle = 0;  ///< without a byte from the server, the wait for the first one included
  double total = 600;
};

struct HttpRequest {
  std::string url, method = "POST", body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  HttpTimeouts timeouts = {};
  std::size_t body_limit = std::size_t{16} << 20;  ///< bytes of the reply
};

enum class HttpFault {
  kNone,
  kConnect,   ///< no such host, refused, or not within `connect`
  kTls,       ///< the certificate or the handshake
  kIdle,      ///< nothing came for `idle` seconds
  kTotal,     ///< not done within `total` seconds
  kCut,       ///< the connection ended before the reply did
  kTooLarge,  ///< more than `body_limit` bytes
  kRedirect,  ///< the server sends elsewhere
  kStopped,   ///< on_data wanted no more
};
/// "connect", "tls", "idle_timeout", ...: stable words for counting.
std::string to_string(HttpFault fault);

struct HttpReply {
  HttpFault fault = HttpFault::kNone;
  std::string message;                                       ///< of the fault, without the request's headers
  int status = 0;                                            ///< 0 where no status line came
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;  ///< empty where the request had an on_data and the status was 200 to 299
  double seconds = 0;
  /// The value of a header by its lower-case name; empty where it is missing.
  std::string_view header(std::string_view name) const;
};

class HttpClient {
 public:
  using Done = std::function<void(HttpReply)>;
  /// Parts of a body as they come, of replies with a status of 200 to 299. Returns false to end the request (kStopped).
  using OnData = std::function<bool(std::string_view)>;

  /// `authorities`: a PEM file of certificates to trust; empty: SSL_CERT_FILE, else the system's.
  explicit HttpClient(std::string authorities = "");
  ~HttpClient();  ///< breaks off what is in flight; no callback is called
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(HttpRequest request, Done done, OnData on_data = {});
  /// Moves all transfers and calls back; returns when at least one request ended, a signal came, or after `longest`.
  void run_for(std::chrono::milliseconds longest);
  std::size_t in_flight() const;
  /// One request, waited for. Others in flight move on meanwhile.
  HttpReply fetch(HttpRequest request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
