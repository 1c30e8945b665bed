// Curves, RewardBench, held-out accuracy, tasks, and the paired contrasts between formats.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/atomic_file.h"
#include "core/manifest.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "data/table.h"
#include "report/compare.h"
#include "report/paired.h"
#include "statistics/tests.h"
#include "study/results.h"
#include "study/stage.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kReplicates = 2000;

TrainedName name_of(const TrainedModel& trained, const std::string& objective) {
  return {trained.model, objective, trained.format, trained.loss, trained.margin, trained.seed, trained.stage};
}

void read_curve(const fs::path& folder, TrainingCurve& curve) {
  std::istringstream lines(read_file(folder / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const Json json = Json::parse(line);
    curve.step.push_back(json.at("step"));
    for (const auto& [key, value] : json.items())
      if (key != "step" && value.is_number()) {
        std::vector<double>& column = curve.metrics[key];
        column.resize(curve.step.size() - 1, std::nan(""));
        column.push_back(value.get<double>());
      }
  }
  if (const auto manifest = read_manifest(folder)) {
    const Json facts = Json::parse(manifest->facts);
    curve.examples = facts.value("examples", std::int64_t{0});
    curve.forest_tokens = facts.value("forest_tokens", std::int64_t{0});
    curve.changed_weights = facts.value("changed_weights", std::nan(""));
    curve.seconds = manifest->seconds;
  }
}

Measured measured_of(const Json& section) {
  Measured m;
  const auto number = [&](const char* key) {
    return section.contains(key) && section[key].is_number() ? section[key].get<double>() : std::nan("");
  };
  m.value = number("score"), m.low = number("low"), m.high = number("high");
  return m;
}

void read_rewardbench_results(const fs::path& folder, PreferenceScores& scores, StudyResults& results) {
  const Json json = Json::parse(read_file(folder / "results.json"));
  for (const auto& [name, section] : json["sections"].items()) scores.sections[name] = measured_of(section);
  scores.overall = measured_of({{"score", json["score"]}, {"low", json["score_low"]}, {"high", json["score_high"]}});
  scores.overall.n = json.value("n", std::int64_t{0});
  scores.ties = json.value("ties", std::int64_t{0});
  scores.rewardbench_folder = folder.string();
  if (!results.rewardbench_baselines.empty()) return;
  for (const auto& [baseline, values] : json["baselines"].items()) {
    for (const auto& [name, section] : values["sections"].items())
      results.rewardbench_baselines[baseline][name] = measured_of(section);
    results.rewardbench_baselines[baseline]["score"] =
        measured_of({{"score", values["score"]}, {"low", values["score_low"]}, {"high", values["score_high"]}});
  }
}

/// Chosen completion of each pair, by format (and "source"), with the pair's prompt.
struct PairLabels {
  std::map<std::string, std::map<std::string, std::string>> chosen;  // labels -> pair -> completion
  std::map<std::string, std::string> prompt, source_chosen;          // pair -> prompt id, completion
};

PairLabels read_pair_labels(const StudyFile& study, const fs::path& folder) {
  PairLabels labels;
  const fs::path source = folder / "preferences/source.parquet";
  if (!fs::exists(source)) return labels;
  for (const Preference& p : read_preferences(source)) {
    labels.prompt[p.pair_id] = p.prompt_id;
    labels.source_chosen[p.pair_id] = p.chosen_id;
  }
  labels.chosen["source"] = labels.source_chosen;
  std::vector<std::string> formats = study.formats;
  if (!study.placebo.empty()) formats.push_back(kPlacebo);
  for (const std::string& format : formats) {
    const fs::path path = folder / "preferences" / study.judges.front().name / (format + ".parquet");
    if (!fs::exists(path)) continue;
    for (const Preference& p : read_preferences(path)) labels.chosen[format][p.pair_id] = p.chosen_id;
  }
  return labels;
}

/// Whether each held-out pair's completion chosen by the source got the higher score; null: they tie.
std::map<std::string, double> source_wins(const fs::path& scores) {
  std::map<std::string, double> out;
  const Table table = read_table(scores.string());
  const auto &id = table.column("id"), &chosen = table.column("score_chosen"),
             &rejected = table.column("score_rejected");
  for (std::size_t i = 0; i < id.size(); ++i) {
    const double difference = chosen[i].number.value_or(std::nan("")) - rejected[i].number.value_or(std::nan(""));
    out[id[i].text] = difference > 0 ? 1.0 : difference < 0 ? 0.0 : 0.5;
  }
  return out;
}

/// Did the model prefer what `labels` prefer, pair by pair?
std::vector<std::pair<std::string, double>> hits_against(const std::map<std::string, double>& wins,
                                                         const PairLabels& labels, const std::string& name) {
  std::vector<std::pair<std::string, double>> hits;
  const auto found = labels.chosen.find(name);
  if (found == labels.chosen.end()) return hits;
  for (const auto& [pair, win] : wins) {
    const auto label = found->second.find(pair);
    if (label == found->second.end() || !labels.prompt.contains(pair)) continue;
    const bool as_source = label->second == labels.source_chosen.at(pair);
    hits.emplace_back(labels.prompt.at(pair), win == 0.5 ? 0.0 : as_source ? win : 1 - win);  // a tie is no hit
  }
  return hits;
}

void read_tasks(const fs::path& folder, const TrainedName& name, StudyResults& results) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with("results_") || entry.path().extension() != ".json") continue;
    const Json json = Json::parse(read_file(entry.path()));
    for (const auto& [task, values] : json.at("results").items())
      for (const auto& [key, value] : values.items()) {
        const std::size_t comma = key.find(",none");
        if (comma == std::string::npos || key.find("_stderr") != std::string::npos || !value.is_number()) continue;
        TaskScore score;
        score.name = name;
        score.task = task;
        score.metric = key.substr(0, comma);
        score.score.value = value;
        const std::string error = score.metric + "_stderr,none";
        if (values.contains(error) && values[error].is_number()) {
          score.score.low = score.score.value - 1.96 * values[error].get<double>();
          score.score.high = score.score.value + 1.96 * values[error].get<double>();
        }
        // The clustered interval, where there is one (harness_output.h): IFEval's instances have no other.
        for (const char* kind : {"tasks", "groups"}) {
          const auto place = Json::json_pointer() / "ballot" / kind / task / "metrics" / score.metric / "raw";
          if (!json.contains(place) || !json[place]["low"].is_number()) continue;
          score.score.low = json[place]["low"];
          score.score.high = json[place]["high"];
        }
        if (json.contains("n-samples") && json["n-samples"].contains(task))
          score.score.n = json["n-samples"][task].value("effective", std::int64_t{0});
        score.folder = folder.string();
        results.tasks.push_back(std::move(score));
      }
  }
}

}  // namespace

