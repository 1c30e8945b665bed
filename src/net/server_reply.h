// What a reply means for its request: an answer, another try, or the end.
//
// As the OpenAI client retries: 408, 409, 429, 500 and above, and whatever breaks off below HTTP; the header
// x-should-retry wins; the wait is what retry-after-ms or retry-after (seconds or a date) says, else
// min(0.5 * 2^n, 8) seconds less up to a quarter.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "net/http_client.h"

namespace ballot {

/// An error as a server describes it, whatever the shape of its body.
struct ServerError {
  std::string message, type, code;
  /// The prompt and the answer do not fit into the model's context.
  bool context_exceeded() const;
  /// Nothing left to pay with: waiting does not help.
  bool quota_spent() const;
  /// A field of the request is not known or not valid (some servers say so with a 500).
  bool bad_request() const;
};

/// OpenAI and vLLM {"error": {...}}, SGLang's flat {"object": "error", ...}, TGI {"error": text}, llama.cpp, FastAPI
/// {"detail": ...}; anything else (HTML) by its first words. Never throws.
ServerError read_server_error(std::string_view body);

enum class ReplyKind {
  kAnswer,
  kBusy,     ///< not now (429, 503, no connection): says nothing about this request
  kRetry,    ///< this try failed (cut off, timed out, 500, no answer in a 200)
  kTooLong,  ///< the prompt leaves no room for the answer
  kRefused,  ///< this request will never be answered (400, 413, 422)
  kStop,     ///< no request will be (401, 403, no such model, quota spent, a wrong certificate, a redirect)
};

struct ReplyVerdict {
  ReplyKind kind = ReplyKind::kAnswer;
  std::string word;            ///< stable, for counting: "http_503", "idle_timeout", "no_choices", ...
  std::string message;         ///< for people
  std::optional<double> wait;  ///< seconds, where the server names them
};

/// Of a reply that is no usable 200; of a 200 it is kAnswer (the body is still to be read).
ReplyVerdict verdict_of(const HttpReply& reply);
/// Seconds before the n-th new try (0, 1, ...); `jitter` in [0, 1).
double backoff_seconds(int n, double jitter);
/// What retry-after-ms or retry-after asks for, in seconds from `now` (seconds since 1970).
std::optional<double> retry_after_seconds(const HttpReply& reply, double now);

}  // namespace ballot
