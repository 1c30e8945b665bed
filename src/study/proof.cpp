// The proof that two trainings differ in nothing but the labels: read from what the manifests and records say.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/manifest.h"
#include "data/preferences.h"
#include "study/record.h"
#include "study/results.h"
#include "study/stage.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

struct LabelFacts {
  std::set<std::string> pairs, prompts, completions;
  std::map<std::string, std::string> chosen;
  std::int64_t ties = 0;
};

LabelFacts read_labels(const fs::path& path) {
  LabelFacts facts;
  for (const Preference& p : read_preferences(path)) {
    if (p.split != "train") continue;
    facts.pairs.insert(p.pair_id);
    facts.prompts.insert(p.prompt_id);
    facts.completions.insert(p.chosen_id);
    facts.completions.insert(p.rejected_id);
    facts.chosen[p.pair_id] = p.chosen_id;
    facts.ties += p.tie;
  }
  return facts;
}

std::string short_value(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

Proof compare(const StudyFile& study, const fs::path& folder, const TrainedModel& a, const TrainedModel& b) {
  Proof proof;
  proof.a = a.stage, proof.b = b.stage;
  const auto record_a = read_record(folder, a.stage), record_b = read_record(folder, b.stage);
  const auto manifest_a = read_manifest(folder / a.artefact), manifest_b = read_manifest(folder / b.artefact);
  if (!record_a || !record_b || !manifest_a || !manifest_b) return proof;
  const auto row = [&](const std::string& what, const std::string& x, const std::string& y, bool expected = false) {
    proof.rows.push_back({what, x == y, expected, x, y});
  };
  const Json parameters_a = Json::parse(record_a->parameters), parameters_b = Json::parse(record_b->parameters);
  std::set<std::string> keys;
  for (const auto& [key, value] : parameters_a.items()) keys.insert(key);
  for (const auto& [key, value] : parameters_b.items()) keys.insert(key);
  for (const std::string& key : keys)
    row("parameter " + key, short_value(parameters_a.value(key, Json())), short_value(parameters_b.value(key, Json())));
  const std::string judge = study.judges.front().name;
  for (const auto& [input, key] : record_a->inputs) {
    if (input.starts_with("preferences/")) continue;
    const auto other = record_b->inputs.find(input);
    row(input == "model" ? "initial weights" : "input " + input, key.substr(0, 16),
        other == record_b->inputs.end() ? "(none)" : other->second.substr(0, 16));
  }
  const LabelFacts labels_a = read_labels(folder / "preferences" / judge / (a.format + ".parquet")),
                   labels_b = read_labels(folder / "preferences" / judge / (b.format + ".parquet"));
  const auto set_row = [&](const std::string& what, const std::set<std::string>& x, const std::set<std::string>& y) {
    std::vector<std::string> difference;
    std::set_symmetric_difference(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(difference));
    proof.rows.push_back({what, difference.empty(), false, fmt::format("{}", x.size()),
                          difference.empty() ? fmt::format("{}", y.size())
                                             : fmt::format("{} ({} not shared)", y.size(), difference.size())});
  };
  set_row("prompts", labels_a.prompts, labels_b.prompts);
  set_row("completions", labels_a.completions, labels_b.completions);
  set_row("pairs", labels_a.pairs, labels_b.pairs);
  const Json facts_a = Json::parse(manifest_a->facts), facts_b = Json::parse(manifest_b->facts);
  for (const auto& [key, what] : {std::pair{"start_hash", "weights at the start"},
                                  {"reference_hash", "reference model"},
                                  {"steps", "optimiser steps"},
                                  {"completions", "completions encoded"},
                                  {"tokens_sha256", "token ids of the completions"},
                                  {"order_sha256", "order of the prompts"}})
    if (facts_a.contains(key) || facts_b.contains(key))
      row(what, short_value(facts_a.value(key, Json())), short_value(facts_b.value(key, Json())));
  double flips = 0, shared = 0;
  for (const auto& [pair, chosen] : labels_a.chosen)
    if (const auto other = labels_b.chosen.find(pair); other != labels_b.chosen.end())
      flips += other->second != chosen, ++shared;
  proof.rows.push_back({"labels", flips == 0, true, fmt::format("{} ties", labels_a.ties),
                        fmt::format("{} ties; {:.1f}% of {} pairs the other way round", labels_b.ties,
                                    shared > 0 ? 100 * flips / shared : 0.0, shared)});
  proof.only_labels_differ = std::all_of(proof.rows.begin(), proof.rows.end(),
                                         [](const ProofRow& r) { return r.equal || r.expected_to_differ; });
  return proof;
}

}  // namespace

std::vector<Proof> collect_proofs(const StudyFile& study, const fs::path& folder) {
  std::vector<Proof> proofs;
  for (const char* objective : {"reward", "dpo"}) {
    std::map<std::string, std::vector<TrainedModel>> cells;
    for (const TrainedModel& trained : training_grid(study, objective))
      cells[fmt::format("{}/{}/{}/{}", trained.model, trained.loss, trained.margin, trained.seed)].push_back(trained);
    for (const auto& [cell, models] : cells)
      for (std::size_t i = 1; i < models.size(); ++i) {
        Proof proof = compare(study, folder, models.front(), models[i]);
        if (!proof.rows.empty()) proofs.push_back(std::move(proof));
      }
  }
  return proofs;
}

}  // namespace ballot
