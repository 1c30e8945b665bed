#include "training/objective.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/suggest.h"
#include "training/forward.h"
#include "training/losses.h"
#include "training/reference.h"

namespace ballot {
namespace {

at::Tensor index_tensor(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::kLong);
}
at::Tensor number_tensor(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}
/// A count of zero belongs to a total of zero.
double divisor(double count) {
  return count > 0 ? count : 1;
}

/// `margins`: whether the examples' margins count; otherwise they are 0.
Pairs pairs_of(const TrainingBatch& batch, bool with_margins) {
  std::vector<std::int64_t> chosen, rejected;
  std::vector<double> margins, targets, weights;
  for (std::size_t i = 0; i < batch.examples.size(); ++i) {
    chosen.push_back(batch.example_completions[i].at(0));
    rejected.push_back(batch.example_completions[i].at(1));
    margins.push_back(with_margins ? batch.examples[i]->margin : 0);
    targets.push_back(batch.examples[i]->target);
    weights.push_back(batch.examples[i]->weight);
  }
  return {index_tensor(chosen), index_tensor(rejected), number_tensor(margins), number_tensor(targets),
          number_tensor(weights)};
}

/// 0 where chosen and rejected are the same tokens (cut to one text, say), 1 elsewhere: neither is preferred then, and
/// their numbers, computed at two places of a batch, may differ in the last bits. [P]
at::Tensor distinct_P(const TrainingBatch& batch) {
  std::vector<double> distinct;
  for (const auto& completions : batch.example_completions)
    distinct.push_back(batch.completions[completions.at(0)]->content != batch.completions[completions.at(1)]->content);
  return number_tensor(distinct);
}

double weight_of(const TrainingSet& set, std::span<const std::int32_t> examples) {
  double sum = 0;
  for (const std::int32_t i : examples) sum += set.examples[i].weight;
  return sum;
}

/// Sum over [P] of the values, as a plain number.
double total(const at::Tensor& values) {
  return values.sum().item<double>();
}

class SftObjective : public Objective {
 public:
  std::vector<double> counts(const TrainingSet& set, std::span<const std::int32_t> examples) const override {
    double tokens = 0;
    for (const std::int32_t i : examples)
      tokens += static_cast<double>(
          set.prompts[set.examples[i].prompt].completions[set.examples[i].completions[0]].scored_tokens());
    return {tokens};
  }

  at::Tensor loss(const Model& model, const TrainingBatch& batch, std::span<const double> counts, bool untrained,
                  MetricSums& metrics) const override {
    at::Tensor correct_C;
    const at::Tensor logp_C = completion_log_probabilities(model, batch, &correct_C);
    // A completion that several rows hold counts once a row.
    std::vector<std::int64_t> slots;
    double tokens = 0;
    for (const auto& completions : batch.example_completions) {
      slots.push_back(completions.at(0));
      tokens += static_cast<double>(batch.tokens_C[completions[0]]);
    }
    const at::Tensor slot = index_tensor(slots);
    metrics.add("mean_token_accuracy", total(correct_C.index_select(0, slot)), tokens);
    const at::Tensor loss = -logp_C.index_select(0, slot).sum() / divisor(counts[0]);
    return loss;
  }

  std::vector<std::string> metric_names() const override { return {"mean_token_accuracy"}; }
  std::string shown_metric() const override { return "mean_token_accuracy"; }
};

class DpoObjective : public Objective {
 public:
  DpoObjective(const TrainingOptions& o, const ReferenceTable* reference)
      : names_(o.loss),
        weights_(o.loss_weights),
        reference_(reference),
        with_margins_(o.margin == "column"),
        own_reference_(o.reference.empty()),
        options_{.beta = o.beta,
                 .label_smoothing = o.label_smoothing,
                 .gamma = o.loss_gamma,
                 .lambda = o.loss_lambda,
                 .alpha = o.margin_weight} {
    check_policy_losses(names_, weights_, options_, o.margin == "column");
    if (weights_.empty()) weights_.assign(names_.size(), 1.0);
    if (!reference_ && !is_reference_free(names_)) throw failed("the loss needs a reference and none was given");
  }

