#include "report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "report/findings.h"
#include "report/naming.h"

namespace ballot {
namespace {

// Okabe and Ito's colours, which colour-blind readers tell apart; dashes tell formats apart in print.
constexpr std::array kColours = {"#0072b2", "#e69f00", "#cc79a7", "#009e73", "#d55e00", "#56b4e9", "#8c6d31"};
constexpr const char* kPlaceboColour = "#8a8a8a";
constexpr const char* kHover = "hover";  // a layer of invisible points that answers to the pointer: for the page only
constexpr int kPanelWidth = 260, kPanelHeight = 170;

Json number(double x) {
  return std::isfinite(x) ? Json(x) : Json(nullptr);
}

/// The same colour and dash for a format in every figure.
Json format_scale(const Naming& naming, const char* channel) {
  Json domain = Json::array(), range = Json::array();
  static const Json dashes = {Json::array({1, 0}),       Json::array({6, 2}), Json::array({2, 2}),
                              Json::array({8, 2, 2, 2}), Json::array({4, 4}), Json::array({1, 3})};
  std::size_t i = 0;
  for (const std::string& format : naming.formats_and_placebo()) {
    domain.push_back(naming.format(format));
    if (std::string(channel) == "strokeDash")
      range.push_back(naming.is_placebo(format) ? Json::array({1, 3}) : dashes[i % dashes.size()]);
    else
      range.push_back(naming.is_placebo(format) ? kPlaceboColour : kColours[i % kColours.size()]);
    ++i;
  }
  return {{"domain", domain}, {"range", range}};
}

Json format_channel(const Naming& naming, const char* channel, bool lines = false) {
  Json out = {{"field", "format"}, {"type", "nominal"}, {"title", nullptr}, {"scale", format_scale(naming, channel)}};
  // Lines in the legend even where a band of the same colour is drawn.
  if (lines)
    out["legend"] = {{"symbolType", "stroke"}, {"symbolStrokeWidth", 2.5}, {"symbolSize", 260}, {"symbolOpacity", 1}};
  return out;
}

Json quantitative(const char* field, const std::string& title, bool zero = false) {
  return {{"field", field},
          {"type", "quantitative"},
          {"title", title.empty() ? Json(nullptr) : Json(title)},
          {"scale", {{"zero", zero}}}};
}

bool is_plain(const TrainedName& name) {
  return name.margin == "none" || name.margin.empty();
}

/// One line of a curve figure.
struct CurvePoint {
  std::string panel, format;
  double step, value, low = std::nan(""), high = std::nan("");
};

/// Panels of curves by the step; several rows of `points` with one (panel, format) are one line.
Json curve_specification(const Naming& naming, const std::vector<CurvePoint>& points,
                         const std::vector<std::string>& panels, const std::string& y_title, bool formats,
                         std::size_t columns) {
  const int width = columns == 2 ? 380 : kPanelWidth;
  std::map<std::string, Json> values;
  bool bands = false;
  for (const CurvePoint& p : points) {
    Json row = {{"format", p.format}, {"step", p.step}, {"value", number(p.value)}};
    if (!std::isnan(p.low)) {
      row["low"] = p.low;
      row["high"] = p.high;
      bands = true;
    }
    values.try_emplace(p.panel, Json::array()).first->second.push_back(std::move(row));
  }
  Json concat = Json::array();
  for (const std::string& panel : panels) {
    Json encoding = {{"x", quantitative("step", "optimiser step")}, {"y", quantitative("value", y_title)}};
    if (formats) {
      encoding["color"] = format_channel(naming, "color", true);
      encoding["strokeDash"] = format_channel(naming, "strokeDash", true);
    }
    Json line = {{"mark", {{"type", "line"}, {"strokeWidth", 1.8}, {"interpolate", "linear"}, {"clip", true}}},
                 {"encoding", encoding}};
    Json layers = Json::array();
    if (bands) {
      Json band = encoding;
      band.erase("strokeDash");
      band["y"] = quantitative("low", y_title);
      band["y2"] = {{"field", "high"}};
      layers.push_back({{"mark", {{"type", "area"}, {"opacity", 0.12}, {"clip", true}}}, {"encoding", band}});
    }
    layers.push_back(std::move(line));
    Json hover = encoding;
    hover.erase("strokeDash");
    hover["tooltip"] = {{{"field", "format"}, {"type", "nominal"}},
                        {{"field", "step"}, {"type", "quantitative"}, {"format", ".0f"}},
                        {{"field", "value"}, {"type", "quantitative"}, {"format", ".4f"}}};
    layers.push_back(
        {{"name", kHover}, {"mark", {{"type", "circle"}, {"size", 60}, {"opacity", 0}}}, {"encoding", hover}});
    concat.push_back({{"title", {{"text", panel}, {"limit", width}}},
                      {"width", width},
                      {"height", kPanelHeight},
                      {"data", {{"values", values.at(panel)}}},
                      {"layer", layers}});
  }
  return {{"concat", concat},
          {"columns", columns},
          {"bounds", "flush"},
          {"spacing", {{"row", 84}, {"column", 52}}},
          {"resolve", {{"scale", {{"y", "independent"}, {"x", "independent"}}}}}};
}

std::string panel_of(const StudyResults& results, const TrainingCurve& curve, const std::string& metric,
                     bool name_model) {
  std::string panel = name_model && results.models.size() > 1 ? curve.name.model + ": " : "";
  panel += metric_title(metric);
  if (!is_plain(curve.name)) panel += ", with margin";
  return panel;
}

/// The curves of one objective: a panel a model, variant and metric, a line a format; seeds are averaged.
ReportFigure curves_figure(const StudyResults& results, const std::string& objective,
                           const std::vector<std::string>& metrics, const std::vector<std::string>& models) {
  const Naming naming(results);
  std::map<std::pair<std::string, std::string>, std::vector<Binned>> lines;
  std::vector<std::string> panels;
  std::size_t steps = 0;
  for (const std::string& model : models)
    for (const bool plain : {true, false})
      for (const std::string& metric : metrics)
        for (const TrainingCurve& curve : results.curves) {
          if (curve.name.objective != objective || curve.name.model != model || is_plain(curve.name) != plain) continue;
          const auto found = curve.metrics.find(metric);
          if (found == curve.metrics.end()) continue;
          const std::string panel = panel_of(results, curve, metric, true);
          if (std::find(panels.begin(), panels.end(), panel) == panels.end()) panels.push_back(panel);
          lines[{panel, objective == "sft" ? "SFT" : naming.format(curve.name.format)}].push_back(
              binned(curve.step, found->second));
          steps = std::max(steps, curve.step.size());
        }
  std::vector<CurvePoint> points;
  for (const auto& [key, runs] : lines)
    for (std::size_t i = 0; i < runs.front().step.size(); ++i) {
      double sum = 0, n = 0;
      for (const Binned& run : runs)
        if (i < run.value.size() && std::isfinite(run.value[i])) sum += run.value[i], ++n;
      points.push_back({key.first, key.second, runs.front().step[i], n > 0 ? sum / n : std::nan("")});
    }
  ReportFigure figure;
  if (points.empty()) return figure;
  // A row of panels is a model; one metric alone leaves room for its variant with margin beside it.
  const std::size_t columns = metrics.size() == 1 ? 2 : metrics.size();
  figure.specification = curve_specification(naming, points, panels, "", objective != "sft", columns).dump();
  if (steps > 120) figure.caption = fmt::format("Each point is the mean of {} steps.", (steps + 119) / 120);
  return figure;
}

ReportFigure mean_accuracy_figure(const StudyResults& results) {
  const Naming naming(results);
  std::map<std::pair<std::string, std::string>, std::vector<Binned>> lines;  // (panel, format) -> one a model
  std::vector<std::string> panels;
  std::size_t models = 0;
  for (const TrainingCurve& curve : results.curves) {
    const auto found = curve.metrics.find("accuracy");
    if (curve.name.objective != "reward" || found == curve.metrics.end()) continue;
    const std::string panel = is_plain(curve.name) ? "without margin" : "with margin";
    if (std::find(panels.begin(), panels.end(), panel) == panels.end()) panels.push_back(panel);
    auto& runs = lines[{panel, naming.format(curve.name.format)}];
    runs.push_back(binned(curve.step, found->second, 60));
    models = std::max(models, runs.size());
  }
  std::sort(panels.rbegin(), panels.rend());
  std::vector<CurvePoint> points;
  for (const auto& [key, runs] : lines)
    for (std::size_t i = 0; i < runs.front().step.size(); ++i) {
      std::vector<double> values;
      for (const Binned& run : runs)
        if (i < run.value.size() && std::isfinite(run.value[i])) values.push_back(run.value[i]);
      if (values.empty()) continue;
      CurvePoint point{key.first, key.second, runs.front().step[i], 0};
      for (const double v : values) point.value += v / static_cast<double>(values.size());
      if (models > 1) {
        point.low = *std::min_element(values.begin(), values.end());
        point.high = *std::max_element(values.begin(), values.end());
      }
      points.push_back(std::move(point));
    }
  ReportFigure figure;
  if (points.empty()) return figure;
  figure.specification = curve_specification(naming, points, panels, "reward accuracy", true, 2).dump();
  figure.caption =
      models > 1
          ? fmt::format("Mean over {} trainings; the band reaches from the lowest to the highest of them.", models)
          : "One training a format.";
  figure.caption +=
      " This is accuracy on the pairs being trained on, against each format's own labels: a format whose labels are "
      "regular (a ranking cannot contradict itself) looks good here for that reason alone. "
      "Table 9 has the accuracy on held-out prompts.";
  return figure;
}

ReportFigure distance_figure(const StudyResults& results) {
  const Naming naming(results);
  Json values = Json::array();
  for (const LabelStats& labels : results.labels) {
    if (results.judges.empty() || labels.judge != results.judges.front()) continue;
    for (const auto& [distance, m] : labels.by_distance)
      if (m.known())
        values.push_back({{"distance", distance},
                          {"format", naming.format(labels.format)},
                          {"value", m.value},
                          {"low", number(m.low)},
                          {"high", number(m.high)},
                          {"pairs", m.n}});
  }
  ReportFigure figure;
  if (values.empty()) return figure;
  const Json x = {{"field", "distance"},
                  {"type", "ordinal"},
                  {"title", "distance of the source's ranks"},
                  {"axis", {{"labelAngle", 0}}}};
  const Json offset = {{"field", "format"}, {"type", "nominal"}, {"sort", format_scale(naming, "color")["domain"]}};
  Json rule = {{"mark", {{"type", "rule"}, {"strokeWidth", 1.6}}},
               {"encoding",
                {{"x", x},
                 {"xOffset", offset},
                 {"y", quantitative("low", "agreement with the source")},
                 {"y2", {{"field", "high"}}},
                 {"color", format_channel(naming, "color")}}}};
  Json dot = {{"mark", {{"type", "point"}, {"filled", true}, {"size", 46}, {"tooltip", true}}},
              {"encoding",
               {{"x", x},
                {"xOffset", offset},
                {"y", quantitative("value", "agreement with the source")},
                {"color", format_channel(naming, "color")}}}};
  Json half = {{"data", {{"values", {{{"y", 0.5}}}}}},
               {"mark", {{"type", "rule"}, {"strokeDash", {3, 3}}, {"color", "#8a8a8a"}}},
               {"encoding", {{"y", {{"field", "y"}, {"type", "quantitative"}}}}}};
  figure.specification =
      Json({{"width", 560}, {"height", 240}, {"data", {{"values", values}}}, {"layer", {half, rule, dot}}}).dump();
  figure.caption =
      "Share of pairs labelled as the source ranks them, with 95% intervals (prompts resampled). Distance 1: "
      "neighbours in the source's ranking, often all but tied. The dashed line is a coin.";
  return figure;
}

ReportFigure cost_figure(const StudyResults& results) {
  const Naming naming(results);
  Json values = Json::array();
  for (const LabelStats& labels : results.labels) {
    const double tokens = static_cast<double>(labels.prompt_tokens + labels.completion_tokens);
    if (!labels.source_agreement.known() || labels.pairs == 0 || tokens == 0 || labels.format == "placebo") continue;
    values.push_back({{"tokens", tokens / static_cast<double>(labels.pairs)},
                      {"format", naming.format(labels.format)},
                      {"judge", labels.judge},
                      {"value", labels.source_agreement.value},
                      {"low", number(labels.source_agreement.low)},
                      {"high", number(labels.source_agreement.high)}});
  }
  ReportFigure figure;
  if (values.size() < 2) return figure;
  Json x = quantitative("tokens", "judge tokens a labelled pair (prompt and answer; logarithmic)");
  x["scale"] = {{"type", "log"}, {"nice", false}, {"padding", 24}};
  x["axis"] = {{"tickCount", 5}, {"format", "~s"}};
  const Json y = quantitative("value", "agreement with the source");
  Json colour = format_channel(naming, "color");
  Json rule = {{"mark", {{"type", "rule"}, {"strokeWidth", 1.6}}},
               {"encoding",
                {{"x", x},
                 {"y", quantitative("low", "agreement with the source")},
                 {"y2", {{"field", "high"}}},
                 {"color", colour}}}};
  Json dot = {{"mark", {{"type", "point"}, {"filled", true}, {"size", 70}, {"tooltip", true}}},
              {"encoding",
               {{"x", x},
                {"y", y},
                {"color", colour},
                {"shape", {{"field", "judge"}, {"type", "nominal"}, {"title", "judge"}}}}}};
  figure.specification =
      Json({{"width", 560}, {"height", 240}, {"data", {{"values", values}}}, {"layer", {rule, dot}}}).dump();
  figure.caption =
      "Up and to the left is more agreement for fewer tokens. The same pairs, so the formats are compared at equal "
      "rows, not at equal cost.";
  return figure;
}

ReportFigure rewardbench_figure(const StudyResults& results) {
  const Naming naming(results);
  const std::vector<std::string> sections = {"Chat", "Chat Hard", "Safety", "Reasoning"};
  Json concat = Json::array();
  Json baselines = Json::array();
  if (const auto longer = results.rewardbench_baselines.find("longer"); longer != results.rewardbench_baselines.end())
    for (const std::string& section : sections)
      if (const auto m = longer->second.find(section); m != longer->second.end() && m->second.known())
        baselines.push_back({{"section", section}, {"value", m->second.value}, {"what", "the longer answer"}});
  for (const std::string& model : results.models) {
    Json values = Json::array();
    for (const PreferenceScores& scores : results.scores) {
      if (scores.name.objective != "reward" || scores.name.model != model || !is_plain(scores.name)) continue;
      for (const std::string& section : sections)
        if (const auto m = scores.sections.find(section); m != scores.sections.end() && m->second.known())
          values.push_back({{"section", section},
                            {"format", naming.format(scores.name.format)},
                            {"value", m->second.value},
                            {"low", number(m->second.low)},
                            {"high", number(m->second.high)}});
    }
    if (values.empty()) continue;
    const Json y = {{"field", "section"}, {"type", "ordinal"}, {"sort", sections}, {"title", nullptr}};
    const Json offset = {{"field", "format"}, {"type", "nominal"}, {"sort", format_scale(naming, "color")["domain"]}};
    Json x = quantitative("value", "accuracy");
    x["scale"] = {{"domain", {0, 1}}};
    Json x_low = quantitative("low", "accuracy");
    x_low["scale"] = x["scale"];
    Json half = {{"data", {{"values", {{{"x", 0.5}}}}}},
                 {"mark", {{"type", "rule"}, {"strokeDash", {3, 3}}, {"color", "#8a8a8a"}}},
                 {"encoding", {{"x", {{"field", "x"}, {"type", "quantitative"}}}}}};
    Json rule = {{"mark", {{"type", "rule"}, {"strokeWidth", 1.6}}},
                 {"encoding",
                  {{"y", y},
                   {"yOffset", offset},
                   {"x", x_low},
                   {"x2", {{"field", "high"}}},
                   {"color", format_channel(naming, "color")}}}};
    Json dot = {{"mark", {{"type", "point"}, {"filled", true}, {"size", 42}, {"tooltip", true}}},
                {"encoding", {{"y", y}, {"yOffset", offset}, {"x", x}, {"color", format_channel(naming, "color")}}}};
    Json layers = {half, rule, dot};
    if (!baselines.empty())
      layers.push_back(
          {{"data", {{"values", baselines}}},
           {"mark", {{"type", "tick"}, {"thickness", 2.5}, {"size", 34}, {"color", "#8a8a8a"}, {"tooltip", true}}},
           {"encoding", {{"y", y}, {"x", x}}}});
    concat.push_back(
        {{"title", model}, {"width", 300}, {"height", 240}, {"data", {{"values", values}}}, {"layer", layers}});
  }
  ReportFigure figure;
  if (concat.empty()) return figure;
  figure.specification = Json({{"concat", concat}, {"columns", 2}, {"spacing", 26}}).dump();
  figure.caption = "Plain reward models with 95% intervals. Dashed: one half, what chance gives.";
  if (!baselines.empty()) figure.caption += " Grey ticks: what choosing the longer answer scores.";
  return figure;
}

ReportFigure forest_figure(const StudyResults& results) {
  const Naming naming(results);
  Json concat = Json::array();
  std::vector<std::string> outcomes;
  for (const StudyContrast& c : results.contrasts)
    if (std::find(outcomes.begin(), outcomes.end(), c.outcome) == outcomes.end()) outcomes.push_back(c.outcome);
  for (const std::string& outcome : outcomes) {
    Json values = Json::array();
    Json order = Json::array();
    for (const StudyContrast& c : results.contrasts) {
      if (c.outcome != outcome || !std::isfinite(c.low)) continue;
      const std::string pair = naming.format(c.a) + " − " + naming.format(c.b);
      order.push_back(pair);
      values.push_back({{"pair", pair},
                        {"value", c.difference},
                        {"low", c.low},
                        {"high", c.high},
                        {"verdict", is_earned(c) ? "distinguished" : "not distinguished"},
                        {"corrected p", c.p_holm}});
    }
    if (values.empty()) continue;
    const std::size_t rows = values.size();
    const Json y = {{"field", "pair"},
                    {"type", "nominal"},
                    {"sort", order},
                    {"title", nullptr},
                    {"axis", {{"labelLimit", 260}, {"ticks", false}, {"domain", false}}}};
    const Json colour = {
        {"field", "verdict"},
        {"type", "nominal"},
        {"title", nullptr},
        {"scale", {{"domain", {"distinguished", "not distinguished"}}, {"range", {"#0072b2", "#8a8a8a"}}}}};
    Json zero = {{"data", {{"values", {{{"x", 0}}}}}},
                 {"mark", {{"type", "rule"}, {"color", "#8a8a8a"}}},
                 {"encoding", {{"x", {{"field", "x"}, {"type", "quantitative"}}}}}};
    Json rule = {
        {"mark", {{"type", "rule"}, {"strokeWidth", 1.8}}},
        {"encoding",
         {{"y", y}, {"x", quantitative("low", "difference", true)}, {"x2", {{"field", "high"}}}, {"color", colour}}}};
    Json dot = {{"mark", {{"type", "point"}, {"filled", true}, {"size", 50}, {"tooltip", true}}},
                {"encoding", {{"y", y}, {"x", quantitative("value", "difference", true)}, {"color", colour}}}};
    concat.push_back({{"title", outcome},
                      {"width", 300},
                      {"height", 20 * rows},
                      {"data", {{"values", values}}},
                      {"layer", {zero, rule, dot}}});
  }
  ReportFigure figure;
  if (concat.empty()) return figure;
  figure.specification = Json({{"concat", concat}, {"columns", 2}, {"spacing", 30}}).dump();
  figure.caption =
      "Differences with 95% intervals, paired by item and resampled by prompt. Blue: distinguished from zero after "
      "Holm's correction over all of them.";
  return figure;
}

}  // namespace

Binned binned(const std::vector<std::int64_t>& step, const std::vector<double>& value, std::size_t bins) {
  Binned out;
  const std::size_t n = std::min(step.size(), value.size()), run = (n + bins - 1) / std::max<std::size_t>(bins, 1);
  for (std::size_t begin = 0; begin < n; begin += run) {
    double steps = 0, sum = 0, known = 0;
    const std::size_t end = std::min(n, begin + run);
    for (std::size_t i = begin; i < end; ++i) {
      steps += static_cast<double>(step[i]);
      if (std::isfinite(value[i])) sum += value[i], ++known;
    }
    out.step.push_back(steps / static_cast<double>(end - begin));
    out.value.push_back(known > 0 ? sum / known : std::nan(""));
  }
  return out;
}

std::vector<ReportFigure> make_figures(const StudyResults& results) {
  const std::vector<std::string> first_models(
      results.models.begin(),
      results.models.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, results.models.size())));
  std::vector<ReportFigure> out;
  const auto add = [&](const char* id, const char* label, const std::string& title, const char* counterpart,
                       ReportFigure figure) {
    if (figure.specification.empty()) return;
    figure.id = id;
    figure.label = label;
    figure.title = title;
    figure.counterpart = counterpart;
    out.push_back(std::move(figure));
  };
  std::string shown_models;
  for (const std::string& model : first_models) shown_models += (shown_models.empty() ? "" : " and ") + model;
  add("figure1", "Figure 1", "reward accuracy while training, mean over models", "the study's Figure 1",
      mean_accuracy_figure(results));
  add("figure2", "Figure 2", "DPO: reward accuracy and margin, " + shown_models, "the study's Figure 2",
      curves_figure(results, "dpo", {"rewards/accuracies", "rewards/margins"}, first_models));
  add("figure3", "Figure 3", "reward models: accuracy, " + shown_models, "the study's Figure 3",
      curves_figure(results, "reward", {"accuracy"}, first_models));
  add("figure4", "Figure 4", "SFT, all models", "the study's Figure 4",
      curves_figure(results, "sft", {"loss", "mean_token_accuracy"}, results.models));
  add("figure5", "Figure 5", "DPO, all models", "the study's Figure 5",
      curves_figure(results, "dpo", {"loss", "rewards/accuracies", "rewards/margins"}, results.models));
  add("figure6", "Figure 6", "reward models, all models", "the study's Figure 6",
      curves_figure(results, "reward", {"loss", "accuracy", "margin"}, results.models));
  add("figure7", "Figure 7", "agreement with the source by the distance of its ranks", "", distance_figure(results));
  add("figure8", "Figure 8", "agreement against judge tokens", "", cost_figure(results));
  add("figure9", "Figure 9", "reward models on RewardBench's sections", "", rewardbench_figure(results));
  add("figure10", "Figure 10", "differences between formats", "", forest_figure(results));
  return out;
}

