#include "report/suite_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "statistics/best_of.h"

namespace ballot {
namespace {

bool knows(const SectionScheme& scheme, const std::string& subset) {
  return std::any_of(scheme.subsets.begin(), scheme.subsets.end(),
                     [&](const RewardBenchSubset& known) { return known.name == subset; });
}

/// The subset names of RewardBench 2 as its rows have them.
bool of_rewardbench2(const std::string& subset) {
  return subset == "Ties" || (knows(rewardbench2_scheme(), subset) && !subset.starts_with("Ties/"));
}

struct Scores {
  std::vector<double> right, wrong;
};

Scores scores_of(const Table& table, std::size_t row) {
  Scores out;
  try {
    const Json json = Json::parse(table.column("scores")[row].text);
    out = {json.at("chosen").get<std::vector<double>>(), json.at("rejected").get<std::vector<double>>()};
  } catch (const nlohmann::json::exception&) {
    throw bad_input("{}, row {}: 'scores' is no {{\"chosen\": [...], \"rejected\": [...]}} of numbers", table.name,
                    row + 1);
  }
  if (out.right.empty() || out.wrong.empty())
    throw bad_input("{}, row {}: 'scores' needs at least one chosen and one rejected completion", table.name, row + 1);
  return out;
}

/// Keys of all rows and what they share.
struct Places {
  std::vector<std::string> id, subset, cluster;
};

Places places_of(const Table& table) {
  Places out;
  const std::vector<Cell>&ids = table.column("id"), &subsets = table.column("subset");
  const std::vector<Cell>* clusters = table.has("cluster")     ? &table.column("cluster")
                                      : table.has("prompt_id") ? &table.column("prompt_id")
                                                               : nullptr;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    out.id.push_back(ids[i].text);
    out.subset.push_back(subsets[i].text);
    out.cluster.push_back(clusters != nullptr ? (*clusters)[i].text : subsets[i].text + "\x1f" + ids[i].text);
    if (!seen.insert(subsets[i].text + "\x1f" + ids[i].text).second)
      throw bad_input("{}, row {}: the id '{}' stands there twice", table.name, i + 1, ids[i].text);
  }
  if (ids.empty()) throw bad_input("{} holds no items", table.name);
  return out;
}

ResultItem item_of(const std::string& subset, const std::string& key, const std::string& cluster, double value) {
  ResultItem item;
  item.key = subset + "\x1f" + key;
  item.cluster = cluster;
  item.subset = subset;
  item.value = value;
  return item;
}

ResultOutcome rewardbench2_outcome(const Table& table) {
  const Places places = places_of(table);
  ResultOutcome out{"RewardBench 2 score", &rewardbench2_scheme(), {}};
  std::map<std::string, TiesMargins> ref, tied;
  for (std::size_t i = 0; i < places.id.size(); ++i) {
    const Scores scores = scores_of(table, i);
    const std::string &id = places.id[i], &subset = places.subset[i];
    if (subset != "Ties") {
      out.items.push_back(item_of(subset, id, places.cluster[i], best_of_credit(scores.right[0], scores.wrong)));
    } else if (id.starts_with("ref:")) {
      ref[id.substr(4)] = ties_margins(scores.right, scores.wrong);
    } else if (id.starts_with("tied:")) {
      tied[id.substr(5)] = ties_margins(scores.right, scores.wrong);
    } else {
      throw bad_input("{}, row {}: the id '{}' of the subset Ties is neither ref:N nor tied:N", table.name, i + 1, id);
    }
  }
  for (const JudgedRow& part : ties_rows(ref, tied))
    out.items.push_back(item_of(part.subset, part.cluster, part.cluster, part.correct));
  return out;
}

std::vector<ResultOutcome> rm_bench_outcomes(const Table& table) {
  const Places places = places_of(table);
  const std::pair<const char*, double StyleAccuracy::*> kinds[] = {{"RM-Bench score", &StyleAccuracy::all},
                                                                   {"RM-Bench easy", &StyleAccuracy::easy},
                                                                   {"RM-Bench normal", &StyleAccuracy::normal},
                                                                   {"RM-Bench hard", &StyleAccuracy::hard}};
  std::vector<ResultOutcome> out;
  for (const auto& [name, member] : kinds) out.push_back({name, &rm_bench_scheme(), {}});
  for (std::size_t i = 0; i < places.id.size(); ++i) {
    const Scores scores = scores_of(table, i);
    if (scores.right.size() != 3 || scores.wrong.size() != 3)
      throw bad_input("{}, row {}: RM-Bench has three styles of each answer, this row {} and {}", table.name, i + 1,
                      scores.right.size(), scores.wrong.size());
    const StyleAccuracy accuracy = style_accuracy(scores.right, scores.wrong);
    for (std::size_t k = 0; k < out.size(); ++k)
      out[k].items.push_back(item_of(places.subset[i], places.id[i], places.cluster[i], accuracy.*kinds[k].second));
  }
  return out;
}

}  // namespace

