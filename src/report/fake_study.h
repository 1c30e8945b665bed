// internal to the tests: a study that could have been. Numbers come from a seeded generator; a few effects are large,
// most are small, so that both kinds of sentence are made.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/random.h"
#include "report/findings.h"
#include "report/published.h"
#include "report/study_results.h"
#include "statistics/tests.h"

namespace ballot::fake {

inline Measured around(Random& random, double value, double half, std::int64_t n, std::int64_t clusters) {
  const double v = std::clamp(value + 0.3 * half * random.normal(), 0.02, 0.99);
  return {v,
          std::max(0.0, v - half * (1 + 0.1 * random.uniform())),
          std::min(1.0, v + half * (1 + 0.1 * random.uniform())),
          n,
          clusters,
          ""};
}

inline Measured coefficient(const Measured& share) {
  return {2 * share.value - 1, 2 * share.low - 1, 2 * share.high - 1, share.n, share.clusters, ""};
}

inline StudyResults study(const std::vector<std::string>& models = {"llama-1b", "llama-3b"}, std::size_t steps = 300) {
  Random random(5, "fake study");
  StudyResults r;
  r.study = "formats at small scale";
  r.generated = "2026-11-24T09:00:00Z";
  r.ballot_version = "0.1.0";
  r.formats = {"binary", "binary_magnitude", "single", "ranking"};
  r.placebo = "binary";
  r.judges = {"simulated", "local"};
  r.models = models;
  r.bases = {{"llama-1b", "meta-llama/Llama-3.2-1B"}, {"llama-3b", "meta-llama/Llama-3.2-3B"}};
  r.prompts = 1200;
  r.held_out_prompts = 60;
  r.completions = 6000;
  r.pairs = 12000;
  r.seeds = {0};
  r.ties = "random";
  r.source = "nectar_like.parquet";
  r.claims = {R"({"primary": "rewardbench.score", "contrasts": [["ranking", "binary"], ["single", "binary"]]})"};
  const std::vector<std::string> all = {"binary", "binary_magnitude", "single", "ranking", "placebo"};
  const std::vector<std::string> titles = {"BINARY", "BINARYMAGN", "SINGLE", "RANKING", "BINARY again"};
  const std::vector<double> quality = {0.76, 0.77, 0.68, 0.79, 0.758}, tokens = {9800, 10400, 3700, 1650, 9800};
  for (const std::string& judge : r.judges) {
    const bool local = judge == "local";
    for (std::size_t f = 0; f < all.size(); ++f) {
      if (local && all[f] == "placebo") continue;
      LabelStats s;
      s.judge = judge;
      s.format = all[f];
      s.title = titles[f];
      s.prompts = local ? 40 : 1200;
      s.pairs = s.prompts * 10;
      s.ballots = all[f] == "ranking" ? s.prompts : all[f] == "single" ? 5 * s.prompts : 10 * s.prompts;
      s.statuses["unparsable"] = s.ballots * (local ? 9 : 1) / 100;
      if (all[f] == "ranking") s.statuses["out_of_range"] = s.ballots * 2 / 100;
      s.statuses["repaired:bare_letter"] = s.ballots / 50;
      std::int64_t failed = s.statuses["unparsable"] + s.statuses["out_of_range"];
      s.statuses["ok"] = s.ballots - failed - s.statuses["repaired:bare_letter"];
      s.usable = s.ballots - failed;
      s.retried = s.ballots / 60;
      s.ties = all[f] == "single" ? s.pairs * 34 / 100 : all[f] == "binary_magnitude" ? s.pairs * 6 / 100 : 0;
      s.decided_by_coin = s.ties;
      s.prompt_tokens = static_cast<std::int64_t>(tokens[f] * s.prompts * 0.7);
      s.cached_tokens = s.prompt_tokens * 6 / 10;
      s.completion_tokens = static_cast<std::int64_t>(tokens[f] * s.prompts * 0.3);
      s.cost = local ? 0 : static_cast<double>(s.prompt_tokens + s.completion_tokens) * 4e-7;
      s.seconds = local ? 220 : 61;
      s.source_agreement = around(random, local ? 0.53 : quality[f], local ? 0.06 : 0.011, s.pairs, s.prompts);
      for (int distance = 1; distance <= 6; ++distance)
        s.by_distance[distance] = around(random, (local ? 0.5 : 0.5 + (quality[f] - 0.5) * (0.45 + 0.24 * distance)),
                                         local ? 0.12 : 0.03, s.pairs / 6, s.prompts);
      if (all[f].starts_with("binary") || all[f] == "placebo")
        s.first_shown_wins = around(random, local ? 0.71 : 0.56, local ? 0.05 : 0.012, s.ballots, s.prompts);
      s.longer_wins = around(random, 0.55, local ? 0.06 : 0.015, s.pairs, s.prompts);
      r.labels.push_back(s);
    }
    AgreementResults a;
    a.judge = judge;
    a.units = local ? 400 : 12000;
    a.raters = all;
    a.raters.push_back("source");
    const double half = local ? 0.05 : 0.01, level = local ? 0.6 : 0.83;
    const Measured overall = around(random, level, half, a.units, a.units / 10);
    a.overall = {{"percent_agreement", overall},
                 {"fleiss_kappa", coefficient(overall)},
                 {"krippendorff_alpha", coefficient(overall)},
                 {"gwet_ac1", coefficient(overall)}};
    for (std::size_t i = 0; i < a.raters.size(); ++i)
      for (std::size_t j = i + 1; j < a.raters.size(); ++j) {
        if (local && (a.raters[i] == "placebo" || a.raters[j] == "placebo")) continue;
        Measured share = around(random, j == 5 ? (local ? 0.53 : quality[i]) : level, half, a.units, a.units / 10);
        const Measured k = coefficient(share);
        a.pairs.push_back({a.raters[i],
                           a.raters[j],
                           {{"percent_agreement", share},
                            {"cohen_kappa", k},
                            {"fleiss_kappa", k},
                            {"krippendorff_alpha", k},
                            {"pearson", k},
                            {"spearman", k},
                            {"kendall_tau_b", k}}});
      }
    r.agreement.push_back(a);
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < all.size(); ++j)
      if (i != j) r.flips[all[i]][all[j]] = 0.13 + 0.12 * std::fabs(quality[i] - quality[j]) / 0.1;

  const auto curve = [&](const TrainedName& name, double final_accuracy) {
    TrainingCurve c;
    c.name = name;
    c.examples = 11400;
    c.forest_tokens = 2400000;
    c.seconds = 840;
    for (std::size_t s = 1; s <= steps; ++s) {
      const double t = 1 - std::exp(-4.0 * static_cast<double>(s) / static_cast<double>(steps));
      const double accuracy = std::clamp(0.5 + (final_accuracy - 0.5) * t + 0.03 * random.normal(), 0.0, 1.0);
      c.step.push_back(static_cast<std::int64_t>(s));
      if (name.objective == "sft") {
        c.metrics["loss"].push_back(1.9 - 0.5 * t + 0.04 * random.normal());
        c.metrics["mean_token_accuracy"].push_back(0.55 + 0.1 * t + 0.01 * random.normal());
      } else {
        c.metrics["loss"].push_back(0.69 - 0.25 * t * (final_accuracy - 0.4) / 0.4 + 0.02 * random.normal());
        c.metrics[name.objective == "dpo" ? "rewards/accuracies" : "accuracy"].push_back(accuracy);
        c.metrics[name.objective == "dpo" ? "rewards/margins" : "margin"].push_back(0.9 * t * (final_accuracy - 0.4) +
                                                                                    0.03 * random.normal());
      }
    }
    return c;
  };
  const std::vector<std::string> sections = {"Chat", "Chat Hard", "Safety", "Reasoning"};
  const std::vector<double> level = {0.88, 0.34, 0.62, 0.55};
  for (const std::string& model : models) {
    const TrainedName sft{model, "sft", "", "", "none", 0, "sft/" + model + "/0"};
    r.curves.push_back(curve(sft, 0));
    for (const char* objective : {"reward", "dpo"})
      for (std::size_t f = 0; f < all.size(); ++f)
        for (const bool margin : {false, true}) {
          const bool reward = std::string(objective) == "reward";
          if (margin && (!reward || f == 0 || f == 4)) continue;
          if (!reward && f == 4) continue;
          TrainedName name{model,
                           objective,
                           all[f],
                           reward ? "bradley_terry" : "sigmoid",
                           margin ? "column" : "none",
                           0,
                           std::string(objective) + "/" + model + "/" + all[f] + (margin ? "+margin" : "") + "/0"};
          r.curves.push_back(curve(name, quality[f] + 0.06));
          PreferenceScores s;
          s.name = name;
          double sum = 0;
          if (reward) {
            for (std::size_t i = 0; i < 4; ++i) {
              s.sections[sections[i]] = around(random, level[i] + 0.9 * (quality[f] - 0.75), 0.03, 400, 400);
              sum += s.sections[sections[i]].value / 4;
            }
            s.overall = {sum, sum - 0.016, sum + 0.016, 2985, 2985, ""};
          }
          for (const std::string against : {"source", "binary", "binary_magnitude", "single", "ranking", "placebo"})
            s.held_out[against] =
                around(random, 0.6 + 0.5 * (quality[f] - 0.7) + (against == all[f] ? 0.05 : 0), 0.045, 600, 60);
          r.scores.push_back(s);
        }
    for (const auto& [objective, format] : std::vector<std::pair<std::string, std::string>>{{"base", ""},
                                                                                            {"instruct", ""},
                                                                                            {"sft", ""},
                                                                                            {"dpo", "binary"},
                                                                                            {"dpo", "binary_magnitude"},
                                                                                            {"dpo", "single"},
                                                                                            {"dpo", "ranking"}})
      for (const auto& [task, metric, base, chance] : std::vector<std::tuple<std::string, std::string, double, double>>{
               {"leaderboard_ifeval", "inst_level_strict_acc", 0.45, std::nan("")},
               {"leaderboard_bbh", "acc_norm", 0.36, 0.28},
               {"leaderboard_mmlu_pro", "acc", 0.16, 0.1}})
        r.tasks.push_back({{model, objective, format, "", "none", 0, "eval/" + objective + "/" + model + "/" + format},
                           task,
                           metric,
                           around(random, base + (objective == "instruct" ? 0.15 : 0), 0.02, 800, 541),
                           chance,
                           ""});
  }
  for (const auto& [name, values] :
       std::vector<std::pair<std::string, std::vector<double>>>{{"random", {0.5, 0.5, 0.5, 0.5}},
                                                                {"longer", {0.81, 0.29, 0.42, 0.36}},
                                                                {"shorter", {0.19, 0.71, 0.58, 0.64}}}) {
    for (std::size_t i = 0; i < 4; ++i)
      r.rewardbench_baselines[name][sections[i]] = {values[i], values[i] - 0.03, values[i] + 0.03, 400, 400, ""};
    r.rewardbench_baselines[name]["score"] = {
        (values[0] + values[1] + values[2] + values[3]) / 4, 0.46, 0.52, 2985, 2985, ""};
  }
  std::vector<double> p;
  const auto contrasts = [&](const std::string& outcome, double half, std::int64_t n, std::int64_t clusters,
                             double effect) {
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = i + 1; j < all.size(); ++j) {
        StudyContrast c;
        c.outcome = outcome;
        c.a = all[i];
        c.b = all[j];
        c.difference = effect * (quality[i] - quality[j]) + 0.2 * half * random.normal();
        c.low = c.difference - half;
        c.high = c.difference + half;
        c.p = std::max(2e-4, std::erfc(std::fabs(c.difference) / half * 1.96 * M_SQRT1_2));
        c.n = n;
        c.clusters = clusters;
        c.claimed = c.a == "binary" && (c.b == "ranking" || c.b == "single");
        r.contrasts.push_back(c);
        p.push_back(c.p);
      }
  };
  contrasts("labels that agree with the source (simulated)", 0.012, 12000, 1200, 1);
  for (const std::string& model : models) {
    contrasts("RewardBench, reward models (" + model + ")", 0.021, 2985, 2985, 0.6);
    contrasts("held-out pairs against the source, reward models (" + model + ")", 0.05, 600, 60, 0.5);
  }
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < p.size(); ++i) {
    r.contrasts[i].p_holm = adjusted[i];
    r.contrasts[i].verdict = !is_earned(r.contrasts[i])      ? "not distinguished"
                             : r.contrasts[i].difference > 0 ? "better"
                                                             : "worse";
  }
  for (std::size_t f = 1; f < 4; ++f) {
    Proof proof;
    proof.a = "reward/" + models.front() + "/binary/0";
    proof.b = "reward/" + models.front() + "/" + all[f] + "/0";
    proof.only_labels_differ = true;
    for (const char* what : {"initial weights", "prompts", "completions", "pairs", "order of the prompts",
                             "optimiser steps", "token ids of the completions", "threads"})
      proof.rows.push_back({what, true, false, "4c1f09ab5d20e611", "4c1f09ab5d20e611"});
    proof.rows.push_back({"labels", false, true, "0 ties", "34% ties; 21.3% of 11400 pairs the other way round"});
    r.proofs.push_back(proof);
  }
  for (const char* stage : {"pool", "annotate/simulated/binary", "preferences/simulated/binary", "agreement/simulated",
                            "reward/binary/0", "report"})
    r.stages.push_back({stage, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                        "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", 12.5});
  return r;
}

