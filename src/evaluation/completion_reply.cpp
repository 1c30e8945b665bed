#include "evaluation/completion_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "net/reply_json.h"
#include "net/server_reply.h"

namespace ballot {
namespace {

constexpr double kRounding = 1e-3;  // a log-probability may be above 0 by so much, in low precision

std::optional<TokenId> id_in(std::string_view text) {
  TokenId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) return {};
  return id;
}

/// "token_id:260"
std::optional<TokenId> id_of(std::string_view token) {
  constexpr std::string_view kPrefix = "token_id:";
  return token.starts_with(kPrefix) ? id_in(token.substr(kPrefix.size())) : std::nullopt;
}

std::optional<TokenId> id_field(const Json& entry) {
  const auto id = count_of(entry, "id");
  if (!id || *id > std::numeric_limits<TokenId>::max()) return {};
  return static_cast<TokenId>(*id);
}

std::optional<double> number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return {};
  return found->get<double>();
}

void add(TokenReading& reading, std::optional<TokenId> id, double log_probability) {
  if (id) reading.alternatives.emplace_back(*id, log_probability);
  reading.largest = std::max(reading.largest, log_probability);
}

TokenReading empty_reading() {
  TokenReading reading;
  reading.largest = -std::numeric_limits<double>::infinity();
  return reading;
}

/// prompt_logprobs: [null, {"260": {"logprob": -1.1, "rank": 1, "decoded_token": " the"}, ...}, ...]
std::vector<TokenReading> read_prompt(const Json& list) {
  std::vector<TokenReading> readings;
  for (const Json& place : list) {
    TokenReading reading = empty_reading();
    if (place.is_object())
      for (const auto& [key, value] : place.items())
        if (value.is_object())
          if (const auto number = number_in(value, "logprob")) add(reading, id_in(key), *number);
    readings.push_back(std::move(reading));
  }
  return readings;
}

/// {"tokens": [...], "token_logprobs": [null, -0.3, ...], "top_logprobs": [null, {" the": -0.3}, ...]}
std::vector<TokenReading> read_lists(const Json& logprobs) {
  std::vector<TokenReading> readings;
  const Json& numbers = logprobs["token_logprobs"];
  const Json tokens = logprobs.value("tokens", Json::array()), tops = logprobs.value("top_logprobs", Json::array());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    TokenReading reading = empty_reading();
    if (tokens.is_array() && i < tokens.size() && tokens[i].is_string()) {
      reading.text = tokens[i];
      reading.id = id_of(reading.text);
    }
    if (numbers[i].is_number()) {
      reading.log_probability = numbers[i].get<double>();
      add(reading, reading.id, *reading.log_probability);
    }
    // Without the alternatives nothing says whether this token is the most probable one.
    if (!tops.is_array() || i >= tops.size() || !tops[i].is_object())
      reading.largest = std::numeric_limits<double>::infinity();
    else
      for (const auto& [token, value] : tops[i].items()) {
        if (!value.is_number()) continue;
        const std::optional<TokenId> id = id_of(token);
        add(reading, id == reading.id ? std::nullopt : id, value.get<double>());
      }
    readings.push_back(std::move(reading));
  }
  return readings;
}

/// [{"id": 260, "token": " the", "logprob": -1.1, "top_logprobs": [...]}, ...]
std::vector<TokenReading> read_content(const Json& content) {
  std::vector<TokenReading> readings;
  for (const Json& entry : content) {
    TokenReading reading = empty_reading();
    if (entry.is_object()) {
      reading.id = id_field(entry);
      reading.text = text_of(entry, "token");
      reading.log_probability = number_in(entry, "logprob");
      if (reading.log_probability) add(reading, reading.id, *reading.log_probability);
      if (const auto top = entry.find("top_logprobs"); top != entry.end() && top->is_array())
        for (const Json& other : *top) {
          if (!other.is_object()) continue;
          const std::optional<TokenId> id = id_field(other);
          if (const auto number = number_in(other, "logprob"))
            add(reading, id == reading.id ? std::nullopt : id, *number);
        }
    }
    readings.push_back(std::move(reading));
  }
  return readings;
}

void check_number(double value) {
  if (!std::isfinite(value) || value > kRounding)
    throw CompletionProblem("no_log_probability", fmt::format("{} is no log-probability of a token", value));
}

}  // namespace

std::string to_string(PromptScores way) {
  switch (way) {
    case PromptScores::kPromptLogprobs:
      return "prompt_logprobs";
    case PromptScores::kEchoIds:
      return "echo_ids";
    case PromptScores::kEcho:
      return "echo";
    case PromptScores::kNone:
      break;
  }
  return "none";
}

