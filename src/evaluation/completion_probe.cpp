#include "evaluation/completion_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/interrupt.h"
#include "evaluation/completion_request.h"
#include "net/reply_json.h"

namespace ballot {
namespace {

/// Two computations of one number, in low precision and in batches of other shapes.
constexpr double kSame = 0.1;

class Prober {
 public:
  Prober(CompletionClient& client, const std::string& model, std::span<const TokenId> prompt,
         std::pair<TokenId, TokenId> ends)
      : client_(client), model_(model), prompt_(prompt.begin(), prompt.end()), ends_(ends) {}

  CompletionProbe run(bool scores_wanted) {
    client_.set_patience({.connect = 3, .answer = 60, .tries = 3});
    read_models();
    if (probe_.context > 0 && static_cast<std::int64_t>(prompt_.size()) > probe_.context - 8)
      prompt_.resize(static_cast<std::size_t>(std::max<std::int64_t>(2, probe_.context - 8)));
    ask_freely();
    if (scores_wanted) {
      const std::optional<NextTokens> next = ask_next_tokens();
      ask_scores(next);
      if (next && probe_.scores == PromptScores::kNone) check_alone(*next);
    }
    client_.set_patience({});
    return probe_;
  }

 private:
  /// Not every server has the list.
  void read_models() {
    const Json json = client_.get("/models");
    if (json.is_object() && json.contains("data") && json["data"].is_array())
      for (const Json& entry : json["data"]) {
        if (!entry.is_object() || (text_of(entry, "id") != model_ && json["data"].size() > 1)) continue;
        probe_.software = text_of(entry, "owned_by");
        probe_.context = count_of(entry, "max_model_len").value_or(0);  // vLLM, SGLang
        if (const auto meta = entry.find("meta"); meta != entry.end() && meta->is_object() && probe_.context == 0)
          probe_.context = count_of(*meta, "n_ctx").value_or(0);  // llama.cpp
      }
    if (probe_.context > 0 || probe_.software != "llamacpp") return;
    const Json props = client_.get("//props");  // llama.cpp of before 2026
    if (props.is_object() && props.contains("default_generation_settings") &&
        props["default_generation_settings"].is_object())
      probe_.context = count_of(props["default_generation_settings"], "n_ctx").value_or(0);
  }

  /// One request; nothing where the server refuses it (why_ says so).
  std::optional<CompletionReply> ask(const std::string& body) {
    std::optional<CompletionReply> reply;
    client_.ask(
        1, [&](std::size_t) { return body; }, [&](std::size_t, const CompletionReply& given) { reply = given; },
        [&](std::size_t, const std::string& why) { why_ = why; });
    check_interrupt();
    return reply;
  }

  void ask_freely() {
    AnswerRequest request;
    request.rules.temperature = 0;
    request.rules.top_k = 0;
    request.rules.top_p = 1;
    request.rules.max_tokens = 2;
    std::optional<CompletionReply> reply = ask(answer_request(model_, prompt_, request, 1));
    if (!reply) {
      request.own_fields = probe_.own_fields = false;
      reply = ask(answer_request(model_, prompt_, request, 1));
    }
    if (!reply)
      throw Error(
          ErrorKind::kFailed,
          fmt::format("the server at {} does not answer a prompt of token ids: {}", client_.server().base, why_),
          "vLLM, SGLang and llama.cpp's server take token ids at /v1/completions; see that this one does, and "
          "that --tokenizer is the served model's");
    probe_.model = reply->model;
    try {
      check_prompt_count(*reply, prompt_.size());
    } catch (const CompletionProblem& problem) {
      throw Error(ErrorKind::kFailed,
                  fmt::format("the server at {} reads other prompts than it is sent: {}", client_.server().base,
                              problem.what()),
                  "the scores would be those of other prompts; see the server's settings on BOS and special tokens");
    }
  }

