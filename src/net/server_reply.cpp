#include "net/server_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "net/reply_json.h"

namespace ballot {
namespace {

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

bool contains_any(const std::string& text, std::initializer_list<std::string_view> words) {
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace

bool ServerError::context_exceeded() const {
  return code == "context_length_exceeded" || type == "exceed_context_size_error" ||
         contains_any(message, {"maximum context length", "context length exceeded", "exceeds the context",
                                "exceed context", "longer than the model's context", "exceed context window",
                                "`inputs` tokens + `max_new_tokens` must be"});
}

bool ServerError::quota_spent() const {
  return code == "insufficient_quota" || type == "insufficient_quota";
}

bool ServerError::bad_request() const {
  return contains_any(type, {"badrequest", "bad_request", "invalid_request", "validation"}) ||
         contains_any(message, {"validation error", "input should be", "literal_error", "extra_forbidden"});
}

ServerError read_server_error(std::string_view body) {
  ServerError result;
  const Json json = parse_reply(body);
  if (json.is_object()) {
    const auto nested = json.find("error");
    const Json& error = nested != json.end() && nested->is_object() ? *nested : json;
    result.message = text_of(error, "message");
    result.type = text_of(error, "type");
    result.code = text_of(error, "code");
    if (nested != json.end() && nested->is_string()) {
      result.message = *nested;
      result.type = text_of(json, "error_type");
    }
    if (result.message.empty()) result.message = text_of(json, "detail");
  }
  if (result.message.empty()) result.message = body.empty() ? "an empty reply" : start_of(body);
  if (result.message.size() > 500)
    result.message = with_valid_utf8(std::string_view(result.message).substr(0, 500)) + "...";
  return result;
}

std::optional<double> retry_after_seconds(const HttpReply& reply, double now) {
  if (const auto milliseconds = number_of(reply.header("retry-after-ms"))) return std::max(0.0, *milliseconds / 1000);
  const std::string value(reply.header("retry-after"));
  if (value.empty()) return {};
  if (const auto seconds = number_of(value)) return std::max(0.0, *seconds);
  std::tm date{};
  const char* end = ::strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (!end || *end) return {};
  return std::max(0.0, static_cast<double>(::timegm(&date)) - now);
}

double backoff_seconds(int n, double jitter) {
  return std::min(0.5 * std::pow(2.0, std::min(n, 10)), 8.0) * (1 - 0.25 * jitter);
}

ReplyVerdict verdict_of(const HttpReply& reply) {
  ReplyVerdict verdict;
  switch (reply.fault) {
    case HttpFault::kNone:
      break;
    case HttpFault::kConnect:
      return {ReplyKind::kBusy, to_string(reply.fault), reply.message, {}};
    case HttpFault::kTls:
    case HttpFault::kRedirect:
      return {ReplyKind::kStop, to_string(reply.fault), reply.message, {}};
    default:
      if (reply.status == 0 || (reply.status >= 200 && reply.status < 300))
        return {ReplyKind::kRetry, to_string(reply.fault), reply.message, {}};
  }
  if (reply.status >= 200 && reply.status < 300) return verdict;
  const ServerError error = read_server_error(reply.body);
  verdict.word = fmt::format("http_{}", reply.status);
  verdict.message = fmt::format("HTTP {}: {}", reply.status, error.message);
  verdict.wait = retry_after_seconds(reply, static_cast<double>(std::time(nullptr)));
  const std::string_view should = reply.header("x-should-retry");
  const int status = reply.status;
  if (error.quota_spent() || status == 401 || status == 403) {
    verdict.kind = ReplyKind::kStop;
  } else if (error.context_exceeded() && status != 429) {
    verdict.kind = ReplyKind::kTooLong;
    verdict.word = "context_exceeded";
  } else if (should == "true") {
    verdict.kind = ReplyKind::kRetry;
  } else if (should == "false") {
    verdict.kind = ReplyKind::kRefused;
  } else if (status == 429 || status == 503) {
    verdict.kind = ReplyKind::kBusy;
  } else if (status == 408 || status == 409 || (status >= 500 && status != 501)) {
    // A server that answers a request it does not understand with a 500 will do so every time.
    verdict.kind = status == 500 && error.bad_request() ? ReplyKind::kRefused : ReplyKind::kRetry;
  } else if (status == 404 || status == 405 || status < 400) {
    verdict.kind = ReplyKind::kStop;  // no such model, or no such server
  } else {
    verdict.kind = ReplyKind::kRefused;
  }
  return verdict;
}

}  // namespace ballot
