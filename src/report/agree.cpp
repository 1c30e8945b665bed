#include "report/agree.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/progress.h"
#include "core/suggest.h"
#include "core/terminal.h"
#include "statistics/tests.h"

namespace ballot {
namespace {

Level level_of(const std::string& name) {
  const std::vector<std::string> names = {"nominal", "ordinal", "interval", "ratio"};
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw wrong_usage("unknown level '{}'{}", name, did_you_mean(name, names));
  return static_cast<Level>(found - names.begin());
}

AgreementOptions measure_options(const AgreeOptions& options, std::uint64_t seed, int threads) {
  if (options.interval != "bca" && options.interval != "percentile")
    throw wrong_usage("unknown interval '{}'{}", options.interval,
                      did_you_mean(options.interval, std::vector<std::string>{"bca", "percentile"}));
  return {.level = level_of(options.level),
          .replicates = options.bootstrap,
          .seed = seed,
          .threads = threads,
          .interval = options.interval == "bca" ? IntervalMethod::kBca : IntervalMethod::kPercentile,
          .pairs = true};
}

/// "NAME=PATH" or a path.
Annotator named(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || std::filesystem::exists(text)) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::size_t annotation_folders(const std::vector<std::string>& inputs) {
  return static_cast<std::size_t>(std::count_if(inputs.begin(), inputs.end(), [](const std::string& text) {
    return std::filesystem::exists(std::filesystem::path(named(text).path) / "annotations.parquet");
  }));
}

/// By the folders' names where these differ, else by their paths.
std::vector<Annotator> name_folders(const std::vector<std::string>& inputs) {
  std::vector<Annotator> out;
  std::vector<std::string> names;
  for (const std::string& text : inputs) {
    out.push_back(named(text));
    std::filesystem::path path = out.back().path;
    if (!path.has_filename()) path = path.parent_path();
    names.push_back(out.back().name.empty() ? path.filename().string() : out.back().name);
  }
  const std::set<std::string> distinct(names.begin(), names.end());
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i].name.empty()) out[i].name = distinct.size() == names.size() ? names[i] : out[i].path;
  return out;
}

Labels read_labels(const AgreeOptions& options, std::uint64_t seed, RejectLog& rejects) {
  if (options.table) {
    if (!options.preferences.empty() || options.pool)
      throw Error(ErrorKind::kUsage, "--table and preferences files do not go together",
                  "give either --table FILE or PREFERENCES...");
    return labels_from_table(*options.table,
                             {.unit = options.unit,
                              .rater = options.rater.value_or(""),
                              .value = options.value.value_or(""),
                              .raters = options.raters,
                              .cluster = options.cluster.value_or(""),
                              .by = options.by.value_or(""),
                              .categories = options.categories,
                              .level = level_of(options.level)},
                             rejects);
  }
  if (!options.unit.empty() || options.rater || options.value || !options.raters.empty() || !options.categories.empty())
    throw Error(ErrorKind::kUsage, "--unit, --rater, --raters, --value and --categories belong to --table",
                "name the table: --table FILE");
  if (const std::size_t folders = annotation_folders(options.preferences); folders > 0) {
    if (folders < options.preferences.size())
      throw Error(ErrorKind::kUsage, "folders of annotations and preferences files do not go together",
                  "raw labels agree with raw labels, preferences with preferences");
    if (options.tied_pairs != "keep" || options.cluster)
      throw Error(ErrorKind::kUsage, "--tied-pairs and --cluster do not belong to folders of annotations",
                  "raw labels keep their ties and are clustered by prompt");
    return labels_from_annotations(name_folders(options.preferences), {.orientation = options.orientation,
                                                                       .by = options.by.value_or(""),
                                                                       .pool = options.pool.value_or(""),
                                                                       .seed = seed});
  }
  return labels_from_preferences(name_annotators(options.preferences),
                                 {.pool = options.pool.value_or(""),
                                  .orientation = options.orientation,
                                  .tied_pairs = options.tied_pairs,
                                  .cluster = options.cluster.value_or("prompt_id"),
                                  .by = options.by.value_or(""),
                                  .seed = seed},
                                 rejects);
}

