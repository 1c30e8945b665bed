// The report card's parts about ballots: failures by source and reason, the entropy of labels, length
// (report/judge_card.h).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/judge_card_parts.h"
#include "statistics/information.h"
#include "statistics/logistic.h"

namespace ballot {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
// Resampling loses labels that occur once or twice, and with them the interval its place: an entropy of more labels
// than this, or of labels seen less often than this on average, stands without one.
constexpr std::size_t kMostLabels = 250;
constexpr double kOftenEnough = 5;

/// Places of the completions that a pairwise ballot shows, in the pool's row.
std::optional<std::pair<std::int64_t, std::int64_t>> source_ranks(const PoolRow& row, const Annotation& a) {
  std::vector<std::int64_t> ranks;
  for (const std::string& id : a.shown)
    for (const Completion& c : row.completions)
      if (c.completion_id == id) ranks.push_back(c.source_rank);
  if (ranks.size() != 2) return std::nullopt;
  return std::pair{ranks[0], ranks[1]};
}

/// The label as the judge gave it, in places: "first 2", "4", "2>1=3".
std::string label_in_places(const Annotation& a) {
  const auto place = [&](const std::string& id) {
    return std::find(a.shown.begin(), a.shown.end(), id) - a.shown.begin();
  };
  if (a.rating) return fmt::format("{}", *a.rating);
  if (!a.ranking.empty()) {
    std::string out;
    for (const std::vector<std::string>& group : a.ranking) {
      std::vector<std::ptrdiff_t> places;
      for (const std::string& id : group) places.push_back(place(id));
      std::sort(places.begin(), places.end());
      for (const std::ptrdiff_t p : places) out += fmt::format("{}{}", p == places.front() ? ">" : "=", p);
    }
    return out;
  }
  return fmt::format("{} {}", a.choice ? place(*a.choice) : -1, a.magnitude.value_or(0));
}

}  // namespace

void count_ballots(CardWork& work) {
  JudgeCard& card = work.card;
  PromptSums& sums = work.sums;
  const std::size_t ballots = sums.column(), usable = sums.column(), refused = sums.column(),
                    structured = sums.column();
  const std::size_t failed = sums.column(), failed_distance = sums.column(), fine = sums.column(),
                    fine_distance = sums.column();
  const bool pairwise = card.kind == "pairwise";
  for (std::size_t i = 0; i < work.input.annotations.rows.size(); ++i) {
    const Annotation& a = work.input.annotations.rows[i];
    const PoolRow& row = work.pool[work.annotation[i]];
    const auto prompt = static_cast<std::size_t>(work.dense[work.annotation[i]]);
    ++card.ballots;
    card.usable += a.usable();
    card.repaired += a.status.starts_with("repaired:");
    card.retried += a.attempts > 1;
    ++card.statuses[a.status];
    card.prompt_tokens += a.prompt_tokens;
    card.completion_tokens += a.completion_tokens;
    card.cached_tokens += a.cached_tokens;
    card.cost += a.cost;
    card.seconds += a.seconds;
    if (a.usable() && a.rating) ++card.ratings[*a.rating];
    if (a.usable() && a.magnitude) ++card.magnitudes[*a.magnitude];
    const auto count = [&](FailureCounts& counts) {
      ++counts.ballots;
      if (!a.usable()) ++counts.statuses[a.status];
    };
    for (const std::string& source : row.source) count(card.by_source[source]);
    if (row.source.empty()) count(card.by_source[""]);
    count(card.by_good_natured[!row.good_natured ? "unknown" : *row.good_natured ? "true" : "false"]);
    sums.add(ballots, prompt, 1);
    sums.add(usable, prompt, a.usable());
    sums.add(refused, prompt, a.status == "refused");
    sums.add(structured, prompt, a.transport == "structured");
    if (!pairwise) continue;
    if (const auto ranks = source_ranks(row, a)) {
      const double distance = static_cast<double>(std::abs(ranks->first - ranks->second));
      sums.add(a.usable() ? fine : failed, prompt, 1);
      sums.add(a.usable() ? fine_distance : failed_distance, prompt, distance);
    }
  }
  sums.share(card.usable_share, usable, ballots);
  sums.share(card.refused_share, refused, ballots);
  sums.share(card.structured_share, structured, ballots);
  card.failed_distance.reason = pairwise ? "no_failures" : "not_pairwise";
  if (pairwise)
    sums.statistic(card.failed_distance, failed, [=](std::span<const double> s) {
      return s[failed] > 0 && s[fine] > 0 ? s[failed_distance] / s[failed] - s[fine_distance] / s[fine] : kUnknown;
    });
}

