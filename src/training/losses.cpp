#include "training/losses.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/suggest.h"
#include "training/options.h"

namespace ballot {
namespace {

using at::Tensor;

/// The pairs' view of the completions' scores. s = log-ratio of policy to reference, a = mean log-probability of a
/// token.
struct View {
  Tensor logp_w, logp_l, s_w, s_l, length_w, length_l, margin, target;
  Tensor delta() const { return s_w - s_l; }
  Tensor a_w() const { return logp_w / length_w; }
  Tensor a_l() const { return logp_l / length_l; }
};

Tensor minus_log_sigmoid(const Tensor& x) {
  return at::softplus(-x);
}

using PairLoss = Tensor (*)(const View&, const PolicyLossOptions&);

// Rafailov et al. 2023, eq. 7.
Tensor sigmoid(const View& v, const PolicyLossOptions& o) {
  return minus_log_sigmoid(o.beta * v.delta() - o.alpha * v.margin);
}
// Amini et al. 2024 (ODPO), eq. 4, with the offset as the data gives it.
Tensor odpo(const View& v, const PolicyLossOptions& o) {
  return sigmoid(v, o);
}
// Mitchell 2023: a label is flipped with probability epsilon.
Tensor cdpo(const View& v, const PolicyLossOptions& o) {
  const Tensor x = o.beta * v.delta();
  return (1 - o.label_smoothing) * minus_log_sigmoid(x) + o.label_smoothing * minus_log_sigmoid(-x);
}
// Chowdhury et al. 2024, eq. 8: unbiased under such flips; may be negative.
Tensor robust(const View& v, const PolicyLossOptions& o) {
  const Tensor x = o.beta * v.delta();
  return ((1 - o.label_smoothing) * minus_log_sigmoid(x) - o.label_smoothing * minus_log_sigmoid(-x)) /
         (1 - 2 * o.label_smoothing);
}
// cDPO with each pair's own probability that chosen is better: ties as soft labels.
Tensor soft(const View& v, const PolicyLossOptions& o) {
  const Tensor x = o.beta * v.delta();
  return v.target * minus_log_sigmoid(x) + (1 - v.target) * minus_log_sigmoid(-x);
}
// Zhao et al. 2023 (SLiC).
Tensor hinge(const View& v, const PolicyLossOptions& o) {
  return at::relu(1 - o.beta * v.delta());
}
// Azar et al. 2023, eq. 17, per token as its authors confirmed to TRL ...
Tensor ipo(const View& v, const PolicyLossOptions& o) {
  return (v.s_w / v.length_w - v.s_l / v.length_l - 1 / (2 * o.beta)).pow(2);
}
// ... and as the paper has it.
Tensor ipo_unnormalised(const View& v, const PolicyLossOptions& o) {
  return (v.delta() - 1 / (2 * o.beta)).pow(2);
}
// Lambert et al. 2024 (Tulu 3), eq. 6.
Tensor sigmoid_norm(const View& v, const PolicyLossOptions& o) {
  return minus_log_sigmoid(o.beta * (v.s_w / v.length_w - v.s_l / v.length_l));
}
// Ji et al. 2024, eq. 16.
Tensor exo_pair(const View& v, const PolicyLossOptions& o) {
  const Tensor x = o.beta * v.delta();
  return at::sigmoid(x) * (-minus_log_sigmoid(x) - std::log1p(-o.label_smoothing)) +
         at::sigmoid(-x) * (-minus_log_sigmoid(-x) - std::log(o.label_smoothing));
}
// D'Oosterlinck et al. 2024, eq. 7 and 8.
Tensor apo_zero(const View& v, const PolicyLossOptions& o) {
  return 1 - at::sigmoid(o.beta * v.s_w) + at::sigmoid(o.beta * v.s_l);
}
Tensor apo_down(const View& v, const PolicyLossOptions& o) {
  return at::sigmoid(o.beta * v.s_w) + 1 - at::sigmoid(o.beta * v.delta());
}
// Jung et al. 2024, without the running shift (as TRL 1.16).
Tensor bco_pair(const View& v, const PolicyLossOptions& o) {
  return minus_log_sigmoid(o.beta * v.s_w) + minus_log_sigmoid(-o.beta * v.s_l);
}
// Chen et al. 2024 (noise contrastive alignment).
Tensor nca_pair(const View& v, const PolicyLossOptions& o) {
  const Tensor w = o.beta * v.s_w, l = o.beta * v.s_l;
  return minus_log_sigmoid(w) + 0.5 * minus_log_sigmoid(-w) + 0.5 * minus_log_sigmoid(-l);
}
// Wu et al. 2024, with the winner's probability 1.
Tensor sppo_hard(const View& v, const PolicyLossOptions& o) {
  return (v.s_w - 0.5 / o.beta).pow(2) + (v.s_l + 0.5 / o.beta).pow(2);
}
// Lu et al. 2024, eq. 5.
Tensor discopop(const View& v, const PolicyLossOptions& o) {
  const Tensor x = o.beta * v.delta(), mix = at::sigmoid(x / o.tau);
  return (1 - mix) * minus_log_sigmoid(x) + mix * at::exp(-x);
}
// Meng et al. 2024, eq. 6.
Tensor simpo(const View& v, const PolicyLossOptions& o) {
  return minus_log_sigmoid(o.beta * (v.a_w() - v.a_l()) - o.gamma);
}
// Hong et al. 2024, eq. 6 and 7: the odds of a completion's mean token.
Tensor orpo(const View& v, const PolicyLossOptions& o) {
  const auto log_odds = [](const Tensor& a) { return a - at::log1p(-at::exp(a)); };
  return -v.a_w() + o.lambda * minus_log_sigmoid(log_odds(v.a_w()) - log_odds(v.a_l()));
}
// Xu et al. 2024, eq. 4 and 5: the chosen completion's own likelihood is added, summed over its tokens.
Tensor cpo(const View& v, const PolicyLossOptions& o) {
  return minus_log_sigmoid(o.beta * (v.logp_w - v.logp_l)) - v.logp_w;
}
// DPO against a uniform reference.
Tensor reference_free(const View& v, const PolicyLossOptions& o) {
  return minus_log_sigmoid(o.beta * (v.logp_w - v.logp_l));
}

struct NamedLoss {
  const char* name;
  PairLoss function;
  bool reference, smoothing, margin;
};

// `sft` is not here: it counts tokens, not pairs.
constexpr NamedLoss kPolicyLosses[] = {
    {"apo_down", apo_down, true, false, false},
    {"apo_zero", apo_zero, true, false, false},
    {"bco_pair", bco_pair, true, false, false},
    {"cdpo", cdpo, true, true, false},
    {"cpo", cpo, false, false, false},
    {"discopop", discopop, true, false, false},
    {"exo_pair", exo_pair, true, true, false},
    {"hinge", hinge, true, false, false},
    {"ipo", ipo, true, false, false},
    {"ipo_unnormalised", ipo_unnormalised, true, false, false},
    {"nca_pair", nca_pair, true, false, false},
    {"odpo", odpo, true, false, true},
    {"orpo", orpo, false, false, false},
    {"reference_free", reference_free, false, false, false},
    {"robust", robust, true, true, false},
    {"sigmoid", sigmoid, true, false, true},
    {"sigmoid_norm", sigmoid_norm, true, false, false},
    {"simpo", simpo, false, false, false},
    {"soft", soft, true, false, false},
    {"sppo_hard", sppo_hard, true, false, false},
};

const NamedLoss* find_policy_loss(const std::string& name) {
  for (const NamedLoss& loss : kPolicyLosses)
    if (name == loss.name) return &loss;
  if (name == "sft") return nullptr;
  throw wrong_usage("unknown loss '{}'{}", name, did_you_mean(name, loss_names("dpo")));
}

Tensor pick(const Tensor& values_C, const Tensor& index_P) {
  return values_C.index_select(0, index_P);
}

}  // namespace

Sum policy_loss(const std::string& name, const PolicyScores& scores, const Pairs& pairs,
                const PolicyLossOptions& options) {
  const NamedLoss* loss = find_policy_loss(name);
  const Tensor tokens_w = pick(scores.tokens_C, pairs.chosen_P);
  View view;
  view.logp_w = pick(scores.logp_C, pairs.chosen_P);
  if (!loss) return {-view.logp_w.sum(), tokens_w.sum().item<double>()};
  view.logp_l = pick(scores.logp_C, pairs.rejected_P);
  view.length_w = tokens_w;
  view.length_l = pick(scores.tokens_C, pairs.rejected_P);
  view.margin = pairs.margin_P;
  view.target = pairs.target_P;
  if (loss->reference) {
    view.s_w = view.logp_w - pick(scores.reference_C, pairs.chosen_P);
    view.s_l = view.logp_l - pick(scores.reference_C, pairs.rejected_P);
  }
  return {(loss->function(view, options) * pairs.weight_P).sum(), pairs.weight_P.sum().item<double>()};
}

bool is_reference_free(std::span<const std::string> names) {
  return std::all_of(names.begin(), names.end(), [](const std::string& name) {
    const NamedLoss* loss = find_policy_loss(name);
    return !loss || !loss->reference;
  });
}

void check_policy_losses(std::span<const std::string> names, std::span<const double> weights,
                         const PolicyLossOptions& options, bool has_margin) {
  if (names.empty()) throw wrong_usage("--loss is empty; name at least one, such as sigmoid");
  if (!weights.empty() && weights.size() != names.size())
    throw wrong_usage("--loss-weights has {} numbers for {} losses; give one each", weights.size(), names.size());
  if (!(options.beta > 0)) throw wrong_usage("--beta is {}; it must be above 0", options.beta);
  const double epsilon = options.label_smoothing;
  if (!(epsilon >= 0 && epsilon < 0.5)) throw wrong_usage("--label-smoothing is {}; it must lie in [0, 0.5)", epsilon);
  bool smooths = false, takes_margin = false;
  for (const std::string& name : names) {
    const NamedLoss* loss = find_policy_loss(name);
    if (!loss) continue;
    smooths |= loss->smoothing;
    takes_margin |= loss->margin;
    if (name == "exo_pair" && epsilon == 0)
      throw wrong_usage("--loss exo_pair needs --label-smoothing above 0, such as 0.001");
    if (name == "odpo" && !has_margin)
      throw wrong_usage("--loss odpo subtracts a margin: add --margin column, or use --loss sigmoid");
  }
  if (epsilon > 0 && !smooths)
    throw wrong_usage("--label-smoothing {} would be ignored: the loss has none; use --loss cdpo, robust or exo_pair",
                      epsilon);
  if (has_margin && !takes_margin)
    throw wrong_usage("--margin column would be ignored: only --loss sigmoid and odpo subtract a margin");
}

Sum reward_loss(const std::string& name, const Tensor& scores_C, const Pairs& pairs) {
  const Tensor d = pick(scores_C, pairs.chosen_P) - pick(scores_C, pairs.rejected_P);
  Tensor loss_P;
  if (name == "bradley_terry") {
    loss_P = minus_log_sigmoid(d - pairs.margin_P);
  } else if (name == "scaled") {
    loss_P = pairs.margin_P * minus_log_sigmoid(d);
  } else if (name == "soft") {
    loss_P = pairs.target_P * minus_log_sigmoid(d) + (1 - pairs.target_P) * minus_log_sigmoid(-d);
  } else {
    throw wrong_usage("'{}' is not a loss over pairs{}", name, did_you_mean(name, loss_names("reward")));
  }
  return {(loss_P * pairs.weight_P).sum(), pairs.weight_P.sum().item<double>()};
}

Sum centring(const Tensor& scores_C, const Pairs& pairs) {
  const Tensor sum_P = pick(scores_C, pairs.chosen_P) + pick(scores_C, pairs.rejected_P);
  return {(sum_P.pow(2) * pairs.weight_P).sum(), pairs.weight_P.sum().item<double>()};
}

Sum plackett_luce(const Tensor& scores_C, std::span<const RankedGroups> rankings) {
  Tensor total = at::zeros({}, scores_C.options());
  for (const RankedGroups& groups : rankings) {
    std::vector<std::int64_t> remaining;  // this group and worse ones
    for (const auto& group : groups) remaining.insert(remaining.end(), group.begin(), group.end());
    std::size_t begin = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const Tensor rest = at::tensor(std::vector<std::int64_t>(remaining.begin() + begin, remaining.end()), at::kLong);
      const double size = static_cast<double>(groups[g].size());
      total = total - scores_C.index_select(0, at::tensor(groups[g], at::kLong)).sum() +
              size * at::logsumexp(scores_C.index_select(0, rest), 0);
      begin += groups[g].size();
    }
  }
  return {total, static_cast<double>(rankings.size())};
}

