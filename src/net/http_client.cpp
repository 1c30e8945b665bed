#include "net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <list>
#include <optional>

#include "core/error.h"

namespace ballot {
namespace {

using Clock = std::chrono::steady_clock;

struct Transfer {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  HttpRequest request;
  HttpClient::Done done;
  HttpClient::OnData on_data;
  HttpReply reply;
  Clock::time_point began, last_byte;
  bool too_large = false, stopped = false, idle = false;
  std::array<char, CURL_ERROR_SIZE> error{};
};

double seconds_since(Clock::time_point time) {
  return std::chrono::duration<double>(Clock::now() - time).count();
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.last_byte = Clock::now();
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {
    transfer.reply.headers.clear();  // of an interim answer (100) or of the proxy
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    transfer.reply.headers.emplace_back(lower(trimmed(line.substr(0, colon))),
                                        std::string(trimmed(line.substr(colon + 1))));
  }
  return size * count;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.last_byte = Clock::now();
  const std::string_view part(data, size * count);
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.on_data && status >= 200 && status < 300) {
    try {
      if (transfer.on_data(part)) return part.size();
    } catch (...) {  // no exception may cross libcurl's frames
    }
    transfer.stopped = true;
    return 0;
  }
  if (transfer.reply.body.size() + part.size() > transfer.request.body_limit) {
    transfer.too_large = true;
    return 0;
  }
  transfer.reply.body += part;
  return part.size();
}

HttpFault fault_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpFault::kNone;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return HttpFault::kConnect;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return HttpFault::kTls;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFault::kTotal;
    default:
      return HttpFault::kCut;
  }
}

/// The environment's no_proxy and every name of this machine itself.
std::string no_proxy() {
  std::string list = "localhost,127.0.0.1,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"})
    if (const char* value = std::getenv(name); value && *value) {
      if (std::string_view(value) == "*") return "*";
      return list + "," + value;
    }
  return list;
}

void start_libcurl() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (!ready) throw failed("cannot start libcurl");
}

}  // namespace

