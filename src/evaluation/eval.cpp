#include "evaluation/eval.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "compute/device.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/version.h"
#include "evaluation/encoded_questions.h"
#include "evaluation/eval_journal.h"
#include "evaluation/eval_run.h"
#include "evaluation/generation.h"
#include "evaluation/generative_scores.h"
#include "evaluation/given_answers.h"
#include "evaluation/harness_output.h"
#include "evaluation/log_likelihood.h"
#include "evaluation/python_text.h"
#include "evaluation/questions.h"
#include "evaluation/task_list.h"
#include "evaluation/task_scores.h"
#include "models/model.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kDefaultTokensPerBatch = 4096;

void check_options(const EvalOptions& options) {
  if (options.tasks.empty())
    throw Error(ErrorKind::kUsage, "--tasks is missing",
                "name tasks, groups or YAML files; `ballot eval --tasks list` shows what there is");
  if (options.model.starts_with("openai:"))
    throw Error(ErrorKind::kUsage, "evaluation through a server is not in this version",
                "give a model folder, GGUF file or hub name");
  if (!options.responses.empty()) {
    if (!options.model.empty())
      throw Error(ErrorKind::kUsage, "--responses scores given answers, so there is nothing for --model to do",
                  "give one of the two");
    if (options.chat_template || options.multi_turn || options.bos != "auto")
      throw Error(ErrorKind::kUsage, "--responses scores given answers; how prompts are made has no part in it",
                  "leave out --chat-template, --multi-turn and --bos");
  } else if (options.model.empty()) {
    throw Error(ErrorKind::kUsage, "--model is missing",
                "name a model folder, GGUF file, deps:NAME or hub name; or give answers with --responses FILE");
  }
  if (options.limit < 0) throw wrong_usage("--limit cannot be {}", options.limit);
  if (options.num_fewshot && *options.num_fewshot < 0)
    throw wrong_usage("--num-fewshot cannot be {}", *options.num_fewshot);
  if (options.bootstrap < 0) throw wrong_usage("--bootstrap cannot be {}", options.bootstrap);
  if (options.multi_turn && !options.chat_template)
    throw Error(ErrorKind::kUsage, "--multi-turn makes turns of a conversation, and --chat-template is not given",
                "give both, or neither");
}

/// Ids of a task's questions; those that cannot be scored leave both lists.
std::vector<EncodedQuestion> encode_task(LoadedTask& task, const QuestionEncoder& encoder, std::int64_t max_length,
                                         RejectLog& rejects) {
  std::vector<EncodedQuestion> encoded = encoder.encode(task.questions);
  std::vector<Question> questions;
  std::vector<EncodedQuestion> kept;
  for (std::size_t q = 0; q < encoded.size(); ++q) {
    std::string reason, message;
    if (encoded[q].context.empty()) reason = "empty_context", message = "the text before the answer has no tokens";
    for (const auto& continuation : encoded[q].continuations) {
      if (continuation.empty()) reason = "empty_continuation", message = "a choice adds no token to the text before it";
      if (static_cast<std::int64_t>(continuation.size()) > max_length)
        reason = "choice_too_long",
        message = fmt::format("a choice has {} tokens, and the model reads {}", continuation.size(), max_length);
    }
    if (reason.empty()) {
      questions.push_back(std::move(task.questions[q]));
      kept.push_back(std::move(encoded[q]));
    } else {
      rejects.add({task.config.task, task.questions[q].doc_id + 1, "", reason, message});
    }
  }
  if (kept.empty()) throw bad_input("the task '{}': no row can be scored ({})", task.config.task, rejects.summary());
  task.questions = std::move(questions);
  return kept;
}

Json prompt_json(const LoadedTask& task, const EncodedQuestion& encoded) {
  const Question& question = task.questions.front();
  return {{"task", task.config.task},
          {"doc_id", question.doc_id},
          {"context", question.context},
          {"continuations", question.continuations},
          {"target", python_str(question.target)},
          {"context_ids", encoded.context},
          {"continuation_ids", encoded.continuations}};
}

Json token_json(const Tokenizer& tokenizer, std::optional<TokenId> id) {
  if (!id) return nullptr;
  return Json::array({tokenizer.id_to_token(*id).value_or(""), std::to_string(*id)});
}

std::int64_t count_parameters(const Model& model) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : model.parameters()) count += tensor.numel();
  return count;
}

class Evaluation {
 public:
  Evaluation(const EvalOptions& options, Progress& progress)
      : options_(options),
        progress_(progress),
        compute_(choose_compute(options.device, options.dtype)),
        tokenizer_(load_tokenizer(options.model)),
        encoder_(tokenizer_, options.bos),
        rejects_(options.on_bad_row == "fail") {}

