// Requests as each server wants them, and replies as each server gives them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "judges/chat_answer.h"
#include "judges/chat_request.h"
#include "judges/label_logprobs.h"
#include "judges/server_options.h"

namespace ballot {
namespace {

Json body_of(const std::string& profile, const ChatAsk& ask = {}, std::optional<bool> reasoning = {},
             const std::string& extra = "{}") {
  ChatOptions options;
  options.profile = profile_of(profile);
  options.model = "judge";
  options.reasoning = reasoning;
  options.extra = extra;
  return Json::parse(
      chat_body(options, ask, {{"system", "s"}, {"user", "u"}}, 0xffffffffffffffff, {{"type", "object"}}));
}

TEST(ChatRequest, EveryProfileGetsAllSamplingFieldsThatItKnows) {
  for (const std::string profile : {"vllm", "vllm_legacy", "sglang"}) {
    const Json body = body_of(profile);
    EXPECT_EQ(body["temperature"], 0.4) << profile;
    EXPECT_EQ(body["top_k"], 40) << profile;
    EXPECT_EQ(body["top_p"], 0.95) << profile;
    EXPECT_EQ(body["min_p"], 0) << profile;
    EXPECT_EQ(body["repetition_penalty"], 1) << profile;
    EXPECT_EQ(body["max_tokens"], 8192) << profile;
    EXPECT_EQ(body["presence_penalty"], 0) << profile;
    EXPECT_EQ(body["seed"], 0x7fffffff) << profile;
    EXPECT_EQ(body["stream"], false) << profile;
    EXPECT_EQ(body["messages"][1]["content"], "u") << profile;
  }
  const Json llama = body_of("llama_cpp");
  EXPECT_EQ(llama["repeat_penalty"], 1);
  EXPECT_FALSE(llama.contains("repetition_penalty"));
  EXPECT_EQ(llama["min_p"], 0);  // its own default is 0.05
  const Json openai = body_of("openai");
  EXPECT_EQ(openai["max_completion_tokens"], 8192);
  for (const char* refused : {"max_tokens", "top_k", "min_p", "repetition_penalty"})
    EXPECT_FALSE(openai.contains(refused)) << refused;
  ChatOptions tgi;
  tgi.profile = ServerProfile::kTgi;
  EXPECT_EQ(unsent_fields(tgi), std::vector<std::string>{"top_k"});
  tgi.profile = ServerProfile::kVllm;
  EXPECT_TRUE(unsent_fields(tgi).empty());
}

TEST(ChatRequest, ASchemaGoesWhereTheServerLooksForIt) {
  const auto with = [](const std::string& profile, std::size_t place) {
    return body_of(profile, {.schema_field = schema_fields(profile_of(profile)).at(place)});
  };
  EXPECT_EQ(with("vllm", 0)["response_format"]["json_schema"]["schema"]["type"], "object");
  EXPECT_EQ(with("vllm", 1)["structured_outputs"]["json"]["type"], "object");
  EXPECT_EQ(with("vllm_legacy", 0)["guided_json"]["type"], "object");
  EXPECT_EQ(with("sglang", 0)["response_format"]["type"], "json_schema");
  EXPECT_EQ(with("llama_cpp", 0)["response_format"]["schema"]["type"], "object");
  EXPECT_EQ(with("tgi", 0)["response_format"]["value"]["type"], "object");
  EXPECT_EQ(with("openai", 0)["response_format"]["json_schema"]["strict"], true);
  for (const char* removed : {"guided_json", "guided_choice", "guided_regex"})
    EXPECT_FALSE(with("vllm", 0).contains(removed));  // taken without a word, and ignored
}

TEST(ChatRequest, ThinkingStreamsAndExtraFieldsAreAsAsked) {
  EXPECT_EQ(body_of("vllm", {}, false)["chat_template_kwargs"]["enable_thinking"], false);
  EXPECT_EQ(body_of("sglang", {.no_thinking = true}, true)["chat_template_kwargs"]["enable_thinking"], false);
  EXPECT_FALSE(body_of("vllm").contains("chat_template_kwargs"));
  EXPECT_EQ(body_of("vllm", {.stream = true})["stream_options"]["include_usage"], true);
  EXPECT_EQ(body_of("vllm", {.max_tokens = 7})["max_tokens"], 7);
  const Json extra = body_of("openai", {}, {}, R"({"temperature": null, "reasoning_effort": "low"})");
  EXPECT_FALSE(extra.contains("temperature"));
  EXPECT_EQ(extra["reasoning_effort"], "low");
  ChatOptions options;
  options.profile = ServerProfile::kOpenAi;
  options.reasoning = false;
  EXPECT_THROW(check_reasoning(options), Error);
}

TEST(ChatAnswer, ReasoningUsageAndRefusalsAreReadWhereverTheyStand) {
  for (const char* field : {"reasoning", "reasoning_content"}) {
    const ChatAnswer answer = read_chat_answer(fmt::format(
        R"({{"model": "m", "choices": [{{"message": {{"content": null, "{}": "because"}}, "finish_reason": "stop"}}],
           "usage": {{"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {{"cached_tokens": 8}}}}}})",
        field));
    EXPECT_EQ(answer.content, "");
    EXPECT_EQ(answer.reasoning, "because");
    EXPECT_EQ(answer.prompt_tokens, 10);
    EXPECT_EQ(answer.cached_tokens, 8);
  }
  EXPECT_EQ(read_chat_answer(
                R"({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "timings": {"cache_n": 5}})")
                .cached_tokens,
            5);
  EXPECT_EQ(
      read_chat_answer(R"({"choices": [{"message": {"content": null, "refusal": "no"}, "finish_reason": "stop"}]})")
          .finish_reason,
      "refusal");
  EXPECT_EQ(read_chat_answer(R"({"choices": [{"message": {"content": null, "tool_calls": [{"function":
                {"name": "submit", "arguments": "{\"rating\": 4}"}}]}, "finish_reason": "tool_calls"}]})")
                .content,
            R"({"rating": 4})");
}

