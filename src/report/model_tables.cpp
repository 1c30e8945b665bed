// The tables about trainings and evaluations (report/tables.h).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/progress.h"
#include "report/naming.h"
#include "report/tables.h"

namespace ballot {
namespace {

const std::vector<std::pair<std::string, std::string>>& sections() {
  static const std::vector<std::pair<std::string, std::string>> list = {
      {"Chat", "chat"}, {"Chat Hard", "chat_hard"}, {"Safety", "safety"}, {"Reasoning", "reasoning"}};
  return list;
}

std::string published_text(double value, int digits) {
  return std::isnan(value) ? "" : "published " + fixed(value, digits);
}

Measured find(const std::map<std::string, Measured>& map, const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? Measured() : found->second;
}

void add_marked_notes(ReportTable& table, const PublishedTables& published) {
  std::set<std::string> used;
  for (const ReportRow& row : table.rows)
    for (const ReportCell& cell : row.cells)
      for (const PublishedNote& note : published.notes)
        if ((", " + cell.marks + ",").find(", " + note.mark + ",") != std::string::npos) used.insert(note.mark);
  for (const PublishedNote& note : published.notes)
    if (used.contains(note.mark)) table.notes.emplace_back(note.mark, note.text);
}

/// The model that a published row is about: the base, where the study file names one ("meta-llama/Llama-3.2-1B").
std::string published_name(const StudyResults& results, const std::string& model) {
  const auto found = results.bases.find(model);
  const std::string& base = found == results.bases.end() ? model : found->second;
  return base.substr(base.find_last_of('/') + 1);
}

std::string seeds_sentence(const StudyResults& results) {
  return results.seeds.size() > 1 ? fmt::format("{} seeds a cell.", results.seeds.size())
                                  : "Single seed: a difference between two trainings may be the luck of one.";
}

}  // namespace

Measured mean_over_models(const StudyResults& results, const std::string& objective, const std::string& format,
                          const std::string& what) {
  std::vector<Measured> found;
  for (const PreferenceScores& scores : results.scores) {
    if (scores.name.objective != objective || scores.name.format != format || scores.name.margin != "none") continue;
    if (scores.name.loss != "bradley_terry" && scores.name.loss != "sigmoid") continue;
    const Measured value = what == "rewardbench" ? scores.overall : find(scores.held_out, what);
    if (value.known()) found.push_back(value);
  }
  if (found.empty()) return {};
  if (found.size() == 1) return found.front();
  Measured mean;
  mean.value = 0;
  for (const Measured& m : found) mean.value += m.value / static_cast<double>(found.size());
  return mean;
}

ReportTable models_table(const StudyResults& results) {
  ReportTable table{.id = "table4",
                    .label = "Table 4",
                    .title = "base models and what was trained on them",
                    .caption = "",
                    .counterpart = "the study's Table 4",
                    .columns = {"model", "base", "SFT", "DPO policies", "reward models", "examples seen",
                                "tokens computed", "training time"},
                    .rows = {},
                    .notes = {}};
  for (const std::string& model : results.models) {
    std::int64_t sft = 0, dpo = 0, reward = 0, examples = 0, tokens = 0;
    double seconds = 0;
    for (const TrainingCurve& curve : results.curves) {
      if (curve.name.model != model) continue;
      sft += curve.name.objective == "sft";
      dpo += curve.name.objective == "dpo";
      reward += curve.name.objective == "reward";
      examples += curve.examples;
      tokens += curve.forest_tokens;
      seconds += curve.seconds;
    }
    ReportRow row;
    ReportCell time = words(seconds > 0 ? human_duration(seconds) : "\u2013");
    time.number = true;
    row.cells = {words(model),  words(results.bases.contains(model) ? results.bases.at(model) : "\u2013"),
                 count(sft),    count(dpo),
                 count(reward), count(examples),
                 count(tokens), time};
    table.rows.push_back(std::move(row));
  }
  table.caption = "Tokens computed: prompts and completions that several pairs share are computed once.";
  return table;
}

ReportTable rewardbench_table(const StudyResults& results, const PublishedTables& published) {
  const Naming naming(results);
  ReportTable table{.id = "table5",
                    .label = "Table 5",
                    .title = "reward models on RewardBench",
                    .caption = "",
                    .counterpart = "the study's Table 5",
                    .columns = {"trained on"},
                    .rows = {},
                    .notes = {}};
  for (const auto& [name, key] : sections()) table.columns.push_back(name);
  table.columns.emplace_back("mean of sections");
  bool any_published = false;
  for (const char* objective : {"reward", "dpo"})
    for (const std::string& model : results.models) {
      std::string group =
          model + (std::string(objective) == "dpo" ? ": policies, by their implicit reward" : ": reward models");
      for (const PreferenceScores& scores : results.scores) {
        if (scores.name.model != model || scores.name.objective != objective || !scores.overall.known()) continue;
        ReportRow row;
        row.group = std::exchange(group, "");
        row.quiet = naming.is_placebo(scores.name.format);
        row.cells.push_back(words(naming.training(scores.name)));
        const std::string published_row = scores.name.format + (scores.name.margin == "none" ? "" : "+margin");
        for (const auto& [name, key] : sections()) {
          ReportCell cell = share(find(scores.sections, name));
          const double value = std::string(objective) == "reward"
                                   ? published.rewardbench.cell(published_name(results, model), published_row, key)
                                   : std::nan("");
          cell.second = published_text(value, 2);
          if (!std::isnan(value))
            cell.marks = published.marks("table5/" + published_name(results, model) + "/" + published_row + "/" + key);
          any_published |= !std::isnan(value);
          row.cells.push_back(cell);
        }
        row.cells.push_back(share(scores.overall));
        table.rows.push_back(std::move(row));
      }
    }
  if (table.rows.empty()) return table;
  std::string group = "null rows";
  for (const auto& [name, title] :
       {std::pair{"random", "random"}, {"longer", "the longer answer"}, {"shorter", "the shorter answer"}}) {
    const auto found = results.rewardbench_baselines.find(name);
    if (found == results.rewardbench_baselines.end()) continue;
    ReportRow row;
    row.group = std::exchange(group, "");
    row.quiet = true;
    row.cells.push_back(words(title));
    for (const auto& [section, key] : sections()) row.cells.push_back(share(find(found->second, section)));
    row.cells.push_back(share(find(found->second, "score")));
    table.rows.push_back(std::move(row));
  }
  table.caption =
      "Share of pairs whose chosen answer scores strictly higher; sections weigh their subsets by the benchmark's "
      "counts. 95% intervals; the tick is one half. " +
      seeds_sentence(results);
  if (any_published) add_marked_notes(table, published);
  return table;
}

ReportTable tasks_table(const StudyResults& results, const PublishedTables& published) {
  const Naming naming(results);
  ReportTable table{.id = "table6",
                    .label = "Table 6",
                    .title = "base models, instruct models and policies on tasks",
                    .caption = "",
                    .counterpart = "the study's Table 6",
                    .columns = {"model"},
                    .rows = {},
                    .notes = {}};
  std::vector<std::pair<std::string, std::string>> columns;
  for (const TaskScore& task : results.tasks)
    if (std::find(columns.begin(), columns.end(), std::pair(task.task, task.metric)) == columns.end())
      columns.emplace_back(task.task, task.metric);
  if (columns.empty()) return table;
  double chance = std::nan("");
  for (const auto& [task, metric] : columns) table.columns.push_back(task_title(task) + ", " + metric_title(metric));
  const auto published_column = [](const std::string& task) -> std::string {
    for (const char* name : {"ifeval", "bbh", "math_hard", "musr", "gpqa", "mmlu_pro"})
      if (task == std::string("leaderboard_") + name) return name;
    return "";
  };
  bool any_published = false;
  for (const std::string& model : results.models) {
    std::string group = model;
    std::vector<const TrainedName*> rows;
    for (const char* objective : {"base", "instruct", "sft", "dpo"})
      for (const TaskScore& task : results.tasks)
        if (task.name.model == model && task.name.objective == objective &&
            std::none_of(rows.begin(), rows.end(),
                         [&](const TrainedName* name) { return name->stage == task.name.stage; }))
          rows.push_back(&task.name);
    for (const TrainedName* name : rows) {
      ReportRow row;
      row.group = std::exchange(group, "");
      row.quiet = name->objective == "base" || name->objective == "instruct" || naming.is_placebo(name->format);
      row.cells.push_back(words(name->objective == "dpo" ? "DPO, " + naming.training(*name) : naming.training(*name)));
      for (const auto& [task, metric] : columns) {
        ReportCell cell;
        for (const TaskScore& score : results.tasks)
          if (score.name.stage == name->stage && score.task == task && score.metric == metric) {
            cell = share(score.score, score.chance);
            if (!std::isnan(score.chance)) chance = score.chance;
          }
        const std::string published_row = name->objective == "dpo" ? "dpo_" + name->format : name->objective;
        const double value =
            published.tasks.cell(published_name(results, model), published_row, published_column(task));
        cell.second = published_text(value / 100, 4);
        if (!std::isnan(value))
          cell.marks = published.marks("table6/" + published_name(results, model) + "/" + published_row + "/" +
                                       published_column(task));
        any_published |= !std::isnan(value);
        row.cells.push_back(cell);
      }
      table.rows.push_back(std::move(row));
    }
  }
  table.caption = "Scores as the harness computes them, raw and not rescaled, with 95% intervals. ";
  if (!std::isnan(chance)) table.caption += "The tick is chance. ";
  table.caption += seeds_sentence(results);
  if (any_published) add_marked_notes(table, published);
  return table;
}

ReportTable held_out_table(const StudyResults& results) {
  const Naming naming(results);
  ReportTable table{.id = "table9",
                    .label = "Table 9",
                    .title = "accuracy on pairs of held-out prompts, against each kind of label",
                    .caption = "",
                    .counterpart = "",
                    .columns = {"trained on"},
                    .rows = {},
                    .notes = {}};
  std::vector<std::string> against = {"source"};
  for (const std::string& format : naming.formats_and_placebo()) against.push_back(format);
  against.emplace_back("consensus");
  std::erase_if(against, [&](const std::string& name) {
    return std::none_of(results.scores.begin(), results.scores.end(),
                        [&](const PreferenceScores& s) { return find(s.held_out, name).known(); });
  });
  if (against.empty()) return table;
  for (const std::string& name : against)
    table.columns.push_back(name == "consensus" ? "consensus" : naming.format(name));
  std::int64_t pairs = 0, clusters = 0;
  for (const char* objective : {"reward", "dpo"})
    for (const std::string& model : results.models) {
      std::string group =
          model + (std::string(objective) == "dpo" ? ": policies, by their implicit reward" : ": reward models");
      for (const PreferenceScores& scores : results.scores) {
        if (scores.name.model != model || scores.name.objective != objective || scores.held_out.empty()) continue;
        ReportRow row;
        row.group = std::exchange(group, "");
        row.quiet = naming.is_placebo(scores.name.format);
        row.cells.push_back(words(naming.training(scores.name)));
        for (const std::string& name : against) {
          const Measured value = find(scores.held_out, name);
          row.cells.push_back(share(value));
          pairs = std::max(pairs, value.n);
          clusters = std::max(clusters, value.clusters);
        }
        table.rows.push_back(std::move(row));
      }
    }
  table.caption = fmt::format(
      "Columns: whose labels the model is held against. A row's own format is no fair judge of it; the source's column "
      "is the same for all. At most {} pairs of {} prompts, which no training saw. {}",
      count(pairs).text, count(clusters).text, seeds_sentence(results));
  return table;
}

ReportTable contrasts_table(const StudyResults& results) {
  const Naming naming(results);
  ReportTable table{.id = "table10",
                    .label = "Table 10",
                    .title = "differences between formats: one family, corrected together",
                    .caption = "",
                    .counterpart = "",
                    .columns = {"a", "b", "a − b", "p", "p (Holm)", "items", "clusters", "verdict"},
                    .rows = {},
                    .notes = {}};
  std::string outcome;
  bool claimed = false;
  for (const StudyContrast& c : results.contrasts) {
    ReportRow row;
    if (c.outcome != outcome) row.group = outcome = c.outcome;
    row.quiet = naming.is_placebo(c.a) || naming.is_placebo(c.b);
    ReportCell difference = measure({c.difference, c.low, c.high, c.n, c.clusters, ""});
    difference.is_signed = true;
    ReportCell verdict =
        words(c.verdict == "better" || c.verdict == "worse" ? fmt::format("a is {}", c.verdict) : "not distinguished");
    if (c.claimed) verdict.marks = "*";
    claimed |= c.claimed;
    row.cells = {words(naming.format(c.a)),
                 words(naming.format(c.b)),
                 difference,
                 plain_number(c.p, 3),
                 plain_number(c.p_holm, 3),
                 count(c.n),
                 count(c.clusters),
                 verdict};
    table.rows.push_back(std::move(row));
  }
  table.caption = fmt::format(
      "Paired by item; intervals from a bootstrap over clusters (prompts), p from flipping the sign of whole clusters, "
      "Holm's correction over all {} contrasts of this table. A verdict needs both: a "
      "corrected p below 0.05 and an interval without 0.",
      results.contrasts.size());
  if (claimed) table.notes.emplace_back("*", "named in the study file before the run.");
  return table;
}

ReportTable proof_table(const StudyResults& results, const Proof& proof, std::size_t number) {
  ReportTable table{.id = fmt::format("proof{}", number),
                    .label = fmt::format("Proof {}", number),
                    .title = proof.a + " and " + proof.b,
                    .caption = "",
                    .counterpart = "",
                    .columns = {"what", "", proof.a, proof.b},
                    .rows = {},
                    .notes = {}};
  for (const ProofRow& row : proof.rows) {
    ReportRow out;
    const std::string state = row.equal ? "equal" : row.expected_to_differ ? "differs, as it must" : "DIFFERS";
    out.cells = {words(row.what), words(state), words(row.a), words(row.equal ? "the same" : row.b)};
    table.rows.push_back(std::move(out));
  }
  return table;
}

ReportTable stages_table(const StudyResults& results) {
  ReportTable table{.id = "stages",
                    .label = "Stages",
                    .title = "what the report was made from",
                    .caption =
                        "Key: a hash of the stage's version, its parameters and its inputs' keys. Content: a hash of "
                        "what it made. `ballot verify` checks both.",
                    .counterpart = "",
                    .columns = {"stage", "key", "content", "time"},
                    .rows = {},
                    .notes = {}};
  for (const StageLine& stage : results.stages) {
    ReportRow row;
    ReportCell time = words(stage.seconds > 0 ? human_duration(stage.seconds) : "\u2013");
    time.number = true;
    row.cells = {words(stage.stage), words(stage.key.substr(0, 12)), words(stage.sha256.substr(0, 12)), time};
    table.rows.push_back(std::move(row));
  }
  return table;
}

ReportTable published_rewardbench_table(const PublishedTables& published) {
  ReportTable table{.id = "published5",
                    .label = "Published Table 5",
                    .title = "reward models on RewardBench, as published",
                    .caption =
                        "No intervals were given; one seed. Standard errors of a section by its size alone: Chat .016, "
                        "Chat Hard .022, Safety .017, Reasoning .014.",
                    .counterpart = "",
                    .columns = {"trained on", "Chat", "Chat Hard", "Safety", "Reasoning", "mean"},
                    .rows = {},
                    .notes = {}};
  for (const auto& [model, rows] : published.rewardbench.models) {
    std::string group = model;
    for (const auto& [name, values] : rows) {
      ReportRow row;
      row.group = std::exchange(group, "");
      row.cells.push_back(words(name));
      row.cells.back().marks = published.marks("table5/" + model + "/" + name);
      double mean = 0;
      for (const double value : values) {
        row.cells.push_back(plain_number(value, 2));
        mean += value / static_cast<double>(values.size());
      }
      row.cells.push_back(plain_number(mean, 3));
      table.rows.push_back(std::move(row));
    }
  }
  add_marked_notes(table, published);
  return table;
}

ReportTable published_tasks_table(const PublishedTables& published) {
  ReportTable table{.id = "published6",
                    .label = "Published Table 6",
                    .title = "models on the leaderboard's tasks, as published (percent)",
                    .caption =
                        "No intervals were given; one seed. Standard errors by the number of items alone, in points: "
                        "IFEval 1.7, BBH .65, MATH .65, MuSR 1.8, GPQA 1.3, MMLU-Pro .38.",
                    .counterpart = "",
                    .columns = {"model", "IFEval", "BBH", "MATH-hard", "MuSR", "GPQA", "MMLU-Pro", "mean"},
                    .rows = {},
                    .notes = {}};
  for (const auto& [model, rows] : published.tasks.models) {
    std::string group = model;
    for (const auto& [name, values] : rows) {
      ReportRow row;
      row.group = std::exchange(group, "");
      row.cells.push_back(words(name));
      double mean = 0;
      for (std::size_t c = 0; c < values.size(); ++c) {
        row.cells.push_back(plain_number(values[c], 2));
        row.cells.back().marks = published.marks("table6/" + model + "/" + name + "/" + published.tasks.columns[c]);
        mean += values[c] / static_cast<double>(values.size());
      }
      row.cells.push_back(plain_number(mean, 2));
      table.rows.push_back(std::move(row));
    }
  }
  add_marked_notes(table, published);
  return table;
}

}  // namespace ballot