std::string suite_of_scores(const Table& table, const std::string& stated) {
  std::string suite = stated == "rewardbench2" || stated == "rm_bench" ? stated : "";
  if (suite.empty() && stated != "preferences" && table.has("subset")) {
    const std::vector<Cell>& subsets = table.column("subset");
    const auto any = [&](auto belongs) {
      return std::any_of(subsets.begin(), subsets.end(), [&](const Cell& cell) { return belongs(cell.text); });
    };
    const auto all = [&](auto belongs) { return !any([&](const std::string& name) { return !belongs(name); }); };
    const bool has_ties = any([](const std::string& name) { return name == "Ties"; });
    if (any([](const std::string& name) { return knows(rewardbench_scheme(), name); }))
      suite = "rewardbench";
    else if (all(of_rewardbench2) && (table.has("scores") || has_ties))
      suite = "rewardbench2";
    else if (all([](const std::string& name) { return knows(rm_bench_scheme(), name); }) && table.has("scores"))
      suite = "rm_bench";
  }
  if ((suite == "rewardbench2" || suite == "rm_bench") && !table.has("scores"))
    throw Error(ErrorKind::kInput,
                fmt::format("{} holds results of {} without the column 'scores'", table.name,
                            suite == "rm_bench" ? "RM-Bench" : "RewardBench 2"),
                "its prompts have several completions and are paired by the scores of all of them: make the file with "
                "`ballot rewardbench`");
  return suite;
}

std::vector<ResultOutcome> suite_outcomes(const Table& table, const std::string& suite, bool sections) {
  std::vector<ResultOutcome> out;
  if (suite == "rewardbench2")
    out.push_back(rewardbench2_outcome(table));
  else
    out = rm_bench_outcomes(table);
  if (sections)
    for (ResultOutcome& section :
         section_outcomes(ResultOutcome(out.front()), suite == "rewardbench2" ? "RewardBench 2" : "RM-Bench"))
      out.push_back(std::move(section));
  return out;
}

std::vector<ResultOutcome> section_outcomes(const ResultOutcome& whole, const std::string& name) {
  std::map<std::string, std::string> section_of;
  for (const RewardBenchSubset& known : whole.scheme->subsets) section_of[known.name] = known.section;
  std::vector<ResultOutcome> out;
  for (const std::string& section : whole.scheme->sections) {
    ResultOutcome part{name + " " + section, whole.scheme, {}};
    for (const ResultItem& item : whole.items)
      if (const auto found = section_of.find(item.subset); found != section_of.end() && found->second == section)
        part.items.push_back(item);
    if (!part.items.empty()) out.push_back(std::move(part));
  }
  return out;
}

double weigh_by_scheme(const SectionScheme& scheme, const std::vector<std::string>& subset,
                       std::vector<PairedItem>& items) {
  std::map<std::string, double> rows;
  for (const std::string& name : subset) ++rows[name];
  // Sections by their places; weights of the subsets present.
  std::map<std::string, std::size_t> section_place, subset_place;
  for (const std::string& name : scheme.sections) section_place.emplace(name, section_place.size());
  std::map<std::string, double> section_weight;
  for (const RewardBenchSubset& known : scheme.subsets)
    if (rows.contains(known.name)) section_weight[known.section] += known.weight;
  std::map<std::string, double> weight;
  for (std::size_t k = 0; k < scheme.subsets.size(); ++k) {
    const RewardBenchSubset& known = scheme.subsets[k];
    subset_place[known.name] = k;
    if (!rows.contains(known.name)) continue;
    const double whole = known.section == scheme.absolute_section ? 1 : section_weight[known.section];
    weight[known.name] = known.weight / whole / rows[known.name] / static_cast<double>(section_weight.size());
  }
  std::vector<PairedItem> kept;
  double total = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto found = weight.find(subset[i]);
    if (found == weight.end()) continue;
    items[i].subset = subset_place.at(subset[i]);
    items[i].stratum = section_place.at(scheme.subsets[items[i].subset].section);
    items[i].weight = found->second;
    total += found->second;
    kept.push_back(std::move(items[i]));
  }
  items = std::move(kept);
  return total;
}

}  // namespace ballot
