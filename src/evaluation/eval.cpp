#include "evaluation/eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
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
#include "evaluation/local_model.h"
#include "evaluation/python_text.h"
#include "evaluation/questions.h"
#include "evaluation/server_model.h"
#include "evaluation/task_list.h"
#include "evaluation/task_scores.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

void check_options(const EvalOptions& options) {
  if (options.tasks.empty())
    throw Error(ErrorKind::kUsage, "--tasks is missing",
                "name tasks, groups or YAML files; `ballot eval --tasks list` shows what there is");
  if (!options.responses.empty()) {
    if (!options.model.empty())
      throw Error(ErrorKind::kUsage, "--responses scores given answers, so there is nothing for --model to do",
                  "give one of the two");
    if (options.chat_template || options.multi_turn || options.bos != "auto")
      throw Error(ErrorKind::kUsage, "--responses scores given answers; how prompts are made has no part in it",
                  "leave out --chat-template, --multi-turn and --bos");
  } else if (options.model.empty()) {
    throw Error(ErrorKind::kUsage, "--model is missing",
                "name a model folder, GGUF file, deps:NAME, hub name or openai:URL#MODEL; or give answers with "
                "--responses FILE");
  }
  check_server_options(options);
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

class Evaluation {
 public:
  Evaluation(const EvalOptions& options, Progress& progress)
      : options_(options),
        progress_(progress),
        tokenizer_(load_tokenizer(tokenizer_of(options))),
        encoder_(tokenizer_, options.bos),
        rejects_(options.on_bad_row == "fail") {}

  std::string run() {
    const bool on_server = names_server(options_.model);
    if (!on_server) choose_compute(options_.device, options_.dtype);  // what is wrong there is told before all else
    TaskIndex index;
    index.add_folder(leaderboard_folder());
    const TaskSelection selection = select_tasks(options_.tasks, index);
    const ChatTemplate* chat = nullptr;
    if (options_.chat_template) chat = &tokenizer_.chat_template();
    std::vector<LoadedTask> tasks = load_tasks(selection, eval_settings(options_), options_, chat, rejects_);
    if (options_.show_prompt && options_.out.empty()) return prompts_only(tasks);
    const auto began = std::chrono::steady_clock::now();
    // A server that cannot do these tasks is refused before there is anything on disk.
    if (on_server) model_ = open_server_model(options_, tasks, tokenizer_, encoder_, progress_);
    const FolderLock lock(options_.out);
    Manifest manifest = eval_manifest(options_, selection, tasks);
    begin_folder(options_.out, manifest, options_.force);
    EvalJournal journal(fs::path(options_.out) / kJournalFile);
    if (!on_server) model_ = load_local_model(options_, tokenizer_, progress_);
    std::vector<ScoredTask> scored;
    for (LoadedTask& task : tasks)
      scored.push_back(is_generative(task.config) ? answer(task, journal) : score(task, journal));
    RunFacts facts = facts_of(journal, chat);
    facts.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    Json json =
        write_evaluation(options_, selection, scored, journal, facts, rejects_, manifest, model_->computed_tokens());
    if (!prompts_.empty()) json["prompts"] = prompts_;
    return json.dump();
  }

 private:
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
    GeneratedAnswers made = generate_answers(*model_, task, prompts, options_.seed, journal, progress_);
    drop_refused(task, made.refused, made.answers);
    ScoredTask scored = score_answers(task, std::move(made.answers), options_, rejects_);
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

  /// Questions that the model's server does not answer leave the task, with what belongs to each.
  template <class T>
  void drop_refused(LoadedTask& task, const std::map<std::size_t, std::string>& refused, std::vector<T>& results) {
    if (refused.empty()) return;
    std::vector<Question> questions;
    std::vector<T> kept;
    for (std::size_t q = 0; q < results.size(); ++q) {
      if (const auto found = refused.find(q); found != refused.end()) {
        rejects_.add({task.config.task, task.questions[q].doc_id + 1, "", "refused_by_server", found->second});
        continue;
      }
      questions.push_back(std::move(task.questions[q]));
      kept.push_back(std::move(results[q]));
    }
    if (kept.empty())
      throw Error(ErrorKind::kFailed, fmt::format("the task '{}': the server answers none of its {} rows: {}",
                                                  task.config.task, results.size(), refused.begin()->second));
    task.notes.push_back(fmt::format("{} rows got no answer from the server and are left out", refused.size()));
    task.questions = std::move(questions);
    results = std::move(kept);
  }

  ScoredTask score(LoadedTask& task, EvalJournal& journal) {
    const std::int64_t max_length = model_->max_length();
    const std::vector<EncodedQuestion> encoded = encode_task(task, encoder_, max_length, rejects_);
    note_beginning(task, encoded.front());
    ScoredTask scored;
    scored.task = &task;
    for (const EncodedQuestion& question : encoded) scored.truncated += is_truncated(question, max_length);
    progress_.start("eval " + task.config.task, static_cast<std::int64_t>(encoded.size()), "questions");
    const std::unique_ptr<ChoiceBatches> batches = model_->choices(encoded);
    const std::vector<QuestionRange> ranges = batches->cut();
    std::map<std::size_t, std::string> refused;
    for (std::size_t batch = 0; batch < ranges.size(); ++batch) {
      const QuestionRange range = ranges[batch];
      const auto* known = journal.find(task.config.task, batch);
      std::vector<std::vector<ChoiceScore>> scores;
      if (known && known->size() == range.end - range.begin) {
        scores = *known;
      } else {
        const std::size_t before = refused.size();
        scores = batches->score(range,
                                [&](std::size_t question, const std::string& why) { refused.emplace(question, why); });
        // A batch with a refused question is asked again by a run that goes on: it may be answered then.
        if (refused.size() == before) journal.add(task.config.task, batch, scores);
      }
      scored.scores.insert(scored.scores.end(), scores.begin(), scores.end());
      progress_.update(static_cast<std::int64_t>(range.end));
    }
    drop_refused(task, refused, scored.scores);
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
    model_->describe(facts);
    facts.max_length = model_->max_length();
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
  Tokenizer tokenizer_;
  QuestionEncoder encoder_;
  RejectLog rejects_;
  std::unique_ptr<EvaluatedModel> model_;
  Json prompts_ = Json::array();
  std::int64_t leading_bos_ = 0;
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