void collect_scores(const StudyFile& study, const fs::path& folder, int threads, StudyResults& results) {
  const PairLabels labels = read_pair_labels(study, folder);
  for (const char* objective : {"sft", "dpo", "reward"})
    for (const TrainedModel& trained : training_grid(study, objective)) {
      const TrainedName name = name_of(trained, objective);
      if (fs::exists(folder / trained.artefact / "metrics.jsonl")) {
        TrainingCurve curve;
        curve.name = name;
        read_curve(folder / trained.artefact, curve);
        results.curves.push_back(std::move(curve));
      }
      if (fs::exists(folder / "eval" / trained.stage / "manifest.json"))
        read_tasks(folder / "eval" / trained.stage, name, results);
      PreferenceScores scores;
      scores.name = name;
      const fs::path bench = folder / "rewardbench" / trained.stage,
                     held_out = folder / "scores" / (trained.stage + ".parquet");
      if (fs::exists(bench / "manifest.json")) read_rewardbench_results(bench, scores, results);
      if (fs::exists(held_out)) {
        scores.held_out_scores = held_out.string();
        const auto wins = source_wins(held_out);
        for (const auto& [against, chosen] : labels.chosen)
          scores.held_out[against] =
              clustered_share(hits_against(wins, labels, against), static_cast<std::uint64_t>(study.seed), threads);
      }
      if (scores.overall.known() || !scores.held_out.empty()) results.scores.push_back(std::move(scores));
    }
  for (const StudyModel& model : study.models)
    for (const auto& [kind, present] : {std::pair{"base", true}, {"instruct", !model.instruct.empty()}}) {
      const fs::path path = folder / "eval" / kind / model.name;
      if (present && fs::exists(path / "manifest.json"))
        read_tasks(path, {model.name, kind, "", "", "none", 0, std::string("eval/") + kind + "/" + model.name},
                   results);
    }
}

