#include "formats/binarize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "data/ids.h"

namespace ballot {

void visit_options(OptionVisitor& visit, BinarizeOptions& o) {
  visit({"ties", "what becomes of pairs whose label prefers neither", {"random", "drop", "soft", "keep"}}, o.ties);
  visit({"pairs", "complete: a pair that any of the given formats lacks is dropped from all", {"all", "complete"}},
        o.pairs);
  visit({"labels",
         "what a label is: as the judge said it, or expected over its distribution, where it gives one",
         {"said", "expected"}},
        o.labels);
}

namespace {

// What the labels of one pair say together. `lean` > 0: the first of the two is better.
struct Verdict {
  double lean = 0;
  int labels = 0;
  std::optional<bool> letter;  // a tie's own letter: the first is the better one; none where labels differ or name none
  bool letters_differ = false;
  double first_better = 0;  // of expected labels: the sum of the probabilities that the first is the better one
  double score_first = 0, score_second = 0;
  bool scored = false;
  std::string status = "ok";
  std::int32_t attempts = 1;
  std::string presented_first;  // empty where unknown or not the same in all labels
  bool presented_differs = false;

  void add_status(const Annotation& row) {
    if (row.status != "ok" && status == "ok") status = row.status;
    attempts = std::max(attempts, row.attempts);
  }
  void add_presented(const std::string& id) {
    if (labels > 0 && presented_first != id) presented_differs = true;
    presented_first = id;
  }
};

// The labels of one prompt, looked at as pairs of places in the pool's row.
class PromptLabels {
 public:
  PromptLabels(const Format& format, const PoolRow& row, const std::vector<const Annotation*>& labels,
               const std::vector<Label>& possible)
      : format_(format), row_(row), possible_(possible) {
    for (std::size_t i = 0; i < row.completions.size(); ++i) place_[row.completions[i].completion_id] = i;
    for (const Annotation* label : labels) {
      check(*label);
      switch (format.kind) {
        case FormatKind::kPairwise:
          add_pair(*label);
          break;
        case FormatKind::kPointwise:
          add_score(*label);
          break;
        case FormatKind::kListwise:
          add_ranking(*label);
          break;
      }
    }
    if (format.kind == FormatKind::kPointwise) pairs_of_scores();
  }

  /// The verdict on a pair, or the reason why there is none.
  const Verdict* verdict(std::size_t i, std::size_t j, std::string& reason) const {
    const auto found = verdicts_.find({i, j});
    if (found != verdicts_.end() && found->second.labels > 0) return &found->second;
    const auto failed = failures_.find({i, j});
    reason = failed == failures_.end() ? "no_ballot" : failed->second;
    return nullptr;
  }

 private:
  using Pair = std::pair<std::size_t, std::size_t>;

  std::size_t place(const Annotation& label, const std::string& id) const {
    const auto found = place_.find(id);
    if (found == place_.end())
      throw Error(ErrorKind::kInput,
                  fmt::format("annotation {} of prompt {} shows completion {}, which the pool's prompt does not have",
                              label.item_id, label.prompt_id, id),
                  "give the pool that the annotations were made from: --pool");
    return found->second;
  }

  void check(const Annotation& label) const {
    const std::size_t wanted = format_.shown(row_.completions.size());
    if (label.shown.size() != wanted)
      throw bad_input("annotation {} shows {} completions; a ballot of '{}' shows {}", label.item_id,
                      label.shown.size(), format_.name, wanted);
    for (const std::string& id : label.shown) place(label, id);
  }

  bool expected() const { return !possible_.empty(); }

  void fail(const std::string& reason, std::size_t i, std::size_t j) {
    failures_.try_emplace({std::min(i, j), std::max(i, j)}, reason);
  }

  Error without(const Annotation& label, const char* field) const {
    return bad_input("annotation {} is '{}' but has no {}", label.item_id, label.status, field);
  }

  /// How far a label prefers the first shown: negative where it prefers the second.
  double strength_of(std::optional<int> choice, std::optional<int> magnitude) const {
    if (!choice) return 0;
    return (*choice == 0 ? 1 : -1) * (has_magnitude() ? magnitude.value_or(0) : 1);
  }
  bool has_magnitude() const { return format_.field(FieldKind::kMagnitude) || format_.field(FieldKind::kComparison); }

  /// The judge's distribution over `possible_`, its sum 1; empty where it gave none.
  std::vector<double> distribution_of(const Annotation& label) const {
    if (!label.probabilities) return {};
    std::vector<double> p = *label.probabilities;
    double sum = 0;
    for (const double each : p) sum += each;
    if (p.size() != possible_.size() || !(sum > 0) || *std::min_element(p.begin(), p.end()) < 0)
      throw bad_input("annotation {} has {} probabilities with the sum {}; the format '{}' has {} labels",
                      label.item_id, p.size(), sum, format_.name, possible_.size());
    for (double& each : p) each /= sum;
    return p;
  }