TEST(ChatAnswer, WhatIsNoAnswerHasAStableWord) {
  const auto word = [](const char* body) -> std::string {
    try {
      read_chat_answer(body);
      return "";
    } catch (const ChatProblem& problem) {
      return problem.word();
    }
  };
  EXPECT_EQ(word("<html>"), "not_json");
  EXPECT_EQ(word("[]"), "not_json");
  EXPECT_EQ(word(""), "not_json");
  EXPECT_EQ(word(R"({"error": {"message": "x"}})"), "error_in_200");
  EXPECT_EQ(word(R"({"object": "error", "message": "x"})"), "error_in_200");
  EXPECT_EQ(word(R"({"choices": []})"), "no_choices");
  EXPECT_EQ(word(R"({"choices": [{"message": {"content": "x"}, "finish_reason": null}]})"), "no_finish_reason");
}

TEST(ChatAnswer, BrokenCharactersAreReplacedAndNothingElseIs) {
  const ChatAnswer answer = read_chat_answer(
      "{\"choices\": [{\"message\": {\"content\": \"caf\xc3\xa9 \xff \\ud83d\\ude00 \\ud83d \\u0000\"}, "
      "\"finish_reason\": \"stop\"}]}");
  EXPECT_EQ(answer.content, "caf\xc3\xa9 \xef\xbf\xbd \xf0\x9f\x98\x80 \xef\xbf\xbd \xef\xbf\xbd");
}

TEST(ChatStream, CutsAnywhereGiveTheSameAnswer) {
  const std::string events =
      ": hello\r\n\r\nevent: message\ndata: {\"model\":\"m\",\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n"
      "data:{\"choices\":[{\"delta\":{\"content\":\"na\xc3\xafve\"}}]}\n\n\n"
      "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2}}\n\ndata: [DONE]\n\ndata: junk\n";
  for (std::size_t piece = 1; piece < 20; ++piece) {
    ChatStream stream;
    for (std::size_t at = 0; at < events.size(); at += piece)
      EXPECT_TRUE(stream.feed(std::string_view(events).substr(at, piece)));
    const ChatAnswer answer = stream.finish();
    EXPECT_EQ(answer.content, "naïve");
    EXPECT_EQ(answer.reasoning, "hm");
    EXPECT_EQ(answer.finish_reason, "stop");
    EXPECT_EQ(answer.completion_tokens, 2);
  }
}

