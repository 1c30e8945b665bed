// A look at a server before money is spent: is it there, does it take the key, has it the model, does it obey a JSON
// schema (many take the field and ignore it), does it return reasoning, log-probabilities and token counts.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "judges/server_options.h"
#include "judges/try_tokens.h"
#include "net/http_client.h"

namespace ballot {

struct ServerProbe {
  std::string model;  ///< as the server calls it
  SchemaField schema_field = SchemaField::kNone;
  bool reasoning = false, logprobs = false, usage = false, cached_tokens = false;
  std::int64_t context = 0;   ///< tokens; 0: not told
  std::int64_t requests = 0;  ///< that the look itself took
  std::string json() const;   ///< what was seen, for the manifest
};

/// Asks two to five short questions; waits and tries again where the server is busy. `key`: the bearer token or empty.
/// `spent` is told the tokens of each question. Throws Error (failed) with what to do: no connection, a wrong
/// certificate, the key or the model refused.
ServerProbe probe_server(HttpClient& client, const std::string& base, const std::string& key,
                         const ServerOptions& options, const std::function<void(const TokenCount&)>& spent = {});

/// The request for one chat completion.
HttpRequest chat_request(const std::string& base, const std::string& key, const HttpTimeouts& timeouts,
                         std::string body);
/// What to do about a reply of ReplyKind::kStop.
std::string advice_on(const std::string& word);
/// `text` with the key, wherever a server repeats it, replaced by stars.
std::string without_key(std::string text, const std::string& key);

}  // namespace ballot
