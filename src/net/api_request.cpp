#include "net/api_request.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"

namespace ballot {

std::string api_base(const std::string& url) {
  const std::size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  if (scheme == 0 || url.size() == scheme)
    throw Error(ErrorKind::kUsage, fmt::format("'{}' is no address of a server", url), "http://HOST:PORT/v1");
  const std::size_t path = std::min(url.find('/', scheme), url.size());
  if (url.substr(scheme, path - scheme).find('@') != std::string::npos)
    throw Error(ErrorKind::kUsage, "a server's address may not hold a password: it would stand in logs and manifests",
                "name an environment variable instead: key_env of a judge file's endpoint, --key-env of `ballot eval`");
  if (url.find_first_of("?# \t\n", scheme) != std::string::npos)
    throw wrong_usage("'{}' is no address of a server: nothing may follow its path", url);
  std::string base = url;
  for (const std::string_view end : {"/chat/completions", "/completions", "/"})
    while (base.size() > scheme + end.size() && base.ends_with(end)) base.resize(base.size() - end.size());
  return base.find('/', scheme) == std::string::npos ? base + "/v1" : base;
}

HttpRequest api_request(std::string url, const std::string& key, const HttpTimeouts& timeouts, std::string body) {
  HttpRequest request{.url = std::move(url), .method = body.empty() ? "GET" : "POST", .body = std::move(body)};
  request.headers = {{"Content-Type", "application/json"}};
  if (!key.empty()) request.headers.emplace_back("Authorization", "Bearer " + key);
  request.timeouts = timeouts;
  return request;
}

std::string without_key(std::string text, const std::string& key) {
  if (key.empty()) return text;
  for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 3))
    text.replace(at, key.size(), "***");
  return text;
}

}  // namespace ballot
