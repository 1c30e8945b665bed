// A small HTTP/1.1 server: one thread, loopback by default, limits on everything that a stranger can send
// (Boost.Beast).
//
//   HttpServer server({}, [](ServedRequest request, ServerReply reply) { reply.send(200, R"({"ok": true})"); });
//   server.url();  // "http://127.0.0.1:40231"
//
// A handler runs on the server's thread and may answer later, from any thread: the reply is a handle on the connection.
// Beside whole replies and streams of parts it can write any bytes and cut the connection: with that the tests play
// every fault that a client must survive. Bound to anything but loopback a server asks for a bearer token.
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

struct ServedRequest {
  std::string method, target, body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string_view header(std::string_view name) const;      ///< empty where it is missing
};

class HttpConnection;  // http_server.cpp

/// Exactly one of: send; begin, write..., end; raw... and end or cut. A client that has gone away is no error; a reply
/// of which no copy is left closes the connection.
class ServerReply {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  explicit ServerReply(std::shared_ptr<HttpConnection> connection) : connection_(std::move(connection)) {}

  void send(int status, std::string_view body, std::string_view type = "application/json",
            const Headers& headers = {}) const;
  void begin(int status, std::string_view type, const Headers& headers = {}) const;
  void write(std::string_view part) const;  ///< one chunk of a stream; an empty one is nothing
  void end() const;                         ///< of a stream; the connection stays for the next request
  void raw(std::string bytes) const;        ///< exactly these bytes
  void cut() const;                         ///< closes the connection behind what was written
  /// Later, on the server's thread.
  void after(std::chrono::milliseconds wait, std::function<void()> then) const;

 private:
  std::shared_ptr<HttpConnection> connection_;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  ///< an address
  std::uint16_t port = 0;          ///< 0: any free one
  std::string token = "";          ///< asked for as "Authorization: Bearer TOKEN"; empty: none, on loopback only
  std::size_t body_limit = std::size_t{16} << 20;
  std::uint32_t header_limit = 32 << 10;
  double read_seconds = 60;  ///< for a request to arrive, the wait for the next one on a connection included
};

class HttpServer {
 public:
  using Handler = std::function<void(ServedRequest, ServerReply)>;
  /// Listens when it returns. Throws Error: (usage) an address beyond loopback without a token, (failed) a taken port.
  HttpServer(const HttpServerOptions& options, Handler handler);
  ~HttpServer();  ///< closes every connection
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  std::string url() const;  ///< "http://127.0.0.1:PORT"

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
