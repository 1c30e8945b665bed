#include "training/plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "text/chat_template.h"
#include "training/batches.h"
#include "training/loop.h"
#include "training/losses.h"
#include "training/memory.h"
#include "training/read_examples.h"
#include "training/throughput.h"

namespace ballot {
namespace {

constexpr std::int64_t kRowMultiple = 64;  // of an embedding that grows (models/vocabulary.h)

/// The tokens of every completion of the set once; the examples are the completions.
TrainingSet each_once(const TrainingSet& set) {
  TrainingSet once;
  once.prompts = set.prompts;
  for (std::size_t p = 0; p < set.prompts.size(); ++p)
    for (std::size_t c = 0; c < set.prompts[p].completions.size(); ++c) {
      Example example;
      example.prompt = example.group = static_cast<std::int32_t>(p);
      example.completions = {static_cast<std::int32_t>(c)};
      once.examples.push_back(std::move(example));
    }
  once.groups = static_cast<std::int64_t>(set.prompts.size());
  return once;
}

std::vector<std::int32_t> all_examples(const TrainingSet& set) {
  std::vector<std::int32_t> all(set.examples.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

std::int64_t parameters_of(const Model& model) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : model.parameters()) count += tensor.numel();
  return count;
}

PlannedModel planned_model(const std::string& name, bool after_sft, bool reward) {
  PlannedModel planned{load_model(name, {.requires_grad = false, .values = false}),
                       std::make_unique<Tokenizer>(load_tokenizer(name))};
  Model& model = *planned.model;
  const auto shapes = at::TensorOptions().dtype(at::kFloat).device(at::kMeta);
  if (after_sft) {
    Tokenizer& tokenizer = *planned.tokenizer;
    std::vector<std::string> tokens = {"<|im_start|>", "<|im_end|>"};
    if (!tokenizer.pad_id()) tokens.push_back("<|pad|>");
    tokenizer.add_special_tokens(tokens);
    tokenizer.set_chat_template(std::string(kChatMlTemplate));
    const std::int64_t wanted = std::max(model.shape().vocabulary, tokenizer.size());
    const std::int64_t rows = (wanted + kRowMultiple - 1) / kRowMultiple * kRowMultiple;
    if (rows != model.shape().vocabulary) {
      const at::Tensor matrix = at::empty({rows, model.shape().hidden}, shapes);
      model.set_embeddings(matrix, model.shape().tied_head ? at::Tensor() : at::empty_like(matrix));
    }
  }
  if (reward && !model.score_weight().defined()) model.set_score_weight(at::empty({1, model.shape().hidden}, shapes));
  return planned;
}

void add_scoring(const TrainingSet& set, const FlopsShape& shape, const MicrobatchBudget& budget, ComputePlan& plan) {
  for (const auto& cut : cut_step(set, all_examples(set), budget, /*shared=*/true)) {
    const TrainingBatch batch = make_batch(set, cut, /*shared=*/true);
    plan.forest_tokens += batch.forest.size();
    plan.microbatch_tokens = std::max(plan.microbatch_tokens, batch.forest.size());
    plan.flops += forward_flops(shape, batch);
  }
}

ComputePlan plan_training(const TrainingOptions& options, bool after_sft) {
  const bool reward = options.objective == "reward";
  const PlannedModel planned =
      planned_model(options.model, after_sft || (options.objective == "sft" && options.add_chatml), reward);
  const FlopsShape shape = flops_shape(*planned.model);
  RejectLog rejects;
  const TrainingSet set = read_examples(options, *planned.tokenizer, rejects, silent_progress());
  ComputePlan plan;
  plan.examples = static_cast<std::int64_t>(set.examples.size());
  plan.prompts = set.groups;
  plan.completions = set.completions();
  plan.dropped = rejects.counts();
  plan.steps = total_steps(options, set);
  plan.parameters = parameters_of(*planned.model);

  const bool shared = options.layout == "forest";
  const MicrobatchBudget budget =
      choose_microbatches(*planned.model, set, options.tokens_per_microbatch, options.gradient_checkpointing);
  const std::int64_t steps_an_epoch = (plan.examples + options.batch_size - 1) / options.batch_size;
  bool several = false;
  std::vector<std::vector<std::int32_t>> epoch;
  for (std::int64_t step = 0; step < plan.steps; ++step) {
    if (step % steps_an_epoch == 0)
      epoch = plan_epoch(set, options.order, options.batch_size, static_cast<std::uint64_t>(options.seed),
                         step / steps_an_epoch);
    const std::vector<std::int32_t>& examples = epoch[static_cast<std::size_t>(step % steps_an_epoch)];
    const auto parts = cut_step(set, examples, budget, shared);
    several = several || parts.size() > 1;
    for (const auto& part : parts) {
      const TrainingBatch batch = make_batch(set, part, shared);
      plan.forest_tokens += batch.forest.size();
      plan.microbatch_tokens = std::max(plan.microbatch_tokens, batch.forest.size());
      plan.flops += 3 * forward_flops(shape, batch);
    }
    for (const std::int32_t example : examples)
      plan.num_tokens += set.sequence_tokens(set.examples[static_cast<std::size_t>(example)]);
  }
  plan.recomputed = plan.microbatch_tokens > budget.recompute_above;
  PeakMemory memory;
  memory.parameters = plan.parameters;
  memory.largest_microbatch = plan.microbatch_tokens;
  memory.several_microbatches = several;
  memory.moments_on_disk =
      keep_moments_on_disk(*planned.model, options.moments, options.out.empty() ? "." : options.out);
  plan.moments_on_disk = memory.moments_on_disk;
  plan.peak_bytes = predicted_peak_bytes(planned.model->shape(), memory, budget);
  if (options.objective == "dpo" && !is_reference_free(options.loss)) {
    ComputePlan reference;
    add_scoring(each_once(set), shape, budget, reference);
    plan.reference_tokens = reference.forest_tokens;
    plan.reference_flops = reference.flops;
  }
  return plan;
}

ComputePlan plan_conversations(const std::string& model, const std::vector<std::vector<Conversation>>& groups,
                               std::int64_t answer_tokens) {
  const PlannedModel planned = planned_model(model, /*after_sft=*/false, /*reward=*/false);
  const FlopsShape shape = flops_shape(*planned.model);
  if (!planned.tokenizer->has_chat_template())
    throw Error(ErrorKind::kInput,
                fmt::format("{} has no chat template, and a judge reads its ballots through one", model),
                "take an instruct model, or put chat_template.jinja into its folder");
  // As the judge in process renders them.
  Json variables = {{"enable_thinking", false}};
  if (planned.tokenizer->chat_template().depends_on_date()) variables["date_string"] = "26 Jul 2024";
  const auto ids_of = [&](const Conversation& conversation) {
    try {
      return planned.tokenizer->conversation_ids(conversation, /*add_generation_prompt=*/true, &variables);
    } catch (const Error&) {  // a template without a system turn: it stands at the top of the user's
      if (conversation.size() < 2 || conversation[0].role != "system") throw;
      Conversation merged(conversation.begin() + 1, conversation.end());
      merged[0].content = conversation[0].content + "\n\n" + merged[0].content;
      return planned.tokenizer->conversation_ids(merged, true, &variables);
    }
  };
  ComputePlan plan;
  plan.parameters = parameters_of(*planned.model);
  for (const std::vector<Conversation>& group : groups) {
    std::vector<std::vector<TokenId>> sequences;
    for (const Conversation& conversation : group) {
      sequences.push_back(ids_of(conversation));
      plan.num_tokens += static_cast<std::int64_t>(sequences.back().size());
    }
    const SharedForest shared = share_prefixes(sequences);
    const auto ballots = static_cast<std::int64_t>(group.size());
    plan.examples += ballots;
    ++plan.prompts;
    plan.forest_tokens += shared.forest.size() + ballots * answer_tokens;
    plan.flops += forward_flops(shape, shared.forest, ballots);
    // Each token of an answer sees its whole ballot.
    for (const auto& sequence : sequences) {
      double entries = 0;
      for (const std::int64_t window : shape.windows) {
        const auto seen = static_cast<double>(sequence.size());
        entries += window > 0 ? std::min(seen, static_cast<double>(window)) : seen;
      }
      plan.flops += static_cast<double>(answer_tokens) *
                    (2.0 * static_cast<double>(shape.matrices + shape.vocabulary * shape.hidden) +
                     4.0 * static_cast<double>(shape.heads_by_width) * entries);
    }
  }
  return plan;
}

}  // namespace ballot
