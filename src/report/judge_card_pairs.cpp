// The report card's parts about labels of pairs: consistency, position, circles, the source (report/judge_card.h).
#include <algorithm>
#include <cmath>
#include <map>

#include "report/judge_card_parts.h"
#include "statistics/information.h"
#include "statistics/position.h"
#include "statistics/tests.h"
#include "statistics/tournament.h"

namespace ballot {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double quotient(double a, double b) {
  return b > 0 ? a / b : kUnknown;
}

/// Two askings of one pair: how often the same, and the sums of their correlation.
struct Twice {
  explicit Twice(PromptSums& sums) : n(sums.column()), same(sums.column()), xy(sums.column()), xx(sums.column()) {}
  void add(PromptSums& sums, std::size_t prompt, int x, int y) const {
    sums.add(n, prompt, 1);
    sums.add(same, prompt, x == y);
    sums.add(xy, prompt, x * y);
    sums.add(xx, prompt, (x * x + y * y) / 2.0);
  }
  std::size_t n, same, xy, xx;
};

void measure_reliability(CardWork& work, const Twice& twice) {
  PromptSums& sums = work.sums;
  JudgeCard& card = work.card;
  const auto reliability = [xy = twice.xy, xx = twice.xx](std::span<const double> s) { return quotient(s[xy], s[xx]); };
  sums.statistic(card.reliability, twice.n, reliability);
  const auto ceiling = [reliability](std::span<const double> s) {
    return std::sqrt(std::max(0.0, reliability(s)));  // of NaN: NaN stays out of max's second place
  };
  sums.statistic(card.ceiling_correlation, twice.n, [reliability, ceiling](std::span<const double> s) {
    return std::isnan(reliability(s)) ? kUnknown : ceiling(s);
  });
  sums.statistic(card.ceiling_agreement, twice.n, [reliability, ceiling](std::span<const double> s) {
    return std::isnan(reliability(s)) ? kUnknown : (1 + ceiling(s)) / 2;
  });
}

/// Share of ratings that are the same when asked again.
void measure_ratings_again(CardWork& work) {
  std::map<std::string, std::vector<std::pair<std::size_t, int>>> by_item;
  for (std::size_t i = 0; i < work.input.annotations.rows.size(); ++i) {
    const Annotation& a = work.input.annotations.rows[i];
    if (a.usable() && a.rating)
      by_item[a.item_id].emplace_back(static_cast<std::size_t>(work.dense[work.annotation[i]]), *a.rating);
  }
  const std::size_t n = work.sums.column(), same = work.sums.column();
  for (const auto& [item, ratings] : by_item)
    for (std::size_t a = 0; a < ratings.size(); ++a)
      for (std::size_t b = a + 1; b < ratings.size(); ++b) {
        work.sums.add(n, ratings[a].first, 1);
        work.sums.add(same, ratings[a].first, ratings[a].second == ratings[b].second);
      }
  work.card.rating_retest.reason = "no_repeats";
  work.sums.share(work.card.rating_retest, same, n);
}

/// The rank of what stood at each place; equals share the mean of their ranks. Empty where something is missing.
std::vector<double> ranks_by_place(const Annotation& a) {
  std::vector<double> ranks(a.shown.size(), 0);
  double before = 0;
  std::size_t ranked = 0;
  for (const std::vector<std::string>& group : a.ranking) {
    const auto size = static_cast<double>(group.size());
    for (const std::string& id : group) {
      const auto place = std::find(a.shown.begin(), a.shown.end(), id);
      if (place == a.shown.end()) return {};
      ranks[static_cast<std::size_t>(place - a.shown.begin())] = before + (size + 1) / 2;
      ++ranked;
    }
    before += size;
  }
  return ranked == a.shown.size() ? ranks : std::vector<double>();
}

void measure_places(CardWork& work) {
  JudgeCard& card = work.card;
  const std::vector<Annotation>& rows = work.input.annotations.rows;
  std::size_t places = 0;
  for (const Annotation& a : rows) places = std::max(places, a.shown.size());
  card.mean_rank_by_place.resize(places);
  std::vector<std::size_t> sum(places);
  for (std::size_t& column : sum) column = work.sums.column();
  const std::size_t n = work.sums.column();
  std::map<std::int32_t, std::size_t> asked;  // by prompt: the ballot that the test takes
  std::vector<ShownRanks> rankings;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Annotation& a = rows[i];
    const std::vector<double> ranks =
        a.usable() && a.shown.size() == places ? ranks_by_place(a) : std::vector<double>();
    if (ranks.empty()) continue;
    const std::int32_t prompt = work.dense[work.annotation[i]];
    work.sums.add(n, static_cast<std::size_t>(prompt), 1);
    for (std::size_t place = 0; place < places; ++place)
      work.sums.add(sum[place], static_cast<std::size_t>(prompt), ranks[place]);
    // The test deals a prompt's ranks to the places anew, which is fair only to rankings of one and the same order.
    const std::size_t taken = asked.try_emplace(prompt, i).first->second;
    if (rows[taken].shown == a.shown) rankings.push_back({static_cast<std::uint32_t>(prompt), ranks});
  }
  for (std::size_t place = 0; place < places; ++place) work.sums.ratio(card.mean_rank_by_place[place], sum[place], n);
  card.place_p = position_test(rankings, std::min<std::int64_t>(work.settings.replicates, 2000), work.settings.seed).p;
}

}  // namespace

