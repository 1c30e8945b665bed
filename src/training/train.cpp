#include "training/train.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "compute/communicator.h"
#include "compute/device.h"
#include "compute/tensor_memory.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/version.h"
#include "models/generate.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "models/vocabulary.h"
#include "training/examples.h"
#include "training/loop.h"
#include "training/losses.h"
#include "training/memory.h"
#include "training/metrics.h"
#include "training/objective.h"
#include "training/read_examples.h"
#include "training/reference.h"
#include "training/schedule.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

/// Raised when the same parameters and inputs come to mean another result.
constexpr std::int64_t kStageVersion = 1;

void check(const TrainingOptions& o) {
  if (o.model.empty())
    throw wrong_usage("--model is missing; name a model folder, a GGUF file, deps:NAME or a hub name");
  if (o.data.empty()) throw wrong_usage("--data is missing; name the rows to train on");
  if (o.out.empty()) throw wrong_usage("--out is missing; name the folder to make");
  if (!(o.learning_rate > 0)) throw wrong_usage("--learning-rate is {}; it must be above 0", o.learning_rate);
  if (o.batch_size < 1) throw wrong_usage("--batch-size is {}; it must be at least 1", o.batch_size);
  if (o.max_grad_norm < 0)
    throw wrong_usage("--max-grad-norm is {}; it must be 0 (no clipping) or more", o.max_grad_norm);
  if (o.weight_decay < 0) throw wrong_usage("--weight-decay is {}; it must be 0 or more", o.weight_decay);
  if (!(o.adam_beta1 >= 0 && o.adam_beta1 < 1))
    throw wrong_usage("--adam-beta1 is {}; it must lie in [0, 1)", o.adam_beta1);
  if (!(o.adam_beta2 >= 0 && o.adam_beta2 < 1))
    throw wrong_usage("--adam-beta2 is {}; it must lie in [0, 1)", o.adam_beta2);
  if (!(o.adam_epsilon > 0)) throw wrong_usage("--adam-epsilon is {}; it must be above 0", o.adam_epsilon);
  if (o.keep < 1) throw wrong_usage("--keep is {}; at least one checkpoint is kept", o.keep);
  if (o.save_every < 0)
    throw wrong_usage("--save-every is {}; it must be 0 (about every ten minutes) or more", o.save_every);
  if (o.epochs < 1) throw wrong_usage("--epochs is {}; it must be at least 1", o.epochs);
  if (o.max_steps && *o.max_steps < 1) throw wrong_usage("--max-steps is {}; it must be at least 1", *o.max_steps);
  if (o.max_length < 2)
    throw wrong_usage("--max-length is {}; a prompt and a completion need two tokens", o.max_length);
  learning_rate_factor(o.schedule, 0, 1, warmup_steps(o.warmup_ratio, 1));
  if (takes_annotations(o) && o.pool.empty())
    throw wrong_usage("--loss {} takes annotations, whose texts stand in the pool: add --pool pool.parquet", o.loss[0]);
  if (!o.pool.empty() && !takes_annotations(o))
    throw wrong_usage("--pool would be ignored: only --loss plackett_luce and regression take annotations");
}

Manifest manifest_of(const TrainingOptions& o, const std::string& dtype) {
  Manifest manifest;
  manifest.stage = o.objective;
  manifest.stage_version = kStageVersion;
  Json parameters = Json::parse(options_json(o, /*only_result=*/true));
  parameters["dtype"] = dtype;
  manifest.parameters = parameters.dump();
  manifest.seed = o.seed;
  manifest.started = utc_now();
  const auto add = [&](const char* role, const std::string& given, const fs::path& path) {
    ManifestInput input = describe_input(role, path);
    input.path = given;
    manifest.inputs.push_back(std::move(input));
  };
  add("model", o.model, find_model(o.model));
  for (const std::string& data : o.data) add("data", data, data);
  if (!o.pool.empty()) add("pool", o.pool, o.pool);
  if (!o.reference.empty()) add("reference", o.reference, find_model(o.reference));
  return manifest;
}

Json tokens_or_null(std::int64_t tokens) {
  return tokens == MicrobatchBudget::kNever ? Json(nullptr) : Json(tokens);
}