  void add_pair(const Annotation& label) {
    const std::size_t i = place(label, label.shown[0]), j = place(label, label.shown[1]);
    const bool in_order = i < j;  // the first shown is the first of the pair
    if (!label.usable()) return fail(label.status, i, j);
    double lean = 0, first_better = 0;
    std::optional<bool> letter;
    if (expected()) {
      const std::vector<double> p = distribution_of(label);
      if (p.empty()) return fail("no_probabilities", i, j);
      for (std::size_t k = 0; k < p.size(); ++k) {
        const double strength = strength_of(possible_[k].choice, possible_[k].magnitude);
        lean += p[k] * strength;
        first_better += p[k] * (strength == 0 ? 0.5 : (strength > 0) == in_order ? 1 : 0);
      }
    } else {
      if (!label.choice && format_.tie != TieRule::kNeither) throw without(label, "choice");
      if (label.choice && !label.magnitude && has_magnitude()) throw without(label, "magnitude");
      std::optional<int> place_chosen;
      if (label.choice) {
        place_chosen = place(label, *label.choice) == i ? 0 : 1;
        letter = (*place_chosen == 0) == in_order;
      }
      lean = strength_of(place_chosen, label.magnitude);
    }
    Verdict& verdict = verdicts_[{std::min(i, j), std::max(i, j)}];
    if (verdict.labels > 0 && verdict.letter != letter) verdict.letters_differ = true;
    verdict.letter = letter;
    verdict.lean += in_order ? lean : -lean;
    verdict.first_better += first_better;
    verdict.add_presented(label.shown[0]);
    verdict.add_status(label);
    ++verdict.labels;
  }

  void add_score(const Annotation& label) {
    const std::size_t i = place(label, label.shown[0]);
    Scores& scores = scores_[i];
    const auto failed_as = [&](const std::string& reason) {
      if (scores.failure.empty()) scores.failure = reason;
    };
    if (!label.usable()) return failed_as(label.status);
    if (expected()) {
      const std::vector<double> p = distribution_of(label);
      if (p.empty()) return failed_as("no_probabilities");
      scores.distribution.resize(p.size());
      for (std::size_t k = 0; k < p.size(); ++k) {
        scores.sum += p[k] * possible_[k].rating.value_or(0);
        scores.distribution[k] += p[k];
      }
    } else {
      if (!label.rating) throw without(label, "rating");
      scores.sum += *label.rating;
    }
    ++scores.labels;
    if (label.status != "ok" && scores.status == "ok") scores.status = label.status;
    scores.attempts = std::max(scores.attempts, label.attempts);
  }

  void pairs_of_scores() {
    for (std::size_t i = 0; i < row_.completions.size(); ++i)
      for (std::size_t j = i + 1; j < row_.completions.size(); ++j) {
        const auto a = scores_.find(i), b = scores_.find(j);
        const auto lacks = [&](const auto& found) { return found == scores_.end() || found->second.labels == 0; };
        if (lacks(a) || lacks(b)) {
          const auto& lacking = lacks(a) ? a : b;
          if (lacking != scores_.end()) failures_.try_emplace({i, j}, lacking->second.failure);
          continue;
        }
        Verdict& verdict = verdicts_[{i, j}];
        verdict.scored = true;
        verdict.score_first = a->second.sum / a->second.labels;
        verdict.score_second = b->second.sum / b->second.labels;
        verdict.lean = verdict.score_first - verdict.score_second;
        const std::vector<double>&p = a->second.distribution, &q = b->second.distribution;
        for (std::size_t k = 0; k < p.size(); ++k)
          for (std::size_t l = 0; l < q.size(); ++l)
            verdict.first_better += p[k] / a->second.labels * (q[l] / b->second.labels) *
                                    (k > l    ? 1
                                     : k == l ? 0.5
                                              : 0);
        verdict.labels = 1;
        verdict.attempts = std::max(a->second.attempts, b->second.attempts);
        verdict.status = a->second.status != "ok" ? a->second.status : b->second.status;
        if (a->second.labels > 1 || b->second.labels > 1) verdict.labels = 2;
      }
  }

