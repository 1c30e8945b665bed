#include "net/http_server.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <deque>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/log.h"

namespace ballot {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

namespace {

/// In time that tells nothing about the token.
bool same_token(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string head_of(int status, std::string_view type, const ServerReply::Headers& headers) {
  const beast::string_view reason = http::obsolete_reason(static_cast<http::status>(status));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, std::string_view(reason.data(), reason.size()));
  if (!type.empty()) head += fmt::format("Content-Type: {}\r\n", type);
  for (const auto& [name, value] : headers) head += fmt::format("{}: {}\r\n", name, value);
  return head;
}

}  // namespace

std::string_view ServedRequest::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (known == name) return value;
  return {};
}

/// One client's connection: reads a request, waits for its reply, reads the next.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Tcp::socket socket, const HttpServerOptions& options, const HttpServer::Handler& handler)
      : stream_(std::move(socket)), options_(options), handler_(handler) {
    stream_.socket().set_option(Tcp::no_delay(true));
  }

  void read() {
    parser_.emplace();
    parser_->body_limit(options_.body_limit);
    parser_->header_limit(options_.header_limit);
    stream_.expires_after(std::chrono::milliseconds(static_cast<std::int64_t>(options_.read_seconds * 1000)));
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) { self->have_read(error); });
  }

  /// From any thread.
  void post(std::string bytes, bool done, bool close) {
    asio::dispatch(stream_.get_executor(),
                   [self = shared_from_this(), bytes = std::move(bytes), done, close]() mutable {
                     if (self->closed_) return;
                     self->done_ = self->done_ || done;
                     self->close_ = self->close_ || close;
                     if (!bytes.empty()) self->out_.push_back(std::move(bytes));
                     self->write();
                   });
  }
  void after(std::chrono::milliseconds wait, std::function<void()> then) {
    const auto timer = std::make_shared<asio::steady_timer>(stream_.get_executor(), wait);
    timer->async_wait([timer, self = shared_from_this(), then = std::move(then)](beast::error_code error) {
      if (!error) then();
    });
  }
  bool keep_alive() const { return keep_alive_; }

 private:
  void have_read(beast::error_code error) {
    if (error == http::error::body_limit || error == http::error::header_limit) {
      close_ = true;
      const int status = error == http::error::body_limit ? 413 : 431;
      return post(head_of(status, "", {{"Content-Length", "0"}, {"Connection", "close"}}) + "\r\n", true, true);
    }
    if (error) return shut();
    stream_.expires_never();
    http::request<http::string_body> message = parser_->release();
    keep_alive_ = message.keep_alive();
    done_ = false;
    ServedRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.body = std::move(message.body());
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    const ServerReply reply(shared_from_this());
    if (!options_.token.empty() && !same_token(request.header("authorization"), "Bearer " + options_.token))
      return reply.send(401, R"({"error": {"message": "a bearer token is wanted", "code": "unauthorized"}})");
    try {
      handler_(std::move(request), reply);
    } catch (const std::exception& problem) {
      log_warning("a request could not be answered: {}", problem.what());
      reply.send(500, R"({"error": {"message": "the server failed"}})");
    }
  }

  void write() {
    if (writing_) return;
    if (out_.empty()) {
      if (close_) return shut();
      if (!done_) return;
      done_ = false;
      return keep_alive_ ? read() : shut();
    }
    writing_ = true;
    asio::async_write(stream_, asio::buffer(out_.front()),
                      [self = shared_from_this()](beast::error_code error, std::size_t) {
                        self->writing_ = false;
                        if (error) return self->shut();
                        self->out_.pop_front();
                        self->write();
                      });
  }

  void shut() {
    closed_ = true;
    beast::error_code ignored;
    stream_.socket().shutdown(Tcp::socket::shutdown_both, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  const HttpServerOptions& options_;
  const HttpServer::Handler& handler_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::deque<std::string> out_;
  bool writing_ = false, done_ = false, close_ = false, closed_ = false, keep_alive_ = true;
};

void ServerReply::send(int status, std::string_view body, std::string_view type, const Headers& headers) const {
  std::string bytes = head_of(status, type, headers);
  bytes += fmt::format("Content-Length: {}\r\n\r\n", body.size());
  bytes += body;
  connection_->post(std::move(bytes), true, false);
}
void ServerReply::begin(int status, std::string_view type, const Headers& headers) const {
  connection_->post(head_of(status, type, headers) + "Transfer-Encoding: chunked\r\n\r\n", false, false);
}
void ServerReply::write(std::string_view part) const {
  if (part.empty()) return;  // an empty chunk would be the end
  connection_->post(fmt::format("{:x}\r\n{}\r\n", part.size(), part), false, false);
}
void ServerReply::end() const {
  connection_->post("0\r\n\r\n", true, false);
}
void ServerReply::raw(std::string bytes) const {
  connection_->post(std::move(bytes), false, false);
}
void ServerReply::cut() const {
  connection_->post("", true, true);
}
void ServerReply::after(std::chrono::milliseconds wait, std::function<void()> then) const {
  connection_->after(wait, std::move(then));
}

struct HttpServer::State {
  HttpServerOptions options;
  Handler handler;
  asio::io_context context{1};
  Tcp::acceptor acceptor{context};
  std::uint16_t port = 0;
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](beast::error_code error, Tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) std::make_shared<HttpConnection>(std::move(socket), options, handler)->read();
      accept();
    });
  }
};

HttpServer::HttpServer(const HttpServerOptions& options, Handler handler) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.options = options;
  s.handler = std::move(handler);
  beast::error_code error;
  const asio::ip::address address = asio::ip::make_address(options.host, error);
  if (error) throw wrong_usage("cannot serve on '{}': it is no address", options.host);
  if (!address.is_loopback() && options.token.empty())
    throw Error(ErrorKind::kUsage, fmt::format("cannot serve on {} without a token: others reach it", options.host),
                "give a token, or serve on 127.0.0.1");
  const Tcp::endpoint endpoint(address, options.port);
  s.acceptor.open(endpoint.protocol(), error);
  if (!error) s.acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) s.acceptor.bind(endpoint, error);
  if (!error) s.acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) throw failed("cannot serve on {} port {}: {}", options.host, options.port, error.message());
  s.port = s.acceptor.local_endpoint().port();
  s.accept();
  s.thread = std::thread([&s] { s.context.run(); });
}

HttpServer::~HttpServer() {
  state_->context.stop();
  state_->thread.join();
}

std::uint16_t HttpServer::port() const {
  return state_->port;
}
std::string HttpServer::url() const {
  const bool v6 = state_->options.host.find(':') != std::string::npos;
  return v6 ? fmt::format("http://[{}]:{}", state_->options.host, state_->port)
            : fmt::format("http://{}:{}", state_->options.host, state_->port);
}

}  // namespace ballot
