// The report card's retention curve: what is left of a format's agreement with the source when only some of its ballots
// are asked, and formats at equal cost (report/judge_card.h).
//
// Pairwise: k of a prompt's pairs, drawn at random (nested: the draw of k is in the draw of k + 1), a cycle through all
// completions, or those that sorting asks for; pairs that were not asked are read off the ones that were
// (read_all_pairs). Pointwise: k of the completions; a pair with an unrated one is a tie. Listwise: one ballot, no
// less. Prompts enter where all ballots have labels, so that every point is about the same prompts.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "core/hash.h"
#include "core/random.h"
#include "report/judge_card_parts.h"
#include "statistics/tournament.h"

namespace ballot {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostCompletions = 8;

struct Price {
  double tokens = 0, cost = 0;
};

/// One prompt, all of whose pairs have labels.
struct WholePrompt {
  std::size_t row = 0, dense = 0, items = 0;
  std::vector<double> outcomes;   ///< by pair (0,1), (0,2), ...
  std::vector<int> source;        ///< by pair
  std::vector<Price> of_ballots;  ///< by pair, by completion, or one
};

std::size_t pair_index(std::size_t i, std::size_t j, std::size_t n) {
  if (i > j) std::swap(i, j);
  return i * n - i * (i + 1) / 2 + (j - i - 1);
}

/// The prices of a prompt's ballots at its first asking; empty where the format's ballots are not one a pair, one a
/// completion or one a prompt.
std::map<std::size_t, std::vector<Price>> prices(const CardWork& work) {
  std::map<std::size_t, std::vector<Price>> out;
  std::map<std::size_t, std::vector<std::int32_t>> repeat;
  for (std::size_t i = 0; i < work.input.annotations.rows.size(); ++i) {
    const Annotation& a = work.input.annotations.rows[i];
    const PoolRow& row = work.pool[work.annotation[i]];
    const std::size_t n = row.completions.size();
    std::vector<std::size_t> places;
    for (const std::string& id : a.shown)
      for (std::size_t c = 0; c < n; ++c)
        if (row.completions[c].completion_id == id) places.push_back(c);
    const bool pairwise = work.card.kind == "pairwise", pointwise = work.card.kind == "pointwise";
    if (pairwise ? places.size() != 2 : pointwise ? places.size() != 1 : places.size() != n) continue;
    const std::size_t ballots = pairwise ? n * (n - 1) / 2 : pointwise ? n : 1;
    const std::size_t at = pairwise ? pair_index(places[0], places[1], n) : pointwise ? places[0] : 0;
    std::vector<Price>& mine = out.try_emplace(work.annotation[i], ballots).first->second;
    std::vector<std::int32_t>& asked =
        repeat.try_emplace(work.annotation[i], ballots, std::numeric_limits<std::int32_t>::max()).first->second;
    if (a.repeat >= asked[at]) continue;
    asked[at] = a.repeat;
    mine[at] = {static_cast<double>(a.prompt_tokens + a.completion_tokens), a.cost};
  }
  return out;
}

std::vector<WholePrompt> whole_prompts(const CardWork& work) {
  const std::map<std::size_t, std::vector<Price>> ballots = prices(work);
  std::vector<WholePrompt> out;
  std::map<std::size_t, std::size_t> sizes;
  for (std::size_t pair = 0; pair < work.pairs();) {
    const std::uint32_t prompt = work.primary(pair).prompt;
    std::size_t end = pair;
    while (end < work.pairs() && work.primary(end).prompt == prompt) ++end;
    WholePrompt whole;
    whole.row = prompt;
    whole.dense = static_cast<std::size_t>(work.dense[prompt]);
    whole.items = work.pool[prompt].completions.size();
    const auto price = ballots.find(prompt);
    if (end - pair == whole.items * (whole.items - 1) / 2 && price != ballots.end()) {
      for (std::size_t p = pair; p < end; ++p) {
        whole.outcomes.push_back(work.primary(p).outcome);
        whole.source.push_back(work.source(work.primary(p)));
      }
      whole.of_ballots = price->second;
      ++sizes[whole.items];
      out.push_back(std::move(whole));
    }
    pair = end;
  }
  if (sizes.empty()) return out;
  const std::size_t usual = std::max_element(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) {
                              return a.second < b.second;
                            })->first;
  std::erase_if(out, [&](const WholePrompt& whole) { return whole.items != usual; });
  return out;
}