CompletionReply read_completion(std::string_view body) {
  const Json json = parse_reply(body);
  if (!json.is_object())
    throw CompletionProblem("not_json", fmt::format("the reply is no JSON object: {}", start_of(body)));
  const auto error = json.find("error");
  if (json.value("object", Json()) == "error" || (error != json.end() && !error->is_null()))
    throw CompletionProblem("error_in_200", read_server_error(body).message);
  const auto choices = json.find("choices");
  if (choices == json.end() || !choices->is_array() || choices->empty() || !choices->front().is_object())
    throw CompletionProblem("no_choices", "the reply has no choices");
  const Json& choice = choices->front();
  CompletionReply reply;
  reply.model = text_of(json, "model");
  const auto text = choice.find("text");
  if (text == choice.end() || !text->is_string())
    throw CompletionProblem("no_text", "the reply's first choice has no text");
  reply.text = *text;
  reply.finish_reason = text_of(choice, "finish_reason");
  if (const auto usage = json.find("usage"); usage != json.end() && usage->is_object()) {
    reply.prompt_tokens = count_of(*usage, "prompt_tokens");
    reply.completion_tokens = count_of(*usage, "completion_tokens");
  }
  if (const auto prompt = choice.find("prompt_logprobs"); prompt != choice.end() && prompt->is_array())
    reply.prompt = read_prompt(*prompt);
  if (const auto logprobs = choice.find("logprobs"); logprobs != choice.end() && logprobs->is_object()) {
    if (const auto content = logprobs->find("content"); content != logprobs->end() && content->is_array())
      reply.tokens = read_content(*content);
    else if (const auto numbers = logprobs->find("token_logprobs"); numbers != logprobs->end() && numbers->is_array())
      reply.tokens = read_lists(*logprobs);
  }
  return reply;
}

void check_prompt_count(const CompletionReply& reply, std::size_t sent) {
  if (reply.prompt_tokens && *reply.prompt_tokens != static_cast<std::int64_t>(sent))
    throw CompletionProblem(
        "wrong_count",
        fmt::format("it read {} tokens where {} were sent{}", *reply.prompt_tokens, sent,
                    *reply.prompt_tokens == static_cast<std::int64_t>(sent) + 1 ? " (it adds a BOS of its own)" : ""));
}

std::vector<PromptToken> prompt_tokens(const CompletionReply& reply, std::span<const TokenId> sent, PromptScores way) {
  check_prompt_count(reply, sent.size());
  const bool echoed = way != PromptScores::kPromptLogprobs;
  const std::vector<TokenReading>& given = echoed ? reply.tokens : reply.prompt;
  if (given.empty()) throw CompletionProblem("no_logprobs", "it gives no log-probabilities");
  const std::size_t more = given.size() > sent.size() ? given.size() - sent.size() : 0;
  if (echoed && given.size() <= 1 && sent.size() > 1)
    throw CompletionProblem("no_prompt_logprobs",
                            "it gives log-probabilities of the generated token only, not of the prompt's tokens");
  // One token is generated behind the prompt, or none where the model ends there.
  if (given.size() < sent.size() || more > (echoed ? 1u : 0u))
    throw CompletionProblem("wrong_count",
                            fmt::format("it gives log-probabilities of {} tokens where {}{} are wanted", given.size(),
                                        sent.size(), echoed ? " and the generated one" : ""));
  std::vector<PromptToken> tokens;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const TokenReading& reading = given[i];
    PromptToken token;
    token.log_probability = reading.log_probability;
    if (echoed) {
      if (way == PromptScores::kEchoIds && !reading.id)
        throw CompletionProblem("no_ids", "it does not name the ids of tokens");
      if (reading.id && reading.id != sent[i])
        throw CompletionProblem("other_tokens",
                                fmt::format("token {} of the prompt is {} where {} was sent", i + 1,
                                            reading.id ? std::to_string(*reading.id) : reading.text, sent[i]));
    } else {
      for (const auto& [id, number] : reading.alternatives)
        if (id == sent[i]) token.log_probability = number;
      if (i > 0 && !token.log_probability)
        throw CompletionProblem(
            "other_tokens", fmt::format("token {} of the prompt is another than {}, which was sent", i + 1, sent[i]));
    }
    // Some servers write 0 where others write null.
    if (i == 0 && (token.log_probability.value_or(0) != 0 || (!echoed && !reading.alternatives.empty())))
      throw CompletionProblem("token_in_front",
                              "it gives a probability of the first token, so it puts one of its own in front (BOS)");
    if (i == 0) token.log_probability.reset();
    if (i > 0 && !token.log_probability)
      throw CompletionProblem("no_log_probability", fmt::format("token {} of the prompt has none", i + 1));
    if (token.log_probability) {
      check_number(*token.log_probability);
      token.greedy = *token.log_probability >= reading.largest;
    }
    tokens.push_back(token);
  }
  return tokens;
}

std::optional<double> NextTokens::of(TokenId id) const {
  for (const auto& [known, number] : log_probabilities)
    if (known == id) return number;
  return {};
}

NextTokens next_tokens(const CompletionReply& reply) {
  NextTokens next;
  if (reply.tokens.empty() || !reply.tokens.front().id) return next;
  const TokenReading& first = reply.tokens.front();
  next.log_probabilities = first.alternatives;
  next.largest = first.largest;
  next.generated = *first.id;
  for (const auto& [id, number] : next.log_probabilities) check_number(number);
  return next;
}

}  // namespace ballot
