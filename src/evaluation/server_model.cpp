#include "evaluation/server_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/log.h"
#include "evaluation/completion_client.h"
#include "evaluation/completion_probe.h"
#include "evaluation/completion_request.h"
#include "evaluation/generative_scores.h"
#include "evaluation/server_choices.h"
#include "models/model_files.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kConcurrency = 16;
constexpr std::int64_t kHarnessLength = 2048;  // where neither server nor model says how much it reads
/// What the look at a server sends: as ordinary as text can be.
constexpr const char* kProbeText =
    "The sun rises in the east and sets in the west. Water freezes at zero degrees. The capital of France is Paris, "
    "and the capital of Italy is";

/// config.json and generation_config.json of the tokenizer's folder or GGUF file; empty objects where they are missing.
struct OwnSettings {
  Json config = Json::object(), generation = Json::object();
};
OwnSettings own_settings(const std::string& name) {
  const ModelFiles files = find_model_files(name);
  OwnSettings own;
  if (files.gguf || fs::exists(files.folder / "config.json")) {
    own.config = model_config(files);
    own.generation = model_generation_config(files, own.config);
  } else if (fs::exists(files.folder / "generation_config.json")) {
    own.generation = read_json_object(files.folder / "generation_config.json");
  }
  return own;
}

class ServerModel : public EvaluatedModel {
 public:
  ServerModel(const EvalOptions& options, std::span<const LoadedTask> tasks, const Tokenizer& tokenizer,
              const QuestionEncoder& encoder, Progress& progress)
      : options_(options),
        tokenizer_(tokenizer),
        address_(server_address(options.model)),
        own_(own_settings(tokenizer_of(options))),
        client_({.base = address_.base,
                 .key = server_key(options),
                 .concurrency = options.concurrency > 0 ? options.concurrency : kConcurrency}) {
    const std::string& key = client_.server().key;
    if (!key.empty() && address_.base.starts_with("http://") && address_.base.find("://127.") == std::string::npos &&
        address_.base.find("://localhost") == std::string::npos)
      log_warning("the key of {} goes over the network unencrypted", address_.base);
    progress.say(fmt::format("asking {} what it can do", address_.base));
    const auto chooses =
        std::find_if(tasks.begin(), tasks.end(), [](const LoadedTask& task) { return !is_generative(task.config); });
    scoring_.model = address_.model;
    scoring_.by_next_token = options.server_scores == "next_token";
    scoring_.vocabulary = tokenizer.size();
    scoring_.probe = probe(encoder, chooses != tasks.end());
    if (chooses != tasks.end()) check_scores(chooses->config.task);
    find_max_length(progress);
  }

  std::int64_t max_length() const override { return scoring_.max_length; }

  std::unique_ptr<ChoiceBatches> choices(std::span<const EncodedQuestion> questions) override {
    return server_choices(client_, scoring_, questions);
  }

  double repetition_penalty() const override {
    const auto own = own_.generation.find("repetition_penalty");
    return own != own_.generation.end() && own->is_number() ? own->get<double>() : 1;
  }

  void answer(std::span<const std::vector<TokenId>> prompts, const SamplingOptions& rules,
              std::span<const std::uint64_t> seeds, const std::function<void(std::size_t, const JournalAnswer&)>& done,
              const Refused& refused) override {
    if (!scoring_.probe.own_fields && (rules.repetition_penalty != 1 || (rules.temperature > 0 && rules.top_k > 0)))
      throw Error(ErrorKind::kFailed,
                  fmt::format("the server at {} cannot be told of a repetition penalty or top_k, which this task or "
                              "model has",
                              address_.base),
                  "vLLM, SGLang and llama.cpp's server take them");
    const AnswerRequest request = request_of(rules);
    client_.ask(
        prompts.size(), [&](std::size_t i) { return answer_request(address_.model, prompts[i], request, seeds[i]); },
        [&](std::size_t i, const CompletionReply& reply) { done(i, read_answer(reply, prompts[i].size(), rules)); },
        [&](std::size_t i, const std::string& why) { refused(i, why); });
  }

  std::int64_t computed_tokens() const override { return scoring_.tokens; }

  void describe(RunFacts& facts) const override {
    facts.model_name = address_.model;
    Json server = {{"url", address_.base},
                   {"model", address_.model},
                   {"tokenizer", tokenizer_of(options_)},
                   {"server_scores", options_.server_scores},
                   {"concurrency", client_.server().concurrency},
                   {"max_length_from", length_from_},
                   {"requests", client_.requests()},
                   {"retries", client_.retries()}};
    server["answered_as"] = scoring_.probe.model;
    server["probe"] = *scoring_.probe.json();
    facts.server = server;
  }

 private:
  CompletionProbe probe(const QuestionEncoder& encoder, bool scores_wanted) {
    Question question;
    question.context = kProbeText;
    const std::vector<TokenId> prompt = encoder.encode_prompts(std::span(&question, 1)).front();
    const std::vector<TokenId> one = tokenizer_.encode(" Rome"), two = tokenizer_.encode(" not");
    if (prompt.size() < 2 || one.empty() || two.empty())
      throw bad_input("the tokenizer {} makes no tokens of plain text", tokenizer_of(options_));
    return probe_completions(client_, address_.model, prompt, {one.back(), two.back()}, scores_wanted);
  }

