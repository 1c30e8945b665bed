#include "evaluation/scorer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "compute/device.h"
#include "compute/vocabulary_loss.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "training/batches.h"
#include "training/forward.h"

namespace ballot {
namespace {

constexpr std::int64_t kDefaultTokensPerBatch = 2048;

/// Runs every completion of the set through `model` once, in batches of whole prompts; `score` gives a batch its scores
/// [C].
void each_batch(const Model& model, const TrainingSet& set, std::int64_t tokens_per_batch,
                const std::function<at::Tensor(const TrainingBatch&)>& score, std::vector<std::vector<double>>& out,
                const std::function<void(std::int64_t)>& done) {
  const at::NoGradGuard no_gradients;
  out.clear();
  // Where a completion stands: its prompt and its place there.
  std::vector<std::pair<std::size_t, std::size_t>> place;
  std::map<const TokenCompletion*, std::size_t> index;
  for (std::size_t p = 0; p < set.prompts.size(); ++p) {
    out.emplace_back(set.prompts[p].completions.size(), 0.0);
    for (std::size_t c = 0; c < set.prompts[p].completions.size(); ++c) {
      index[&set.prompts[p].completions[c]] = place.size();
      place.emplace_back(p, c);
    }
  }
  std::vector<std::int32_t> all(set.examples.size());
  std::iota(all.begin(), all.end(), 0);
  MicrobatchBudget budget;
  budget.target = tokens_per_batch > 0 ? tokens_per_batch : kDefaultTokensPerBatch;
  std::int64_t finished = 0;
  for (const std::vector<std::int32_t>& cut : cut_step(set, all, budget, true)) {
    check_interrupt("run the same command again");
    const TrainingBatch batch = make_batch(set, cut, true);
    const at::Tensor scores_C = score(batch).to(at::kDouble).contiguous();
    const double* values = scores_C.data_ptr<double>();
    for (std::size_t c = 0; c < batch.completions.size(); ++c) {
      const auto [prompt, completion] = place[index.at(batch.completions[c])];
      out[prompt][completion] = values[c];
    }
    done(finished += static_cast<std::int64_t>(cut.size()));
  }
}

}  // namespace

void check_scorer_options(const ScorerOptions& options) {
  if (options.model.empty() == options.policy.empty())
    throw Error(ErrorKind::kUsage, "who gives the scores?",
                "--model REWARD_MODEL, or --policy POLICY --reference REFERENCE");
  const bool policy = !options.policy.empty();
  if (policy && options.reference.empty() && options.ref_free_type.empty())
    throw Error(ErrorKind::kUsage, "--policy scores by log-probability against a reference, and --reference is missing",
                "name the model that the policy was trained from, or say how to do without: --ref-free-type avg");
  if (!options.reference.empty() && !options.ref_free_type.empty())
    throw Error(ErrorKind::kUsage, "--ref-free-type scores without a reference, and --reference names one",
                "give one of the two");
  if (!policy && !options.ref_free_type.empty())
    throw Error(ErrorKind::kUsage, "--ref-free-type is about a --policy", "a reward model needs no reference");
  if (!policy && options.scored_tokens != "completion")
    throw Error(ErrorKind::kUsage, "--scored-tokens is about a --policy",
                "a reward model reads its score at the last token");
  if (policy && options.force_truncation)
    throw Error(ErrorKind::kUsage, "--force-truncation is about a reward model",
                "rewardbench cuts for a policy by another rule: --scored-tokens rewardbench");
}

std::vector<std::vector<double>> completion_log_probabilities(const Model& model, const TrainingSet& set,
                                                              std::int64_t tokens_per_batch,
                                                              const std::function<void(std::int64_t)>& done) {
  std::vector<std::vector<double>> out;
  each_batch(
      model, set, tokens_per_batch,
      [&](const TrainingBatch& batch) { return completion_log_probabilities(model, batch); }, out, done);
  return out;
}

std::vector<std::vector<double>> reference_free_scores(const Model& model, const TrainingSet& set,
                                                       const std::string& type, std::int64_t tokens_per_batch,
                                                       const std::function<void(std::int64_t)>& done) {
  std::vector<std::vector<double>> out;
  const auto indices = [](const std::vector<std::int64_t>& values) { return at::tensor(values, at::kLong); };
  each_batch(
      model, set, tokens_per_batch,
      [&](const TrainingBatch& batch) {
        const at::Tensor hidden_Nh = model.hidden_states(batch.forest).index_select(0, indices(batch.scored_N));
        const at::Tensor logp_N =
            token_log_probabilities(hidden_Nh, model.head_weight(), indices(batch.targets_N)).to(at::kDouble);
        const at::Tensor zeros_C = at::zeros({static_cast<std::int64_t>(batch.completions.size())}, at::kDouble);
        const at::Tensor completion_N = indices(batch.completion_N);
        if (type == "norm") return zeros_C.index_add(0, completion_N, logp_N.square()).sqrt().neg();
        const at::Tensor sum_C = zeros_C.index_add(0, completion_N, logp_N);
        return type == "sum" ? sum_C : sum_C / indices(batch.tokens_C).to(at::kDouble);
      },
      out, done);
  return out;
}

std::vector<std::vector<double>> completion_rewards(const Model& model, const TrainingSet& set,
                                                    std::int64_t tokens_per_batch,
                                                    const std::function<void(std::int64_t)>& done) {
  std::vector<std::vector<double>> out;
  each_batch(
      model, set, tokens_per_batch, [&](const TrainingBatch& batch) { return completion_rewards(model, batch); }, out,
      done);
  return out;
}

Scorer::Scorer(const ScorerOptions& options, Progress& progress)
    : options_(options), tokenizer_([&] {
        check_scorer_options(options);
        progress.say(fmt::format("loading {}", options.model.empty() ? options.policy : options.model));
        return load_tokenizer(options.model.empty() ? options.policy : options.model);
      }()) {
  const ComputeChoice compute = choose_compute(options.device, options.dtype);
  LoadOptions load;
  load.requires_grad = false;
  model_ = load_model(options.model.empty() ? options.policy : options.model, load);
  model_->set_compute_type(compute.type);
  max_length_ = std::min(options.max_length, model_->shape().max_positions);
  if (!options.model.empty() && !model_->score_weight().defined())
    throw Error(
        ErrorKind::kInput,
        fmt::format("{} is no reward model: it has no score layer ({})", options.model, model_->shape().architecture),
        "train one with `ballot reward`, or score by --policy and --reference");
  if (!options.reference.empty()) {
    progress.say(fmt::format("loading {}", options.reference));
    reference_ = load_model(options.reference, load);
    reference_->set_compute_type(compute.type);
    max_length_ = std::min(max_length_, reference_->shape().max_positions);
    if (load_tokenizer(options.reference).fingerprint() != tokenizer_.fingerprint())
      throw Error(
          ErrorKind::kInput,
          fmt::format("{} and {} have different tokenizers or chat templates", options.policy, options.reference),
          "a policy is compared with the model that it was trained from");
  }
  if (!options.chat_template.empty()) tokenizer_.set_chat_template(read_file(options.chat_template));
  if (!tokenizer_.has_chat_template())
    throw Error(ErrorKind::kInput,
                fmt::format("{} has no chat template, and none is guessed: another template is another score",
                            options.model.empty() ? options.policy : options.model),
                "put the one it was trained with beside it as chat_template.jinja, or name it: --chat-template FILE");
  if (max_length_ < options.max_length)
    progress.say(
        fmt::format("the model has {} positions; what is longer is cut or rejected, and counted", max_length_));
}

Scorer::~Scorer() = default;

std::vector<std::vector<double>> Scorer::scores(const TrainingSet& set, Progress& progress) const {
  const auto total = static_cast<std::int64_t>(set.examples.size());
  const auto run = [&](const Model& model, const char* what, bool rewards) {
    progress.start(what, total, "pairs");
    const auto done = [&](std::int64_t n) { progress.update(n); };
    auto out = rewards ? completion_rewards(model, set, options_.tokens_per_batch, done)
               : options_.ref_free_type.empty()
                   ? completion_log_probabilities(model, set, options_.tokens_per_batch, done)
                   : reference_free_scores(model, set, options_.ref_free_type, options_.tokens_per_batch, done);
    progress.finish();
    return out;
  };
  if (!reference_) return run(*model_, "score", !options_.model.empty());
  auto out = run(*model_, "score (policy)", false);
  const auto reference = run(*reference_, "score (reference)", false);
  for (std::size_t p = 0; p < out.size(); ++p)
    for (std::size_t c = 0; c < out[p].size(); ++c) out[p][c] -= reference[p][c];
  return out;
}

Json Scorer::description() const {
  Json json;
  if (!options_.model.empty()) {
    json["model"] = options_.model;
    json["model_hash"] = model_hash(*model_);
    json["truncation"] = options_.force_truncation ? "left" : "reject";
  } else {
    json["policy"] = options_.policy;
    json["policy_hash"] = model_hash(*model_);
    json["scored_tokens"] = options_.scored_tokens;
  }
  if (reference_) {
    json["reference"] = options_.reference;
    json["reference_hash"] = model_hash(*reference_);
  } else if (!options_.policy.empty()) {
    json["ref_free_type"] = options_.ref_free_type;
  }
  json["chat_template_sha256"] = sha256_hex(tokenizer_.chat_template().source());
  json["max_length"] = max_length_;
  return json;
}

std::string Scorer::first_sample(const TrainingSet& set) const {
  if (set.examples.empty()) return {};
  const TokenPrompt& prompt = set.prompts[static_cast<std::size_t>(set.examples.front().prompt)];
  std::vector<TokenId> ids = prompt.ids;
  const TokenCompletion& chosen =
      prompt.completions[static_cast<std::size_t>(set.examples.front().completions.front())];
  ids.insert(ids.end(), chosen.ids.begin(), chosen.ids.end());
  return tokenizer_.decode(ids);
}

}  // namespace ballot