  std::vector<double> counts(const TrainingSet& set, std::span<const std::int32_t> examples) const override {
    std::vector<double> counts;
    for (const std::string& name : names_) {
      double count = 0;
      if (name == "sft") {
        for (const std::int32_t i : examples)
          count += static_cast<double>(
              set.prompts[set.examples[i].prompt].completions[set.examples[i].completions[0]].scored_tokens());
      } else {
        count = weight_of(set, examples);
      }
      counts.push_back(count);
    }
    return counts;
  }

  at::Tensor loss(const Model& model, const TrainingBatch& batch, std::span<const double> counts, bool untrained,
                  MetricSums& metrics) const override {
    const Pairs pairs = pairs_of(batch, with_margins_);
    PolicyScores scores;
    scores.logp_C = completion_log_probabilities(model, batch);
    std::vector<double> reference, tokens;
    for (std::size_t c = 0; c < batch.completions.size(); ++c) {
      reference.push_back(reference_ ? reference_->at(*batch.completions[c]) : 0);
      tokens.push_back(static_cast<double>(batch.tokens_C[c]));
    }
    // While the policy is its own reference, every log-ratio is 0 exactly. The table holds the same numbers computed in
    // batches of another composition, whose last bits differ; they would decide the accuracy of the first step by
    // chance.
    scores.reference_C = untrained && own_reference_ ? scores.logp_C.detach() : number_tensor(reference);
    scores.tokens_C = number_tensor(tokens);
    at::Tensor loss = at::zeros({}, at::kDouble);
    for (std::size_t i = 0; i < names_.size(); ++i)
      loss = loss + weights_[i] * policy_loss(names_[i], scores, pairs, options_).total / divisor(counts[i]);

    const at::Tensor logp = scores.logp_C.detach();
    const at::Tensor logp_w = logp.index_select(0, pairs.chosen_P), logp_l = logp.index_select(0, pairs.rejected_P);
    const at::Tensor reward_w = options_.beta * (logp_w - scores.reference_C.index_select(0, pairs.chosen_P));
    const at::Tensor reward_l = options_.beta * (logp_l - scores.reference_C.index_select(0, pairs.rejected_P));
    const double count = static_cast<double>(pairs.size());
    metrics.add("rewards/chosen", total(reward_w), count);
    metrics.add("rewards/rejected", total(reward_l), count);
    metrics.add("rewards/accuracies", total((reward_w > reward_l).to(at::kDouble) * distinct_P(batch)), count);
    metrics.add("rewards/margins", total(reward_w - reward_l), count);
    metrics.add("logps/chosen", total(logp_w), count);
    metrics.add("logps/rejected", total(logp_l), count);
    return loss;
  }

  std::vector<std::string> metric_names() const override {
    return {"rewards/chosen",  "rewards/rejected", "rewards/accuracies",
            "rewards/margins", "logps/chosen",     "logps/rejected"};
  }
  std::string shown_metric() const override { return "rewards/accuracies"; }

 private:
  std::vector<std::string> names_;
  std::vector<double> weights_;
  const ReferenceTable* reference_;
  bool with_margins_;   ///< --margin column
  bool own_reference_;  ///< the reference is the model at the start
  PolicyLossOptions options_;
};

class RewardObjective : public Objective {
 public:
  explicit RewardObjective(const TrainingOptions& o) : with_margins_(o.margin == "column"), centre_(o.center_rewards) {
    if (o.loss.size() != 1) throw wrong_usage("--loss names {} losses; a reward model has one", o.loss.size());
    name_ = o.loss[0];
    const std::vector<std::string> known = loss_names("reward");
    if (std::find(known.begin(), known.end(), name_) == known.end())
      throw wrong_usage("unknown loss '{}'{}", name_, did_you_mean(name_, known));
    const bool margin = o.margin == "column";
    if (name_ == "scaled" && !margin)
      throw wrong_usage("--loss scaled weighs pairs by their margin: add --margin column");
    if (margin && name_ != "scaled" && name_ != "bradley_terry")
      throw wrong_usage("--margin column would be ignored by --loss {}", name_);
    if (centre_ != 0 && !over_pairs()) throw wrong_usage("--center-rewards is for losses over pairs, not {}", name_);
    if (centre_ < 0) throw wrong_usage("--center-rewards is {}; it must be 0 or more", centre_);
  }

  std::vector<double> counts(const TrainingSet& set, std::span<const std::int32_t> examples) const override {
    if (over_pairs()) return {weight_of(set, examples)};
    return {static_cast<double>(examples.size())};  // rankings, or rated completions
  }

