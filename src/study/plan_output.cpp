// A plan for other programs and for people.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/terminal.h"
#include "study/plan.h"

namespace ballot {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class T>
void sum(std::optional<T>& total, const std::optional<T>& value) {
  if (value) total = total.value_or(0) + *value;
}

/// Of what is still to be done. Memory: the largest.
StagePlan total_of(const StudyPlan& plan) {
  StagePlan total;
  total.stage = "in all";
  for (const StagePlan& row : plan.stages) {
    if (row.done) continue;
    sum(total.prompt_tokens, row.prompt_tokens);
    sum(total.answer_tokens, row.answer_tokens);
    sum(total.sequence_tokens, row.sequence_tokens);
    sum(total.computed_tokens, row.computed_tokens);
    sum(total.cost, row.cost);
    sum(total.most_cost, row.most_cost);
    sum(total.flops, row.flops);
    sum(total.seconds, row.seconds);
    total.estimated = total.estimated || row.estimated;
    if (row.peak_bytes) total.peak_bytes = std::max(total.peak_bytes.value_or(0), *row.peak_bytes);
  }
  return total;
}

Json numbers(const StagePlan& row) {
  return {{"prompt_tokens", or_null(row.prompt_tokens)},
          {"answer_tokens", or_null(row.answer_tokens)},
          {"sequence_tokens", or_null(row.sequence_tokens)},
          {"computed_tokens", or_null(row.computed_tokens)},
          {"tokens_estimated", row.estimated},
          {"cost", or_null(row.cost)},
          {"most_cost", or_null(row.most_cost)},
          {"flops", or_null(row.flops)},
          {"peak_bytes", or_null(row.peak_bytes)},
          {"seconds", or_null(row.seconds)}};
}

std::string scaled(double value, std::initializer_list<const char*> units, double step) {
  auto unit = units.begin();
  while (value >= step && unit + 1 != units.end()) value /= step, ++unit;
  return fmt::format("{:.{}f} {}", value, value < 10 ? 1 : 0, *unit);
}

std::string tokens_text(const StagePlan& row) {
  std::int64_t tokens = row.computed_tokens.value_or(row.prompt_tokens.value_or(0) + row.answer_tokens.value_or(0));
  if (!row.computed_tokens && !row.prompt_tokens) return "";
  if (row.stage == "in all" && row.prompt_tokens)
    tokens = row.prompt_tokens.value_or(0) + row.answer_tokens.value_or(0) + row.computed_tokens.value_or(0);
  return (row.estimated ? "~" : "") + human_count(tokens);
}

std::vector<std::string> cells(const StagePlan& row) {
  return {row.stage,
          row.items > 0 ? human_count(row.items) + " " + row.unit : "",
          tokens_text(row),
          row.cost ? fmt::format("{:.2f} to {:.2f}", *row.cost, *row.most_cost) : "",
          row.flops ? scaled(*row.flops, {"", "K", "M", "G", "T", "P", "E", "Z"}, 1000) : "",
          row.peak_bytes ? scaled(static_cast<double>(*row.peak_bytes), {"B", "KiB", "MiB", "GiB", "TiB"}, 1024) : "",
          row.seconds ? human_duration(*row.seconds) : "",
          row.done ? "done" : row.note};
}

}  // namespace

Json plan_json(const StudyPlan& plan) {
  Json stages = Json::array();
  for (const StagePlan& row : plan.stages) {
    Json json = {
        {"stage", row.stage}, {"kind", row.kind}, {"done", row.done}, {"items", row.items}, {"unit", row.unit}};
    if (row.steps > 0) json["steps"] = row.steps;
    json.update(numbers(row));
    json["note"] = row.note;
    stages.push_back(std::move(json));
  }
  return {{"study", plan.study},
          {"stages", std::move(stages)},
          {"total", numbers(total_of(plan))},
          {"machine", {{"flops_per_second", plan.peak_flops}, {"share", plan.share}}},
          {"notes", plan.notes}};
}

std::string plan_text(const StudyPlan& plan) {
  TextTable table{{"stage", "items", "tokens", "cost", "FLOPs", "memory", "time", ""},
                  {},
                  {false, true, true, true, true, true, true, false}};
  for (const StagePlan& row : plan.stages) table.rows.push_back(cells(row));
  table.rows.push_back(cells(total_of(plan)));
  std::string text = render_plain(table);
  text +=
      "\nTokens: computed here, or asked of a judge (~: estimated). Cost: with the answers as long as estimated, and "
      "as\n"
      "long as they may be. FLOPs: exact where every label can be used. Memory: what a training holds at its "
      "fullest.\n";
  if (plan.peak_flops > 0)
    text += fmt::format("Time: operations at {:.0f}% of the {:.0f} GFLOP/s measured here.\n", 100 * plan.share,
                        plan.peak_flops / 1e9);
  for (const std::string& note : plan.notes) text += note + "\n";
  return text;
}

}  // namespace ballot