void collect_contrasts(const StudyFile& study, const fs::path& folder, int threads, StudyResults& results) {
  const auto seed = static_cast<std::uint64_t>(study.seed);
  const PairLabels labels = read_pair_labels(study, folder);
  const Json claims = Json::parse(study.claims);
  const auto claimed = [&](const std::string& a, const std::string& b) {
    for (const Json& pair : claims.value("contrasts", Json::array()))
      if ((pair[0] == a && pair[1] == b) || (pair[0] == b && pair[1] == a)) return true;
    return false;
  };
  std::vector<std::string> formats = study.formats;
  if (!study.placebo.empty()) formats.push_back(kPlacebo);
  for (const char* objective : {"reward", "dpo"}) {
    std::map<std::string, std::map<std::string, const PreferenceScores*>> cells;  // model, loss, margin, seed -> format
    for (const PreferenceScores& s : results.scores)
      if (s.name.objective == objective)
        cells[fmt::format("{}{}{}{}", s.name.model,
                          s.name.loss == "bradley_terry" || s.name.loss == "sigmoid" ? "" : ", " + s.name.loss,
                          s.name.margin == "none" ? "" : ", with margin",
                          study.seeds.size() > 1 ? fmt::format(", seed {}", s.name.seed) : "")][s.name.format] = &s;
    const std::string kind = std::string(objective) == "reward" ? "reward models" : "policies";
    for (const auto& [cell, by_format] : cells)
      for (std::size_t i = 0; i < formats.size(); ++i)
        for (std::size_t j = i + 1; j < formats.size(); ++j) {
          const auto a = by_format.find(formats[i]), b = by_format.find(formats[j]);
          if (a == by_format.end() || b == by_format.end()) continue;
          const auto add = [&](const std::string& outcome, const PairedContrast& c) {
            results.contrasts.push_back({outcome, formats[i], formats[j], c.difference, c.low, c.high, c.p, 1, c.n,
                                         c.clusters, "", claimed(formats[i], formats[j])});
          };
          if (!a->second->rewardbench_folder.empty() && !b->second->rewardbench_folder.empty()) {
            CompareOptions compare;
            compare.results = {"a=" + a->second->rewardbench_folder, "b=" + b->second->rewardbench_folder};
            compare.bootstrap = kReplicates;
            add(fmt::format("RewardBench, {} ({})", kind, cell),
                compare_results(compare, seed, threads).front().paired);
          }
          if (!a->second->held_out_scores.empty() && !b->second->held_out_scores.empty()) {
            const auto wins_a = source_wins(a->second->held_out_scores),
                       wins_b = source_wins(b->second->held_out_scores);
            std::vector<PairedItem> items;
            for (const auto& [pair, win] : wins_a)
              if (wins_b.contains(pair) && labels.prompt.contains(pair))
                items.push_back(
                    {labels.prompt.at(pair), 0, 1, win == 1.0 ? 1.0 : 0.0, wins_b.at(pair) == 1.0 ? 1.0 : 0.0});
            if (!items.empty())
              add(fmt::format("held-out pairs against the source, {} ({})", kind, cell),
                  paired_contrast(items, kReplicates, seed, threads));
          }
        }
  }
  std::vector<double> p;
  for (const StudyContrast& c : results.contrasts) p.push_back(c.p);
  const std::vector<double> corrected = holm(p);  // one family: every contrast of the study
  for (std::size_t i = 0; i < corrected.size(); ++i) {
    results.contrasts[i].p_holm = corrected[i];
    results.contrasts[i].verdict = verdict_of(results.contrasts[i].low, results.contrasts[i].high, corrected[i]);
  }
}

}  // namespace ballot
