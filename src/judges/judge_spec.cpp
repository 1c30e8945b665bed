#include "judges/judge_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/options.h"
#include "core/strict_yaml.h"
#include "core/suggest.h"

namespace ballot {
namespace {

/// The study's own, for batch files of which nobody says who is to answer them.
const std::string kStudyJudge = "Qwen/QwQ-32B";
const std::vector<std::string> kKinds = {"simulated", "local", "openai", "batch"};
const std::vector<std::string> kKeys = {"kind",      "voter", "model",  "endpoints", "profile", "sampling",
                                        "reasoning", "price", "limits", "timeouts",  "extra",   "folder"};

std::vector<std::string> split(const std::string& text, char mark) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(mark, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

JudgeSpec judge_spec_of(const Json& mapping, const std::string& place) {
  JudgeSpec spec;
  if (!mapping.is_object())
    throw wrong_usage("{}: a judge is a mapping with kind: {}", place, fmt::format("{}", fmt::join(kKinds, "|")));
  for (const auto& [key, value] : mapping.items())
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
      throw wrong_usage("{}: unknown key '{}'{}", place, key, did_you_mean(key, kKeys));
  if (!mapping.contains("kind") || !mapping["kind"].is_string())
    throw wrong_usage("{}: the judge wants kind: {}", place, fmt::join(kKinds, "|"));
  spec.kind = mapping["kind"];
  if (std::find(kKinds.begin(), kKinds.end(), spec.kind) == kKinds.end())
    throw wrong_usage("{}: unknown kind '{}'{}", place, spec.kind, did_you_mean(spec.kind, kKinds));
  const auto text = [&](const char* key) -> std::string {
    if (!mapping.contains(key)) throw wrong_usage("{}: a judge of kind {} wants {}", place, spec.kind, key);
    if (!mapping[key].is_string()) throw wrong_usage("{}: {}: found {}, wanted text", place, key, mapping[key].dump());
    return mapping[key];
  };
  spec.name = spec.kind == "simulated" ? text("voter") : spec.kind == "batch" ? text("folder") : text("model");
  if (spec.kind == "batch") text("model");
  if (spec.kind == "openai")
    for (const Json& endpoint : mapping.value("endpoints", Json::array()))
      spec.urls.push_back(endpoint.is_string() ? endpoint.get<std::string>() : endpoint.value("url", ""));
  spec.json = mapping.dump();
  return spec;
}

Sampling sampling_of(const JudgeSpec& spec, Sampling base) {
  const Json mapping = Json::parse(spec.json);
  if (!mapping.contains("sampling") || mapping["sampling"].is_null()) return base;
  if (!mapping["sampling"].is_object())
    throw wrong_usage("the judge's sampling is {}; wanted fields such as temperature: 0.4", mapping["sampling"].dump());
  OptionsFromJson visitor(mapping["sampling"], "the judge's sampling");
  visit_options(visitor, base);
  visitor.check_unknown();
  return base;
}

JudgeSpec read_judge_spec(const std::string& text) {
  if (text.ends_with(".yaml") || text.ends_with(".yml")) {
    const YamlFile file = YamlFile::read(text);
    file.check_keys("", kKeys);
    // What stands inside, too, while line and column are known.
    const Json& root = file.root();
    const auto check = [&](const char* key, const std::vector<std::string>& known) {
      if (root.is_object() && root.contains(key) && root[key].is_object())
        file.check_keys(fmt::format("/{}", key), known);
    };
    check("price", {"prompt", "cached", "completion"});
    check("limits", {"requests_per_minute", "tokens_per_minute"});
    check("timeouts", {"connect", "idle", "total"});
    if (root.is_object() && root.contains("endpoints") && root["endpoints"].is_array())
      for (std::size_t i = 0; i < root["endpoints"].size(); ++i)
        if (root["endpoints"][i].is_object())
          file.check_keys(fmt::format("/endpoints/{}", i), {"url", "key_env", "concurrency"});
    return judge_spec_of(file.root(), text);
  }
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon), rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
    throw Error(ErrorKind::kUsage,
                fmt::format("--judge {}: unknown kind of judge '{}'{}", text, kind, did_you_mean(kind, kKinds)),
                "simulated:NAME, local:MODEL_DIR, openai:URL#MODEL, batch:DIR, or a YAML file");
  if (rest.empty())
    throw wrong_usage("--judge {}: {}", text,
                      kind == "simulated" ? "which voter? simulated:careful"
                      : kind == "openai"  ? "where? openai:URL#MODEL"
                                          : "which? " + kind + ":PATH");
  Json mapping = {{"kind", kind}};
  if (kind == "simulated") mapping["voter"] = rest;
  if (kind == "local") mapping["model"] = rest;
  if (kind == "batch") {
    const std::size_t hash = rest.rfind('#');
    mapping["folder"] = rest.substr(0, hash);
    mapping["model"] = hash == std::string::npos ? kStudyJudge : rest.substr(hash + 1);
  }
  if (kind == "openai") {
    const std::size_t hash = rest.find('#');
    if (hash == std::string::npos) throw wrong_usage("--judge {}: which model? openai:URL#MODEL", text);
    mapping["model"] = rest.substr(hash + 1);
    mapping["endpoints"] = Json::array();
    for (const std::string& url : split(rest.substr(0, hash), ',')) mapping["endpoints"].push_back({{"url", url}});
  }
  return judge_spec_of(mapping, "--judge " + text);
}

}  // namespace ballot
