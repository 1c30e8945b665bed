// What servers of several kinds answer, and which of it is believed.
#include "evaluation/completion_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ballot {
namespace {

using testing::HasSubstr;

// As llama.cpp's server answers {"prompt": [504, 2365, 282], "max_tokens": 1, "logprobs": 3, "echo": true}.
constexpr const char* kLlamaCpp = R"({"choices": [{"text": " a", "index": 0, "logprobs": {"content": [
    {"id": 253, "token": " a", "bytes": [32, 97], "logprob": -1.72, "top_logprobs": [
      {"id": 253, "token": " a", "logprob": -1.72}, {"id": 260, "token": " the", "logprob": -2.18},
      {"id": 216, "token": " ", "logprob": -3.39}]}]}, "finish_reason": "length"}],
  "model": "m", "object": "text_completion", "usage": {"completion_tokens": 1, "prompt_tokens": 3}})";

// As vLLM answers {"prompt": [504, 2365, 282], "prompt_logprobs": 1, "max_tokens": 1}.
constexpr const char* kVllm = R"({"choices": [{"text": " a", "index": 0, "logprobs": null, "finish_reason": "length",
  "prompt_logprobs": [null, {"2365": {"logprob": -7.5, "rank": 900, "decoded_token": " quick"},
                             "216": {"logprob": -2.5, "rank": 1, "decoded_token": " "}},
                      {"282": {"logprob": -0.5, "rank": 1, "decoded_token": " of"}}]}],
  "model": "m", "usage": {"completion_tokens": 1, "prompt_tokens": 3}})";

// As OpenAI's old API, SGLang and vLLM answer to echo; vLLM with token ids.
std::string echoed(bool ids, int more = 1) {
  Json tokens = Json::array(), numbers = Json::array({nullptr, -7.5, -0.5}), tops = Json::array({nullptr});
  for (const int id : {504, 2365, 282, 253})
    tokens.push_back(ids ? "token_id:" + std::to_string(id) : "t" + std::to_string(id));
  tops.push_back({{tokens[1], -7.5}, {ids ? "token_id:216" : "t216", -2.5}});
  tops.push_back({{tokens[2], -0.5}});
  if (more == 0) tokens.erase(3);
  for (int i = 0; i < more; ++i) numbers.push_back(-1.7), tops.push_back({{tokens[3], -1.7}});
  const Json logprobs = {{"tokens", tokens}, {"token_logprobs", numbers}, {"top_logprobs", tops}};
  return Json({{"choices", {{{"text", "The quick of a"}, {"finish_reason", "length"}, {"logprobs", logprobs}}}}})
      .dump();
}

const std::vector<TokenId> kSent = {504, 2365, 282};

std::string word_of(const std::string& body, PromptScores way, const std::vector<TokenId>& sent = kSent) {
  try {
    prompt_tokens(read_completion(body), sent, way);
  } catch (const CompletionProblem& problem) {
    return problem.word();
  }
  return "";
}

TEST(CompletionReply, PromptsAreReadInEveryWayThatServersGiveThem) {
  for (const auto& [body, way] : {std::pair<std::string, PromptScores>{kVllm, PromptScores::kPromptLogprobs},
                                  {echoed(true), PromptScores::kEchoIds},
                                  {echoed(false), PromptScores::kEcho},
                                  {echoed(false, 0), PromptScores::kEcho}}) {
    const std::vector<PromptToken> tokens = prompt_tokens(read_completion(body), kSent, way);
    ASSERT_EQ(tokens.size(), 3u) << body;
    EXPECT_FALSE(tokens[0].log_probability);
    EXPECT_EQ(tokens[1].log_probability, -7.5);
    EXPECT_FALSE(tokens[1].greedy);
    EXPECT_EQ(tokens[2].log_probability, -0.5);
    EXPECT_TRUE(tokens[2].greedy);
  }
}