void measure_consistency(CardWork& work) {
  JudgeCard& card = work.card;
  PromptSums& sums = work.sums;
  const Twice again(sums), turned(sums);
  const std::size_t first = sums.column(), second = sums.column();
  work.twice_xy.assign(work.pool.size(), 0);
  work.twice_xx.assign(work.pool.size(), 0);
  std::vector<double> turned_xy(work.pool.size(), 0), turned_xx(work.pool.size(), 0);
  for (std::size_t pair = 0; pair < work.pairs(); ++pair)
    for (std::size_t a = work.first_of[pair]; a < work.first_of[pair + 1]; ++a)
      for (std::size_t b = a + 1; b < work.first_of[pair + 1]; ++b) {
        const PairLabel &x = work.labels[a], &y = work.labels[b];
        const bool same_order = x.shown == y.shown;
        (same_order ? again : turned).add(sums, work.prompt(x), x.outcome, y.outcome);
        (same_order ? work.twice_xy : turned_xy)[x.prompt] += x.outcome * y.outcome;
        (same_order ? work.twice_xx : turned_xx)[x.prompt] += (x.outcome * x.outcome + y.outcome * y.outcome) / 2.0;
        if (same_order) continue;
        sums.add(first, work.prompt(x), x.outcome == x.shown && y.outcome == y.shown);
        sums.add(second, work.prompt(x), x.outcome == -x.shown && y.outcome == -y.shown);
      }
  card.repeated = sums.total(again.n) > 0;
  card.both_orders = sums.total(turned.n) > 0;
  card.retest.reason = card.reliability.reason = card.ceiling_correlation.reason = card.ceiling_agreement.reason =
      "no_repeats";
  for (Measured* m : {&card.same_in_both_orders, &card.first_in_both, &card.second_in_both, &card.position_bias})
    m->reason = card.kind == "pointwise" ? "shown_alone" : "one_order";
  sums.share(card.retest, again.same, again.n);
  measure_reliability(work, card.repeated ? again : turned);
  if (card.repeated || card.both_orders) card.reliability_from = card.repeated ? "same_order" : "both_orders";
  if (!card.repeated) {
    work.twice_xy = std::move(turned_xy);
    work.twice_xx = std::move(turned_xx);
  }
  sums.share(card.same_in_both_orders, turned.same, turned.n);
  sums.share(card.first_in_both, first, turned.n);
  sums.share(card.second_in_both, second, turned.n);
  sums.statistic(card.position_bias, turned.n, [first, second](std::span<const double> s) {
    return quotient(s[first] - s[second], s[first] + s[second]);
  });
  if (card.kind == "pointwise")
    measure_ratings_again(work);
  else
    card.rating_retest.reason = "not_pointwise";

  const std::size_t pairs = sums.column(), ties = sums.column(), coins = sums.column();
  for (const PairLabel& label : work.labels) {
    sums.add(pairs, work.prompt(label), 1);
    sums.add(ties, work.prompt(label), label.outcome == 0);
    sums.add(coins, work.prompt(label), label.letter == 0);
  }
  sums.share(card.tie_share, ties, pairs);
  sums.share(card.coin_share, coins, pairs);
}

void measure_position(CardWork& work) {
  JudgeCard& card = work.card;
  card.first_shown_wins.reason = "shown_alone";
  const std::size_t n = work.sums.column(), first = work.sums.column();
  std::vector<double> excess(static_cast<std::size_t>(card.prompts), 0);
  for (const PairLabel& label : work.labels) {
    if (label.shown == 0 || label.letter == 0) continue;
    work.sums.add(n, work.prompt(label), 1);
    work.sums.add(first, work.prompt(label), label.letter == label.shown);
    excess[work.prompt(label)] += label.letter == label.shown ? 1 : -1;
  }
  work.sums.share(card.first_shown_wins, first, n);
  if (work.sums.total(n) > 0)
    card.first_shown_p =
        sign_flip_test(excess, {.flips = 10000, .seed = work.settings.seed, .threads = work.settings.threads}).p;
  if (card.kind == "listwise") measure_places(work);
}

