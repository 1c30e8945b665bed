// The request for one ballot, as each kind of server wants it (POST /v1/chat/completions).
//
// Servers agree on messages, temperature and top_p and differ in the rest: what the repetition penalty is called, how a
// JSON schema is given, how thinking is switched off, and whether an unknown field is refused (OpenAI) or silently
// ignored (vLLM, TGI). A profile says which server it is. All of the study's sampling fields are sent, since a missing
// one is filled from the model's own configuration; those that a server does not know are named by unsent_fields().
//
// Sources: the servers' own request classes and documentation (vLLM 0.33, SGLang 0.5, llama.cpp's server, TGI 3, the
// OpenAI client 3).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "judges/judge.h"

namespace ballot {

enum class ServerProfile { kVllm, kVllmLegacy, kSglang, kLlamaCpp, kTgi, kOpenAi };
/// "vllm", "vllm_legacy", "sglang", "llama_cpp", "tgi", "openai". Throws Error (usage) with the nearest word.
ServerProfile profile_of(const std::string& word);
std::string to_string(ServerProfile profile);

/// How a JSON schema is given.
enum class SchemaField {
  kNone,               ///< not at all: the ballot asks in words
  kJsonSchema,         ///< response_format {type: json_schema, json_schema: {name, schema, strict}}
  kJsonObjectSchema,   ///< response_format {type: json_object, schema}: llama.cpp and its relatives
  kStructuredOutputs,  ///< structured_outputs {json}: vLLM's own
  kGuidedJson,         ///< guided_json: vLLM before 0.12; newer ones ignore it without a word
  kTypeJson,           ///< response_format {type: json, value}: TGI
};
std::string to_string(SchemaField field);
/// Those worth trying on such a server, the best first.
std::vector<SchemaField> schema_fields(ServerProfile profile);

struct ChatOptions {
  ServerProfile profile = ServerProfile::kVllm;
  std::string model;
  Sampling sampling;
  std::optional<bool> reasoning;  ///< ask for thinking, or for none; unset: as the server does by itself
  std::string extra = "{}";       ///< a JSON object laid over the request; null removes a field
};

/// What a single request asks beyond that.
struct ChatAsk {
  bool stream = false;
  SchemaField schema_field = SchemaField::kNone;
  std::optional<std::int64_t> max_tokens = {};  ///< instead of the sampling's
  bool no_thinking = false;                     ///< where the prompt leaves no room for it
};

/// The request's JSON text. `schema`: of the answer, where ask.schema_field gives one.
std::string chat_body(const ChatOptions& options, const ChatAsk& ask, const Conversation& messages, std::uint64_t seed,
                      const Json& schema);

/// The sampling fields that such a server cannot be told although they are not neutral ("top_k").
std::vector<std::string> unsent_fields(const ChatOptions& options);

/// Throws Error (usage) where `reasoning: off` cannot be asked of such a server.
void check_reasoning(const ChatOptions& options);

}  // namespace ballot