  void add_ranking(const Annotation& label) {
    std::vector<std::size_t> places;  // in the order shown
    for (const std::string& id : label.shown) places.push_back(place(label, id));
    const auto each_pair = [&](const auto& use) {
      for (std::size_t a = 0; a < places.size(); ++a)
        for (std::size_t b = a + 1; b < places.size(); ++b) use(places[a], places[b]);
    };
    if (!label.usable()) return each_pair([&](std::size_t i, std::size_t j) { fail(label.status, i, j); });
    // Ranks by competition: after a tie of two at rank 2 comes rank 4, so that a margin counts the completions passed;
    // or by groups, where only the order of the groups was asked.
    std::map<std::size_t, int> rank;
    int next = 1;
    for (const std::vector<std::string>& group : label.ranking) {
      for (const std::string& id : group)
        if (!rank.emplace(place(label, id), next).second)
          throw bad_input("annotation {} ranks completion {} twice", label.item_id, id);
      next += format_.margin == MarginRule::kGroupDifference ? 1 : static_cast<int>(group.size());
    }
    const bool all = std::all_of(places.begin(), places.end(), [&](std::size_t p) { return rank.contains(p); });
    if (rank.size() != places.size() || !all)
      throw bad_input("annotation {} ranks {} of {} completions shown", label.item_id, rank.size(), places.size());
    each_pair([&](std::size_t earlier, std::size_t later) {
      const std::size_t i = std::min(earlier, later), j = std::max(earlier, later);
      Verdict& verdict = verdicts_[{i, j}];
      verdict.lean += rank[j] - rank[i];
      verdict.add_presented(row_.completions[earlier].completion_id);
      verdict.add_status(label);
      ++verdict.labels;
    });
  }

  struct Scores {
    double sum = 0;
    int labels = 0;
    std::vector<double> distribution;  // summed over the labels
    std::string failure, status = "ok";
    std::int32_t attempts = 1;
  };
  const Format& format_;
  const PoolRow& row_;
  const std::vector<Label>& possible_;  // all labels of the format, where they are to be expected; else none
  std::unordered_map<std::string, std::size_t> place_;
  std::map<Pair, Verdict> verdicts_;
  std::map<Pair, std::string> failures_;
  std::map<std::size_t, Scores> scores_;
};

Preference row_of(const PoolRow& row, std::size_t chosen, std::size_t rejected) {
  const Completion &c = row.completions[chosen], &r = row.completions[rejected];
  Preference p;
  p.prompt = row.prompt;
  p.chosen = c.text;
  p.rejected = r.text;
  p.pair_id = pair_id_of(c.completion_id, r.completion_id);
  p.prompt_id = row.prompt_id;
  p.chosen_id = c.completion_id;
  p.rejected_id = r.completion_id;
  p.chosen_model = c.model;
  p.rejected_model = r.model;
  p.source_rank_chosen = c.source_rank;
  p.source_rank_rejected = r.source_rank;
  p.split = row.split;
  p.source = row.source;
  p.good_natured = row.good_natured;
  return p;
}

// A set with what its summary counts of each row, so that the counts stay right when rows are dropped later.
struct Counted {
  PreferenceSet set;
  std::vector<bool> decided, averaged;
};

class Binarizer {
 public:
  Binarizer(const FormatAnnotations& input, const BinarizeOptions& options, std::uint64_t seed)
      : input_(input), options_(options), seed_(seed) {
    set_.summary.format = input.format.name;
    const bool listwise = input.format.kind == FormatKind::kListwise;
    if (options.labels == "expected" && !(listwise && options.listwise_as_said)) {
      if (listwise)
        throw Error(ErrorKind::kUsage,
                    fmt::format("the listwise format '{}' has no distribution over its labels", input.format.name),
                    "binarize it without --labels expected");
      possible_ = input.format.labels(input.format.completions);
    }
    std::set<std::string> judges;
    for (const Annotation& row : input.rows) {
      if (row.format != input.format.name)
        throw bad_input("annotation {} is of the format '{}', not '{}'", row.item_id, row.format, input.format.name);
      judges.insert(row.judge);
      by_prompt_[row.prompt_id].push_back(&row);
    }
    for (const std::string& judge : judges) set_.summary.judge += (set_.summary.judge.empty() ? "" : "+") + judge;
  }

  void add(const PoolRow& row) {
    const auto found = by_prompt_.find(row.prompt_id);
    if (found == by_prompt_.end()) return;
    const PromptLabels labels(input_.format, row, found->second, possible_);
    by_prompt_.erase(found);
    std::vector<Row> pairs;
    for (std::size_t i = 0; i < row.completions.size(); ++i)
      for (std::size_t j = i + 1; j < row.completions.size(); ++j) {
        ++set_.summary.possible;
        std::string reason;
        const Verdict* verdict = labels.verdict(i, j, reason);
        if (!verdict) {
          ++set_.summary.dropped[reason];
          continue;
        }
        add_pair(row, i, j, *verdict, pairs);
      }
    std::sort(pairs.begin(), pairs.end(),
              [](const Row& a, const Row& b) { return a.preference.pair_id < b.preference.pair_id; });
    for (Row& pair : pairs) {
      set_.rows.push_back(std::move(pair.preference));
      counted_.decided.push_back(pair.decided);
      counted_.averaged.push_back(pair.averaged);
    }
  }

