// A completions server for tests that computes with a real (tiny) model, so that what is evaluated through it can be
// compared with the same model evaluated here, and that answers as vLLM, as llama.cpp or as OpenAI's old API do, and
// wrongly in the ways that such servers are wrong.
#pragma once
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compute/forest.h"
#include "models/generate.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "net/http_server.h"

namespace ballot {

struct CompletionServerOptions {
  enum class Kind {
    kVllm,      ///< prompt_logprobs by id, at most 20 next tokens
    kLlamaCpp,  ///< no log-probabilities of prompts, next tokens by id in any number
    kEcho,      ///< echo with lists, tokens as texts
  } kind = Kind::kVllm;
  bool second_bos = false;          ///< puts BOS in front of ids, too
  bool counts_wrongly = true;       ///< second_bos shows in `usage`
  bool no_logprobs = false;         ///< whatever is asked for
  bool all_alike = false;           ///< every token has log-probability 0
  bool moody = false;               ///< other numbers every time
  bool only_openai_fields = false;  ///< 400 to others
  int busy = 0;                     ///< the first so many requests get 503
  int busy_every = 0;               ///< and every n-th after that
  std::size_t refuse_longer = 0;    ///< 400 to prompts of more tokens
  std::string key = {};
};

class TestCompletions {
 public:
  TestCompletions(const std::string& model, CompletionServerOptions options = {})
      : options_(std::move(options)),
        model_(load_model(model, {})),
        tokenizer_(load_tokenizer(model)),
        server_({.token = options_.key}, [this](ServedRequest request, ServerReply reply) { take(request, reply); }) {}

  std::string url() const { return server_.url() + "/v1"; }
  /// For --model.
  std::string name() const { return "openai:" + url() + "#tiny"; }
  std::int64_t requests() const { return requests_; }  ///< of completions that were answered
  std::int64_t prompt_requests() const { return prompt_requests_; }
  /// Single tokens that the model thinks likely behind `context`, as texts, and which stay single tokens there.
  std::vector<std::string> likely(const std::string& context) const {
    const std::vector<TokenId> ids = tokenizer_.encode(context);
    std::vector<std::string> texts;
    for (const TokenId id : best(log_probabilities(ids)[static_cast<std::int64_t>(ids.size()) - 1], 20)) {
      std::vector<TokenId> longer = ids;
      longer.push_back(id);
      const std::string text = tokenizer_.decode(std::vector<TokenId>{id}, /*skip_special=*/true);
      if (!text.empty() && tokenizer_.encode(context + text) == longer) texts.push_back(text);
    }
    return texts;
  }
  /// A letter that is not among them.
  std::string unlikely_letter(const std::string& context) const {
    const std::vector<std::string> known = likely(context);
    std::string letter = "A";
    while (std::find(known.begin(), known.end(), letter) != known.end()) ++letter[0];
    return letter;
  }
  std::atomic<bool> renamed = false;  ///< answers as another model from now on

 private:
  using Kind = CompletionServerOptions::Kind;

  void take(const ServedRequest& request, const ServerReply& reply) {
    if (request.target == "/v1/models") {
      Json entry = {{"id", "tiny"}, {"object", "model"}};
      if (options_.kind == Kind::kVllm) entry.update({{"owned_by", "vllm"}, {"max_model_len", 1024}});
      if (options_.kind == Kind::kLlamaCpp) entry.update({{"owned_by", "llamacpp"}, {"meta", {{"n_ctx", 1024}}}});
      return reply.send(200, Json({{"object", "list"}, {"data", {entry}}}).dump());
    }
    if (request.target != "/v1/completions") return reply.send(404, R"({"error": {"message": "no such address"}})");
    const std::int64_t number = ++asked_;
    if (number <= options_.busy || (options_.busy_every > 0 && number % options_.busy_every == 0))
      return reply.send(503, R"({"error": {"message": "busy", "code": 503}})", "application/json",
                        {{"Retry-After-Ms", "5"}});
    const Json body = Json::parse(request.body);
    const auto refuse = [&](const std::string& message) {
      reply.send(400, Json({{"error", {{"message", message}, {"type", "BadRequestError"}, {"code", 400}}}}).dump());
    };
    if (options_.only_openai_fields)
      for (const char* field : {"top_k", "min_p", "repetition_penalty", "prompt_logprobs", "stop_token_ids"})
        if (body.contains(field)) return refuse(fmt::format("unknown field {}", field));
    std::vector<TokenId> ids = body["prompt"].get<std::vector<TokenId>>();
    if (options_.refuse_longer > 0 && ids.size() > options_.refuse_longer)
      return refuse("This model's maximum context length is exceeded");
    if (options_.kind == Kind::kVllm && body.value("logprobs", 0) > 20)
      return refuse("Requested sample logprobs of 64, which is greater than max allowed: 20");
    if (options_.second_bos) ids.insert(ids.begin(), *tokenizer_.bos_id());
    ++requests_;
    prompt_requests_ += body.contains("prompt_logprobs") || body.value("echo", false);
    reply.send(200, answer(body, ids).dump());
  }

  /// [ids, V]: log-probabilities of what follows each of them.
  at::Tensor log_probabilities(const std::vector<TokenId>& ids) const {
    const at::NoGradGuard no_gradients;
    Forest forest;
    forest.add_run(-1, ids);
    return at::log_softmax(at::matmul(model_->hidden_states(forest), model_->head_weight().t()), 1);
  }