/// Which ballots of a prompt are asked, and what all pairs are then taken to be.
struct Asked {
  std::vector<std::size_t> ballots;
  std::vector<double> outcomes;
};
using Design = std::function<Asked(const WholePrompt&)>;

Comparison comparison(const WholePrompt& whole, std::uint32_t i, std::uint32_t j) {
  const double outcome = whole.outcomes[pair_index(i, j, whole.items)];
  return {i, j, i < j ? outcome : -outcome};
}

Asked read_off(const WholePrompt& whole, const std::vector<Comparison>& asked) {
  Asked out;
  for (const Comparison& c : asked) out.ballots.push_back(pair_index(c.first, c.second, whole.items));
  out.outcomes = read_all_pairs(whole.items, asked);
  return out;
}

Asked random_pairs(const WholePrompt& whole, Random random, std::size_t k) {
  std::vector<Comparison> pairs, asked;
  for (std::uint32_t i = 0; i < whole.items; ++i)
    for (std::uint32_t j = i + 1; j < whole.items; ++j) pairs.push_back(comparison(whole, i, j));
  const std::vector<std::size_t> order = random.permutation(pairs.size());
  for (std::size_t i = 0; i < k; ++i) asked.push_back(pairs[order[i]]);
  return read_off(whole, asked);
}

Asked cycle(const WholePrompt& whole, Random random) {
  const std::vector<std::size_t> order = random.permutation(whole.items);
  std::vector<Comparison> asked;
  for (std::size_t i = 0; i < order.size(); ++i)
    asked.push_back(comparison(whole, static_cast<std::uint32_t>(order[i]),
                               static_cast<std::uint32_t>(order[(i + 1) % order.size()])));
  return read_off(whole, asked);
}

Asked sorting(const WholePrompt& whole, Random random) {
  std::vector<std::uint32_t> arrival;
  for (const std::size_t item : random.permutation(whole.items)) arrival.push_back(static_cast<std::uint32_t>(item));
  return read_off(whole, comparisons_of_sorting(arrival, [&](std::uint32_t i, std::uint32_t j) {
                    return comparison(whole, i, j).outcome;
                  }));
}

Asked random_completions(const WholePrompt& whole, Random random, std::size_t k) {
  const std::vector<std::size_t> order = random.permutation(whole.items);
  Asked out;
  std::vector<bool> rated(whole.items, false);
  for (std::size_t i = 0; i < k; ++i) {
    rated[order[i]] = true;
    out.ballots.push_back(order[i]);
  }
  for (std::size_t i = 0, pair = 0; i < whole.items; ++i)
    for (std::size_t j = i + 1; j < whole.items; ++j, ++pair)
      out.outcomes.push_back(rated[i] && rated[j] ? whole.outcomes[pair] : 0);
  return out;
}

}  // namespace