void measure_entropy(CardWork& work) {
  JudgeCard& card = work.card;
  PromptSums& sums = work.sums;
  const std::size_t n = sums.column();
  std::map<std::string, std::size_t> columns;
  std::map<std::string, double> counts;
  for (std::size_t i = 0; i < work.input.annotations.rows.size(); ++i) {
    const Annotation& a = work.input.annotations.rows[i];
    if (!a.usable()) continue;
    const std::string label = label_in_places(a);
    counts[label] += 1;
    const auto prompt = static_cast<std::size_t>(work.dense[work.annotation[i]]);
    sums.add(n, prompt, 1);
    if (!columns.contains(label) && columns.size() < kMostLabels) columns.emplace(label, sums.column());
    if (const auto found = columns.find(label); found != columns.end()) sums.add(found->second, prompt, 1);
  }
  if (counts.size() <= kMostLabels && sums.total(n) >= kOftenEnough * static_cast<double>(counts.size())) {
    std::vector<std::size_t> cells;
    for (const auto& [label, column] : columns) cells.push_back(column);
    sums.statistic(card.label_entropy, n, [cells](std::span<const double> s) {
      std::vector<double> values;
      for (const std::size_t cell : cells) values.push_back(s[cell]);
      return entropy_bits(values);
    });
  } else {
    std::vector<double> values;
    for (const auto& [label, count] : counts) values.push_back(count);
    card.label_entropy.value = entropy_bits(values);
    card.label_entropy.n = std::llround(sums.total(n));
  }

  // Which of the pair wins, by content: the one with the smaller id is the first here, whatever its rank or place.
  std::size_t cells[6];  // win, tie, loss where the first was shown first; then where it was shown second
  for (std::size_t& cell : cells) cell = sums.column();
  const std::size_t pairs = sums.column();
  for (const PairLabel& label : work.labels) {
    if (label.shown == 0) continue;
    const std::vector<Completion>& completions = work.pool[label.prompt].completions;
    const int sign = completions[label.first].completion_id < completions[label.second].completion_id ? 1 : -1;
    const int outcome = sign * label.outcome, shown = sign * label.shown;
    sums.add(cells[(shown > 0 ? 0 : 3) + (1 - outcome)], work.prompt(label), 1);
    sums.add(pairs, work.prompt(label), 1);
  }
  card.winner_entropy.reason = card.winner_entropy_given_order.reason = "shown_alone";
  const std::vector<std::size_t> table(cells, cells + 6);
  sums.statistic(card.winner_entropy, pairs, [table](std::span<const double> s) {
    std::vector<double> outcome(3, 0);
    for (std::size_t i = 0; i < 6; ++i) outcome[i % 3] += s[table[i]];
    return entropy_bits(outcome);
  });
  sums.statistic(card.winner_entropy_given_order, pairs, [table](std::span<const double> s) {
    double entropy = 0, all = 0;
    for (std::size_t order = 0; order < 2; ++order) {
      std::vector<double> outcome(3, 0);
      double m = 0;
      for (std::size_t i = 0; i < 3; ++i) m += outcome[i] = s[table[3 * order + i]];
      if (m > 0) entropy += m * entropy_bits(outcome);
      all += m;
    }
    return all > 0 ? entropy / all : kUnknown;
  });
}