std::vector<AgreeResult::Contrast> contrasts_with(const std::string& reference, const std::string& statistic,
                                                  const Labels& labels, const AgreementOptions& options) {
  std::vector<AgreeResult::Contrast> out;
  const auto found = std::find(labels.raters.begin(), labels.raters.end(), reference);
  if (found == labels.raters.end())
    throw wrong_usage("--reference: unknown annotator '{}'{}", reference, did_you_mean(reference, labels.raters));
  const auto fixed = static_cast<std::size_t>(found - labels.raters.begin());
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t a = 0; a < labels.raters.size(); ++a)
    for (std::size_t b = a + 1; b < labels.raters.size(); ++b)
      if (a != fixed && b != fixed) pairs.emplace_back(a, b);
  const std::vector<AgreementContrast> made = compare_statistics(labels.ratings, pairs, fixed, statistic, options);
  std::vector<double> p;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    out.push_back({labels.raters[pairs[i].first], labels.raters[pairs[i].second], made[i], 1, "not distinguished"});
    p.push_back(made[i].p);
  }
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].p_holm = adjusted[i];
    const Interval& interval = out[i].contrast.interval;
    if (adjusted[i] < 0.05 && interval.low > 0) out[i].verdict = "better";
    if (adjusted[i] < 0.05 && interval.high < 0) out[i].verdict = "worse";
  }
  return out;
}

/// Statistics of an order mean nothing on unordered words.
bool needs_order(std::string_view name) {
  return name == "pearson" || name == "spearman" || name == "kendall_tau_b" || name == "cohen_kappa_linear" ||
         name == "cohen_kappa_quadratic";
}

/// Which of the statistics belong to the level: weighted ones only where distances mean something.
bool shown(std::string_view name, Level level) {
  return level != Level::kNominal ||
         (name != "gwet_ac2" && name != "cohen_kappa_linear" && name != "cohen_kappa_quadratic");
}

/// The labels of some of the annotators.
Labels labels_of_raters(const Labels& labels, const std::vector<std::string>& names) {
  Labels out = labels;
  out.raters = names;
  out.ratings.raters = names.size();
  out.ratings.codes.clear();
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    const auto found = std::find(labels.raters.begin(), labels.raters.end(), name);
    if (found == labels.raters.end())
      throw wrong_usage("--overall: unknown annotator '{}'{}", name, did_you_mean(name, labels.raters));
    places.push_back(static_cast<std::size_t>(found - labels.raters.begin()));
  }
  for (std::size_t u = 0; u < labels.units.size(); ++u)
    for (const std::size_t r : places) out.ratings.codes.push_back(labels.ratings.code(u, r));
  return out;
}

/// Of all annotators and pairs; the overall statistics of those asked for.
Agreement measure_labels(const Labels& labels, const std::vector<std::string>& overall, AgreementOptions options) {
  Agreement out = measure_agreement(labels.ratings, options);
  if (overall.empty()) return out;
  options.pairs = false;
  out.overall = measure_agreement(labels_of_raters(labels, overall).ratings, options).overall;
  return out;
}

Json number(double x) {
  return std::isfinite(x) ? Json(x) : Json(nullptr);
}

Json statistic_json(const Statistic& measured) {
  Json out;
  if (!measured.estimate.defined()) {
    out["estimate"] = nullptr;
    out["reason"] = std::string(measured.estimate.reason);
    return out;
  }
  out["estimate"] = number(measured.estimate.value);
  out["low"] = number(measured.interval.low);
  out["high"] = number(measured.interval.high);
  if (measured.undefined_share > 0) out["undefined_replicates"] = measured.undefined_share;
  return out;
}

