// What the labels say: ballots, failures, ties, tokens, agreement.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/manifest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "formats/format.h"
#include "report/judge_card.h"
#include "statistics/bootstrap.h"
#include "study/label_inputs.h"
#include "study/results.h"
#include "study/stage.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kReplicates = 2000;

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void read_annotation_stats(const std::vector<Annotation>& rows, LabelStats& stats) {
  std::set<std::string> prompts;
  for (const Annotation& a : rows) {
    prompts.insert(a.prompt_id);
    ++stats.ballots;
    stats.usable += a.usable();
    stats.retried += a.attempts > 1;
    ++stats.statuses[a.status];
    stats.prompt_tokens += a.prompt_tokens;
    stats.completion_tokens += a.completion_tokens;
    stats.cached_tokens += a.cached_tokens;
    stats.cost += a.cost;
    stats.seconds += a.seconds;
  }
  stats.prompts = static_cast<std::int64_t>(prompts.size());
}

/// What was paid beside the answers, as the manifest has it.
void read_lost_tokens(const fs::path& folder, LabelStats& stats) {
  const auto manifest = read_manifest(folder);
  if (!manifest) return;
  const Json lost = Json::parse(manifest->facts).value("lost", Json::object());
  for (const auto& [what, tokens] : lost.items()) {
    const std::int64_t prompt = tokens.value("prompt_tokens", std::int64_t{0}),
                       completion = tokens.value("completion_tokens", std::int64_t{0});
    stats.lost_tokens += prompt + completion;
    if (what == "unread_answers") continue;  // among the answers' own
    stats.prompt_tokens += prompt;
    stats.completion_tokens += completion;
    stats.cost += tokens.value("cost", 0.0);
  }
}

void read_preference_stats(const std::vector<Preference>& rows, std::uint64_t seed, int threads, LabelStats& stats) {
  std::vector<std::pair<std::string, double>> source, longer;
  std::map<std::int64_t, std::vector<std::pair<std::string, double>>> by_distance;
  for (const Preference& p : rows) {
    ++stats.pairs;
    stats.ties += p.tie;
    const std::int64_t distance = std::abs(p.source_rank_chosen - p.source_rank_rejected);
    if (distance > 0) {
      const double right = p.source_rank_chosen < p.source_rank_rejected;
      source.emplace_back(p.prompt_id, right);
      by_distance[distance].emplace_back(p.prompt_id, right);
    }
    const std::size_t chosen = characters(p.chosen), rejected = characters(p.rejected);
    if (chosen != rejected) longer.emplace_back(p.prompt_id, chosen > rejected);
  }
  stats.source_agreement = clustered_share(source, seed, threads);
  stats.longer_wins = clustered_share(longer, seed, threads);
  for (const auto& [distance, hits] : by_distance) stats.by_distance[distance] = clustered_share(hits, seed, threads);
}

Measured measured_of(const Json& statistic, std::int64_t n) {
  Measured m;
  m.n = n;
  if (statistic.is_null()) return m;
  const auto number = [&](const char* key) {
    return statistic.contains(key) && statistic[key].is_number() ? statistic[key].get<double>() : std::nan("");
  };
  m.value = number("estimate"), m.low = number("low"), m.high = number("high");
  if (statistic.contains("reason") && statistic["reason"].is_string()) m.reason = statistic["reason"];
  return m;
}

AgreementResults read_agreement(const Json& json, const std::string& judge) {
  AgreementResults out;
  out.judge = judge;
  out.units = json.value("units", std::int64_t{0});
  if (json.contains("rater_names")) out.raters = json["rater_names"].get<std::vector<std::string>>();
  for (const auto& [name, statistic] : json["overall"].items()) out.overall[name] = measured_of(statistic, out.units);
  for (const Json& pair : json["pairs"]) {
    AgreementResults::Pair row;
    row.a = pair.at("a"), row.b = pair.at("b");
    const std::int64_t n = pair.value("n", std::int64_t{0});
    for (const auto& [name, statistic] : pair.items())
      if (statistic.is_object()) row.statistics[name] = measured_of(statistic, n);
    out.pairs.push_back(std::move(row));
  }
  return out;
}

/// Two formats' agreement with the source, as one more contrast of the study's family.
void add_contrast_with_source(const Json& json, const std::string& judge, const StudyFile& study,
                              StudyResults& results) {
  const auto number = [&](const char* key) { return json[key].is_number() ? json[key].get<double>() : std::nan(""); };
  StudyContrast c;
  c.outcome = "labels that agree with the source (" + judge + ")";
  c.a = json.at("a"), c.b = json.at("b");
  c.difference = number("difference"), c.low = number("low"), c.high = number("high"), c.p = number("p");
  c.n = json.value("n", std::int64_t{0}), c.clusters = json.value("clusters", std::int64_t{0});
  for (const Json& pair : Json::parse(study.claims).value("contrasts", Json::array()))
    c.claimed |= (pair[0] == c.a && pair[1] == c.b) || (pair[0] == c.b && pair[1] == c.a);
  results.contrasts.push_back(std::move(c));
}

}  // namespace