Sum regression(const Tensor& scores_C, std::span<const std::int64_t> completions, std::span<const double> ratings) {
  const Tensor index = at::tensor(std::vector<std::int64_t>(completions.begin(), completions.end()), at::kLong);
  const Tensor wanted = at::tensor(std::vector<double>(ratings.begin(), ratings.end()), at::kDouble);
  return {(pick(scores_C, index) - wanted).pow(2).sum(), static_cast<double>(ratings.size())};
}

std::vector<double> scale_margins(std::vector<double> margins, const std::string& scale) {
  double largest = 0, sum = 0;
  for (const double margin : margins) {
    if (!(margin >= 0)) throw bad_input("a margin is {}; margins are 0 or more", margin);
    largest = std::max(largest, margin);
    sum += margin;
  }
  if (scale == "raw" || largest == 0) return margins;
  if (scale == "unit") {
    for (double& margin : margins) margin /= largest;
  } else if (scale == "mean_one") {
    const double mean = sum / static_cast<double>(margins.size());
    for (double& margin : margins) margin /= mean;
  } else if (scale == "llama2") {
    for (double& margin : margins) margin = std::ceil(3 * margin / largest);
  } else {
    throw wrong_usage("unknown margin scale '{}'{}", scale,
                      did_you_mean(scale, std::vector<std::string>{"raw", "unit", "mean_one", "llama2"}));
  }
  return margins;
}

}  // namespace ballot
