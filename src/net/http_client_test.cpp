#include "net/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "core/error.h"
#include "net/http_server.h"

namespace ballot {
namespace {

using std::chrono::milliseconds;

/// Sets an environment variable for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

/// Plays what a path names.
void play(ServedRequest request, const ServerReply& reply) {
  const std::string& path = request.target;
  if (path == "/echo") return reply.send(200, request.body, "text/plain", {{"X-Seen", request.method}});
  if (path == "/key") return reply.send(200, std::string(request.header("authorization")), "text/plain");
  if (path == "/teapot") return reply.send(418, "short and stout");
  if (path == "/away") return reply.send(307, "", "text/plain", {{"Location", "http://elsewhere.invalid/echo"}});
  const auto hold = [&] { reply.after(std::chrono::minutes(1), [reply] {}); };
  if (path == "/never") return hold();
  if (path == "/cut") return reply.cut();
  if (path == "/cut-body") {
    reply.raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    return reply.cut();
  }
  if (path == "/large") return reply.send(200, std::string(5000, 'x'));
  if (path == "/stream") {
    reply.begin(200, "text/event-stream");
    for (const char* part : {"data: a\n", "\nda", "ta: b\n\n"}) reply.write(part);
    return reply.end();
  }
  if (path == "/stream-then-silence") {
    reply.begin(200, "text/event-stream");
    reply.write("data: a\n\n");
    return hold();
  }
  if (path.starts_with("/later/"))
    return reply.after(milliseconds(30), [reply, path] { reply.send(200, path, "text/plain"); });
  reply.send(200, "proxied " + path, "text/plain");
}

class HttpTest : public testing::Test {
 protected:
  HttpReply get(const std::string& path, HttpTimeouts timeouts = {}, std::size_t limit = 1 << 20) {
    HttpRequest request{.url = server_.url() + path, .method = "GET"};
    request.timeouts = timeouts;
    request.body_limit = limit;
    return client_.fetch(std::move(request));
  }
  HttpServer server_{{}, play};
  HttpClient client_;
};

TEST_F(HttpTest, ABodyGoesThereAndBack) {
  const std::string body(300000, 'q');
  const HttpReply reply =
      client_.fetch({.url = server_.url() + "/echo", .body = body, .headers = {{"Content-Type", "text/plain"}}});
  EXPECT_EQ(reply.fault, HttpFault::kNone) << reply.message;
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, body);
  EXPECT_EQ(reply.header("x-seen"), "POST");
  EXPECT_EQ(get("/teapot").status, 418);
  EXPECT_EQ(get("/teapot").fault, HttpFault::kNone);
}

TEST_F(HttpTest, ManyAreInFlightAtOnceOnOneThread) {
  const auto began = std::chrono::steady_clock::now();
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i)
    client_.send({.url = server_.url() + "/later/" + std::to_string(i), .method = "GET"},
                 [&](HttpReply reply) { seen.insert(reply.body); });
  EXPECT_EQ(client_.in_flight(), 200u);
  while (client_.in_flight() > 0) client_.run_for(milliseconds(100));
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));  // one after the other: 6 s
}

TEST_F(HttpTest, AStreamIsGivenPartByPartAndMayBeStopped) {
  std::string text;
  const auto stream = [&](bool stop) {
    text.clear();
    HttpReply last;
    client_.send(
        {.url = server_.url() + "/stream", .method = "GET"}, [&](HttpReply reply) { last = std::move(reply); },
        [&](std::string_view part) {
          text += part;
          return !stop;
        });
    while (client_.in_flight() > 0) client_.run_for(milliseconds(100));
    return last;
  };
  const HttpReply whole = stream(false);
  EXPECT_EQ(whole.fault, HttpFault::kNone);
  EXPECT_EQ(text, "data: a\n\ndata: b\n\n");
  EXPECT_TRUE(whole.body.empty());
  EXPECT_EQ(stream(true).fault, HttpFault::kStopped);
}

TEST_F(HttpTest, EachFaultHasItsOwnWord) {
  EXPECT_EQ(get("/never", {.total = 0.2}).fault, HttpFault::kTotal);
  EXPECT_EQ(get("/never", {.idle = 0.2}).fault, HttpFault::kIdle);
  EXPECT_EQ(get("/stream-then-silence", {.idle = 0.2}).fault, HttpFault::kIdle);
  EXPECT_EQ(get("/cut").fault, HttpFault::kCut);
  EXPECT_EQ(get("/cut-body").fault, HttpFault::kCut);
  EXPECT_EQ(get("/large", {}, 4999).fault, HttpFault::kTooLarge);
  EXPECT_EQ(get("/large", {}, 5000).fault, HttpFault::kNone);
  EXPECT_EQ(client_.fetch({.url = "http://127.0.0.1:1/", .method = "GET"}).fault, HttpFault::kConnect);
  EXPECT_EQ(client_.fetch({.url = "file:///etc/hostname", .method = "GET"}).fault, HttpFault::kConnect);
  EXPECT_EQ(get("/echo").status, 200);  // and the client lives on
  EXPECT_EQ(get("/never", {.total = 0.2}).fault, HttpFault::kTotal) << "on a connection that was there already";
}