Measured clustered_share(const std::vector<std::pair<std::string, double>>& hits, std::uint64_t seed, int threads) {
  Measured m;
  m.n = static_cast<std::int64_t>(hits.size());
  if (hits.empty()) return m;
  std::map<std::string, std::size_t> index;
  for (const auto& [cluster, hit] : hits) index.emplace(cluster, index.size());
  ClusterSums sums(index.size(), 2);
  for (const auto& [cluster, hit] : hits) {
    sums.at(index[cluster], 0) += hit;
    sums.at(index[cluster], 1) += 1;
  }
  m.clusters = static_cast<std::int64_t>(index.size());
  BootstrapOptions options;
  options.replicates = kReplicates;
  options.seed = seed;
  options.threads = threads;
  const Bootstrap result = bootstrap(
      sums, 1, [](std::span<const double> s, std::span<double> out) { out[0] = s[1] > 0 ? s[0] / s[1] : std::nan(""); },
      options);
  m.value = result.estimates[0];
  const Interval interval = percentile_interval(result.samples_of(0));
  m.low = interval.low, m.high = interval.high;
  return m;
}

void collect_labels(const StudyFile& study, const fs::path& folder, int threads, StudyResults& results) {
  const auto seed = static_cast<std::uint64_t>(study.seed);
  std::vector<PoolRow> pool;
  if (fs::exists(folder / "pool.parquet")) pool = read_pool(folder / "pool.parquet");
  for (const PoolRow& row : pool) {
    ++results.prompts;
    results.held_out_prompts += row.split == "held_out";
    results.completions += static_cast<std::int64_t>(row.completions.size());
    results.pairs += static_cast<std::int64_t>(row.completions.size() * (row.completions.size() - 1) / 2);
  }
  std::map<std::string, std::map<std::string, std::string>> direction;  // first judge: format -> pair -> chosen
  for (const StudyJudge& judge : study.judges) {
    std::vector<std::string> names = study.formats;
    const bool first = &judge == &study.judges.front();
    if (!study.placebo.empty() && first) names.push_back(kPlacebo);
    std::vector<JudgeCardInput> annotated;
    std::vector<std::string> annotated_names;
    for (const std::string& name : names) {
      const fs::path annotations = folder / "annotations" / judge.name / name / "annotations.parquet";
      if (!fs::exists(annotations)) continue;
      LabelStats stats;
      stats.judge = judge.name;
      stats.format = name;
      const Format format = Format::load(study.format_file(name == kPlacebo ? study.placebo : name));
      stats.title = name == kPlacebo ? format.title + " again" : format.title;
      std::vector<Annotation> rows = read_annotations(annotations);
      read_annotation_stats(rows, stats);
      read_lost_tokens(annotations.parent_path(), stats);
      if (format.kind == FormatKind::kPairwise) {
        std::vector<std::pair<std::string, double>> first_wins;
        for (const Annotation& a : rows)
          if (a.usable() && a.choice) first_wins.emplace_back(a.prompt_id, *a.choice == a.shown.front());
        stats.first_shown_wins = clustered_share(first_wins, seed, threads);
      }
      if (!rows.empty()) stats.margin_maximum = format.margin_maximum(rows.front().shown.size());
      const fs::path preferences = folder / "preferences" / judge.name / (name + ".parquet");
      if (fs::exists(preferences)) {
        const std::vector<Preference> pairs = read_preferences(preferences);
        read_preference_stats(pairs, seed, threads, stats);
        if (const auto manifest = read_manifest(preferences)) {
          const Json facts = Json::parse(manifest->facts);
          stats.decided_by_coin = facts.value("decided", std::int64_t{0});
          if (facts.contains("dropped")) stats.dropped = facts["dropped"].get<std::map<std::string, std::int64_t>>();
        }
        if (first)
          for (const Preference& p : pairs) direction[name][p.pair_id] = p.chosen_id;
      }
      if (!rows.empty()) {
        annotated.push_back({stats.title, {format, std::move(rows)}});
        annotated_names.push_back(name);
      }
      results.labels.push_back(std::move(stats));
    }
    if (!annotated.empty()) {
      const JudgeCardSettings settings{.replicates = kReplicates, .seed = seed, .threads = threads};
      JudgeCards cards = make_judge_cards(pool, annotated, settings);
      cards.judge = judge.name;
      for (const Labelling& labelling : attacked_labellings(study)) {
        const fs::path attacked = folder / "attacks" / judge.name / labelling.name / "annotations.parquet";
        const auto card = std::find(annotated_names.begin(), annotated_names.end(), labelling.name);
        if (card == annotated_names.end() || !fs::exists(attacked)) continue;
        const auto i = static_cast<std::size_t>(card - annotated_names.begin());
        add_attacks(cards.cards[i], pool, annotated[i],
                    {read_pool(folder / "attacked.parquet"),
                     {annotated[i].annotations.format, read_annotations(attacked)},
                     (folder / "attacked.parquet.attacks.jsonl").string()},
                    settings);
      }
      results.judge_cards.push_back(std::move(cards));
    }
    const fs::path agreement = folder / "agreement" / (judge.name + ".json");
    if (fs::exists(agreement)) {
      const Json json = Json::parse(read_file(agreement));
      results.agreement.push_back(read_agreement(json, judge.name));
      for (const Json& c : json.value("contrasts", Json::array()))
        add_contrast_with_source(c, judge.name, study, results);
    }
  }
  for (const auto& [a, pairs_a] : direction)
    for (const auto& [b, pairs_b] : direction) {
      if (a == b) continue;
      double different = 0, n = 0;
      for (const auto& [pair, chosen] : pairs_a)
        if (const auto other = pairs_b.find(pair); other != pairs_b.end()) different += other->second != chosen, ++n;
      if (n > 0) results.flips[a][b] = different / n;
    }
}

}  // namespace ballot
