#include "judges/server_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/options.h"
#include "core/suggest.h"
#include "net/api_request.h"

namespace ballot {
namespace {

void check_keys(const Json& mapping, const char* what, const std::vector<std::string>& known) {
  if (!mapping.is_object()) throw wrong_usage("the judge's {} is {}; wanted a mapping", what, mapping.dump());
  for (const auto& [key, value] : mapping.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw wrong_usage("the judge's {}: unknown key '{}'{}", what, key, did_you_mean(key, known));
}

double number_of(const Json& mapping, const char* what, const char* key, double otherwise) {
  const auto found = mapping.find(key);
  if (found == mapping.end() || found->is_null()) return otherwise;
  if (!found->is_number() || found->get<double>() < 0)
    throw wrong_usage("the judge's {}: {} is {}; wanted a number of 0 or more", what, key, found->dump());
  return found->get<double>();
}

std::string text_of(const Json& mapping, const char* what, const char* key) {
  const auto found = mapping.find(key);
  if (found == mapping.end() || found->is_null()) return "";
  if (!found->is_string()) throw wrong_usage("{}: {} is {}; wanted text", what, key, found->dump());
  return *found;
}

bool is_openai(const std::string& url) {
  return url.starts_with("https://api.openai.com/");
}

EndpointOptions endpoint_of(const Json& entry) {
  EndpointOptions endpoint;
  if (entry.is_string()) {
    endpoint.url = api_base(entry.get<std::string>());
  } else {
    check_keys(entry, "endpoints", {"url", "key_env", "concurrency"});
    const std::string url = text_of(entry, "the judge's endpoints", "url");
    if (url.empty()) throw wrong_usage("the judge's endpoints: one has no url");
    endpoint.url = api_base(url);
    endpoint.key_env = text_of(entry, "the judge's endpoints", "key_env");
    endpoint.concurrency = static_cast<std::int64_t>(number_of(entry, "endpoints", "concurrency", 0));
  }
  if (endpoint.key_env.empty() && is_openai(endpoint.url)) endpoint.key_env = "OPENAI_API_KEY";
  if (const char* key = endpoint.key_env.empty() ? "-" : std::getenv(endpoint.key_env.c_str()); !key || !*key)
    throw Error(ErrorKind::kUsage,
                fmt::format("the key of {} is to come from the environment variable {}, which is not set", endpoint.url,
                            endpoint.key_env),
                fmt::format("export {}=... (the key itself is never written anywhere)", endpoint.key_env));
  return endpoint;
}

std::optional<bool> reasoning_of(const Json& mapping) {
  const auto found = mapping.find("reasoning");
  if (found == mapping.end() || found->is_null()) return {};
  if (found->is_boolean()) return found->get<bool>();
  if (*found == "on" || *found == "off") return *found == "on";
  throw wrong_usage("the judge's reasoning is {}; wanted on or off", found->dump());
}

}  // namespace

ServerOptions server_options_of(const JudgeSpec& spec, const Sampling& sampling) {
  const Json mapping = Json::parse(spec.json);
  ServerOptions options;
  options.chat.model = mapping.value("model", "");
  options.chat.sampling = sampling;
  options.chat.reasoning = reasoning_of(mapping);
  if (mapping.contains("extra") && !mapping["extra"].is_null()) {
    if (!mapping["extra"].is_object())
      throw wrong_usage("the judge's extra is {}; wanted fields of a request", mapping["extra"].dump());
    options.chat.extra = mapping["extra"].dump();
    for (const char* field : {"messages", "stream", "stream_options", "n"})
      if (mapping["extra"].contains(field)) throw wrong_usage("the judge's extra: '{}' is Ballot's own to say", field);
  }
  if (spec.kind == "batch") {
    options.folder = spec.name;
  } else {
    const Json endpoints = mapping.value("endpoints", Json::array());
    if (!endpoints.is_array() || endpoints.empty())
      throw wrong_usage("the judge names no endpoints; wanted endpoints: [{{url: ...}}]");
    for (const Json& entry : endpoints) options.endpoints.push_back(endpoint_of(entry));
  }
  const bool at_openai = !options.endpoints.empty() && is_openai(options.endpoints[0].url);
  const std::string profile = text_of(mapping, "the judge", "profile");
  options.chat.profile = !profile.empty()                    ? profile_of(profile)
                         : at_openai || spec.kind == "batch" ? ServerProfile::kOpenAi
                                                             : ServerProfile::kVllm;
  check_reasoning(options.chat);
  const Json limits = mapping.value("limits", Json::object());
  check_keys(limits, "limits", {"requests_per_minute", "tokens_per_minute"});
  options.requests_per_minute = number_of(limits, "limits", "requests_per_minute", 0);
  options.tokens_per_minute = number_of(limits, "limits", "tokens_per_minute", 0);
  const Json timeouts = mapping.value("timeouts", Json::object());
  check_keys(timeouts, "timeouts", {"connect", "idle", "total"});
  options.timeouts.connect = number_of(timeouts, "timeouts", "connect", options.timeouts.connect);
  options.timeouts.idle = number_of(timeouts, "timeouts", "idle", options.timeouts.idle);
  options.timeouts.total = number_of(timeouts, "timeouts", "total", options.timeouts.total);
  return options;
}

Json server_fingerprint(const ServerOptions& options) {
  Json json = {{"model", options.chat.model},
               {"profile", to_string(options.chat.profile)},
               {"sampling", Json::parse(options_json(options.chat.sampling, true))},
               {"extra", Json::parse(options.chat.extra)}};
  json["reasoning"] = options.chat.reasoning ? Json(*options.chat.reasoning) : Json();
  if (const std::vector<std::string> fields = unsent_fields(options.chat); !fields.empty()) json["unsent"] = fields;
  return json;
}

}  // namespace ballot
