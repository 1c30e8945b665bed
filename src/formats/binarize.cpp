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
}

namespace {

// What the labels of one pair say together. `lean` > 0: the first of the two is better.
struct Verdict {
  double lean = 0;
  int labels = 0;
  std::optional<bool> letter;  // a tie's own letter: the first is the better one; none where labels differ or name none
  bool letters_differ = false;
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
  PromptLabels(const Format& format, const PoolRow& row, const std::vector<const Annotation*>& labels)
      : format_(format), row_(row) {
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

  void fail(const Annotation& label, std::size_t i, std::size_t j) {
    failures_.try_emplace({std::min(i, j), std::max(i, j)}, label.status);
  }

  void add_pair(const Annotation& label) {
    std::size_t i = place(label, label.shown[0]), j = place(label, label.shown[1]);
    if (!label.usable()) return fail(label, i, j);
    const auto without = [&](const char* field) {
      return bad_input("annotation {} is '{}' but has no {}", label.item_id, label.status, field);
    };
    if (!label.choice) throw without("choice");
    const std::size_t chosen = place(label, *label.choice);
    const bool first = chosen == std::min(i, j);
    double strength = 1;
    if (format_.field(FieldKind::kMagnitude)) {
      if (!label.magnitude) throw without("magnitude");
      strength = *label.magnitude;
    }
    Verdict& verdict = verdicts_[{std::min(i, j), std::max(i, j)}];
    if (verdict.labels > 0 && verdict.letter != first) verdict.letters_differ = true;
    verdict.letter = first;
    verdict.lean += first ? strength : -strength;
    verdict.add_presented(label.shown[0]);
    verdict.add_status(label);
    ++verdict.labels;
  }

  void add_score(const Annotation& label) {
    const std::size_t i = place(label, label.shown[0]);
    Scores& scores = scores_[i];
    if (!label.usable()) {
      if (scores.failure.empty()) scores.failure = label.status;
      return;
    }
    if (!label.rating) throw bad_input("annotation {} is '{}' but has no rating", label.item_id, label.status);
    scores.sum += *label.rating;
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
        verdict.labels = 1;
        verdict.attempts = std::max(a->second.attempts, b->second.attempts);
        verdict.status = a->second.status != "ok" ? a->second.status : b->second.status;
        if (a->second.labels > 1 || b->second.labels > 1) verdict.labels = 2;
      }
  }

  void add_ranking(const Annotation& label) {
    if (!label.usable()) {
      for (std::size_t i = 0; i < row_.completions.size(); ++i)
        for (std::size_t j = i + 1; j < row_.completions.size(); ++j) fail(label, i, j);
      return;
    }
    // Ranks by competition: after a tie of two at rank 2 comes rank 4, so that a margin counts the completions passed.
    std::map<std::size_t, int> rank, shown;
    int next = 1;
    for (const std::vector<std::string>& group : label.ranking) {
      for (const std::string& id : group)
        if (!rank.emplace(place(label, id), next).second)
          throw bad_input("annotation {} ranks completion {} twice", label.item_id, id);
      next += static_cast<int>(group.size());
    }
    if (rank.size() != row_.completions.size())
      throw bad_input("annotation {} ranks {} of {} completions", label.item_id, rank.size(), row_.completions.size());
    for (std::size_t s = 0; s < label.shown.size(); ++s) shown[place(label, label.shown[s])] = static_cast<int>(s);
    for (std::size_t i = 0; i < rank.size(); ++i)
      for (std::size_t j = i + 1; j < rank.size(); ++j) {
        Verdict& verdict = verdicts_[{i, j}];
        verdict.lean += rank[j] - rank[i];
        verdict.add_presented(row_.completions[shown[i] < shown[j] ? i : j].completion_id);
        verdict.add_status(label);
        ++verdict.labels;
      }
  }

  struct Scores {
    double sum = 0;
    int labels = 0;
    std::string failure, status = "ok";
    std::int32_t attempts = 1;
  };
  const Format& format_;
  const PoolRow& row_;
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
    const PromptLabels labels(input_.format, row, found->second);
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
    p.target = tie && options_.ties == "soft" ? 0.5 : 1;
    p.margin = input_.format.margin == MarginRule::kNone || tie
                   ? 0
                   : std::abs(verdict.lean) / (verdict.scored ? 1 : verdict.labels);
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