void measure_length(CardWork& work) {
  JudgeCard& card = work.card;
  PromptSums& sums = work.sums;
  const std::size_t n = sums.column(), longer = sums.column(), source_n = sums.column(), source_longer = sums.column(),
                    near = sums.column(), near_hits = sums.column();
  std::vector<double> lengths, ranks, outcomes;
  std::vector<std::size_t> prompts;
  for (std::size_t pair = 0; pair < work.pairs(); ++pair) {
    const PairLabel& label = work.primary(pair);
    const std::vector<double>& log_length = work.log_length[label.prompt];
    const double length = log_length[label.first] - log_length[label.second];
    const std::size_t prompt = work.prompt(label);
    const int source = work.source(label);
    if (length != 0 && label.outcome != 0) {
      sums.add(n, prompt, 1);
      sums.add(longer, prompt, (length > 0) == (label.outcome > 0));
    }
    if (length != 0 && source != 0) {
      sums.add(source_n, prompt, 1);
      sums.add(source_longer, prompt, (length > 0) == (source > 0));
    }
    if (std::fabs(length) <= std::log(1.1) && source != 0) {
      sums.add(near, prompt, 1);
      sums.add(near_hits, prompt, label.outcome == 0 ? 0.5 : label.outcome == source);
    }
    lengths.push_back(length);
    ranks.push_back(static_cast<double>(source) * static_cast<double>(work.source_distance(label)));
    outcomes.push_back((label.outcome + 1) / 2.0);
    prompts.push_back(prompt);
  }
  sums.share(card.longer_wins, longer, n);
  sums.share(card.source_longer_wins, source_longer, source_n);
  sums.share(card.near_equal_length, near_hits, near);
  card.source_longer_wins.reason = card.near_equal_length.reason = work.source_pairs > 0 ? "no_pairs" : "no_source";

  const auto standardise = [](std::vector<double>& values) {
    double squares = 0;
    for (const double x : values) squares += x * x;
    const double size = std::sqrt(squares / static_cast<double>(values.size()));
    if (size > 0)
      for (double& x : values) x /= size;
    return size > 0;
  };
  const bool lengths_differ = !lengths.empty() && standardise(lengths);
  const bool ranks_differ = !ranks.empty() && standardise(ranks);
  // Replicates: one Newton step from the estimate, with each prompt's gradient and information as its sums.
  const auto regress = [&](bool beside_rank, Measured& out) {
    const std::size_t p = beside_rank ? 2 : 1;
    std::vector<double> rows;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      rows.push_back(lengths[i]);
      if (beside_rank) rows.push_back(ranks[i]);
    }
    const LogisticFit fit = logistic_regression(rows, outcomes, p);
    if (!fit.converged()) {
      out.reason = fit.reason;
      return;
    }
    std::vector<std::size_t> columns(p + p * (p + 1) / 2);
    for (std::size_t& column : columns) column = sums.column();
    const std::size_t all = sums.column();
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      std::vector<double> values(columns.size(), 0);
      logistic_sums(std::span(rows).subspan(i * p, p), outcomes[i], fit.coefficients, std::span(values).first(p),
                    std::span(values).subspan(p));
      for (std::size_t c = 0; c < columns.size(); ++c) sums.add(columns[c], prompts[i], values[c]);
      sums.add(all, prompts[i], 1);
    }
    sums.statistic(out, all, [columns, p, coefficients = fit.coefficients](std::span<const double> s) {
      std::vector<double> values;
      for (const std::size_t column : columns) values.push_back(s[column]);
      return logistic_step(coefficients, std::span(values).first(p), std::span(values).subspan(p))[0];
    });
  };
  card.length_coefficient.reason = card.length_beside_rank.reason = "no_variation";
  if (lengths_differ) regress(false, card.length_coefficient);
  if (!ranks_differ)
    card.length_beside_rank.reason = "no_source";
  else if (lengths_differ)
    regress(true, card.length_beside_rank);
}

}  // namespace ballot