Json agreement_json(const Agreement& agreement, const Labels& labels, Level level,
                    const std::vector<ChanceTest>& chance = {}) {
  Json out;
  out["units"] = agreement.units;
  out["raters"] = agreement.raters;
  out["values"] = agreement.values;
  out["clusters"] = agreement.clusters;
  Json& overall = out["overall"] = Json::object();
  for (std::size_t i = 0; i < agreement.overall.size(); ++i)
    if (const std::string_view name = kOverallStatistics[i].name; shown(name, level))
      overall[std::string(name)] = statistic_json(agreement.overall[i]);
  Json& pairs = out["pairs"] = Json::array();
  for (const PairAgreement& pair : agreement.pairs) {
    Json entry;
    entry["a"] = labels.raters[pair.a];
    entry["b"] = labels.raters[pair.b];
    entry["n"] = pair.n;
    if (const auto at = static_cast<std::size_t>(&pair - agreement.pairs.data()); at < chance.size()) {
      entry["chance"] = {{"expected", number(chance[at].expected)}, {"p", number(chance[at].p)}};
      if (chance[at].fixed > 0) entry["chance"]["fixed_clusters"] = chance[at].fixed;
    }
    for (std::size_t i = 0; i < pair.statistics.size(); ++i) {
      const std::string_view name = kPairStatistics[i].name;
      if (!shown(name, level)) continue;
      Statistic measured = pair.statistics[i];
      if (!labels.ordered && needs_order(name) && measured.estimate.defined())
        measured = {Estimate::undefined(kNotOrdered), {}, 0};
      entry[std::string(name)] = statistic_json(measured);
    }
    pairs.push_back(std::move(entry));
  }
  return out;
}

std::string shown_number(double x) {
  return std::isfinite(x) ? fmt::format("{:.3f}", x) : "-";
}

std::string shown_statistic(const Statistic& measured) {
  if (!measured.estimate.defined()) return std::string(measured.estimate.reason);
  if (!measured.interval.defined()) return shown_number(measured.estimate.value);
  return fmt::format("{} [{}, {}]", shown_number(measured.estimate.value), shown_number(measured.interval.low),
                     shown_number(measured.interval.high));
}

/// Two categories in both orientations make every two-rater coefficient the same number.
bool coefficients_coincide(const Labels& labels) {
  return labels.ratings.both_orientations && labels.categories.size() == 2;
}

std::string overall_text(const Agreement& agreement, Level level, const std::vector<std::string>& raters,
                         const std::vector<std::pair<std::string_view, Statistic>>& intraclass = {}) {
  TextTable table{
      {raters.empty() ? "all annotators" : fmt::format("{}", fmt::join(raters, ", ")), "estimate [95% interval]"},
      {},
      {false, false}};
  const std::vector<std::pair<std::string, std::string>> names = {
      {"percent_agreement", "agreement"}, {"krippendorff_alpha", "Krippendorff's alpha"},
      {"fleiss_kappa", "Fleiss' kappa"},  {"conger_kappa", "Conger's kappa"},
      {"gwet_ac1", "Gwet's AC1"},         {"gwet_ac2", "Gwet's AC2"},
      {"bennett_s", "Bennett's S"}};
  for (const auto& [name, title] : names)
    if (shown(name, level)) table.rows.push_back({title, shown_statistic(overall_of(agreement, name))});
  const char* const forms[] = {"(1,1)", "(2,1)", "(3,1)", "(1,k)", "(2,k)", "(3,k)"};
  for (std::size_t i = 0; i < intraclass.size(); ++i)
    table.rows.push_back({fmt::format("ICC{}", forms[i]), shown_statistic(intraclass[i].second)});
  return render_plain(table);
}

std::string pairs_text(const Agreement& agreement, const Labels& labels, const std::vector<ChanceTest>& chance = {}) {
  std::vector<std::pair<std::string, std::string>> names = {
      {"percent_agreement", "agreement"}, {"krippendorff_alpha", "alpha"}, {"cohen_kappa", "Cohen's kappa"}};
  if (labels.ordered && !coefficients_coincide(labels))
    names.insert(names.end(), {{"pearson", "Pearson"}, {"spearman", "Spearman"}, {"kendall_tau_b", "tau-b"}});
  TextTable table{{"annotator", "annotator", "n"}, {}, {false, false, true}};
  for (const auto& [name, title] : names) {
    table.columns.push_back(title);
    table.right.push_back(false);
  }
  if (!chance.empty()) {
    table.columns.emplace_back("p (chance)");
    table.right.push_back(true);
  }
  for (const PairAgreement& pair : agreement.pairs) {
    std::vector<std::string> row = {printable(labels.raters[pair.a]), printable(labels.raters[pair.b]),
                                    human_count(static_cast<std::int64_t>(pair.n))};
    for (const auto& [name, title] : names) row.push_back(shown_statistic(pair_of(pair, name)));
    if (!chance.empty())
      row.push_back(shown_number(chance[static_cast<std::size_t>(&pair - agreement.pairs.data())].p));
    table.rows.push_back(std::move(row));
  }
  return render_plain(table);
}

