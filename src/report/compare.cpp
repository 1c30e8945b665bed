#include "report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/progress.h"
#include "core/suggest.h"
#include "core/terminal.h"
#include "report/result_items.h"
#include "report/suite_items.h"
#include "statistics/tests.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

/// Names by the last part of each path where these differ, else the paths themselves.
std::vector<std::pair<std::string, std::string>> named(const std::vector<std::string>& results) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto try_names = [&](auto name) {
    out.clear();
    std::set<std::string> seen;
    for (const std::string& result : results) {
      const std::size_t equals = result.find('=');
      if (equals != std::string::npos && equals > 0 && !fs::exists(result))
        out.emplace_back(result.substr(0, equals), result.substr(equals + 1));
      else
        out.emplace_back(name(fs::path(result)), result);
      if (!seen.insert(out.back().first).second) return false;
    }
    return true;
  };
  const auto last = [](fs::path path) {
    if (path.filename().empty()) path = path.parent_path();
    return path.extension() == ".parquet" ? path.stem().string() : path.filename().string();
  };
  if (try_names(last) || try_names([](const fs::path& path) { return path.string(); })) return out;
  throw wrong_usage("a result is given twice");
}

ResultContrast contrast_of(const ResultFile& a, const ResultFile& b, const ResultOutcome& x, const ResultOutcome& y,
                           const CompareOptions& options, std::uint64_t seed, int threads) {
  ResultContrast out;
  out.outcome = x.name;
  out.a = a.name;
  out.b = b.name;
  std::unordered_map<std::string, const ResultItem*> others;
  for (const ResultItem& item : y.items) others.emplace(item.key, &item);
  std::vector<PairedItem> items;
  std::vector<std::string> subset;
  for (const ResultItem& item : x.items) {
    const auto found = others.find(item.key);
    if (found == others.end()) {
      ++out.only_a;
      continue;
    }
    if (item.weight != found->second->weight)
      throw bad_input("{} and {} do not ask the same: item {} of {} stands for {} answers in one and {} in the other",
                      a.path, b.path, item.key, x.name, item.weight, found->second->weight);
    items.push_back({item.cluster, 0, item.weight, item.value, found->second->value});
    subset.push_back(item.subset);
  }
  out.only_b = static_cast<std::int64_t>(y.items.size() - items.size());
  // What the weighted mean is to be multiplied by: 1 but for RewardBench 2, whose Ties may reach 1.01.
  const double scale = x.scheme != nullptr ? weigh_by_scheme(*x.scheme, subset, items) : 1;
  if (items.empty())
    throw Error(ErrorKind::kInput, fmt::format("{} and {} have no item of {} in common", a.path, b.path, x.name),
                "compare results over the same items");
  double weight = 0;
  for (const PairedItem& item : items) weight += item.weight;
  for (const PairedItem& item : items) {
    out.value_a += scale * item.weight / weight * item.a;
    out.value_b += scale * item.weight / weight * item.b;
  }
  out.paired = paired_contrast(items, options.bootstrap, seed, threads);
  out.paired.difference *= scale;
  out.paired.low *= scale;
  out.paired.high *= scale;
  return out;
}

}  // namespace

void visit_options(OptionVisitor& visit, CompareOptions& o) {
  visit({"against", "only contrasts with this result (its name); default: every two", {}}, o.against);
  visit({"sections", "reward suites: also section by section", {}}, o.sections);
  visit({"metric", "of eval's tasks: this metric instead of each task's main one", {}}, o.metric);
  visit({"bootstrap", "replicates for the intervals, and random sign flips for p", {}}, o.bootstrap);
}

