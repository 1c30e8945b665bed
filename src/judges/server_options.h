// What a judge file says about servers (kind: openai) and about batch files (kind: batch): interface.md §4.
//
//   kind: openai
//   model: Qwen/QwQ-32B
//   endpoints:
//     - {url: "http://node1:8000/v1"}
//     - {url: "http://node2:8000/v1", key_env: JUDGE_KEY, concurrency: 64}
//   profile: vllm                 # vllm, vllm_legacy, sglang, llama_cpp, tgi, openai
//   sampling: {temperature: 0.6}
//   reasoning: on                 # on: ask for thinking, and stream; off: ask for none
//   price: {prompt: 0.4, cached: 0.1, completion: 1.2}      # per million tokens
//   limits: {requests_per_minute: 3000, tokens_per_minute: 2000000}
//   timeouts: {connect: 10, idle: 120, total: 600}          # seconds
//   extra: {reasoning_effort: low}                          # laid over each request; null removes a field
#pragma once
#include <string>
#include <vector>

#include "judges/chat_request.h"
#include "judges/judge_spec.h"
#include "net/http_client.h"

namespace ballot {

struct EndpointOptions {
  std::string url;               ///< the base, ".../v1"
  std::string key_env;           ///< the variable that holds the key; empty: none is sent
  std::int64_t concurrency = 0;  ///< requests in flight here at most; 0: as --concurrency
};

struct ServerOptions {
  ChatOptions chat;
  std::vector<EndpointOptions> endpoints;
  double requests_per_minute = 0, tokens_per_minute = 0;  ///< of all endpoints together; 0: no limit
  HttpTimeouts timeouts = {.connect = 10, .idle = 300, .total = 600};
  double first_wait = 0.5;  ///< seconds before a second try; the next waits double
  std::string folder;       ///< of batch files
};

/// Of a judge of kind openai or batch. Throws Error (usage) on unknown keys inside endpoints, limits and timeouts, on
/// values of the wrong kind, and on a key_env whose variable is not set.
/// A key is sent where key_env names its variable, and to api.openai.com from OPENAI_API_KEY; nowhere else.
ServerOptions server_options_of(const JudgeSpec& spec, const Sampling& sampling);

/// What identifies the answers: model, profile, sampling, reasoning, extra. Not the addresses: the same model served
/// elsewhere is the same judge.
Json server_fingerprint(const ServerOptions& options);

}  // namespace ballot
