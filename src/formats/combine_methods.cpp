// What each method of combining makes of the votes (formats/combine.h).
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "core/error.h"
#include "formats/combine_votes.h"
#include "statistics/aggregation.h"
#include "statistics/latent_utility.h"

namespace ballot {
namespace {

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

double log_odds(double p) {
  // A posterior may be 1 to the last bit; what it rests on is no more than a few votes.
  constexpr double kLeast = 1e-6;
  p = std::clamp(p, kLeast, 1 - kLeast);
  return std::log(p / (1 - p));
}

/// Strengths of each prompt's completions to opinions on its pairs.
Opinions from_strengths(const Votes& votes, const std::vector<std::vector<double>>& strength) {
  Opinions out;
  for (const VotedPair& pair : votes.pairs) {
    const double a = strength[pair.prompt][pair.first], b = strength[pair.prompt][pair.second];
    out.pairs.push_back({logistic(a - b), a - b, a, b});
  }
  return out;
}

using Groups = std::vector<std::vector<std::uint32_t>>;  // best first; a group of several is a tie

struct WeightedRankings {
  std::vector<std::vector<std::uint32_t>> rankings;
  std::vector<double> weights;

  /// A ranking with ties as the orders that it allows, of equal weight: all of a group of up to four; of a larger one
  /// its rotations forwards and backwards, in which everything stands at every place equally often.
  void add(const Groups& groups) {
    std::vector<std::vector<std::uint32_t>> orders = {{}};
    for (std::vector<std::uint32_t> group : groups) {
      std::sort(group.begin(), group.end());
      std::vector<std::vector<std::uint32_t>> of_group;
      if (group.size() <= 4) {
        do of_group.push_back(group);
        while (std::next_permutation(group.begin(), group.end()));
      } else {
        for (std::size_t turn = 0; turn < group.size(); ++turn) {
          std::rotate(group.begin(), group.begin() + 1, group.end());
          of_group.push_back(group);
          of_group.emplace_back(group.rbegin(), group.rend());
        }
      }
      std::vector<std::vector<std::uint32_t>> longer;
      for (const auto& begun : orders)
        for (const auto& order : of_group) {
          longer.push_back(begun);
          longer.back().insert(longer.back().end(), order.begin(), order.end());
        }
      orders = std::move(longer);
    }
    for (auto& order : orders) {
      rankings.push_back(std::move(order));
      weights.push_back(1 / static_cast<double>(orders.size()));
    }
  }
};

/// Ids to places; completions that no pair of the prompt has are left out.
Groups places_of(const Votes& votes, std::uint32_t prompt, const std::vector<std::vector<std::string>>& ids) {
  Groups out;
  for (const std::vector<std::string>& group : ids) {
    std::vector<std::uint32_t> places;
    for (const std::string& id : group)
      if (votes.has(prompt, id)) places.push_back(votes.place(prompt, id));
    if (!places.empty()) out.push_back(std::move(places));
  }
  return out;
}

/// The rankings of one annotator, by prompt.
void add_rankings(const Votes& votes, std::uint32_t r, const CombineAnnotator& annotator,
                  std::vector<WeightedRankings>& out) {
  const std::size_t prompts = out.size();
  std::vector<bool> ranked(prompts, false);
  if (annotator.annotations && annotator.annotations->format.kind == FormatKind::kListwise)
    for (const Annotation& a : annotator.annotations->rows) {
      const auto prompt = votes.prompt_of.find(a.prompt_id);
      if (!a.usable() || prompt == votes.prompt_of.end()) continue;
      const Groups groups = places_of(votes, prompt->second, a.ranking);
      if (groups.empty()) continue;
      out[prompt->second].add(groups);
      ranked[prompt->second] = true;
    }
  if (annotator.annotations && annotator.annotations->format.kind == FormatKind::kPointwise) {
    std::map<std::pair<std::uint32_t, std::int32_t>, std::map<std::int32_t, std::vector<std::uint32_t>>> scores;
    for (const Annotation& a : annotator.annotations->rows) {
      const auto prompt = votes.prompt_of.find(a.prompt_id);
      if (!a.usable() || !a.rating || prompt == votes.prompt_of.end() || !votes.has(prompt->second, a.shown[0]))
        continue;
      scores[{prompt->second, a.repeat}][-*a.rating].push_back(votes.place(prompt->second, a.shown[0]));
    }
    for (const auto& [asked, by_score] : scores) {
      Groups groups;
      for (const auto& [score, places] : by_score) groups.push_back(places);
      out[asked.first].add(groups);
      ranked[asked.first] = true;
    }
  }
  for (std::uint32_t prompt = 0; prompt < prompts; ++prompt) {
    if (ranked[prompt]) continue;
    // Pairs only. Without contradiction and complete they are a ranking: wins are then 0, 1, ..., n - 1.
    std::map<std::uint32_t, std::uint32_t> wins;
    std::size_t pairs = 0;
    bool decided = true;
    Groups twos;
    for (const std::size_t p : votes.of_prompt[prompt])
      for (const Vote& vote : votes.pairs[p].votes) {
        if (vote.annotator != r) continue;
        const VotedPair& pair = votes.pairs[p];
        ++pairs;
        decided &= vote.outcome != 0;
        wins[pair.first] += vote.outcome > 0;
        wins[pair.second] += vote.outcome < 0;
      }
    std::set<std::uint32_t> different;
    for (const auto& [item, n] : wins) different.insert(n);
    if (decided && pairs > 0 && pairs == wins.size() * (wins.size() - 1) / 2 && different.size() == wins.size()) {
      std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
      for (const auto& [item, n] : wins) order.emplace_back(n, item);
      std::sort(order.rbegin(), order.rend());
      Groups groups;
      for (const auto& [n, item] : order) groups.push_back({item});
      out[prompt].add(groups);
      continue;
    }
    for (const std::size_t p : votes.of_prompt[prompt])
      for (const Vote& vote : votes.pairs[p].votes) {
        if (vote.annotator != r) continue;
        const VotedPair& pair = votes.pairs[p];
        if (vote.outcome == 0)
          out[prompt].add({{pair.first, pair.second}});
        else
          out[prompt].add(
              {{vote.outcome > 0 ? pair.first : pair.second}, {vote.outcome > 0 ? pair.second : pair.first}});
      }
  }
}

/// The answers of one annotator to the joint model, by prompt. Returns their kind.
AnswerKind add_answers(const Votes& votes, std::uint32_t r, const CombineAnnotator& annotator,
                       std::vector<UtilityGroup>& groups) {
  const auto choices_of_votes = [&] {
    for (const VotedPair& pair : votes.pairs)
      for (const Vote& vote : pair.votes)
        if (vote.annotator == r)
          groups[pair.prompt].answers.push_back({r, {pair.first, pair.second}, (vote.outcome + 1) / 2.0, 1});
    return AnswerKind::kChoice;
  };
  if (!annotator.annotations) return choices_of_votes();
  const FormatAnnotations& annotations = *annotator.annotations;
  const auto prompt_of = [&](const Annotation& a) -> std::optional<std::uint32_t> {
    const auto found = votes.prompt_of.find(a.prompt_id);
    if (!a.usable() || found == votes.prompt_of.end()) return std::nullopt;
    for (const std::string& id : a.shown)
      if (annotations.format.kind != FormatKind::kListwise && !votes.has(found->second, id)) return std::nullopt;
    return found->second;
  };
  if (annotations.format.kind == FormatKind::kListwise) {
    std::vector<WeightedRankings> rankings(groups.size());
    for (const Annotation& a : annotations.rows)
      if (const auto prompt = prompt_of(a)) rankings[*prompt].add(places_of(votes, *prompt, a.ranking));
    for (std::size_t g = 0; g < groups.size(); ++g)
      for (std::size_t i = 0; i < rankings[g].rankings.size(); ++i)
        groups[g].answers.push_back({r, rankings[g].rankings[i], 0, rankings[g].weights[i]});
    return AnswerKind::kRanking;
  }
  if (annotations.format.kind == FormatKind::kPointwise) {
    for (const Annotation& a : annotations.rows)
      if (const auto prompt = prompt_of(a); prompt && a.rating)
        groups[*prompt].answers.push_back({r, {votes.place(*prompt, a.shown[0])}, static_cast<double>(*a.rating), 1});
    return AnswerKind::kScore;
  }
  const bool degrees = std::any_of(annotations.rows.begin(), annotations.rows.end(),
                                   [](const Annotation& a) { return a.usable() && a.magnitude.has_value(); });
  for (const Annotation& a : annotations.rows) {
    const auto prompt = prompt_of(a);
    if (!prompt || a.shown.size() != 2) continue;
    const int sign = !a.choice ? 0 : *a.choice == a.shown[0] ? 1 : -1;
    const double value = degrees ? sign * a.magnitude.value_or(sign == 0 ? 0 : 1) : (sign + 1) / 2.0;
    groups[*prompt].answers.push_back(
        {r, {votes.place(*prompt, a.shown[0]), votes.place(*prompt, a.shown[1])}, value, 1});
  }
  return degrees ? AnswerKind::kDegree : AnswerKind::kChoice;
}

}  // namespace

Opinions by_majority(const Votes& votes) {
  Opinions out;
  for (const VotedPair& pair : votes.pairs) {
    const auto all = static_cast<double>(pair.votes.size());
    double first = 0;
    for (const Vote& vote : pair.votes) first += (vote.outcome + 1) / 2.0;
    out.pairs.push_back({first / all, std::log((first + 0.5) / (all - first + 0.5)), {}, {}});
  }
  return out;
}

Opinions by_dawid_skene(const Votes& votes, std::size_t annotators, const CombineOptions& options,
                        CombineSummary& summary) {
  bool ties = false;
  for (const VotedPair& pair : votes.pairs)
    for (const Vote& vote : pair.votes) ties |= vote.outcome == 0;
  Ratings ratings;
  ratings.raters = annotators;
  ratings.values = ties ? std::vector<double>{-1, 0, 1} : std::vector<double>{-1, 1};
  const std::size_t q = ratings.values.size();
  ratings.codes.assign(2 * votes.pairs.size() * annotators, kMissing);
  for (std::size_t p = 0; p < votes.pairs.size(); ++p)
    for (const Vote& vote : votes.pairs[p].votes)
      for (const int turned : {0, 1}) {
        const int outcome = turned ? -vote.outcome : vote.outcome;
        ratings.codes[(static_cast<std::size_t>(turned) * votes.pairs.size() + p) * annotators + vote.annotator] =
            ties ? outcome + 1 : outcome > 0;
      }
  const DawidSkene fit = dawid_skene(ratings, options.smoothing);
  summary.converged = fit.converged;
  summary.iterations = fit.iterations;
  for (std::size_t r = 0; r < annotators; ++r)
    summary.annotators[r].confusion.assign(fit.confusion.begin() + static_cast<std::ptrdiff_t>(r * q * q),
                                           fit.confusion.begin() + static_cast<std::ptrdiff_t>((r + 1) * q * q));
  Opinions out;
  for (std::size_t p = 0; p < votes.pairs.size(); ++p) {
    double first = fit.posterior[p * q + q - 1];
    if (ties) first += fit.posterior[p * q + 1] / 2;
    // Both orientations are in the data, so a tie is one half up to rounding; make it so.
    if (std::fabs(first - 0.5) < 1e-9) first = 0.5;
    out.pairs.push_back({first, log_odds(first), {}, {}});
  }
  return out;
}

Opinions by_bradley_terry(const Votes& votes, const CombineOptions& options) {
  std::vector<std::vector<double>> strength;
  for (std::size_t prompt = 0; prompt < votes.of_prompt.size(); ++prompt) {
    const std::size_t n = votes.completions[prompt].size();
    std::vector<double> wins(n * n, 0);
    for (const std::size_t p : votes.of_prompt[prompt])
      for (const Vote& vote : votes.pairs[p].votes) {
        wins[votes.pairs[p].first * n + votes.pairs[p].second] += (1 + vote.outcome) / 2.0;
        wins[votes.pairs[p].second * n + votes.pairs[p].first] += (1 - vote.outcome) / 2.0;
      }
    strength.push_back(bradley_terry(wins, n, options.prior).log_strength);
  }
  return from_strengths(votes, strength);
}

Opinions by_plackett_luce(const Votes& votes, const std::vector<CombineAnnotator>& annotators,
                          const CombineOptions& options) {
  std::vector<WeightedRankings> rankings(votes.of_prompt.size());
  for (std::uint32_t r = 0; r < annotators.size(); ++r) add_rankings(votes, r, annotators[r], rankings);
  std::vector<std::vector<double>> strength;
  for (std::size_t prompt = 0; prompt < rankings.size(); ++prompt)
    strength.push_back(plackett_luce(rankings[prompt].rankings, rankings[prompt].weights,
                                     votes.completions[prompt].size(), options.prior)
                           .log_strength);
  return from_strengths(votes, strength);
}

Opinions by_latent_utility(const Votes& votes, const std::vector<CombineAnnotator>& annotators,
                           const CombineOptions& options, int threads, CombineSummary& summary) {
  std::vector<UtilityGroup> groups(votes.of_prompt.size());
  for (std::size_t g = 0; g < groups.size(); ++g) groups[g].items = votes.completions[g].size();
  std::vector<AnswerKind> kinds;
  for (std::uint32_t r = 0; r < annotators.size(); ++r) kinds.push_back(add_answers(votes, r, annotators[r], groups));
  UtilityOptions how;
  how.prior_deviation = options.utility_deviation;
  how.threads = threads;
  const UtilityFit fit = fit_utilities(groups, kinds, how);
  summary.converged = fit.converged;
  summary.iterations = fit.sweeps;
  for (std::size_t r = 0; r < annotators.size(); ++r) {
    summary.annotators[r].discrimination = fit.annotators[r].discrimination;
    summary.annotators[r].thresholds = fit.annotators[r].thresholds;
  }
  Opinions out = from_strengths(votes, fit.utilities);
  for (Opinion& opinion : out.pairs)  // equal to the fit's tolerance
    if (std::fabs(opinion.log_odds) < 1e-7) opinion.p = 0.5, opinion.log_odds = 0;
  return out;
}

Opinions by_cascade(const Votes& votes, const std::vector<CombineAnnotator>& annotators, const CombineOptions& options,
                    CombineSummary& summary) {
  const std::vector<double>& uncertain = options.uncertain_margin;
  if (uncertain.size() != 1 && uncertain.size() != annotators.size())
    throw wrong_usage("--uncertain-margin has {} numbers for {} annotators: give one for all, or one each",
                      uncertain.size(), annotators.size());
  // How often a label of this annotator with this margin agrees with the others' labels of the pair.
  std::map<std::pair<std::uint32_t, double>, std::pair<double, double>> trust;
  std::vector<bool> has_margins(annotators.size(), false);
  for (const VotedPair& pair : votes.pairs)
    for (const Vote& vote : pair.votes) {
      has_margins[vote.annotator] = has_margins[vote.annotator] || vote.margin > 0;
      if (vote.outcome == 0) continue;
      auto& [agree, all] = trust[{vote.annotator, vote.margin}];
      for (const Vote& other : pair.votes)
        if (other.annotator != vote.annotator) agree += (1 + vote.outcome * other.outcome) / 2.0, ++all;
    }
  for (CombineSummary::Annotator& annotator : summary.annotators) annotator.decided = annotator.tokens_needed = 0;
  std::vector<std::set<std::string>> reached(annotators.size());  // pairs, by annotator
  Opinions out;
  for (const VotedPair& pair : votes.pairs) {
    const Vote* label = nullptr;
    bool open = true;
    for (std::uint32_t r = 0; r < annotators.size() && open; ++r) {
      const auto vote =
          std::find_if(pair.votes.begin(), pair.votes.end(), [&](const Vote& v) { return v.annotator == r; });
      reached[r].insert(pair.row.pair_id);
      if (vote == pair.votes.end()) continue;
      // A later tie does not take an earlier direction back.
      if (label == nullptr || vote->outcome != 0) label = &*vote;
      const double most = uncertain.size() == 1 ? uncertain[0] : uncertain[r];
      open = vote->outcome == 0 || (has_margins[r] && vote->margin <= most);
    }
    Opinion opinion;
    if (label != nullptr) {
      ++*summary.annotators[label->annotator].decided;
      if (label->outcome != 0) {
        const auto [agree, all] = trust.at({label->annotator, label->margin});
        const double p = std::max(0.5 + 1e-9, (agree + 0.5) / (all + 1));  // a direction stays one, however weak
        opinion.p = label->outcome > 0 ? p : 1 - p;
        opinion.log_odds = log_odds(opinion.p);
      }
    }
    out.pairs.push_back(opinion);
  }
  for (std::size_t r = 0; r < annotators.size(); ++r) {
    if (!annotators[r].annotations) continue;
    std::set<std::string> prompts;
    std::set<std::pair<std::string, std::string>> pairs;
    for (const VotedPair& pair : votes.pairs)
      if (reached[r].contains(pair.row.pair_id)) {
        prompts.insert(pair.row.prompt_id);
        pairs.insert(std::minmax(pair.row.chosen_id, pair.row.rejected_id));
      }
    for (const Annotation& a : annotators[r].annotations->rows)
      if (a.shown.size() == 2 && annotators[r].annotations->format.kind == FormatKind::kPairwise
              ? pairs.contains(std::minmax(a.shown[0], a.shown[1]))
              : prompts.contains(a.prompt_id))
        *summary.annotators[r].tokens_needed += a.prompt_tokens + a.completion_tokens;
  }
  return out;
}

}  // namespace ballot