std::vector<ResultContrast> compare_results(const CompareOptions& options, std::uint64_t seed, int threads) {
  if (options.results.size() < 2)
    throw Error(ErrorKind::kUsage, "a comparison needs two results",
                "ballot compare RESULT RESULT...: folders of rewardbench or eval, or scores.parquet files");
  std::vector<ResultFile> files;
  std::vector<std::string> names;
  for (const auto& [name, path] : named(options.results)) {
    files.push_back(read_result(name, path, options));
    names.push_back(name);
  }
  if (options.against && std::find(names.begin(), names.end(), *options.against) == names.end())
    throw wrong_usage("--against names no result: '{}'{}", *options.against, did_you_mean(*options.against, names));
  std::vector<ResultContrast> out;
  std::vector<std::string> outcomes;
  for (const ResultFile& file : files)
    for (const ResultOutcome& outcome : file.outcomes)
      if (std::find(outcomes.begin(), outcomes.end(), outcome.name) == outcomes.end()) outcomes.push_back(outcome.name);
  for (const std::string& name : outcomes)
    for (std::size_t i = 0; i < files.size(); ++i)
      for (std::size_t j = i + 1; j < files.size(); ++j) {
        if (options.against && files[i].name != *options.against && files[j].name != *options.against) continue;
        // Against a baseline, the baseline is what is subtracted.
        const bool swap = options.against && files[i].name == *options.against;
        const ResultFile &a = files[swap ? j : i], &b = files[swap ? i : j];
        const auto find = [&](const ResultFile& file) {
          return std::find_if(file.outcomes.begin(), file.outcomes.end(),
                              [&](const ResultOutcome& outcome) { return outcome.name == name; });
        };
        const auto x = find(a), y = find(b);
        if (x != a.outcomes.end() && y != b.outcomes.end())
          out.push_back(contrast_of(a, b, *x, *y, options, seed, threads));
      }
  if (out.empty())
    throw Error(ErrorKind::kInput, "the results have no outcome in common",
                "compare results of one kind, over the same tasks");
  std::vector<double> p;
  for (const ResultContrast& c : out) p.push_back(c.paired.p);
  const std::vector<double> corrected = holm(p);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].p_holm = corrected[i];
    out[i].verdict = verdict_of(out[i].paired.low, out[i].paired.high, corrected[i]);
  }
  return out;
}

Json compare_json(const std::vector<ResultContrast>& contrasts, const CompareOptions& options, std::uint64_t seed) {
  const auto number = [](double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); };
  Json out;
  Json& list = out["contrasts"] = Json::array();
  for (const ResultContrast& c : contrasts)
    list.push_back({{"outcome", c.outcome},
                    {"a", c.a},
                    {"b", c.b},
                    {"value_a", number(c.value_a)},
                    {"value_b", number(c.value_b)},
                    {"difference", number(c.paired.difference)},
                    {"low", number(c.paired.low)},
                    {"high", number(c.paired.high)},
                    {"p", number(c.paired.p)},
                    {"p_holm", number(c.p_holm)},
                    {"n", c.paired.n},
                    {"clusters", c.paired.clusters},
                    {"only_a", c.only_a},
                    {"only_b", c.only_b},
                    {"verdict", c.verdict}});
  out["family"] = contrasts.size();
  out["bootstrap"] = {{"replicates", options.bootstrap}, {"interval", "expanded percentile"}, {"seed", seed}};
  return out;
}

std::string compare_text(const std::vector<ResultContrast>& contrasts, const CompareOptions& options) {
  std::string out, outcome;
  TextTable table;
  const auto flush = [&] {
    if (!table.rows.empty()) out += (out.empty() ? "" : "\n") + outcome + "\n" + render_plain(table);
    table = {{"a", "b", "a", "b", "a - b [95% interval]", "p", "p (Holm)", "n", "clusters", "verdict"},
             {},
             {false, false, true, true, false, true, true, true, true, false}};
  };
  flush();
  std::int64_t unmatched = 0;
  for (const ResultContrast& c : contrasts) {
    if (c.outcome != outcome) {
      flush();
      outcome = c.outcome;
    }
    const std::string interval =
        std::isnan(c.paired.low) ? "" : fmt::format(" [{:+.3f}, {:+.3f}]", c.paired.low, c.paired.high);
    table.rows.push_back({printable(c.a), printable(c.b), fmt::format("{:.3f}", c.value_a),
                          fmt::format("{:.3f}", c.value_b), fmt::format("{:+.3f}{}", c.paired.difference, interval),
                          fmt::format("{:.4f}", c.paired.p), fmt::format("{:.4f}", c.p_holm), human_count(c.paired.n),
                          human_count(c.paired.clusters),
                          c.verdict == "not distinguished" ? c.verdict : "a is " + c.verdict});
    unmatched += c.only_a + c.only_b;
  }
  flush();
  out += fmt::format(
      "\nPaired by item; {} resampled as clusters {} times; p by flipping the sign of whole clusters, corrected over "
      "{} {} (Holm).\n",
      "items that belong together", human_count(options.bootstrap), contrasts.size(),
      contrasts.size() == 1 ? "contrast" : "contrasts");
  if (unmatched > 0)
    out += fmt::format("{} items stand in one result of a pair only and are left out (--json has them by contrast).\n",
                       human_count(unmatched));
  return out;
}

}  // namespace ballot