TEST(CompletionReply, WhatIsNotAboutThePromptThatWasSentIsNotBelieved) {
  EXPECT_EQ(word_of(kLlamaCpp, PromptScores::kEchoIds), "no_prompt_logprobs");
  EXPECT_EQ(word_of(kLlamaCpp, PromptScores::kPromptLogprobs), "no_logprobs");
  EXPECT_EQ(word_of(kVllm, PromptScores::kPromptLogprobs, {504, 2365, 283}), "other_tokens");
  EXPECT_EQ(word_of(echoed(true), PromptScores::kEchoIds, {504, 2365, 283}), "other_tokens");
  EXPECT_EQ(word_of(echoed(false), PromptScores::kEchoIds), "no_ids");
  EXPECT_EQ(word_of(kVllm, PromptScores::kPromptLogprobs, {504, 2365}), "wrong_count");  // `usage`: a BOS of its own
  EXPECT_EQ(word_of(echoed(false, 2), PromptScores::kEcho), "wrong_count");              // and without `usage`
  Json front = Json::parse(kVllm);
  front["choices"][0]["prompt_logprobs"][0] = {{"504", {{"logprob", -3}}}};
  EXPECT_EQ(word_of(front.dump(), PromptScores::kPromptLogprobs), "token_in_front");
  Json positive = Json::parse(kVllm);
  positive["choices"][0]["prompt_logprobs"][2]["282"]["logprob"] = 0.7;
  EXPECT_EQ(word_of(positive.dump(), PromptScores::kPromptLogprobs), "no_log_probability");
  Json hole = Json::parse(echoed(false));
  hole["choices"][0]["logprobs"]["token_logprobs"][1] = nullptr;
  EXPECT_EQ(word_of(hole.dump(), PromptScores::kEcho), "no_log_probability");
}

TEST(CompletionReply, TheAddedTokenIsNamedForWhatItIs) {
  try {
    check_prompt_count(read_completion(kVllm), 2);
    FAIL();
  } catch (const CompletionProblem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("it read 3 tokens where 2 were sent (it adds a BOS of its own)"));
  }
}

TEST(CompletionReply, NextTokensAreListedByIdOrNotAtAll) {
  const NextTokens llama = next_tokens(read_completion(kLlamaCpp));
  EXPECT_EQ(llama.generated, 253);
  EXPECT_EQ(llama.log_probabilities.size(), 3u);
  EXPECT_EQ(llama.of(260), -2.18);
  EXPECT_FALSE(llama.of(261));
  EXPECT_EQ(llama.largest, -1.72);
  const NextTokens vllm = next_tokens(read_completion(
      R"({"choices": [{"text": " a", "logprobs": {"tokens": ["token_id:253"], "token_logprobs": [-1.72],
          "top_logprobs": [{"token_id:253": -1.72, "token_id:260": -2.18}]}}]})"));
  EXPECT_EQ(vllm.of(260), -2.18);
  EXPECT_EQ(vllm.log_probabilities.size(), 2u);
  EXPECT_TRUE(next_tokens(read_completion(
                              R"({"choices": [{"text": " a", "logprobs": {"tokens": [" a"], "token_logprobs": [-1.72],
          "top_logprobs": [{" a": -1.72, " the": -2.18}]}}]})"))
                  .log_probabilities.empty());
}

TEST(CompletionReply, WhatIsNoCompletionIsSaidInOneWord) {
  const auto word = [](const char* body) -> std::string {
    try {
      read_completion(body);
    } catch (const CompletionProblem& problem) {
      return problem.word();
    }
    return "";
  };
  EXPECT_EQ(word("<html>"), "not_json");
  EXPECT_EQ(word("[]"), "not_json");
  EXPECT_EQ(word(R"({"error": {"message": "worker died"}})"), "error_in_200");
  EXPECT_EQ(word(R"({"choices": []})"), "no_choices");
  EXPECT_EQ(word(R"({"choices": [{"text": null}]})"), "no_text");
  EXPECT_EQ(word(R"({"choices": [{"text": ""}]})"), "");
  EXPECT_EQ(read_completion("{\"choices\": [{\"text\": \"caf\xe9\"}]}").text, "caf\xef\xbf\xbd");
}

}  // namespace
}  // namespace ballot
