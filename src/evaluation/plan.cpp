#include "evaluation/plan.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "data/ids.h"
#include "evaluation/encoded_questions.h"
#include "evaluation/log_likelihood.h"
#include "evaluation/questions.h"
#include "evaluation/task_file.h"
#include "models/model.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "training/batches.h"
#include "training/examples.h"
#include "training/throughput.h"

namespace ballot {
namespace {

constexpr std::int64_t kScoringTokens = 2048, kQuestionTokens = 4096;  // of a batch, where the options leave it open

/// A batch of questions as ChoiceScorer computes it: every text that the model reads once behind the `kept` tokens that
/// were computed before, and the positions whose vocabulary distribution is read.
void add_questions(std::span<const EncodedQuestion> questions, std::int64_t max_length, const Forest& kept,
                   const FlopsShape& shape, ComputePlan& plan) {
  std::vector<std::vector<std::int32_t>> sequences;
  std::vector<std::size_t> tokens_read;  // of each sequence, at its end
  for (const EncodedQuestion& question : questions) {
    std::map<std::vector<TokenId>, std::size_t> known;
    for (std::size_t c = 0; c < question.continuations.size(); ++c) {
      std::vector<TokenId> input = model_input(question, c, max_length);
      plan.num_tokens += static_cast<std::int64_t>(input.size());
      const auto [found, fresh] = known.emplace(std::move(input), sequences.size());
      if (fresh) sequences.push_back(found->first), tokens_read.push_back(0);
      tokens_read[found->second] = std::max(tokens_read[found->second], question.continuations[c].size());
    }
  }
  const SharedForest shared = share_prefixes(sequences);
  std::set<std::int64_t> positions;
  for (std::size_t s = 0; s < sequences.size(); ++s)
    positions.insert(shared.tokens[s].end() - static_cast<std::ptrdiff_t>(tokens_read[s]), shared.tokens[s].end());
  const bool behind = kept.size() > 0 && std::any_of(questions.begin(), questions.end(), [&](const auto& question) {
                        return !is_truncated(question, max_length);
                      });
  plan.forest_tokens += shared.forest.size() - (behind ? kept.size() : 0);
  plan.microbatch_tokens = std::max(plan.microbatch_tokens, shared.forest.size() - (behind ? kept.size() : 0));
  plan.flops += forward_flops(shape, shared.forest, static_cast<std::int64_t>(positions.size())) -
                (behind ? forward_flops(shape, kept, 0) : 0);
}

ComputePlan plan_task(const TaskFile& file, const EvalOptions& options, const PlannedModel& planned) {
  PythonRandom random(static_cast<std::uint32_t>(options.seed));
  TaskSettings settings;
  settings.num_fewshot = options.num_fewshot;
  settings.limit = options.limit;
  settings.multi_turn = options.multi_turn;
  settings.data = options.data;
  settings.fewshot_data = options.fewshot_data;
  settings.shuffle = {options.gpqa_shuffle == "lm_eval", &random};
  RejectLog rejects;
  const LoadedTask task =
      load_task(file, settings, options.chat_template ? &planned.tokenizer->chat_template() : nullptr, rejects);
  const std::vector<EncodedQuestion> questions =
      QuestionEncoder(*planned.tokenizer, options.bos).encode(task.questions);
  if (std::any_of(questions.begin(), questions.end(), [](const auto& q) { return q.continuations.empty(); }))
    throw wrong_usage("{} lets the model write: how much it will is not known beforehand", file.name());
  const std::int64_t max_length = options.max_length > 0 ? options.max_length : planned.model->shape().max_positions;
  ComputePlan plan;
  plan.examples = plan.prompts = static_cast<std::int64_t>(questions.size());
  plan.parameters = parameters_of(*planned.model);
  plan.dropped = rejects.counts();
  const FlopsShape shape = flops_shape(*planned.model);
  const std::int64_t tokens = options.tokens_per_batch > 0 ? options.tokens_per_batch : kQuestionTokens;
  const std::span<const EncodedQuestion> all = questions;
  Forest kept;  // computed once for all batches
  if (const std::int64_t beginning = common_beginning(all, max_length); beginning > 0) {
    const auto whole =
        std::find_if(all.begin(), all.end(), [&](const auto& q) { return !is_truncated(q, max_length); });
    kept.add_run(-1, std::span(whole->context).first(static_cast<std::size_t>(beginning)));
    plan.forest_tokens += kept.size();
    plan.flops += forward_flops(shape, kept, 0);
  }
  for (const QuestionRange& range : cut_questions(all, max_length, tokens, kept.size()))
    add_questions(all.subspan(range.begin, range.end - range.begin), max_length, kept, shape, plan);
  return plan;
}

}  // namespace

ComputePlan plan_scores(const std::string& model, bool after_sft, bool reward, const std::vector<RewardItem>& items,
                        const ScorerOptions& options) {
  const PlannedModel planned = planned_model(model, after_sft, reward);
  std::vector<Preference> pairs;
  for (const RewardItem& item : items)
    for (std::size_t k = 0; k < std::max(item.right.size(), item.wrong.size()); ++k) {
      Preference pair;
      pair.pair_id = std::to_string(pairs.size());
      pair.prompt = item.prompt;
      pair.prompt_id = item.prompt_id;
      pair.chosen = item.right[std::min(k, item.right.size() - 1)];
      pair.rejected = item.wrong[std::min(k, item.wrong.size() - 1)];
      pair.chosen_id = completion_id_of(pair.prompt_id, "", pair.chosen);
      pair.rejected_id = completion_id_of(pair.prompt_id, "", pair.rejected);
      pairs.push_back(std::move(pair));
    }
  ExampleOptions example_options;
  example_options.max_length = std::min(options.max_length, planned.model->shape().max_positions);
  example_options.on_control_tokens = "encode";
  example_options.split = "all";
  RejectLog rejects;
  const TrainingSet set = pair_examples(pairs, *planned.tokenizer, example_options, rejects);
  ComputePlan plan;
  plan.examples = static_cast<std::int64_t>(set.examples.size());
  plan.prompts = set.groups;
  plan.completions = set.completions();
  plan.parameters = parameters_of(*planned.model);
  plan.dropped = rejects.counts();
  for (const Example& example : set.examples) plan.num_tokens += set.sequence_tokens(example);
  MicrobatchBudget budget;
  budget.target = options.tokens_per_batch > 0 ? options.tokens_per_batch : kScoringTokens;
  add_scoring(set, flops_shape(*planned.model), budget, plan);
  if (!reward) {  // the reference reads the same texts
    plan.forest_tokens *= 2;
    plan.num_tokens *= 2;
    plan.flops *= 2;
  }
  return plan;
}

std::vector<TaskPlan> plan_tasks(const EvalOptions& options, bool after_sft) {
  const PlannedModel planned = planned_model(options.model, after_sft, /*reward=*/false);
  TaskIndex index;
  index.add_folder(leaderboard_folder());
  std::vector<TaskPlan> plans;
  for (const TaskFile& file : select_tasks(options.tasks, index).tasks) {
    TaskPlan task{file.name(), {}, ""};
    try {
      task.plan = plan_task(file, options, planned);
    } catch (const Error& error) {
      task.problem = error.message();
    }
    plans.push_back(std::move(task));
  }
  return plans;
}

}  // namespace ballot