std::vector<RetentionColumns> measure_retention(CardWork& work) {
  JudgeCard& card = work.card;
  if (work.source_pairs == 0) {
    card.retention_reason = "no_source";
    return {};
  }
  const std::vector<WholePrompt> prompts = whole_prompts(work);
  if (prompts.empty()) {
    card.retention_reason = "no_complete_prompt";
    return {};
  }
  const std::size_t items = prompts.front().items, pairs = items * (items - 1) / 2;
  const auto draws = [&](const WholePrompt& whole) {
    return Random(work.settings.seed, "retention", hash64(work.pool[whole.row].prompt_id));
  };
  struct Named {
    std::string name;
    bool on_curve;
    Design design;
  };
  std::vector<Named> designs;
  const Design all = [](const WholePrompt& whole) {
    Asked out;
    out.ballots.resize(whole.of_ballots.size());
    std::iota(out.ballots.begin(), out.ballots.end(), std::size_t{0});
    out.outcomes = whole.outcomes;
    return out;
  };
  const bool pairwise = card.kind == "pairwise", pointwise = card.kind == "pointwise";
  if (pairwise && items <= kMostCompletions) {
    for (std::size_t k = 1; k < pairs; ++k)
      designs.push_back({"random", true, [=](const WholePrompt& w) { return random_pairs(w, draws(w), k); }});
    if (items >= 3) designs.push_back({"cycle", false, [=](const WholePrompt& w) { return cycle(w, draws(w)); }});
    if (items >= 3) designs.push_back({"sorting", false, [=](const WholePrompt& w) { return sorting(w, draws(w)); }});
  }
  if (pointwise)
    for (std::size_t k = 2; k < items; ++k)
      designs.push_back({"random", true, [=](const WholePrompt& w) { return random_completions(w, draws(w), k); }});
  designs.push_back({"all", true, all});

  std::vector<RetentionColumns> curve;
  PromptSums& sums = work.sums;
  for (const Named& named : designs) {
    RetentionColumns c{.hits = sums.column(),
                       .pairs = sums.column(),
                       .tokens = sums.column(),
                       .cost = sums.column(),
                       .ballots = sums.column(),
                       .prompts = sums.column(),
                       .on_curve = named.on_curve};
    for (const WholePrompt& whole : prompts) {
      const Asked asked = named.design(whole);
      sums.add(c.prompts, whole.dense, 1);
      for (const std::size_t ballot : asked.ballots) {
        sums.add(c.ballots, whole.dense, 1);
        sums.add(c.tokens, whole.dense, whole.of_ballots[ballot].tokens);
        sums.add(c.cost, whole.dense, whole.of_ballots[ballot].cost);
      }
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        if (whole.source[pair] == 0) continue;
        sums.add(c.pairs, whole.dense, 1);
        sums.add(c.hits, whole.dense, (1 + asked.outcomes[pair] * whole.source[pair]) / 2);
      }
    }
    curve.push_back(c);
  }
  card.retention.resize(curve.size());
  for (std::size_t i = 0; i < curve.size(); ++i) {
    RetentionPoint& point = card.retention[i];
    point.design = designs[i].name;
    sums.share(point.agreement, curve[i].hits, curve[i].pairs);
    sums.ratio(point.ballots, curve[i].ballots, curve[i].prompts);
    point.tokens.reason = "no_tokens";
    point.cost.reason = "no_cost";
    if (sums.total(curve[i].tokens) > 0) sums.ratio(point.tokens, curve[i].tokens, curve[i].prompts);
    if (sums.total(curve[i].cost) > 0) sums.ratio(point.cost, curve[i].cost, curve[i].prompts);
  }
  return curve;
}

double whole_price(const CardWork& work, const std::vector<RetentionColumns>& curve, bool money) {
  if (curve.empty()) return 0;
  const RetentionColumns& all = curve.back();
  return work.sums.total(money ? all.cost : all.tokens) / work.sums.total(all.prompts);
}

void measure_at_budget(CardWork& work, const std::vector<RetentionColumns>& curve, double budget, bool money,
                       Measured& out) {
  if (!(whole_price(work, curve, money) > 0)) {
    out.reason = money ? "no_cost" : "no_tokens";
    return;
  }
  std::vector<RetentionColumns> points;
  for (const RetentionColumns& c : curve)
    if (c.on_curve) points.push_back(c);
  work.sums.statistic(out, points.back().pairs, [points, budget, money](std::span<const double> s) {
    // Between two points: some prompts asked so often, the others once more. Without any money: a coin.
    double price = 0, agreement = 0.5;
    for (const RetentionColumns& c : points) {
      if (!(s[c.pairs] > 0) || !(s[c.prompts] > 0)) return kUnknown;
      const double next_price = s[money ? c.cost : c.tokens] / s[c.prompts], next = s[c.hits] / s[c.pairs];
      if (next_price >= budget)
        return agreement + (next - agreement) * (next_price > price ? (budget - price) / (next_price - price) : 1);
      price = next_price;
      agreement = next;
    }
    return agreement;
  });
}

}  // namespace ballot