void measure_circles(CardWork& work) {
  JudgeCard& card = work.card;
  PromptSums& sums = work.sums;
  for (Measured* m : {&card.circles, &card.transitive_share, &card.zeta, &card.expected_circles,
                      &card.expected_if_equal, &card.expected_transitive, &card.repair_flips})
    m->reason = "not_pairwise";
  if (card.kind != "pairwise") return;
  // Prompts all of whose pairs name a winner; of the size that most prompts have, so that numbers compare.
  std::map<std::uint32_t, std::vector<std::size_t>> by_prompt;  // pairs
  for (std::size_t pair = 0; pair < work.pairs(); ++pair)
    if (work.primary(pair).letter != 0) by_prompt[work.primary(pair).prompt].push_back(pair);
  std::map<std::size_t, std::size_t> sizes;
  for (const auto& [prompt, pairs] : by_prompt) {
    const std::size_t n = work.pool[prompt].completions.size();
    if (n >= 3 && n <= 16 && pairs.size() == n * (n - 1) / 2) ++sizes[n];
  }
  for (Measured* m : {&card.circles, &card.transitive_share, &card.zeta, &card.repair_flips}) m->reason = "too_few";
  for (Measured* m : {&card.expected_circles, &card.expected_if_equal, &card.expected_transitive})
    m->reason = card.repeated ? "too_few" : "no_repeats";
  if (sizes.empty()) return;
  const std::size_t items = std::max_element(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) {
                              return a.second < b.second;
                            })->first;

  const std::size_t n = sums.column(), circles = sums.column(), none = sums.column(), zetas = sums.column(),
                    flips = sums.column();
  std::vector<std::size_t> asked(items - 1), same(items - 1);  // by distance in the judge's own ranking
  for (std::size_t d = 0; d + 1 < items; ++d) asked[d] = sums.column(), same[d] = sums.column();
  for (const auto& [prompt, pairs] : by_prompt) {
    if (work.pool[prompt].completions.size() != items || pairs.size() != items * (items - 1) / 2) continue;
    Tournament tournament{items, std::vector<std::uint8_t>(items * items, 0)};
    for (const std::size_t pair : pairs) {
      const PairLabel& label = work.primary(pair);
      tournament.beats[label.first * items + label.second] = label.letter > 0;
      tournament.beats[label.second * items + label.first] = label.letter < 0;
    }
    const auto at = static_cast<std::size_t>(work.dense[prompt]);
    const std::int64_t circular = circular_triads(tournament);
    const ClosestRanking closest = closest_ranking(tournament);
    sums.add(n, at, 1);
    sums.add(circles, at, static_cast<double>(circular));
    sums.add(none, at, circular == 0);
    sums.add(zetas, at, zeta(circular, items));
    sums.add(flips, at, static_cast<double>(closest.flips));
    std::vector<std::size_t> place(items);
    for (std::size_t i = 0; i < items; ++i) place[closest.order[i]] = i;
    for (const std::size_t pair : pairs)
      for (std::size_t b = work.first_of[pair] + 1; b < work.first_of[pair + 1]; ++b) {
        const PairLabel &x = work.primary(pair), &y = work.labels[b];
        if (x.shown != y.shown || y.letter == 0) continue;
        const std::size_t i = place[x.first], j = place[x.second], d = (i > j ? i - j : j - i) - 1;
        sums.add(asked[d], at, 1);
        sums.add(same[d], at, x.letter == y.letter);
      }
  }
  sums.ratio(card.circles, circles, n);
  sums.share(card.transitive_share, none, n);
  sums.ratio(card.zeta, zetas, n);
  sums.ratio(card.repair_flips, flips, n);
  if (!card.repeated) return;
  const auto by_distance = [asked, same](std::span<const double> s, bool equal) {
    double all_asked = 0, all_same = 0;
    for (std::size_t d = 0; d < asked.size(); ++d) all_asked += s[asked[d]], all_same += s[same[d]];
    std::vector<double> flips;
    if (!(all_asked > 0)) return flips;
    for (std::size_t d = 0; d < asked.size(); ++d)
      flips.push_back(flip_probability(equal || !(s[asked[d]] > 0) ? all_same / all_asked : s[same[d]] / s[asked[d]]));
    return flips;
  };
  const auto expected = [by_distance, items](std::span<const double> s, bool equal, bool mean) {
    const std::vector<double> flips = by_distance(s, equal);
    if (flips.empty()) return kUnknown;
    const ExpectedCircles e = expected_circles(items, flips, !mean);
    return mean ? e.mean : e.none;
  };
  sums.statistic(card.expected_circles, n, [=](std::span<const double> s) { return expected(s, false, true); });
  sums.statistic(card.expected_if_equal, n, [=](std::span<const double> s) { return expected(s, true, true); });
  sums.statistic(card.expected_transitive, n, [=](std::span<const double> s) { return expected(s, false, false); });
}

