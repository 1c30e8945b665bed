// Losses: pure functions from what a model says of each completion to a Sum, a total and how many terms it covers.
// Dividing is the caller's, once a step, so that micro-batches of unequal size weigh what they should.
//
// A prompt's completions are scored once and its pairs are formed from those scores, so the gradient of all pairs
// reaches a completion through one number, and one backward pass through each completion is exact.
//     C completions in the batch    P pairs in the batch
// Everything is float64: it is a handful of numbers, and sums of hundreds of log-probabilities keep their digits.
#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <vector>

namespace ballot {

/// The total carries the gradient; the count is what to divide by.
struct Sum {
  at::Tensor total;  ///< float64, one number
  double count = 0;
};

/// Pairs as indices into C, with what the data says of each.
struct Pairs {
  at::Tensor chosen_P, rejected_P;  ///< int64
  at::Tensor margin_P, target_P,
      weight_P;  ///< float64: >= 0; probability that chosen is better; 1 where nothing is said
  std::int64_t size() const { return chosen_P.defined() ? chosen_P.size(0) : 0; }
};

// --- DPO and its relatives -------------------------------------------------------------------------------------------

/// What policy and reference say of C completions: sums over the completion's tokens.
struct PolicyScores {
  at::Tensor logp_C;       ///< log-probability under the policy, with gradient
  at::Tensor reference_C;  ///< under the reference, no gradient; unused by the reference-free losses
  at::Tensor tokens_C;     ///< tokens scored
};

struct PolicyLossOptions {
  double beta = 0.22;
  double label_smoothing = 0;  ///< epsilon
  double gamma = 0.5;          ///< simpo
  double lambda = 0.1;         ///< orpo
  double tau = 0.05;           ///< discopop
  double alpha = 1;            ///< factor of the margin in sigmoid and odpo
};

/// One of the names of training/options.h: loss_names("dpo"). The formulas stand at the functions in losses.cpp.
/// `sft` counts chosen tokens, every other loss counts pairs (their weights). Throws Error (usage) on an unknown name.
Sum policy_loss(const std::string& name, const PolicyScores& scores, const Pairs& pairs,
                const PolicyLossOptions& options);
/// Throws Error (usage) where options do not fit the losses: label smoothing that a loss does not use or cannot have, a
/// margin for a loss without one, odpo without.
void check_policy_losses(std::span<const std::string> names, std::span<const double> weights,
                         const PolicyLossOptions& options, bool has_margin);
/// None of the losses looks at the reference.
bool is_reference_free(std::span<const std::string> names);

// --- Reward models ---------------------------------------------------------------------------------------------------

/// `bradley_terry`: -log sigmoid(r+ - r- - m) (Touvron et al. 2023, eq. 2; m = 0: Bradley and Terry 1952);
/// `scaled`: -m log sigmoid(r+ - r-) (Wang et al. 2024); `soft`: -t log sigmoid(d) - (1 - t) log sigmoid(-d).
Sum reward_loss(const std::string& name, const at::Tensor& scores_C, const Pairs& pairs);
/// (r+ + r-)^2 over the pairs: what keeps scores centred (Eisenstein et al. 2023).
Sum centring(const at::Tensor& scores_C, const Pairs& pairs);

/// A ranking with ties as groups, best first; numbers are indices into C.
using RankedGroups = std::vector<std::vector<std::int64_t>>;
/// Plackett-Luce; a tied group shares its places (Breslow): -sum over groups g of
/// [sum_{i in g} s_i - |g| logsumexp_{j in g or worse} s_j]. Two completions: Bradley-Terry. Counts rankings.
Sum plackett_luce(const at::Tensor& scores_C, std::span<const RankedGroups> rankings);
/// (s_i - rating_i)^2; counts completions.
Sum regression(const at::Tensor& scores_C, std::span<const std::int64_t> completions, std::span<const double> ratings);

// --- Margins ---------------------------------------------------------------------------------------------------------

/// Margins of all training pairs on another scale: `raw` as they are, `unit` divided by the largest, `mean_one` divided
/// by the mean, `llama2` the large discrete levels of Llama 2 (0 for 0, then 1, 2, 3 for thirds of the largest). Where
/// all are 0 they stay 0. Throws Error (usage) on an unknown scale, Error (input) on a negative or NaN margin.
std::vector<double> scale_margins(std::vector<double> margins, const std::string& scale);

}  // namespace ballot