/// The cut into micro-batches is chosen once, when a training begins, and kept in plan.json, so that a run that goes on
/// later, with other memory free, still gives the same bits.
MicrobatchBudget recorded_budget(const TrainingOptions& o, const Model& model, const TrainingSet& set,
                                 std::int64_t steps, Progress& progress) {
  const fs::path path = fs::path(o.out) / "plan.json";
  if (fs::exists(path)) {
    try {
      const Json json = Json::parse(read_file(path));
      MicrobatchBudget budget{json.at("microbatch").at("target"), json.at("microbatch").at("limit")};
      if (json.at("gradient_checkpointing").get<bool>()) budget.recompute_above = 0;
      if (json.contains("recompute_above") && !json["recompute_above"].is_null())
        budget.recompute_above = json["recompute_above"];
      if (o.tokens_per_microbatch > 0 && o.tokens_per_microbatch != budget.target)
        progress.say(
            fmt::format("--tokens-per-microbatch {} is not used: the training began with {}, and goes on with it",
                        o.tokens_per_microbatch, budget.target));
      if (json.at("threads") != compute_threads())
        progress.say(fmt::format("the training began with {} threads and goes on with {}: the last bits may differ",
                                 json.at("threads").get<int>(), compute_threads()));
      return budget;
    } catch (const nlohmann::json::exception& error) {
      throw Error(ErrorKind::kInput, fmt::format("{} is damaged: {}", path.string(), error.what()),
                  "start over with --force");
    }
  }
  const MicrobatchBudget budget = choose_microbatches(model, set, o.tokens_per_microbatch, o.gradient_checkpointing);
  Json json;
  json["steps"] = steps;
  json["examples"] = set.examples.size();
  json["microbatch"] = {{"target", budget.target}, {"limit", budget.limit}};
  json["gradient_checkpointing"] = budget.recompute_above == 0;
  json["recompute_above"] = tokens_or_null(budget.recompute_above);
  json["threads"] = compute_threads();
  write_file(path, json.dump(2) + "\n");
  return budget;
}

/// The reference's table: from an earlier part of this run, else from the cache, else computed. What this run uses
/// stands in OUT/reference.parquet, so that going on reads the very same numbers whatever the cache holds by then.
ReferenceTable reference_table(const TrainingOptions& o, const Model& policy, const TrainingSet& set,
                               const MicrobatchBudget& budget, ComputeType type, std::int64_t& computed,
                               Progress& progress) {
  std::unique_ptr<Model> other;
  if (!o.reference.empty()) {
    progress.say(fmt::format("loading the reference {}", o.reference));
    other = load_model(o.reference, {.requires_grad = false});
    other->set_compute_type(type);
  }
  const Model& reference = other ? *other : policy;
  ReferenceTable table(model_hash(reference) + (type == ComputeType::kFloat32 ? "" : "-" + name_of(type)));
  const fs::path own = fs::path(o.out) / "reference.parquet";
  if (fs::exists(own)) table.read(own);
  if (!o.reference_cache.empty()) table.read_cache(o.reference_cache);
  const std::size_t found = table.size();
  computed = complete_reference(table, reference, set, budget, progress);
  if (!fs::exists(own) || computed > 0) table.write(own, set);
  if (!o.reference_cache.empty() && computed > 0)
    write_file(fs::path(o.reference_cache) /
                   fmt::format("{}-{}.parquet", table.model().substr(0, 16), sha256_file(own).substr(0, 16)),
               read_file(own));
  else if (found > 0 && computed == 0)
    progress.say("the reference's log-probabilities are there already");
  return table;
}

/// Of the ids of every prompt with each of its completions; not of their order, nor of the pairs they are in.
std::string tokens_hash(const TrainingSet& set) {
  std::set<std::string> contents;
  for (const TokenPrompt& prompt : set.prompts)
    for (const TokenCompletion& completion : prompt.completions) contents.insert(completion.content);
  Hasher hasher;
  for (const std::string& content : contents) hasher.field(content);
  return hasher.hex();
}

/// Of the prompts in the order in which the first epoch comes to them; not of the pairs of each.
std::string order_hash(const TrainingSet& set, const TrainingOptions& o) {
  Hasher hasher;
  std::int32_t last = -1;
  for (const auto& step : plan_epoch(set, o.order, o.batch_size, static_cast<std::uint64_t>(o.seed), 0))
    for (const std::int32_t example : step) {
      const std::int32_t prompt = set.examples[static_cast<std::size_t>(example)].prompt;
      if (prompt != last) hasher.field(set.prompts[static_cast<std::size_t>(prompt)].prompt_id);
      last = prompt;
    }
  return hasher.hex();
}