constexpr std::size_t kPairsShown = 45;  // of ten annotators; --json has them all

}  // namespace

void visit_options(OptionVisitor& visit, AgreeOptions& o) {
  visit({"pool", "the pool: its source's ranking becomes one more annotator, 'source'", {}}, o.pool);
  visit({"table", "any table instead of preferences: CSV, JSONL or Parquet", {}}, o.table);
  visit({"unit", "of a table: the column (or columns) that say what was judged", {}}, o.unit);
  visit({"rater", "of a table with one row a rating: the column that says who judged", {}}, o.rater);
  visit({"value", "of a table with one row a rating: the column with the rating", {}}, o.value);
  visit({"raters", "of a table with one column a rater: these columns; empty cells are missing", {}}, o.raters);
  visit({"categories", "of a table: the whole scale in its order (default: the values that occur)", {}}, o.categories);
  visit({"level", "how far apart two categories are, for alpha", {"nominal", "ordinal", "interval", "ratio"}}, o.level);
  visit({"bootstrap", "replicates for the intervals; 0: none", {}}, o.bootstrap);
  visit({"cluster", "what units share, resampled as a whole (default: prompt_id where it exists)", {}}, o.cluster);
  visit(
      {"orientation", "of preferences: which completion is coded first", {"symmetric", "hash", "presented", "source"}},
      o.orientation);
  visit({"tied-pairs",
         "of preferences: keep the direction in the file, or count ties as missing or as a category of their own",
         {"keep", "missing", "category"}},
        o.tied_pairs);
  visit({"by", "also for each value of this column", {}}, o.by);
  visit({"overall", "the annotators that the overall statistics are about (default: all)", {}}, o.overall);
  std::vector<std::string> statistics;
  for (const PairStatistic& known : kPairStatistics) statistics.emplace_back(known.name);
  visit({"reference", "the annotator with whom the others' agreement is compared (default: source, with --pool)", {}},
        o.reference);
  visit({"contrast", "the statistic that is compared", statistics}, o.contrast);
  visit({"interval", "how the 95% intervals are made", {"bca", "percentile"}}, o.interval);
}

AgreeResult agree(const AgreeOptions& options, std::uint64_t seed, int threads, RejectLog& rejects) {
  const AgreementOptions measure = measure_options(options, seed, threads);
  AgreeResult out;
  out.labels = read_labels(options, seed, rejects);
  out.agreement = measure_labels(out.labels, options.overall, measure);
  if (measure.replicates > 0) {
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (const PairAgreement& pair : out.agreement.pairs) pairs.emplace_back(pair.a, pair.b);
    out.chance = chance_tests(out.labels.ratings, pairs, measure);
  }
  if ((measure.level == Level::kInterval || measure.level == Level::kRatio) && !out.labels.ratings.both_orientations)
    out.intraclass = measure_intraclass(out.labels.ratings, measure);
  const bool source =
      std::find(out.labels.raters.begin(), out.labels.raters.end(), "source") != out.labels.raters.end();
  out.reference = options.reference.value_or(options.pool && source ? "source" : "");
  if (!out.reference.empty()) out.contrasts = contrasts_with(out.reference, options.contrast, out.labels, measure);
  if (options.by)
    for (const std::string& group : groups_of(out.labels))
      out.groups.emplace_back(group, measure_labels(labels_of_group(out.labels, group), options.overall, measure));
  return out;
}

