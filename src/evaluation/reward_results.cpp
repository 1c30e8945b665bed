#include "evaluation/reward_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/random.h"
#include "core/suggest.h"
#include "statistics/best_of.h"
#include "statistics/bootstrap.h"
#include "statistics/expanded_interval.h"

namespace ballot {
namespace {

/// Random scorers whose central 95% stand as the interval of the random baseline of sets with several completions.
constexpr std::int64_t kRandomScorers = 500;

Json number(double x) {
  return std::isfinite(x) ? Json(x) : Json();
}
Json interval_json(const ScoreInterval& s) {
  return {{"score", number(s.score)}, {"low", number(s.low)}, {"high", number(s.high)}};
}

/// One suite over one set of items: what stays the same while scores change.
struct Judge {
  std::string suite;
  std::span<const RewardItem> items;
  const std::vector<std::string>& clusters;
  SectionScheme scheme;

  bool ties_item(const RewardItem& item) const { return suite == "rewardbench2" && item.subset == "Ties"; }

  JudgedRow row(const ItemScores& s, double correct) const {
    const bool tie = std::any_of(s.right.begin(), s.right.end(), [&](double right) {
      return std::find(s.wrong.begin(), s.wrong.end(), right) != s.wrong.end();
    });
    return {items[s.item].subset, clusters[s.item], correct, tie};
  }

  /// Everything but Ties, one row an item.
  std::vector<JudgedRow> plain_rows(std::span<const ItemScores> scores) const {
    std::vector<JudgedRow> rows;
    for (const ItemScores& s : scores)
      if (!ties_item(items[s.item])) rows.push_back(row(s, item_credit(suite, items[s.item], s)));
    return rows;
  }

  std::vector<JudgedRow> parts_of_ties(std::span<const ItemScores> scores) const {
    std::map<std::string, TiesMargins> ref, tied;
    for (const ItemScores& s : scores) {
      const RewardItem& item = items[s.item];
      if (!ties_item(item)) continue;
      const bool is_ref = item.id.starts_with("ref:");
      (is_ref ? ref : tied)[item.id.substr(is_ref ? 4 : 5)] = ties_margins(s.right, s.wrong);
    }
    return ties_rows(ref, tied);
  }