  struct Made {
    std::string text, finish_reason;
    std::int64_t tokens = 0;
  };
  Made make(const Json& body, const std::vector<TokenId>& ids) const {
    SamplingOptions rules;
    rules.temperature = body.value("temperature", 1.0);
    rules.top_k = 0;
    rules.top_p = body.value("top_p", 1.0);
    rules.repetition_penalty = body.value("repetition_penalty", 1.0);
    rules.max_tokens = body["max_tokens"];
    rules.stop = body.value("stop", std::vector<std::string>());
    const std::uint64_t seed = body.value("seed", 0);
    const Generation made = generate(*model_, tokenizer_, std::span(&ids, 1), rules, std::span(&seed, 1)).front();
    return {made.text, made.finish_reason, static_cast<std::int64_t>(made.ids.size())};
  }

  Json answer(const Json& body, const std::vector<TokenId>& ids) {
    // Behind a prompt whose scores are asked for it is not looked at what is made: the model is not asked for it.
    const bool scores = body["max_tokens"] == 1;
    const Made made = scores ? Made{"?", "length", 1} : make(body, ids);
    Json choice = {{"index", 0}, {"text", made.text}, {"finish_reason", made.finish_reason}, {"logprobs", nullptr}};
    const bool next = body.contains("logprobs"), echo = next && body.value("echo", false);
    if (!options_.no_logprobs && (next || body.contains("prompt_logprobs"))) {
      const at::Tensor table = log_probabilities(ids);
      if (options_.kind == Kind::kVllm && body.contains("prompt_logprobs"))
        choice["prompt_logprobs"] = by_id(table, ids);
      if (next && options_.kind == Kind::kLlamaCpp)
        choice["logprobs"] = {{"content", {content(table[table.size(0) - 1], body["logprobs"])}}};
      if (next && options_.kind != Kind::kLlamaCpp)
        choice["logprobs"] = lists(table, ids, body["logprobs"], echo,
                                   options_.kind == Kind::kVllm && body.value("return_tokens_as_token_ids", false));
    }
    const std::int64_t counted =
        static_cast<std::int64_t>(ids.size()) - (options_.second_bos && !options_.counts_wrongly);
    return {{"id", "cmpl-1"},
            {"object", "text_completion"},
            {"model", renamed ? "another" : "tiny"},
            {"choices", {choice}},
            {"usage", {{"prompt_tokens", counted}, {"completion_tokens", made.tokens}}}};
  }

  double number(const at::Tensor& table, std::int64_t row, TokenId id) {
    if (options_.all_alike) return 0;
    double value = table[row][id].item<float>();
    if (options_.moody) value -= 0.5 * static_cast<double>(++moods_ % 3);
    return value;
  }
  std::vector<TokenId> best(const at::Tensor& row_V, std::int64_t count) const {
    const at::Tensor top = std::get<1>(row_V.topk(std::min<std::int64_t>(count, row_V.size(0)))).contiguous();
    const auto* ids = top.const_data_ptr<std::int64_t>();
    return {ids, ids + top.size(0)};
  }

  Json by_id(const at::Tensor& table, const std::vector<TokenId>& ids) {
    Json list = Json::array({nullptr});
    for (std::size_t i = 1; i < ids.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i) - 1;
      Json place = Json::object();
      for (const TokenId id : {ids[i], best(table[row], 1).front()})
        place[std::to_string(id)] = {{"logprob", number(table, row, id)}, {"rank", 1}, {"decoded_token", "?"}};
      list.push_back(place);
    }
    return list;
  }

  Json lists(const at::Tensor& table, const std::vector<TokenId>& ids, std::int64_t count, bool echo, bool as_ids) {
    const auto name = [&](TokenId id) {
      return as_ids ? fmt::format("token_id:{}", id) : tokenizer_.decode(std::vector<TokenId>{id});
    };
    Json tokens = Json::array(), numbers = Json::array(), tops = Json::array();
    const auto add = [&](std::int64_t row, TokenId id) {
      tokens.push_back(name(id));
      numbers.push_back(number(table, row, id));
      Json top = Json::object();
      for (const TokenId other : best(table[row], count)) top[name(other)] = number(table, row, other);
      top[name(id)] = numbers.back();
      tops.push_back(top);
    };
    if (echo) {
      tokens.push_back(name(ids.front()));
      numbers.push_back(nullptr);
      tops.push_back(nullptr);
      for (std::size_t i = 1; i < ids.size(); ++i) add(static_cast<std::int64_t>(i) - 1, ids[i]);
    }
    add(table.size(0) - 1, best(table[table.size(0) - 1], 1).front());
    return {{"tokens", tokens}, {"token_logprobs", numbers}, {"top_logprobs", tops}};
  }

  Json content(const at::Tensor& row_V, std::int64_t count) {
    const at::Tensor table = row_V.unsqueeze(0);
    Json top = Json::array();
    for (const TokenId id : best(row_V, count))
      top.push_back(
          {{"id", id}, {"token", tokenizer_.id_to_token(id).value_or("")}, {"logprob", number(table, 0, id)}});
    Json entry = top.front();
    entry["top_logprobs"] = top;
    return entry;
  }

  CompletionServerOptions options_;
  std::unique_ptr<Model> model_;
  Tokenizer tokenizer_;
  std::atomic<std::int64_t> asked_ = 0, requests_ = 0, prompt_requests_ = 0, moods_ = 0;
  HttpServer server_;  // last: it calls the others
};

}  // namespace ballot