Json agree_json(const AgreeResult& result, const AgreeOptions& options, std::uint64_t seed, const RejectLog& rejects) {
  const Level level = level_of(options.level);
  Json out = agreement_json(result.agreement, result.labels, level, result.chance);
  for (const auto& [name, statistic] : result.intraclass) out["overall"][std::string(name)] = statistic_json(statistic);
  out["rater_names"] = result.labels.raters;
  if (!options.overall.empty()) out["overall_raters"] = options.overall;
  if (result.labels.categories.size() <= kShortScale) out["categories"] = result.labels.categories;
  out["level"] = options.level;
  if (!options.table) {
    out["orientation"] = options.orientation;
    out["tied_pairs"] = options.tied_pairs;
  }
  out["bootstrap"] = {
      {"replicates", options.bootstrap},
      {"interval", options.interval},
      {"seed", seed},
      {"cluster", result.labels.clustered_by.empty() ? Json(nullptr) : Json(result.labels.clustered_by)}};
  if (!result.reference.empty()) {
    Json& contrasts = out["contrasts"] = Json::array();
    for (const AgreeResult::Contrast& c : result.contrasts)
      contrasts.push_back({{"a", c.a},
                           {"b", c.b},
                           {"reference", result.reference},
                           {"statistic", options.contrast},
                           {"difference", number(c.contrast.difference)},
                           {"low", number(c.contrast.interval.low)},
                           {"high", number(c.contrast.interval.high)},
                           {"p", number(c.contrast.p)},
                           {"p_holm", number(c.p_holm)},
                           {"n", c.contrast.n},
                           {"clusters", c.contrast.clusters},
                           {"verdict", c.verdict}});
  }
  if (options.by) {
    Json groups = Json::array();
    for (const auto& [name, agreement] : result.groups) {
      Json group;
      group["value"] = name;
      const Json statistics = agreement_json(agreement, result.labels, level);
      for (const auto& [key, value] : statistics.items()) group[key] = value;
      groups.push_back(std::move(group));
    }
    out["by"] = {{"column", *options.by}, {"groups", std::move(groups)}};
  }
  out["rejects"] = rejects.to_json();
  return out;
}

std::string agree_text(const AgreeResult& result, const AgreeOptions& options, const RejectLog& rejects) {
  const Agreement& agreement = result.agreement;
  const auto count = [](std::size_t n) { return human_count(static_cast<std::int64_t>(n)); };
  std::string out = fmt::format("{} annotators, {} units", agreement.raters, count(agreement.units));
  if (!result.labels.clustered_by.empty())
    out += fmt::format(" in {} clusters ({})", count(agreement.clusters), printable(result.labels.clustered_by));
  out += fmt::format(", {} labels", count(agreement.values));
  if (!options.table)
    out += options.orientation == "symmetric" ? "; every pair counted in both orientations"
                                              : fmt::format("; orientation: {}", options.orientation);
  out += fmt::format("; level: {}\n\n", options.level);
  out += overall_text(agreement, level_of(options.level), options.overall, result.intraclass) + "\n";
  if (agreement.pairs.size() <= kPairsShown) {
    out += pairs_text(agreement, result.labels, result.chance);
    if (coefficients_coincide(result.labels))
      out +=
          "Two categories in both orientations: Pearson, Spearman, tau-b and every kappa are the same number, 2 x "
          "agreement - 1.\n";
  } else {
    out += fmt::format("{} pairs of annotators: --json has them all.\n", count(agreement.pairs.size()));
  }
  if (!result.contrasts.empty()) {
    TextTable table{{"annotator", "against", "n", "difference [95% interval]", "p (Holm)", "verdict"},
                    {},
                    {false, false, true, false, true, false}};
    for (const AgreeResult::Contrast& c : result.contrasts)
      table.rows.push_back({printable(c.a), printable(c.b), count(c.contrast.n),
                            fmt::format("{:+.3f} [{:+.3f}, {:+.3f}]", c.contrast.difference, c.contrast.interval.low,
                                        c.contrast.interval.high),
                            shown_number(c.p_holm), c.verdict});
    std::string statistic = options.contrast;
    std::replace(statistic.begin(), statistic.end(), '_', ' ');
    out += fmt::format("\nAgreement with {}, compared on the same draws ({}):\n{}", printable(result.reference),
                       statistic, render_plain(table));
  }
  for (const auto& [name, group] : result.groups) {
    out += fmt::format("\n{} = {}: {} units, {} labels\n", printable(*options.by), printable(name), count(group.units),
                       count(group.values));
    out += group.pairs.size() <= kPairsShown ? pairs_text(group, result.labels)
                                             : overall_text(group, level_of(options.level), options.overall);
  }
  if (options.bootstrap > 0)
    out += fmt::format("\nIntervals: {} from {} replicates that draw {} with replacement.\n",
                       options.interval == "bca" ? "BCa" : "percentile", human_count(options.bootstrap),
                       result.labels.clustered_by.empty() ? "units" : "whole clusters");
  if (rejects.rejected() > 0) out += rejects.summary() + "\n";
  return out;
}

}  // namespace ballot
