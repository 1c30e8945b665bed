#include "evaluation/completion_request.h"

#include <nlohmann/json.hpp>

namespace ballot {
namespace {

Json request_of(const std::string& model, std::span<const TokenId> prompt, std::int64_t max_tokens) {
  return {{"model", model},
          {"prompt", std::vector<TokenId>(prompt.begin(), prompt.end())},
          {"max_tokens", max_tokens},
          {"stream", false}};
}

}  // namespace

std::string scores_request(const std::string& model, std::span<const TokenId> prompt, PromptScores way) {
  Json body = request_of(model, prompt, 1);
  body["temperature"] = 0;
  if (way == PromptScores::kPromptLogprobs) {
    body["prompt_logprobs"] = 1;
  } else {
    body["echo"] = true;
    body["logprobs"] = 1;
    if (way == PromptScores::kEchoIds) body["return_tokens_as_token_ids"] = true;
  }
  return body.dump();
}

std::string next_tokens_request(const std::string& model, std::span<const TokenId> prompt, std::int64_t count) {
  Json body = request_of(model, prompt, 1);
  body["temperature"] = 0;
  body["logprobs"] = count;
  body["return_tokens_as_token_ids"] = true;
  return body.dump();
}

std::string answer_request(const std::string& model, std::span<const TokenId> prompt, const AnswerRequest& request,
                           std::uint64_t seed) {
  const SamplingOptions& rules = request.rules;
  Json body = request_of(model, prompt, rules.max_tokens);
  body["temperature"] = rules.temperature;
  body["top_p"] = rules.top_p;
  body["presence_penalty"] = 0;
  body["frequency_penalty"] = 0;
  body["seed"] = seed % 2147483647;  // some keep it in 31 bits
  Json stop = Json::array();
  for (const std::vector<std::string>* texts : {&rules.stop, &request.end_texts})
    for (const std::string& text : *texts)
      if (!text.empty()) stop.push_back(text);
  if (!stop.empty()) body["stop"] = stop;
  if (request.own_fields) {
    body["top_k"] = rules.top_k > 0 ? rules.top_k : -1;
    body["min_p"] = rules.min_p;
    body["repetition_penalty"] = rules.repetition_penalty;  // vLLM's name, and llama.cpp's
    body["repeat_penalty"] = rules.repetition_penalty;
    body["stop_token_ids"] = request.ends;
  }
  return body.dump();
}

}  // namespace ballot