void measure_source(CardWork& work) {
  JudgeCard& card = work.card;
  PromptSums& sums = work.sums;
  for (Measured* m : {&card.source_agreement, &card.bits_per_pair, &card.bits_per_1000_tokens, &card.bits_per_cost})
    m->reason = "no_source";
  struct Columns {
    std::size_t n, hits, wins, ties;
  };
  const auto columns = [&] { return Columns{sums.column(), sums.column(), sums.column(), sums.column()}; };
  const auto add = [&](const Columns& c, std::size_t prompt, int right) {
    sums.add(c.n, prompt, 1);
    sums.add(c.hits, prompt, right > 0 ? 1 : right == 0 ? 0.5 : 0);
    sums.add(c.wins, prompt, right > 0);
    sums.add(c.ties, prompt, right == 0);
  };
  const Columns all = columns();
  std::map<std::int64_t, Columns> by_distance;
  std::map<double, Columns> by_margin;
  for (const PairLabel& label : work.labels) {
    const int source = work.source(label);
    if (source == 0) continue;
    ++work.source_pairs;
    const int right = label.outcome * source;
    add(all, work.prompt(label), right);
    const std::int64_t distance = work.source_distance(label);
    if (!by_distance.contains(distance)) by_distance.emplace(distance, columns());
    add(by_distance.at(distance), work.prompt(label), right);
    if (label.margin == 0) continue;
    if (!by_margin.contains(label.margin)) by_margin.emplace(label.margin, columns());
    add(by_margin.at(label.margin), work.prompt(label), right);
  }
  sums.share(card.source_agreement, all.hits, all.n);
  for (const auto& [distance, c] : by_distance) {
    DistanceRow& row = card.by_distance[distance];
    sums.share(row.agreement, c.hits, c.n);
    sums.share(row.wins, c.wins, c.n);
    sums.share(row.ties, c.ties, c.n);
  }
  for (const auto& [margin, c] : by_margin) sums.share(card.by_margin[margin], c.hits, c.n);

  const std::size_t tokens = sums.column(), cost = sums.column(), ballots = sums.column(), pairs = sums.column();
  for (std::size_t i = 0; i < work.input.annotations.rows.size(); ++i) {
    const Annotation& a = work.input.annotations.rows[i];
    const auto prompt = static_cast<std::size_t>(work.dense[work.annotation[i]]);
    sums.add(tokens, prompt, static_cast<double>(a.prompt_tokens + a.completion_tokens));
    sums.add(cost, prompt, a.cost);
    sums.add(ballots, prompt, 1);
  }
  for (const PairLabel& label : work.labels) sums.add(pairs, work.prompt(label), 1);
  const auto bits = [all](std::span<const double> s) {
    return pair_information_bits(s[all.wins], s[all.ties], s[all.n] - s[all.wins] - s[all.ties]);
  };
  sums.statistic(card.bits_per_pair, all.n, bits);
  for (Measured* m : {&card.tokens_per_ballot, &card.tokens_per_pair}) m->reason = "no_tokens";
  card.cost_per_1000_pairs.reason = "no_cost";
  if (sums.total(tokens) > 0) {
    sums.statistic(card.bits_per_1000_tokens, all.n, [bits, all, tokens](std::span<const double> s) {
      return quotient(1000 * bits(s) * s[all.n], s[tokens]);
    });
    sums.ratio(card.tokens_per_ballot, tokens, ballots);
    sums.ratio(card.tokens_per_pair, tokens, pairs);
  } else {
    card.bits_per_1000_tokens.reason = "no_tokens";
  }
  if (sums.total(cost) > 0) {
    sums.statistic(card.bits_per_cost, all.n,
                   [bits, all, cost](std::span<const double> s) { return quotient(bits(s) * s[all.n], s[cost]); });
    sums.statistic(card.cost_per_1000_pairs, pairs,
                   [cost, pairs](std::span<const double> s) { return quotient(1000 * s[cost], s[pairs]); });
  } else {
    card.bits_per_cost.reason = "no_cost";
  }
}

}  // namespace ballot