  std::optional<NextTokens> ask_next_tokens() {
    for (const std::int64_t count : {64, 20, 5}) {  // vLLM gives 20 if not started with --max-logprobs
      const std::optional<CompletionReply> reply = ask(next_tokens_request(model_, prompt_, count));
      if (!reply) continue;
      try {
        const NextTokens next = next_tokens(*reply);
        if (next.log_probabilities.size() < 2) return {};
        probe_.next_tokens = count;
        return next;
      } catch (const CompletionProblem&) {
        return {};
      }
    }
    return {};
  }

  void ask_scores(const std::optional<NextTokens>& next) {
    std::vector<TokenId> one = prompt_, two = prompt_;
    one.push_back(next ? next->generated : ends_.first);
    two.push_back(next && next->generated == ends_.second ? ends_.first : ends_.second);
    for (const PromptScores way : {PromptScores::kPromptLogprobs, PromptScores::kEchoIds, PromptScores::kEcho}) {
      try {
        const std::optional<CompletionReply> first = ask(scores_request(model_, one, way));
        if (!first) throw CompletionProblem("refused", "it refuses to give them: " + why_);
        const std::vector<PromptToken> scores = prompt_tokens(*first, one, way);
        const std::optional<CompletionReply> second = ask(scores_request(model_, two, way));
        if (!second) throw CompletionProblem("refused", "it gives them once and then refuses: " + why_);
        check_consistency(scores, prompt_tokens(*second, two, way));
        probe_.scores = way;
        probe_.problem.clear();
        if (next && std::abs(next->of(next->generated).value_or(1) - *scores.back().log_probability) > kSame)
          probe_.next_tokens = 0;  // after sampling, it seems: of no use
        return;
      } catch (const CompletionProblem& problem) {
        // That a server does not know a way says nothing; what it does wrong on one, it is not believed on another.
        const std::string& word = problem.word();
        const bool unknown = word == "no_logprobs" || word == "refused" || word == "no_ids";
        if (!unknown || probe_.problem.empty()) probe_.problem = problem.what();
        if (!unknown && word != "no_prompt_logprobs") return;
      }
    }
  }

  static void check_consistency(const std::vector<PromptToken>& one, const std::vector<PromptToken>& two) {
    double least = 0, most = -1e300;
    for (std::size_t i = 1; i + 1 < one.size(); ++i) {
      const double a = *one[i].log_probability, b = *two[i].log_probability;
      if (std::abs(a - b) > kSame)
        throw CompletionProblem("inconsistent",
                                fmt::format("it gives token {} of the same text {} and then {}", i + 1, a, b));
      least = std::min(least, a);
      most = std::max(most, a);
    }
    if (one.size() > 4 && least == most)
      throw CompletionProblem("all_alike", fmt::format("it gives every token of the prompt the same number, {}", most));
  }

  /// Without the prompt's numbers to compare with: probabilities, and the same ones when asked again.
  void check_alone(const NextTokens& next) {
    double sum = 0;
    for (const auto& [id, number] : next.log_probabilities) sum += std::exp(number);
    const std::optional<CompletionReply> reply = ask(next_tokens_request(model_, prompt_, probe_.next_tokens));
    const std::optional<double> again = reply ? next_tokens(*reply).of(next.generated) : std::nullopt;
    if (sum > 1.01 || !again || std::abs(*again - *next.of(next.generated)) > kSame) probe_.next_tokens = 0;
  }

  CompletionClient& client_;
  const std::string& model_;
  std::vector<TokenId> prompt_;
  std::pair<TokenId, TokenId> ends_;
  CompletionProbe probe_;
  std::string why_;
};

}  // namespace

JsonValue CompletionProbe::json() const {
  return Json{{"model", model},
              {"software", software},
              {"context", context},
              {"prompt_log_probabilities", to_string(scores)},
              {"next_token_log_probabilities", next_tokens}};
}

CompletionProbe probe_completions(CompletionClient& client, const std::string& model, std::span<const TokenId> prompt,
                                  std::pair<TokenId, TokenId> ends, bool scores_wanted) {
  return Prober(client, model, prompt, ends).run(scores_wanted);
}

}  // namespace ballot