std::string figure_config() {
  return R"({"font": "DejaVu Sans", "background": "#ffffff", "view": {"stroke": null},
"title": {"fontSize": 11, "fontWeight": "bold", "anchor": "start", "frame": "group", "color": "#22252a", "offset": 8},
"axis": {"labelFontSize": 10, "titleFontSize": 10, "titleFontWeight": "normal", "labelColor": "#4c525b", "titleColor": "#4c525b", "gridColor": "#ecece8", "domainColor": "#b9bcc2", "tickColor": "#b9bcc2", "tickCount": 5},
"legend": {"orient": "top", "direction": "horizontal", "labelFontSize": 10, "titleFontSize": 10, "symbolStrokeWidth": 2, "labelColor": "#22252a", "labelLimit": 200, "columns": 6}})";
}

std::string with_config(const ReportFigure& figure) {
  Json specification = Json::parse(figure.specification);
  if (specification.contains("concat"))
    for (Json& panel : specification["concat"]) {
      Json layers = Json::array();
      for (Json& layer : panel["layer"])
        if (layer.value("name", "") != kHover) layers.push_back(std::move(layer));
      panel["layer"] = std::move(layers);
    }
  specification["config"] = Json::parse(figure_config());
  return specification.dump();
}

}  // namespace ballot