TEST_F(HttpTest, ARedirectIsToldAndNotFollowed) {
  const HttpReply reply = get("/away");
  EXPECT_EQ(reply.fault, HttpFault::kRedirect);
  EXPECT_NE(reply.message.find("elsewhere.invalid"), std::string::npos);
}

TEST_F(HttpTest, ProxiesComeFromTheEnvironmentButNotForThisMachine) {
  const Variable proxy("http_proxy", server_.url());
  HttpClient client;
  EXPECT_EQ(client.fetch({.url = "http://judge.invalid/v1/models", .method = "GET"}).body,
            "proxied http://judge.invalid/v1/models");
  const HttpServer other({}, [](const ServedRequest&, const ServerReply& reply) { reply.send(200, "direct"); });
  EXPECT_EQ(client.fetch({.url = other.url() + "/x", .method = "GET"}).body, "direct");
}

TEST(HttpServer, BeyondLoopbackItWantsATokenAndChecksIt) {
  const auto handler = [](const ServedRequest&, const ServerReply& reply) { reply.send(200, "in"); };
  EXPECT_THROW(HttpServer({.host = "0.0.0.0"}, handler), Error);
  const HttpServer server({.token = "open sesame"}, handler);
  HttpClient client;
  const auto status = [&](const std::string& key) {
    return client.fetch({.url = server.url(), .method = "GET", .headers = {{"Authorization", key}}}).status;
  };
  EXPECT_EQ(status("Bearer open sesame"), 200);
  EXPECT_EQ(status("Bearer open sesamf"), 401);
  EXPECT_EQ(status("Bearer "), 401);
}

TEST(HttpServer, LimitsWhatAStrangerCanSend) {
  const HttpServer server({.body_limit = 1000, .header_limit = 1000, .read_seconds = 0.3},
                          [](const ServedRequest&, const ServerReply& reply) { reply.send(200, "in"); });
  HttpClient client;
  EXPECT_EQ(client.fetch({.url = server.url(), .body = std::string(1000, 'x')}).status, 200);
  EXPECT_EQ(client.fetch({.url = server.url(), .body = std::string(1001, 'x')}).status, 413);
  EXPECT_EQ(
      client.fetch({.url = server.url(), .method = "GET", .headers = {{"X-Long", std::string(2000, 'x')}}}).status,
      431);
  // A connection that sends nothing is closed.
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  char byte = 0;
  EXPECT_EQ(::recv(socket, &byte, 1, 0), 0);
  ::close(socket);
}

/// An https server with a certificate that it signed itself, for 127.0.0.1.
class TlsServer {
 public:
  TlsServer() {
    context_ = SSL_CTX_new(TLS_server_method());
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    std::FILE* file = std::fopen(authority.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(socket_, 8);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    url = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
    SSL_CTX_free(context_);
    std::filesystem::remove(authority);
  }
  std::string url;
  const std::string authority = std::filesystem::temp_directory_path() / ("ballot_tls_" + std::to_string(::getpid()));
  std::atomic<int> requests = 0;

 private:
  void serve() {
    for (int client; (client = ::accept(socket_, nullptr, nullptr)) >= 0; ::close(client)) {
      SSL* tls = SSL_new(context_);
      SSL_set_fd(tls, client);
      char buffer[4096];
      if (SSL_accept(tls) == 1 && SSL_read(tls, buffer, sizeof buffer) > 0) {
        ++requests;
        const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsafe";
        SSL_write(tls, reply.data(), static_cast<int>(reply.size()));
        SSL_shutdown(tls);
      }
      SSL_free(tls);
    }
  }
  SSL_CTX* context_ = nullptr;
  int socket_ = -1;
  std::thread thread_;
};

TEST(HttpClient, AWrongCertificateEndsTheRequestBeforeAnythingIsSent) {
  TlsServer server;
  HttpClient client;
  const HttpReply reply =
      client.fetch({.url = server.url, .method = "GET", .headers = {{"Authorization", "Bearer secret"}}});
  EXPECT_EQ(reply.fault, HttpFault::kTls) << reply.message;
  EXPECT_EQ(server.requests, 0);
  HttpClient trusting(server.authority);
  EXPECT_EQ(trusting.fetch({.url = server.url, .method = "GET"}).body, "safe");
  const Variable file("SSL_CERT_FILE", server.authority);
  HttpClient from_environment;
  EXPECT_EQ(from_environment.fetch({.url = server.url, .method = "GET"}).body, "safe");
}

}  // namespace
}  // namespace ballot