  std::string run() {
    TaskIndex index;
    index.add_folder(leaderboard_folder());
    const TaskSelection selection = select_tasks(options_.tasks, index);
    const ChatTemplate* chat = nullptr;
    if (options_.chat_template) chat = &tokenizer_.chat_template();
    std::vector<LoadedTask> tasks = load_tasks(selection, eval_settings(options_), options_, chat, rejects_);
    if (options_.show_prompt && options_.out.empty()) return prompts_only(tasks);
    const auto began = std::chrono::steady_clock::now();
    const FolderLock lock(options_.out);
    Manifest manifest = eval_manifest(options_, selection, tasks);
    begin_folder(options_.out, manifest, options_.force);
    EvalJournal journal(fs::path(options_.out) / kJournalFile);
    load();
    std::vector<ScoredTask> scored;
    for (LoadedTask& task : tasks)
      scored.push_back(is_generative(task.config) ? answer(task, journal) : score(task, journal));
    RunFacts facts = facts_of(journal, chat);
    facts.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    Json json = write_evaluation(options_, selection, scored, journal, facts, rejects_, manifest, computed_tokens_);
    if (!prompts_.empty()) json["prompts"] = prompts_;
    return json.dump();
  }

 private:
  void load() {
    progress_.say(fmt::format("loading {}", options_.model));
    LoadOptions load;
    load.requires_grad = false;
    model_ = load_model(options_.model, load);
    if (model_->score_weight().defined())
      throw Error(ErrorKind::kInput,
                  fmt::format("{} is a reward model ({}): it has no head that gives probabilities of tokens",
                              options_.model, model_->shape().architecture),
                  "give the model that it was trained from; reward models are for `ballot rewardbench`");
    model_->set_compute_type(compute_.type);
    max_length_ = options_.max_length > 0 ? options_.max_length : model_->shape().max_positions;
    if (options_.max_length > model_->shape().max_positions)
      progress_.say(fmt::format("--max-length {} is more than the model's {}", options_.max_length,
                                model_->shape().max_positions));
  }

  std::int64_t tokens_per_batch() const {
    return options_.tokens_per_batch > 0 ? options_.tokens_per_batch : kDefaultTokensPerBatch;
  }

  std::string prompts_only(std::vector<LoadedTask>& tasks) {
    Json prompts = Json::array();
    for (LoadedTask& task : tasks) {
      task.questions.resize(1);
      prompts.push_back(prompt_json(task, is_generative(task.config)
                                              ? EncodedQuestion{encoder_.encode_prompts(task.questions).front(), {}}
                                              : encoder_.encode(task.questions).front()));
    }
    return Json({{"prompts", prompts}}).dump();
  }

  /// A task that generates.
  ScoredTask answer(LoadedTask& task, EvalJournal& journal) {
    const std::vector<std::vector<TokenId>> prompts = encoder_.encode_prompts(task.questions);
    note_beginning(task, {prompts.front(), {}});
    progress_.start("eval " + task.config.task, static_cast<std::int64_t>(prompts.size()), "answers");
    const GeneratedAnswers made =
        generate_answers(*model_, tokenizer_, task, prompts, max_length_, options_.seed, journal, progress_);
    computed_tokens_ += made.computed_tokens;
    ScoredTask scored = score_answers(task, made.answers, options_, rejects_);
    scored.truncated = made.truncated;
    scored.cut_by_length = made.cut_by_length;
    const std::string& first = task.config.metrics.front().metric;
    progress_.finish(fmt::format("{} {:.3f}", first, mean_of(scored.values[first])));
    return scored;
  }

  /// For --show-prompt, and what is odd about the beginning of prompts.
  void note_beginning(LoadedTask& task, const EncodedQuestion& first) {
    if (options_.show_prompt) prompts_.push_back(prompt_json(task, first));
    leading_bos_ = std::max(leading_bos_, encoder_.leading_bos(first));
    if (encoder_.leading_bos(first) > 1)
      task.notes.push_back("prompts begin with more than one BOS: the text has one, and the tokenizer adds another");
  }