/// The share of the weights that are not what the training began with; rows and layers that it added do not count.
double changed_share(const std::string& name, const Model& model, const std::string& precision) {
  const at::NoGradGuard no_grad;
  const auto before = load_model(name, {.requires_grad = false});
  round_weights(before->parameters(), precision);
  std::map<std::string, at::Tensor> old;
  for (const auto& [parameter, tensor] : before->parameters()) old[parameter] = tensor;
  double changed = 0, all = 0;
  for (const auto& [parameter, tensor] : model.parameters()) {
    const auto found = old.find(parameter);
    if (found == old.end()) continue;
    const std::int64_t rows = std::min(tensor.size(0), found->second.size(0));
    const at::Tensor now = tensor.narrow(0, 0, rows).to(at::kFloat),
                     then = found->second.narrow(0, 0, rows).to(at::kFloat);
    changed += (now != then).sum().item<double>();
    all += static_cast<double>(now.numel());
  }
  return all > 0 ? changed / all : 0;
}

Json to_json(const std::map<std::string, double>& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  return json;
}

std::map<std::string, double> numbers_of(const Json& line) {
  std::map<std::string, double> numbers;
  for (const auto& [name, value] : line.items())
    if (value.is_number()) numbers[name] = value.get<double>();
  return numbers;
}

}  // namespace