  /// Choices can be scored the way that is asked for.
  void check_scores(const std::string& task) const {
    const CompletionProbe& probe = scoring_.probe;
    if (scoring_.by_next_token) {
      if (probe.next_tokens == 0)
        throw Error(ErrorKind::kFailed,
                    fmt::format("the server at {} does not list the log-probabilities of next tokens by their ids, or "
                                "not the same ones twice, and '{}' is to be scored by them",
                                address_.base, task),
                    "leave out --server-scores next_token, or use a server that does (llama.cpp, vLLM)");
      return;
    }
    if (probe.scores != PromptScores::kNone) return;
    throw Error(
        ErrorKind::kFailed,
        fmt::format("'{}' is scored by the log-probabilities of the prompt's tokens, and those of the server at {} "
                    "cannot be used: {}",
                    task, address_.base, probe.problem),
        probe.next_tokens > 0
            ? "vLLM gives them; with this server --server-scores next_token reads choices token by token, as exactly; "
              "tasks that generate (leaderboard_ifeval, leaderboard_math_hard) need none"
            : "vLLM gives them; tasks that generate (leaderboard_ifeval, leaderboard_math_hard) need none");
  }

  void find_max_length(Progress& progress) {
    const std::int64_t context = scoring_.probe.context;
    std::int64_t& length = scoring_.max_length;
    if (options_.max_length > 0) {
      length = options_.max_length;
      length_from_ = "option";
      if (context > 0 && length > context - 2)
        progress.say(fmt::format("--max-length {} is more than the server's {} has room for", length, context));
    } else if (context > 0) {
      // A scored prompt is one token longer than what is read for it, and one more is generated behind it.
      length = std::max<std::int64_t>(1, context - 2);
      length_from_ = "server";
    } else {
      for (const char* key : {"n_positions", "max_position_embeddings", "n_ctx"})
        if (const auto found = own_.config.find(key);
            length == 0 && found != own_.config.end() && found->is_number_integer() && found->get<std::int64_t>() > 0) {
          length = *found;
          length_from_ = "config";
        }
      if (length == 0) {
        length = kHarnessLength;
        length_from_ = "harness";
      }
      progress.say(fmt::format("the server does not say how many tokens it reads: {} ({}); --max-length says otherwise",
                               length, length_from_ == "config" ? "the model's configuration" : "as the harness does"));
    }
  }

  AnswerRequest request_of(const SamplingOptions& rules) const {
    AnswerRequest request{.rules = rules, .ends = {}, .end_texts = {}, .own_fields = scoring_.probe.own_fields};
    const auto add = [&](std::int64_t id) {
      const auto known = static_cast<TokenId>(id);
      if (id >= 0 && id < tokenizer_.size() &&
          std::find(request.ends.begin(), request.ends.end(), known) == request.ends.end())
        request.ends.push_back(known);
    };
    if (const auto eos = tokenizer_.eos_id()) {
      add(*eos);
      request.end_texts.push_back(tokenizer_.decode(std::vector<TokenId>{*eos}));
    }
    if (const auto im_end = tokenizer_.token_to_id("<|im_end|>")) add(*im_end);
    if (const auto own = own_.generation.find("eos_token_id"); own != own_.generation.end())
      for (const Json& id : own->is_array() ? *own : Json::array({*own}))
        if (id.is_number_integer()) add(id.get<std::int64_t>());
    return request;
  }

  JournalAnswer read_answer(const CompletionReply& reply, std::size_t sent, const SamplingOptions& rules) {
    check_model(reply, scoring_);
    check_prompt_count(reply, sent);
    const std::string& end = reply.finish_reason;
    if (end != "length" && end != "stop" && end != "eos" && end != "eos_token" && end != "stop_sequence")
      throw CompletionProblem("finish_reason", "the answer ended by '" + end.substr(0, 40) + "'");
    JournalAnswer answer{reply.text, end == "length"};
    for (const std::string& stop : rules.stop) {
      const std::size_t at = stop.empty() ? std::string::npos : answer.text.find(stop);
      if (at != std::string::npos) answer = {answer.text.substr(0, at), false};
    }
    scoring_.tokens += static_cast<std::int64_t>(sent) + reply.completion_tokens.value_or(0);
    return answer;
  }

  const EvalOptions& options_;
  const Tokenizer& tokenizer_;
  ServerAddress address_;
  OwnSettings own_;
  CompletionClient client_;
  ServerScoring scoring_;
  std::string length_from_;
};

}  // namespace

std::unique_ptr<EvaluatedModel> open_server_model(const EvalOptions& options, std::span<const LoadedTask> tasks,
                                                  const Tokenizer& tokenizer, const QuestionEncoder& encoder,
                                                  Progress& progress) {
  return std::make_unique<ServerModel>(options, tasks, tokenizer, encoder, progress);
}

}  // namespace ballot