  at::Tensor loss(const Model& model, const TrainingBatch& batch, std::span<const double> counts, bool untrained,
                  MetricSums& metrics) const override {
    const at::Tensor scores_C = completion_rewards(model, batch);
    at::Tensor loss;
    if (over_pairs()) {
      const Pairs pairs = pairs_of(batch, with_margins_);
      loss = reward_loss(name_, scores_C, pairs).total / divisor(counts[0]);
      if (centre_ > 0) loss = loss + centre_ * centring(scores_C, pairs).total / divisor(counts[0]);
      show(scores_C.detach(), pairs.chosen_P, pairs.rejected_P, metrics, distinct_P(batch));
    } else if (name_ == "plackett_luce") {
      std::vector<RankedGroups> rankings;
      std::vector<std::int64_t> better, worse;  // every pair that a ranking orders, for the metrics
      for (std::size_t i = 0; i < batch.examples.size(); ++i) {
        rankings.emplace_back();
        for (const auto& group : batch.examples[i]->ranking) {
          rankings.back().emplace_back();
          for (const std::int32_t place : group)
            rankings.back().back().push_back(batch.example_completions[i].at(place));
        }
        const RankedGroups& ranking = rankings.back();
        for (std::size_t g = 0; g < ranking.size(); ++g)
          for (std::size_t h = g + 1; h < ranking.size(); ++h)
            for (const std::int64_t a : ranking[g])
              for (const std::int64_t b : ranking[h]) {
                better.push_back(a);
                worse.push_back(b);
              }
      }
      loss = plackett_luce(scores_C, rankings).total / divisor(counts[0]);
      show(scores_C.detach(), index_tensor(better), index_tensor(worse), metrics);
    } else {
      std::vector<std::int64_t> rated;
      std::vector<double> ratings;
      for (std::size_t i = 0; i < batch.examples.size(); ++i) {
        rated.push_back(batch.example_completions[i].at(0));
        ratings.push_back(batch.examples[i]->ratings.at(0));
      }
      loss = regression(scores_C, rated, ratings).total / divisor(counts[0]);
      // The pairs that the ratings of one prompt order.
      std::vector<std::int64_t> better, worse;
      for (std::size_t i = 0; i < rated.size(); ++i)
        for (std::size_t j = 0; j < rated.size(); ++j)
          if (batch.examples[i]->prompt == batch.examples[j]->prompt && ratings[i] > ratings[j]) {
            better.push_back(rated[i]);
            worse.push_back(rated[j]);
          }
      show(scores_C.detach(), index_tensor(better), index_tensor(worse), metrics);
    }
    return loss;
  }

  std::vector<std::string> metric_names() const override {
    return {"accuracy", "margin", "min_reward", "mean_reward", "max_reward"};
  }
  std::string shown_metric() const override { return "accuracy"; }

 private:
  bool over_pairs() const { return name_ != "plackett_luce" && name_ != "regression"; }

  static void show(const at::Tensor& scores_C, const at::Tensor& better_P, const at::Tensor& worse_P,
                   MetricSums& metrics, const at::Tensor& distinct = {}) {
    const at::Tensor w = scores_C.index_select(0, better_P), l = scores_C.index_select(0, worse_P);
    const double count = static_cast<double>(better_P.size(0));
    const at::Tensor right = (w > l).to(at::kDouble);
    metrics.add("accuracy", total(distinct.defined() ? right * distinct : right), count);
    metrics.add("margin", total(w - l), count);
    metrics.add("mean_reward", total(w) + total(l), 2 * count);
    if (count == 0) return;
    metrics.minimum("min_reward", std::min(w.min().item<double>(), l.min().item<double>()));
    metrics.maximum("max_reward", std::max(w.max().item<double>(), l.max().item<double>()));
  }

  std::string name_;
  bool with_margins_;
  double centre_;
};

}  // namespace

std::unique_ptr<Objective> make_objective(const TrainingOptions& options, const ReferenceTable* reference) {
  if (options.objective == "sft") return std::make_unique<SftObjective>();
  if (options.objective == "dpo") return std::make_unique<DpoObjective>(options, reference);
  if (options.objective == "reward") return std::make_unique<RewardObjective>(options);
  throw wrong_usage("unknown objective '{}'{}", options.objective,
                    did_you_mean(options.objective, std::vector<std::string>{"sft", "dpo", "reward"}));
}

}  // namespace ballot