TrainingResult train(const TrainingOptions& options, Progress& progress) {
  const auto begin = std::chrono::steady_clock::now();
  check(options);
  pool_tensor_memory();
  const struct Trim {
    ~Trim() { trim_tensor_memory(); }
  } trim_at_the_end;
  const ComputeChoice compute = choose_compute(options.device, options.dtype);
  make_objective(options,
                 options.objective == "dpo" ? std::make_unique<ReferenceTable>("").get() : nullptr);  // options first
  const fs::path out = options.out;
  progress.say(fmt::format("{}: reading model and data", options.objective));
  Manifest manifest = manifest_of(options, name_of(compute.type));
  manifest.key = make_key(manifest);
  const FolderLock lock(out);
  begin_folder(out, manifest, options.force);

  // Model and tokenizer, as the training sees them.
  const bool fp32_weights = options.precision == "fp32_master" || compute.type == ComputeType::kFloat32;
  const std::unique_ptr<Model> model =
      load_model(options.model, {.parameters = fp32_weights ? "fp32" : "bf16", .score = options.objective == "reward"});
  model->set_compute_type(compute.type);
  Tokenizer tokenizer = load_tokenizer(options.model);
  bool new_tokenizer = false;
  Json facts = Json::object();
  if (options.objective == "sft" && options.add_chatml) {
    const VocabularyChange change = add_chatml(*model, tokenizer, static_cast<std::uint64_t>(options.seed));
    new_tokenizer = true;
    facts["vocabulary"] = {
        {"added_tokens", change.added_tokens}, {"rows_before", change.rows_before}, {"rows", change.rows}};
    if (change.added_tokens)
      progress.say(fmt::format("added {} tokens; the vocabulary has {} rows (before: {})", change.added_tokens,
                               change.rows, change.rows_before));
  }
  if (options.objective == "reward") {
    if (!model->score_weight().defined()) {
      ModelShape shape = model->shape();
      if (options.head_init) shape.initializer_range = *options.head_init;
      model->set_score_weight(initial_score_weight(shape, static_cast<std::uint64_t>(options.seed)));
      facts["head"] = fmt::format("N(0, {}^2)", shape.initializer_range);
    } else {
      facts["head"] = "the model's own";
      if (options.head_init) progress.say("--head-init is not used: the model has a score layer, which is kept");
    }
    Json& config = model->config();
    if (tokenizer.pad_id() && (!config.contains("pad_token_id") || config["pad_token_id"].is_null()))
      config["pad_token_id"] = *tokenizer.pad_id();
  }

  RejectLog rejects(
      BadRowOptions{options.on_bad_row, options.rejects.empty() ? std::nullopt : std::optional(options.rejects)});
  TrainingSet set;
  const auto write_rejects = [&] {
    rejects.write(
        BadRowOptions{options.on_bad_row, options.rejects.empty() ? std::nullopt : std::optional(options.rejects)},
        out);
  };
  try {
    set = read_examples(options, tokenizer, rejects, progress);
  } catch (const Error&) {
    write_rejects();
    throw;
  }
  write_rejects();
  const std::int64_t steps = total_steps(options, set);
  progress.say(fmt::format("{} examples of {} prompts, {} completions; {} steps; {}",
                           human_count(static_cast<std::int64_t>(set.examples.size())), human_count(set.groups),
                           human_count(set.completions()), human_count(steps), rejects.summary()));

  const auto first_step =
      plan_epoch(set, options.order, options.batch_size, static_cast<std::uint64_t>(options.seed), 0).front();
  std::vector<std::string> findings =
      lint(set, first_step, tokenizer, end_ids(*model, tokenizer), options.objective == "reward");
  if (const auto found = rejects.warnings().find("prompt_not_a_prefix");
      found != rejects.warnings().end() && found->second * 10 > static_cast<std::int64_t>(set.examples.size()))
    findings.push_back(fmt::format(
        "prompt_changed: in {} of {} examples the chat template renders the prompt otherwise once the answer is there",
        found->second, set.examples.size()));
  for (const std::string& finding : findings) progress.say("first batch: " + finding);

  // What a proof compares between two trainings: the weights at the start, every token id, the order of the prompts.
  facts["start_hash"] = model_hash(*model);
  facts["tokens_sha256"] = tokens_hash(set);
  facts["order_sha256"] = order_hash(set, options);

  const MicrobatchBudget budget = recorded_budget(options, *model, set, steps, progress);
  std::optional<ReferenceTable> reference;
  std::int64_t reference_tokens = 0;
  if (options.objective == "dpo" && !is_reference_free(options.loss)) {
    reference = reference_table(options, *model, set, budget, compute.type, reference_tokens, progress);
    facts["reference"] = {{"model", reference->model()}};
    facts["reference_hash"] = reference->model();
  }
  const std::unique_ptr<Objective> objective = make_objective(options, reference ? &*reference : nullptr);
  const std::unique_ptr<Communicator> communicator = single_process();
  const bool on_disk = keep_moments_on_disk(*model, options.moments, out);
  const LoopResult loop =
      run_loop({options, *model, set, *objective, *communicator, out, manifest.key, budget, on_disk ? out : fs::path()},
               progress);

  trim_tensor_memory();  // of activations, gradients and moments

  // What others load.
  progress.say("writing the model");
  save_model(*model, out);
  if (new_tokenizer)
    tokenizer.save(out);
  else
    copy_tokenizer_files(options.model, out);

  TrainingResult result;
  result.out = options.out;
  result.steps = loop.steps;
  result.examples = static_cast<std::int64_t>(set.examples.size());
  result.prompts = set.groups;
  result.completions = set.completions();
  result.num_tokens = loop.num_tokens;
  result.forest_tokens = loop.forest_tokens;
  result.dropped = rejects.counts();
  const std::vector<Json> lines = read_metrics(out / "metrics.jsonl");
  if (!lines.empty()) {
    result.first = numbers_of(lines.front());
    result.last = numbers_of(lines.back());
  }
  result.changed_weights = changed_share(options.model, *model, options.precision);
  result.model_hash = model_hash(*model);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  Json json;
  json["out"] = result.out;
  json["steps"] = result.steps;
  json["examples"] = result.examples;
  json["prompts"] = result.prompts;
  json["completions"] = result.completions;
  json["num_tokens"] = result.num_tokens;
  json["forest_tokens"] = result.forest_tokens;
  json["reference_tokens"] = reference_tokens;
  json.update(rejects.to_json());
  json["lint"] = findings;
  json["first"] = to_json(result.first);
  json["last"] = to_json(result.last);
  json["changed_weights"] = result.changed_weights;
  json["model_hash"] = result.model_hash;
  json["seconds"] = result.seconds;
  result.json = json.dump();

  for (const auto& [name, value] : json.items())
    if (name != "out" && name != "seconds" && name != "reference_tokens") facts[name] = value;  // of this process only
  facts["order"] = options.order;
  facts["batch_cuts"] = {{"tokens", budget.target},
                         {"limit", budget.limit},
                         {"gradient_checkpointing", budget.recompute_above == 0},
                         {"recompute_above", tokens_or_null(budget.recompute_above)},
                         {"moments", on_disk ? "disk" : "memory"},
                         {"threads", compute_threads()}};
  manifest.facts = facts.dump();
  manifest.seconds = result.seconds;
  write_manifest(out, manifest);
  return result;
}

}  // namespace ballot