  std::vector<JudgedRow> rows(std::span<const ItemScores> scores) const {
    std::vector<JudgedRow> all = plain_rows(scores);
    for (JudgedRow& part : parts_of_ties(scores)) all.push_back(std::move(part));
    return all;
  }
};

/// One subset is one section: the accuracy over all pairs, whatever their subsets are.
SectionScheme scheme_of_pairs(std::span<const RewardItem> items, std::span<const ItemScores> scores) {
  std::map<std::string, double> rows;
  for (const ItemScores& s : scores) ++rows[items[s.item].subset];
  SectionScheme scheme{{}, {"all pairs"}, ""};
  for (const auto& [subset, n] : rows) scheme.subsets.push_back({subset, "all pairs", n});
  return scheme;
}

Json sections_json(const SectionScheme& scheme, const SectionScores& scores) {
  Json json;
  json["sections"] = Json::object();
  for (const std::string& name : scheme.sections)
    if (const auto found = scores.sections.find(name); found != scores.sections.end())
      json["sections"][name] = interval_json(found->second);
  json["score"] = number(scores.overall.score);
  json["score_low"] = number(scores.overall.low);
  json["score_high"] = number(scores.overall.high);
  json["subsets"] = Json::object();
  for (const auto& [name, subset] : scores.subsets)
    json["subsets"][name] = {{"accuracy", number(subset.accuracy)}, {"n", subset.n}, {"ties", subset.ties}};
  return json;
}

/// RM-Bench's styles: means of the domains, as the score is.
Json styles_json(const Judge& judge, std::span<const ItemScores> scores, std::int64_t replicates, std::uint64_t seed) {
  Json json;
  std::vector<JudgedRow> easy, normal, hard;
  double matrix[3][3] = {};
  for (const ItemScores& s : scores) {
    const StyleAccuracy a = style_accuracy(s.right, s.wrong);
    easy.push_back(judge.row(s, a.easy));
    normal.push_back(judge.row(s, a.normal));
    hard.push_back(judge.row(s, a.hard));
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        matrix[i][j] += (s.right[i] > s.wrong[j] ? 1.0 : 0.0) / static_cast<double>(scores.size());
  }
  for (const auto& [name, rows] : {std::pair{"easy", &easy}, {"normal", &normal}, {"hard", &hard}})
    json[name] = interval_json(section_scores(*rows, replicates, seed, 0, judge.scheme).overall);
  json["matrix"] = matrix;
  return json;
}

Json suite_json(const Judge& judge, std::span<const ItemScores> scores, std::int64_t replicates, std::uint64_t seed) {
  Json json = sections_json(judge.scheme, section_scores(judge.rows(scores), replicates, seed, 0, judge.scheme));
  if (judge.suite == "rm_bench") json["styles"] = styles_json(judge, scores, replicates, seed);
  return json;
}

/// The same completions under other scores.
template <class Score>
std::vector<ItemScores> with_scores(const Judge& judge, std::span<const ItemScores> scores, Score score) {
  std::vector<ItemScores> out;
  for (const ItemScores& s : scores) {
    const RewardItem& item = judge.items[s.item];
    out.push_back({s.item, {}, {}});
    for (const std::string& text : item.right) out.back().right.push_back(score(text));
    for (const std::string& text : item.wrong) out.back().wrong.push_back(score(text));
  }
  return out;
}

/// Scorers that know nothing. A pair is right with probability 1/2, exactly; where there are several completions the
/// mean over random scorers stands for the expectation.
Json random_json(const Judge& judge, std::span<const ItemScores> scores, std::int64_t replicates, std::uint64_t seed) {
  if (judge.suite == "rewardbench" || judge.suite == "preferences")
    return sections_json(judge.scheme, random_scores(judge.rows(scores), replicates, seed, judge.scheme));
  std::map<std::string, std::vector<double>> sections;
  std::vector<double> overall;
  for (std::int64_t b = 0; b < kRandomScorers; ++b) {
    Random draw(seed, "random scorer", static_cast<std::uint64_t>(b));
    const auto drawn = with_scores(judge, scores, [&](const std::string&) { return draw.uniform(); });
    const SectionScores made = section_scores(judge.rows(drawn), 0, seed, 1, judge.scheme);
    for (const auto& [name, section] : made.sections) sections[name].push_back(section.score);
    overall.push_back(made.overall.score);
  }
  const auto summary = [](const std::vector<double>& values) {
    ScoreInterval out;
    for (const double x : values) out.score += x / static_cast<double>(values.size());
    const Interval interval = percentile_interval(values);
    out.low = interval.low;
    out.high = interval.high;
    return out;
  };
  Json json;
  json["sections"] = Json::object();
  for (const auto& [name, values] : sections) json["sections"][name] = interval_json(summary(values));
  const ScoreInterval all = summary(overall);
  json["score"] = number(all.score);
  json["score_low"] = number(all.low);
  json["score_high"] = number(all.high);
  json["random_scorers"] = kRandomScorers;
  return json;
}

/// How far the scores follow length. Over (right, wrong) pairs: accuracy where the right one is longer, shorter, as
/// long; their plain mean over longer and shorter (a scorer that sees only length gets 1/2); the correlation of score
/// and length among the completions of one prompt.
Json length_json(const Judge& judge, std::span<const ItemScores> scores, std::int64_t replicates, std::uint64_t seed) {
  enum Column { kLongRight, kLong, kShortRight, kShort, kEqualRight, kEqual, kXY, kXX, kYY, kColumns };
  std::map<std::string, std::size_t> place;
  for (const ItemScores& s : scores) place.emplace(judge.clusters[s.item], place.size());
  ClusterSums sums(std::max<std::size_t>(place.size(), 1), kColumns);
  double n = 0, x_sum = 0, y_sum = 0, xx = 0, yy = 0, xy = 0;  // differences of pairs: score, length
  for (const ItemScores& s : scores) {
    const RewardItem& item = judge.items[s.item];
    const std::size_t row = place.at(judge.clusters[s.item]);
    std::vector<double> x = s.right, y;
    x.insert(x.end(), s.wrong.begin(), s.wrong.end());
    for (const std::string& text : item.right) y.push_back(static_cast<double>(characters(text)));
    for (const std::string& text : item.wrong) y.push_back(static_cast<double>(characters(text)));
    double mean_x = 0, mean_y = 0;
    for (std::size_t c = 0; c < x.size(); ++c)
      mean_x += x[c] / static_cast<double>(x.size()), mean_y += y[c] / static_cast<double>(x.size());
    for (std::size_t c = 0; c < x.size(); ++c) {
      sums.at(row, kXY) += (x[c] - mean_x) * (y[c] - mean_y);
      sums.at(row, kXX) += (x[c] - mean_x) * (x[c] - mean_x);
      sums.at(row, kYY) += (y[c] - mean_y) * (y[c] - mean_y);
    }
    for (std::size_t i = 0; i < s.right.size(); ++i)
      for (std::size_t j = 0; j < s.wrong.size(); ++j) {
        const double d = s.right[i] - s.wrong[j], l = y[i] - y[s.right.size() + j];
        const int kind = l > 0 ? kLong : l < 0 ? kShort : kEqual;
        sums.at(row, static_cast<std::size_t>(kind)) += 1;
        sums.at(row, static_cast<std::size_t>(kind) - 1) += d > 0 ? 1 : 0;
        ++n, x_sum += d, y_sum += l, xx += d * d, yy += l * l, xy += d * l;
      }
  }
  const auto share = [](double a, double b) { return b > 0 ? a / b : std::nan(""); };
  BootstrapOptions options;
  options.replicates = replicates;
  options.seed = seed;
  const Bootstrap made = bootstrap(
      sums, 5,
      [&](std::span<const double> c, std::span<double> out) {
        out[0] = share(c[kLongRight], c[kLong]);
        out[1] = share(c[kShortRight], c[kShort]);
        out[2] = share(c[kEqualRight], c[kEqual]);
        out[3] = (out[0] + out[1]) / 2;
        out[4] = c[kXX] > 0 && c[kYY] > 0 ? c[kXY] / std::sqrt(c[kXX] * c[kYY]) : std::nan("");
      },
      options);
  const double sx = xx - x_sum * x_sum / n, sy = yy - y_sum * y_sum / n;
  double pairs[3] = {};
  for (const auto& [name, row] : place)
    for (std::size_t k = 0; k < 3; ++k) pairs[k] += sums.at(row, 2 * k + 1);
  const auto square = [](double x) { return x * x; };
  const double units[] = {1 / square(pairs[0]), 1 / square(pairs[1]), 1 / square(pairs[2]),
                          (1 / pairs[0] + 1 / pairs[1]) / 4 / (pairs[0] + pairs[1])};
  const auto with_interval = [&](std::size_t statistic) {
    Interval interval;
    const double estimate = made.estimates[statistic];
    if (replicates > 0 && statistic < 4)
      interval =
          share_interval(estimate, made.samples_of(statistic), made.jackknife_of(statistic), {}, units[statistic]);
    else if (replicates > 0)
      interval = expanded_interval(estimate, made.samples_of(statistic), made.jackknife_of(statistic), {}, 0);
    return interval_json({estimate, std::max(interval.low, -1.0), std::min(interval.high, 1.0)});
  };
  Json json;
  json["correlation_of_differences"] =
      n > 0 && sx > 0 && sy > 0 ? Json((xy - x_sum * y_sum / n) / std::sqrt(sx * sy)) : Json();
  json["correlation_within_prompt"] = with_interval(4);
  json["accuracy_where_chosen_is_longer"] = number(made.estimates[0]);
  json["accuracy_where_chosen_is_shorter"] = number(made.estimates[1]);
  json["by_sign"] = Json::object();
  for (std::size_t k = 0; const char* name : {"longer", "shorter", "equal"}) {
    json["by_sign"][name] = with_interval(k);
    json["by_sign"][name]["pairs"] = pairs[k++];
  }
  json["length_controlled_accuracy"] = with_interval(3);
  return json;
}

/// rewardbench's leaderboard adds the prior sets at half a section's weight where their rows are there.
void add_leaderboard_score(const SectionScores& scores, Json& json) {
  double sections = 0, weight = 0, prior = 0, n = 0;
  for (const auto& [name, section] : scores.sections) sections += 2 * section.score, weight += 2;
  for (const char* name : {"anthropic_helpful", "anthropic_hhh", "shp", "summarize"})
    if (const auto found = scores.subsets.find(name); found != scores.subsets.end())
      prior += found->second.accuracy, ++n;
  if (n == 0) return;
  json["prior_sets"] = prior / n;
  json["leaderboard_score"] = (sections + prior / n) / (weight + 1);
}

void add_outside_sections(const SectionScheme& scheme, const SectionScores& scores, Json& json) {
  std::vector<std::string> names;
  for (const RewardBenchSubset& subset : scheme.subsets) names.push_back(subset.name);
  json["outside_sections"] = Json::array();
  for (const auto& [name, subset] : scores.subsets)
    if (std::find(names.begin(), names.end(), name) == names.end())
      json["outside_sections"].push_back({{"subset", name}, {"rows", subset.n}, {"nearest", nearest(name, names)}});
}

}  // namespace

std::int64_t characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::vector<std::string> item_clusters(const std::string& suite, std::span<const RewardItem> items) {
  std::map<std::string, std::int64_t> code_rows;
  for (const RewardItem& item : items)
    if (suite == "rewardbench" && item.subset.starts_with("hep-")) ++code_rows[item.subset];
  std::set<std::int64_t> sizes;
  for (const auto& [subset, n] : code_rows) sizes.insert(n);
  const bool aligned = sizes.size() == 1 && code_rows.size() > 1;
  std::map<std::string, std::int64_t> place;
  std::vector<std::string> clusters;
  for (const RewardItem& item : items) {
    if (aligned && item.subset.starts_with("hep-"))
      clusters.push_back(fmt::format("code problem {}", place[item.subset]++));
    else if (suite == "rewardbench2" && item.subset == "Ties")
      clusters.push_back(item.id.substr(item.id.find(':') + 1));  // as ties_rows names them
    else
      clusters.push_back(item.prompt_id);
  }
  return clusters;
}

double item_credit(const std::string& suite, const RewardItem& item, const ItemScores& scores) {
  if (suite == "rm_bench") return style_accuracy(scores.right, scores.wrong).all;
  if (suite == "rewardbench2" && item.subset == "Ties") return ties_margins(scores.right, scores.wrong).accurate();
  if (suite == "rewardbench2") return best_of_credit(scores.right[0], scores.wrong);
  return scores.right[0] > scores.wrong[0] ? 1 : 0;
}

Json reward_results(const std::string& suite, std::span<const RewardItem> items,
                    const std::vector<std::string>& clusters, std::span<const ItemScores> scores,
                    std::int64_t replicates, std::uint64_t seed) {
  const Judge judge{suite, items, clusters,
                    suite == "rewardbench2"  ? rewardbench2_scheme()
                    : suite == "rm_bench"    ? rm_bench_scheme()
                    : suite == "preferences" ? scheme_of_pairs(items, scores)
                                             : rewardbench_scheme()};
  Json json = suite_json(judge, scores, replicates, seed);
  json["suite"] = suite;
  const SectionScores plain = section_scores(judge.rows(scores), 0, seed, 1, judge.scheme);
  add_outside_sections(judge.scheme, plain, json);
  if (suite == "rewardbench") add_leaderboard_score(plain, json);
  const auto by_length = [&](double sign) {
    return with_scores(judge, scores,
                       [&](const std::string& text) { return sign * static_cast<double>(characters(text)); });
  };
  json["baselines"] = {{"random", random_json(judge, scores, replicates, seed)},
                       {"longer", suite_json(judge, by_length(1), replicates, seed)},
                       {"shorter", suite_json(judge, by_length(-1), replicates, seed)}};
  double credit = 0, half = 0;
  std::int64_t ties = 0;
  for (const ItemScores& s : scores) {
    const double own = item_credit(suite, items[s.item], s);
    const bool tie = judge.row(s, own).tie;
    credit += own;
    half += tie && own == 0 ? 0.5 : own;
    ties += tie;
  }
  const auto n = static_cast<double>(std::max<std::size_t>(scores.size(), 1));
  json["accuracy"] = credit / n;
  json["n"] = scores.size();
  json["ties"] = ties;
  json["tie_rate"] = static_cast<double>(ties) / n;
  if (suite == "rewardbench" || suite == "preferences") json["accuracy_with_half_for_ties"] = half / n;
  json["length"] = length_json(judge, scores, replicates, seed);
  return json;
}

}  // namespace ballot