/// The published tables as results of a study: estimates without a single interval.
inline StudyResults published_study() {
  const PublishedTables& published = published_tables();
  StudyResults r;
  r.study = "as published";
  r.formats = {"binary", "binary_magnitude", "single", "ranking"};
  r.seeds = {0};
  r.judges = {"judge"};
  AgreementResults agreement;
  agreement.judge = "judge";
  for (const auto& [name, value] : published.overall) agreement.overall[name].value = value;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = i + 1; j < 4; ++j)
      agreement.pairs.push_back(
          {r.formats[i],
           r.formats[j],
           {{"pearson", {.value = published.pearson_of(r.formats[i], r.formats[j]), .reason = ""}}}});
  for (const auto& [format, values] : published.source)
    agreement.pairs.push_back({format,
                               "source",
                               {{"cohen_kappa", {.value = values.at("kappa"), .reason = ""}},
                                {"krippendorff_alpha", {.value = values.at("alpha"), .reason = ""}}}});
  r.agreement.push_back(agreement);
  const std::vector<std::string> sections = {"Chat", "Chat Hard", "Safety", "Reasoning"};
  for (const auto& [model, rows] : published.rewardbench.models) {
    r.models.push_back(model);
    for (const auto& [name, values] : rows) {
      PreferenceScores s;
      const bool margin = name.ends_with("+margin");
      s.name = {model,
                "reward",
                margin ? name.substr(0, name.size() - 7) : name,
                "bradley_terry",
                margin ? "column" : "none",
                0,
                "reward/" + model + "/" + name};
      s.overall.value = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        s.sections[sections[i]].value = values[i];
        s.overall.value += values[i] / 4;
      }
      r.scores.push_back(s);
    }
  }
  for (const auto& [model, rows] : published.tasks.models)
    for (const auto& [name, values] : rows)
      for (std::size_t c = 0; c < values.size(); ++c) {
        TaskScore s;
        const bool dpo = name.starts_with("dpo_");
        s.name = {model, dpo ? "dpo" : name, dpo ? name.substr(4) : "", "", "none", 0, "eval/" + model + "/" + name};
        s.task = "leaderboard_" + published.tasks.columns[c];
        s.metric = "acc";
        s.score.value = values[c] / 100;
        r.tasks.push_back(s);
      }
  return r;
}

}  // namespace ballot::fake