  ScoredTask score(LoadedTask& task, EvalJournal& journal) {
    const std::vector<EncodedQuestion> encoded = encode_task(task, encoder_, max_length_, rejects_);
    note_beginning(task, encoded.front());
    ScoredTask scored;
    scored.task = &task;
    for (const EncodedQuestion& question : encoded) scored.truncated += is_truncated(question, max_length_);
    progress_.start("eval " + task.config.task, static_cast<std::int64_t>(encoded.size()), "questions");
    const std::span<const EncodedQuestion> all = encoded;
    ChoiceScorer scorer(*model_, all, max_length_);
    const std::vector<QuestionRange> ranges = scorer.cut(tokens_per_batch());
    for (std::size_t batch = 0; batch < ranges.size(); ++batch) {
      const QuestionRange range = ranges[batch];
      const auto* known = journal.find(task.config.task, batch);
      std::vector<std::vector<ChoiceScore>> scores;
      if (known && known->size() == range.end - range.begin) {
        scores = *known;
      } else {
        check_interrupt("what is computed is kept: run the same command again to go on");
        scores = scorer.score(range);
        journal.add(task.config.task, batch, scores);
      }
      scored.scores.insert(scored.scores.end(), scores.begin(), scores.end());
      progress_.update(static_cast<std::int64_t>(range.end));
    }
    computed_tokens_ += scorer.computed_tokens();
    for (const MetricConfig& metric : task.config.metrics) {
      scored.values[metric.metric] = metric_values(task, scored.scores, metric.metric);
      scored.intervals[metric.metric] = clustered_score({values_of(scored, metric.metric)}, Normalisation::kOfTasks,
                                                        options_.bootstrap, static_cast<std::uint64_t>(options_.seed));
    }
    const bool letters = std::all_of(encoded.front().continuations.begin(), encoded.front().continuations.end(),
                                     [](const auto& continuation) { return continuation.size() == 1; });
    if (const double mass = choice_mass(scored.scores); letters && mass < 0.1)
      task.notes.push_back(fmt::format(
          "the model gives all choices together {:.1f}% of the probability: its prompt format may not be the task's",
          100 * mass));
    const std::string& first = task.config.metrics.front().metric;
    progress_.finish(fmt::format("{} {:.3f}", first, mean_of(scored.values[first])));
    return scored;
  }

  RunFacts facts_of(const EvalJournal& journal, const ChatTemplate* chat) const {
    RunFacts facts;
    facts.model_name = options_.model;
    facts.model_hash = model_hash(*model_);
    facts.dtype = compute_.type == ComputeType::kBFloat16 ? "bfloat16" : "float32";
    facts.parameters = count_parameters(*model_);
    facts.max_length = max_length_;
    facts.tokens_per_batch = tokens_per_batch();
    facts.leading_bos = leading_bos_;
    if (chat) facts.chat_template = chat->source();
    facts.bos_token = token_json(tokenizer_, tokenizer_.bos_id());
    facts.eos_token = token_json(tokenizer_, tokenizer_.eos_id());
    facts.pad_token = token_json(tokenizer_, tokenizer_.pad_id());
    facts.started = journal.started();
    return facts;
  }

  const EvalOptions& options_;
  Progress& progress_;
  ComputeChoice compute_;
  Tokenizer tokenizer_;
  QuestionEncoder encoder_;
  RejectLog rejects_;
  std::unique_ptr<Model> model_;
  Json prompts_ = Json::array();
  std::int64_t max_length_ = 0, leading_bos_ = 0, computed_tokens_ = 0;
};

/// --responses: no model, no prompts.
std::string score_given_answers(const EvalOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  RejectLog rejects(options.on_bad_row == "fail");
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  const TaskSelection selection = select_tasks(options.tasks, index);
  std::vector<LoadedTask> tasks = load_tasks(selection, eval_settings(options), options, nullptr, rejects);
  for (const LoadedTask& task : tasks)
    if (!is_generative(task.config))
      throw Error(ErrorKind::kUsage,
                  fmt::format("--responses: the task '{}' is multiple choice, which is scored by a model's "
                              "log-likelihoods and not by answers",
                              task.config.task),
                  "leave it out, or give --model");
  GivenAnswers given(options.responses, rejects);
  const FolderLock lock(options.out);
  const Manifest manifest = eval_manifest(options, selection, tasks);
  begin_folder(options.out, manifest, options.force);
  const EvalJournal journal(fs::path(options.out) / kJournalFile);
  std::vector<ScoredTask> scored;
  for (LoadedTask& task : tasks)
    scored.push_back(score_answers(task, given.take(task, tasks.size() == 1), options, rejects));
  given.reject_unused(rejects);
  RunFacts facts;
  facts.model_name = facts.responses = options.responses;
  facts.started = journal.started();
  facts.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return write_evaluation(options, selection, scored, journal, facts, rejects, manifest, 0).dump();
}

}  // namespace

std::string run_eval(const EvalOptions& options, Progress& progress) {
  if (std::find(options.tasks.begin(), options.tasks.end(), "list") != options.tasks.end()) {
    if (options.tasks.size() > 1) throw wrong_usage("--tasks list stands alone");
    return list_tasks(eval_settings(options));
  }
  check_options(options);
  if (options.out.empty() && !options.show_prompt)
    throw Error(ErrorKind::kUsage, "--out is missing", "name the folder to write: --out DIR");
  if (!options.responses.empty()) {
    if (options.out.empty()) throw wrong_usage("--show-prompt shows a model's prompts; --responses has no model");
    return score_given_answers(options);
  }
  return Evaluation(options, progress).run();
}

}  // namespace ballot