TEST(ChatStream, AnEndBeforeTheAnswersIsNoAnswer) {
  ChatStream cut;
  cut.feed("data: {\"choices\":[{\"delta\":{\"content\":\"Preference: A\"}}]}\n\n");
  EXPECT_THROW(cut.finish(), ChatProblem);
  ChatStream error;
  error.feed("data: {\"error\":{\"message\":\"died\"}}\n\n");
  EXPECT_THROW(error.finish(), ChatProblem);
  ChatStream plain;  // a server that does not stream
  plain.feed(R"({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})");
  EXPECT_EQ(plain.finish().content, "x");
}

TEST(ChatStream, EndlessRepetitionEndsItAndIsTruncated) {
  ChatStream stream;
  bool wanted = true;
  int events = 0;
  for (; wanted && events < 1000; ++events)
    wanted = stream.feed("data: {\"choices\":[{\"delta\":{\"content\":\"and so on and on, \"}}]}\n\n");
  EXPECT_LT(events, 200);
  EXPECT_EQ(stream.finish().finish_reason, "length");
  std::string text;
  for (int i = 0; i < 2000; ++i) text += std::to_string(i * 7919 % 10007) + " ";
  EXPECT_FALSE(repeats_endlessly(text));
  EXPECT_FALSE(repeats_endlessly("short short short short"));
  EXPECT_TRUE(repeats_endlessly(text + std::string(2500, '-')));
}

TEST(LabelLogprobs, SpellingsOfALabelAreAddedUp) {
  const Format format = Format::load("binary");
  ChatAnswer answer;
  answer.logprobs = {
      {"Good", -1, {}},
      {". Preference", -0.1, {}},
      {":", -0.1, {}},
      {" B", std::log(0.5), {{" B", std::log(0.5)}, {"B", std::log(0.1)}, {" A", std::log(0.2)}, {" C", -3}}}};
  const std::vector<double> p = label_probabilities(format, 2, answer);
  ASSERT_EQ(p.size(), 2u);
  EXPECT_NEAR(p[1], 0.75, 1e-12);
  EXPECT_NEAR(p[0], 0.25, 1e-12);
  answer.logprobs.pop_back();
  EXPECT_TRUE(label_probabilities(format, 2, answer).empty());
  answer.logprobs = {{"{\"reason\":\"x\",\"rating\":", -1, {}}, {"4", -0.5, {{"4", -0.5}, {"5", -1.5}}}};
  const std::vector<double> rating = label_probabilities(Format::load("single"), 1, answer);
  ASSERT_EQ(rating.size(), 5u);
  EXPECT_NEAR(rating[3] / rating[4], std::exp(1.0), 1e-9);
}