std::string to_string(HttpFault fault) {
  switch (fault) {
    case HttpFault::kNone:
      return "none";
    case HttpFault::kConnect:
      return "connect";
    case HttpFault::kTls:
      return "tls";
    case HttpFault::kIdle:
      return "idle_timeout";
    case HttpFault::kTotal:
      return "timeout";
    case HttpFault::kCut:
      return "connection_cut";
    case HttpFault::kTooLarge:
      return "body_too_large";
    case HttpFault::kRedirect:
      return "redirect";
    case HttpFault::kStopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view HttpReply::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (known == name) return value;
  return {};
}

struct HttpClient::State {
  CURLM* multi = nullptr;
  int epoll = -1;
  std::optional<Clock::time_point> timer;
  std::list<Transfer> transfers;
  std::vector<CURL*> spare;
  std::string authorities, exempt;
  Clock::time_point idle_checked{};

  static int on_socket(CURL*, curl_socket_t socket, int what, void* user, void* known) {
    auto& state = *static_cast<State*>(user);
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(state.epoll, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (::epoll_ctl(state.epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0)
      ::epoll_ctl(state.epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
    curl_multi_assign(state.multi, socket, &state);
    return 0;
  }
  static int on_timer(CURLM*, long milliseconds, void* user) {
    auto& state = *static_cast<State*>(user);
    if (milliseconds < 0)
      state.timer.reset();
    else
      state.timer = Clock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }

  void release(Transfer& transfer) {
    curl_multi_remove_handle(multi, transfer.easy);
    curl_slist_free_all(transfer.headers);
    curl_easy_reset(transfer.easy);
    spare.push_back(transfer.easy);
  }

  void end(std::list<Transfer>::iterator transfer, CURLcode code) {
    HttpReply& reply = transfer->reply;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    reply.seconds = seconds_since(transfer->began);
    reply.fault = fault_of(code);
    if (code != CURLE_OK) {
      // Bytes that were sent tell; the time of connecting is 0 on a connection that was there already.
      long sent = 0;
      curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
      if (code == CURLE_OPERATION_TIMEDOUT && sent <= 0) reply.fault = HttpFault::kConnect;
      reply.message = transfer->error[0] ? transfer->error.data() : curl_easy_strerror(code);
    }
    if (transfer->too_large) {
      reply.fault = HttpFault::kTooLarge;
      reply.message = fmt::format("the reply has more than {} bytes", transfer->request.body_limit);
    } else if (transfer->stopped) {
      reply.fault = HttpFault::kStopped;
      reply.message = "the rest was not wanted";
    } else if (transfer->idle) {
      reply.fault = HttpFault::kIdle;
      reply.message = fmt::format("nothing came for {:g} seconds", transfer->request.timeouts.idle);
    } else if (reply.fault == HttpFault::kNone && status >= 300 && status < 400 && !reply.header("location").empty()) {
      reply.fault = HttpFault::kRedirect;
      reply.message =
          fmt::format("the server answers {} and sends us to {}; redirects are not followed, name that address itself",
                      status, reply.header("location").substr(0, 200));
    }
    Done done = std::move(transfer->done);
    HttpReply finished = std::move(reply);
    release(*transfer);
    transfers.erase(transfer);
    done(std::move(finished));  // last: it may send again, or throw
  }

  bool collect() {
    bool any = false;
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      char* own = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &own);
      const CURLcode code = message->data.result;
      const auto* wanted = reinterpret_cast<Transfer*>(own);
      const auto found =
          std::find_if(transfers.begin(), transfers.end(), [&](const Transfer& t) { return &t == wanted; });
      any = true;
      if (found != transfers.end()) end(found, code);
    }
    return any;
  }

  bool end_idle_ones() {
    if (Clock::now() - idle_checked < std::chrono::milliseconds(50)) return false;
    idle_checked = Clock::now();
    bool any = false;
    for (;;) {  // from the start each time: a callback may change the list
      const auto found = std::find_if(transfers.begin(), transfers.end(), [](const Transfer& t) {
        return t.request.timeouts.idle > 0 && seconds_since(t.last_byte) >= t.request.timeouts.idle;
      });
      if (found == transfers.end()) break;
      found->idle = any = true;
      end(found, CURLE_OPERATION_TIMEDOUT);
    }
    return any;
  }
};

HttpClient::HttpClient(std::string authorities) : state_(std::make_unique<State>()) {
  start_libcurl();
  State& s = *state_;
  s.authorities = std::move(authorities);
  if (const char* file = std::getenv("SSL_CERT_FILE"); s.authorities.empty() && file) s.authorities = file;
  s.exempt = no_proxy();
  s.multi = curl_multi_init();
  s.epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (!s.multi || s.epoll < 0) throw failed("cannot start an HTTP client: no memory or no file handles left");
  curl_multi_setopt(s.multi, CURLMOPT_SOCKETFUNCTION, &State::on_socket);
  curl_multi_setopt(s.multi, CURLMOPT_SOCKETDATA, &s);
  curl_multi_setopt(s.multi, CURLMOPT_TIMERFUNCTION, &State::on_timer);
  curl_multi_setopt(s.multi, CURLMOPT_TIMERDATA, &s);
}

HttpClient::~HttpClient() {
  State& s = *state_;
  for (Transfer& transfer : s.transfers) {
    curl_multi_remove_handle(s.multi, transfer.easy);
    curl_easy_cleanup(transfer.easy);
    curl_slist_free_all(transfer.headers);
  }
  for (CURL* easy : s.spare) curl_easy_cleanup(easy);
  curl_multi_cleanup(s.multi);
  if (s.epoll >= 0) ::close(s.epoll);
}

std::size_t HttpClient::in_flight() const {
  return state_->transfers.size();
}

void HttpClient::send(HttpRequest request, Done done, OnData on_data) {
  State& s = *state_;
  CURL* easy = s.spare.empty() ? curl_easy_init() : s.spare.back();
  if (!s.spare.empty()) s.spare.pop_back();
  if (!easy) throw failed("cannot make an HTTP request: no memory");
  Transfer& t = s.transfers.emplace_back();
  t.easy = easy;
  t.request = std::move(request);
  t.done = std::move(done);
  t.on_data = std::move(on_data);
  t.began = t.last_byte = Clock::now();
  const auto milliseconds = [](double seconds) { return static_cast<long>(seconds * 1000); };
  curl_easy_setopt(easy, CURLOPT_URL, t.request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, s.exempt.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(t.request.timeouts.connect));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(t.request.timeouts.total));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.error.data());
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &t);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &t);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &t);
  if (!s.authorities.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, s.authorities.c_str());
  t.headers = curl_slist_append(t.headers, "Expect:");  // no round trip before a long body
  for (const auto& [name, value] : t.request.headers)
    t.headers = curl_slist_append(t.headers, fmt::format("{}: {}", name, value).c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t.headers);
  if (t.request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t.request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(t.request.body.size()));
  } else if (t.request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t.request.method.c_str());
  }
  curl_multi_add_handle(s.multi, easy);
}

void HttpClient::run_for(std::chrono::milliseconds longest) {
  State& s = *state_;
  const Clock::time_point deadline = Clock::now() + longest;
  std::array<epoll_event, 256> events;
  for (;;) {
    Clock::time_point until = deadline;
    if (s.timer) until = std::min(until, *s.timer);
    if (!s.transfers.empty()) until = std::min(until, Clock::now() + std::chrono::milliseconds(50));  // idle ones
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    const int ready = ::epoll_wait(s.epoll, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(std::max<std::int64_t>(0, wait)));
    if (ready < 0) return;  // a signal
    int running = 0;
    for (int i = 0; i < ready; ++i) {
      const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
      const int mask = (what & EPOLLIN ? CURL_CSELECT_IN : 0) | (what & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                       (what & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(s.multi, events[static_cast<std::size_t>(i)].data.fd, mask, &running);
    }
    if (s.timer && *s.timer <= Clock::now()) {
      s.timer.reset();
      curl_multi_socket_action(s.multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    bool ended = s.collect();
    ended = s.end_idle_ones() || ended;
    if (ended || Clock::now() >= deadline) return;
  }
}

HttpReply HttpClient::fetch(HttpRequest request) {
  const auto reply = std::make_shared<std::optional<HttpReply>>();
  send(std::move(request), [reply](HttpReply r) { *reply = std::move(r); });
  while (!*reply) run_for(std::chrono::milliseconds(100));
  return std::move(**reply);
}

}  // namespace ballot