  Counted finish() {
    if (!by_prompt_.empty())
      throw Error(ErrorKind::kInput,
                  fmt::format("{} annotated prompts of '{}' are not in the pool, the first: {}", by_prompt_.size(),
                              input_.format.name,
                              std::min_element(by_prompt_.begin(), by_prompt_.end(),
                                               [](const auto& a, const auto& b) { return a.first < b.first; })
                                  ->first),
                  "give the pool that the annotations were made from: --pool");
    return std::move(counted_);
  }

 private:
  struct Row {
    Preference preference;
    bool decided = false, averaged = false;
  };

  void add_pair(const PoolRow& row, std::size_t i, std::size_t j, const Verdict& verdict, std::vector<Row>& pairs) {
    const bool tie = verdict.lean == 0;
    if (tie && options_.ties == "drop") {
      ++set_.summary.dropped["tie"];
      return;
    }
    bool first = verdict.lean > 0, decided = false;
    if (tie) {
      const std::string &a = row.completions[i].completion_id, &b = row.completions[j].completion_id;
      if (verdict.letter && !verdict.letters_differ) {
        first = *verdict.letter;
      } else {
        decided = true;
        if (options_.ties == "keep") {
          first = a < b;
        } else {
          Random coin(seed_, "tie", hash64(input_.format.name + "\n" + set_.summary.judge + "\n" + pair_id_of(a, b)));
          first = (coin.next() & 1) == (a < b ? 0u : 1u);  // of the smaller id, so that the pool's order says nothing
        }
      }
    }
    Preference p = row_of(row, first ? i : j, first ? j : i);
    p.tie = tie;
    const bool expected = !possible_.empty();
    const double labels = verdict.scored ? 1 : verdict.labels;
    p.margin = tie || (input_.format.margin == MarginRule::kNone && !expected) ? 0 : std::abs(verdict.lean) / labels;
    p.target = tie && options_.ties == "soft" ? 0.5 : 1;
    if (expected && !tie) p.target = first ? verdict.first_better / labels : 1 - verdict.first_better / labels;
    if (verdict.scored) {
      p.chosen_score = first ? verdict.score_first : verdict.score_second;
      p.rejected_score = first ? verdict.score_second : verdict.score_first;
    }
    if (!verdict.presented_differs) p.presented_first = verdict.presented_first;
    p.status = verdict.status;
    p.attempts = verdict.attempts;
    p.format = input_.format.name;
    p.judge = set_.summary.judge;
    pairs.push_back({std::move(p), decided, verdict.labels > 1});
  }

  const FormatAnnotations& input_;
  const BinarizeOptions& options_;
  const std::uint64_t seed_;
  std::vector<Label> possible_;
  std::unordered_map<std::string, std::vector<const Annotation*>> by_prompt_;
  Counted counted_;
  PreferenceSet& set_ = counted_.set;
};

// Leaves the pairs that every set has.
void keep_complete(std::vector<Counted>& sets) {
  std::unordered_map<std::string, std::size_t> times;
  for (const Counted& counted : sets)
    for (const Preference& row : counted.set.rows) ++times[row.pair_id];
  for (Counted& counted : sets) {
    Counted kept;
    kept.set.summary = counted.set.summary;
    for (std::size_t i = 0; i < counted.set.rows.size(); ++i) {
      if (times.at(counted.set.rows[i].pair_id) < sets.size()) {
        ++kept.set.summary.dropped["incomplete"];
        continue;
      }
      kept.set.rows.push_back(std::move(counted.set.rows[i]));
      kept.decided.push_back(counted.decided[i]);
      kept.averaged.push_back(counted.averaged[i]);
    }
    counted = std::move(kept);
  }
}

}  // namespace

std::vector<PreferenceSet> binarize(const std::vector<PoolRow>& pool, const std::vector<FormatAnnotations>& inputs,
                                    const BinarizeOptions& options, std::uint64_t seed) {
  std::vector<Counted> counted;
  for (const FormatAnnotations& input : inputs) {
    Binarizer binarizer(input, options, seed);
    for (const PoolRow& row : pool) binarizer.add(row);
    counted.push_back(binarizer.finish());
  }
  if (options.pairs == "complete") keep_complete(counted);
  std::vector<PreferenceSet> sets;
  for (Counted& each : counted) {
    BinarizeSummary& summary = each.set.summary;
    summary.pairs = static_cast<std::int64_t>(each.set.rows.size());
    summary.ties =
        std::count_if(each.set.rows.begin(), each.set.rows.end(), [](const Preference& row) { return row.tie; });
    summary.decided = std::count(each.decided.begin(), each.decided.end(), true);
    summary.averaged = std::count(each.averaged.begin(), each.averaged.end(), true);
    sets.push_back(std::move(each.set));
  }
  return sets;
}

}  // namespace ballot