TEST(LabelLogprobs, OfSeveralFieldsALabelIsTheProductOfItsWords) {
  const Format format = Format::load("binary_magnitude");
  const std::vector<Label> labels = format.labels(2);
  const TokenLogprob letter{"B", std::log(0.6), {{"B", std::log(0.6)}, {"A", std::log(0.2)}}},
      step{" 2", std::log(0.5), {{" 2", std::log(0.5)}, {"1", std::log(0.25)}, {" 0", std::log(0.25)}}};
  ChatAnswer text, structured;
  text.logprobs = {{"Preference", 0, {}}, {": ", 0, {}}, letter, {"\nMagnitude", 0, {}}, {":", 0, {}}, step};
  structured.logprobs = {
      {"{\"reason\": \"clear\", \"preference\": \"", 0, {}}, letter, {"\", \"magnitude\":", 0, {}}, step, {"}", 0, {}}};
  for (const ChatAnswer& answer : {text, structured}) {
    const std::vector<double> p = label_probabilities(format, 2, answer);
    ASSERT_EQ(p.size(), labels.size());
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      EXPECT_NEAR(p[i], (*labels[i].choice == 1 ? 0.75 : 0.25) * (*labels[i].magnitude == 2 ? 0.5 : 0.25), 1e-12);
      sum += p[i];
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
  text.logprobs.resize(3);  // an answer without its magnitude says nothing of it
  EXPECT_TRUE(label_probabilities(format, 2, text).empty());
}

TEST(LabelLogprobs, AnswersOfLlamaCppUnderASchemaHoldBothFields) {
  // As its server gave them for SmolLM2-135M-Instruct (Q4_1): alternatives are those before the schema forbids them,
  // and the stream begins with a fence that the content lacks.
  ChatAnswer answer;
  answer.content = "{\n  \"preference\": \"A\",\n  \"magnitude\": 1\n}";
  for (const char* token :
       {"`", "`", "`", "j", "s", "on", "\n", "\n", "{", "\n ", " \"", "pre", "fer", "ence", "\":", " \""})
    answer.logprobs.push_back({token, -1, {{token, -1}, {"A", -4}}});
  answer.logprobs.push_back({"A", -1.68, {{"A", -1.68}, {"j", -2.04}, {"B", -2.98}, {"b", -3.93}, {"f", -4.0}}});
  for (const char* token : {"\",", "\n ", " \"", "m", "ag", "n", "itude", "\":", " "})
    answer.logprobs.push_back({token, -1, {{token, -1}, {"3", -4}}});
  answer.logprobs.push_back({"1", -0.91, {{"1", -0.91}, {"2", -1.17}, {"3", -2.28}, {"4", -2.96}, {"0", -3.46}}});
  for (const char* token : {"\n", "}", "\n"}) answer.logprobs.push_back({token, -1, {{token, -1}, {"0", -4}}});
  const std::vector<double> p = label_probabilities(Format::load("binary_magnitude"), 2, answer);
  ASSERT_EQ(p.size(), 6u);
  const double a = std::exp(-1.68) / (std::exp(-1.68) + std::exp(-2.98)),
               one = std::exp(-0.91) / (std::exp(-0.91) + std::exp(-1.17) + std::exp(-3.46));
  EXPECT_NEAR(p[1], a * one, 1e-12);        // A1
  EXPECT_NEAR(p[4], (1 - a) * one, 1e-12);  // B1
}

TEST(LabelLogprobs, AWordForATieIsOneOfThem) {
  const Format format = Format::load("binary_tie");
  ChatAnswer answer;
  answer.logprobs = {{"Preference:", 0, {}},
                     {" T", std::log(0.5), {{" T", std::log(0.5)}, {" A", std::log(0.25)}, {" tie", std::log(0.25)}}},
                     {"ie", 0, {}}};
  const std::vector<double> p = label_probabilities(format, 2, answer);
  ASSERT_EQ(p.size(), 3u);
  EXPECT_NEAR(p[0], 0.25, 1e-12);
  EXPECT_NEAR(p[2], 0.75, 1e-12);
}

TEST(LabelLogprobs, AnOrderHasNone) {
  ChatAnswer answer;
  answer.logprobs = {{"Ranking:", 0, {}}, {" A", -1, {{" A", -1}, {" B", -2}}}, {" > B", -1, {}}};
  EXPECT_TRUE(label_probabilities(Format::load("ranking"), 2, answer).empty());
}

TEST(ServerOptions, AJudgeFileIsReadWholeAndStrictly) {
  const auto read = [](const Json& more) {
    Json mapping = {{"kind", "openai"}, {"model", "m"}, {"endpoints", {{{"url", "http://h:1"}, {"concurrency", 3}}}}};
    mapping.update(more);
    return server_options_of(judge_spec_of(mapping, "here"), {});
  };
  const ServerOptions options = read({{"profile", "sglang"},
                                      {"reasoning", "on"},
                                      {"limits", {{"requests_per_minute", 60}}},
                                      {"timeouts", {{"idle", 9}}},
                                      {"extra", {{"priority", 1}}}});
  EXPECT_EQ(options.endpoints[0].url, "http://h:1/v1");
  EXPECT_EQ(options.endpoints[0].concurrency, 3);
  EXPECT_EQ(options.chat.profile, ServerProfile::kSglang);
  EXPECT_EQ(options.chat.reasoning, true);
  EXPECT_EQ(options.requests_per_minute, 60);
  EXPECT_EQ(options.timeouts.idle, 9);
  EXPECT_EQ(options.timeouts.total, 600);
  for (const Json& wrong :
       {Json{{"profile", "vlm"}}, Json{{"limits", {{"request_per_minute", 1}}}}, Json{{"timeouts", {{"idle", -1}}}},
        Json{{"endpoints", {{{"ulr", "http://h"}}}}}, Json{{"extra", {{"n", 2}}}}, Json{{"reasoning", "maybe"}},
        Json{{"endpoints", Json::array()}},
        Json{{"endpoints", {{{"url", "http://h"}, {"key_env", "BALLOT_NO_SUCH_KEY"}}}}}})
    EXPECT_THROW(read(wrong), Error) << wrong.dump();
  EXPECT_FALSE(server_fingerprint(options).dump().find("http://h") != std::string::npos);
}

}  // namespace
}  // namespace ballot
