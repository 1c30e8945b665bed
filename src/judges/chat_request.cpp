#include "judges/chat_request.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/suggest.h"

namespace ballot {
namespace {

const std::vector<std::string> kProfiles = {"vllm", "vllm_legacy", "sglang", "llama_cpp", "tgi", "openai"};

bool has_template_switch(ServerProfile profile) {
  return profile != ServerProfile::kTgi && profile != ServerProfile::kOpenAi;
}

void add_sampling(Json& body, const ChatOptions& options, const ChatAsk& ask) {
  const Sampling& s = options.sampling;
  const std::int64_t most = ask.max_tokens.value_or(s.max_tokens);
  body[options.profile == ServerProfile::kOpenAi ? "max_completion_tokens" : "max_tokens"] = most;
  body["temperature"] = s.temperature;
  body["top_p"] = s.top_p;
  body["presence_penalty"] = 0;
  body["frequency_penalty"] = 0;
  switch (options.profile) {
    case ServerProfile::kVllm:
    case ServerProfile::kVllmLegacy:
    case ServerProfile::kSglang:
      body["top_k"] = s.top_k > 0 ? s.top_k : -1;
      body["min_p"] = s.min_p;
      body["repetition_penalty"] = s.repetition_penalty;
      break;
    case ServerProfile::kLlamaCpp:
      body["top_k"] = s.top_k;
      body["min_p"] = s.min_p;
      body["repeat_penalty"] = s.repetition_penalty;
      body["cache_prompt"] = true;
      break;
    case ServerProfile::kTgi:
    case ServerProfile::kOpenAi:
      break;
  }
}

void add_schema(Json& body, SchemaField field, const Json& schema) {
  switch (field) {
    case SchemaField::kNone:
      return;
    case SchemaField::kJsonSchema:
      body["response_format"] = {{"type", "json_schema"},
                                 {"json_schema", {{"name", "ballot"}, {"schema", schema}, {"strict", true}}}};
      return;
    case SchemaField::kJsonObjectSchema:
      body["response_format"] = {{"type", "json_object"}, {"schema", schema}};
      return;
    case SchemaField::kStructuredOutputs:
      body["structured_outputs"] = {{"json", schema}};
      return;
    case SchemaField::kGuidedJson:
      body["guided_json"] = schema;
      return;
    case SchemaField::kTypeJson:
      body["response_format"] = {{"type", "json"}, {"value", schema}};
      return;
  }
}

}  // namespace

ServerProfile profile_of(const std::string& word) {
  for (std::size_t i = 0; i < kProfiles.size(); ++i)
    if (kProfiles[i] == word) return static_cast<ServerProfile>(i);
  throw wrong_usage("unknown server profile '{}'{}", word, did_you_mean(word, kProfiles));
}

std::string to_string(ServerProfile profile) {
  return kProfiles[static_cast<std::size_t>(profile)];
}

std::string to_string(SchemaField field) {
  static const std::array<const char*, 6> names = {"none",        "json_schema", "json_object", "structured_outputs",
                                                   "guided_json", "type_json"};
  return names[static_cast<std::size_t>(field)];
}

std::vector<SchemaField> schema_fields(ServerProfile profile) {
  using enum SchemaField;
  switch (profile) {
    case ServerProfile::kVllm:
      return {kJsonSchema, kStructuredOutputs, kJsonObjectSchema};
    case ServerProfile::kVllmLegacy:
      return {kGuidedJson, kJsonSchema};
    case ServerProfile::kLlamaCpp:
      return {kJsonObjectSchema, kJsonSchema};
    case ServerProfile::kTgi:
      return {kTypeJson, kJsonSchema};
    case ServerProfile::kSglang:
      return {kJsonSchema, kJsonObjectSchema};
    case ServerProfile::kOpenAi:
      return {kJsonSchema};
  }
  return {};
}

std::string chat_body(const ChatOptions& options, const ChatAsk& ask, const Conversation& messages, std::uint64_t seed,
                      const Json& schema) {
  Json body;
  body["model"] = options.model;
  body["messages"] = Json::array();
  for (const Message& message : messages)
    body["messages"].push_back({{"role", message.role}, {"content", message.content}});
  add_sampling(body, options, ask);
  body["seed"] = seed & 0x7fffffff;  // some servers keep it in 32 bits
  body["n"] = 1;
  body["stream"] = ask.stream;
  if (ask.stream) body["stream_options"] = {{"include_usage", true}};
  add_schema(body, ask.schema_field, schema);
  const std::optional<bool> thinking = ask.no_thinking ? std::optional<bool>(false) : options.reasoning;
  if (thinking && has_template_switch(options.profile)) body["chat_template_kwargs"] = {{"enable_thinking", *thinking}};
  const Json extra = Json::parse(options.extra);
  for (const auto& [key, value] : extra.items()) {
    if (value.is_null())
      body.erase(key);
    else
      body[key] = value;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> unsent_fields(const ChatOptions& options) {
  if (options.profile != ServerProfile::kTgi && options.profile != ServerProfile::kOpenAi) return {};
  const Json extra = Json::parse(options.extra);
  const Sampling& s = options.sampling;
  std::vector<std::string> fields;
  const auto add = [&](const char* name, bool neutral) {
    if (!neutral && !extra.contains(name)) fields.emplace_back(name);
  };
  add("top_k", s.top_k == 0);
  add("min_p", s.min_p == 0);
  add("repetition_penalty", s.repetition_penalty == 1.0);
  return fields;
}

void check_reasoning(const ChatOptions& options) {
  if (options.reasoning && !*options.reasoning && !has_template_switch(options.profile))
    throw Error(ErrorKind::kUsage,
                fmt::format("reasoning: off cannot be asked of a server of profile {}", to_string(options.profile)),
                "say it in the server's own words, such as extra: {reasoning_effort: minimal}");
}

}  // namespace ballot
