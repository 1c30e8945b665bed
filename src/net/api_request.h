// Requests to servers that speak OpenAI's language: the address of their API, the key, and what may be said of it.
#pragma once
#include <string>

#include "net/http_client.h"

namespace ballot {

/// "http://host:8000" or ".../v1" or ".../v1/completions" or ".../v1/chat/completions" -> ".../v1". Throws Error
/// (usage) on what is no http(s) URL and on one that holds a password (keys come from the environment).
std::string api_base(const std::string& url);

/// A POST of JSON, or with an empty body a GET. `key`: the bearer token; empty: none is sent.
HttpRequest api_request(std::string url, const std::string& key, const HttpTimeouts& timeouts, std::string body = "");

/// `text` with the key, wherever a server repeats it, replaced by stars.
std::string without_key(std::string text, const std::string& key);

}  // namespace ballot
