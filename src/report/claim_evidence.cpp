// What claims are held against: contrasts of results, of a study, of the published tables.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "report/claims.h"
#include "report/naming.h"
#include "report/published.h"

namespace ballot {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// "RewardBench, reward models (smollm2)" -> "smollm2".
std::string model_in(const std::string& outcome) {
  const std::size_t open = outcome.rfind('('), close = outcome.rfind(')');
  return open != std::string::npos && close != std::string::npos && close > open
             ? outcome.substr(open + 1, close - open - 1)
             : "";
}

void add_value(Evidence& evidence, const std::string& subject, const std::string& outcome, const std::string& model,
               double value, const std::string& note = "") {
  if (!std::isnan(value)) evidence.values.push_back({subject, outcome, model, value, note});
}

void add_row(Evidence& evidence, EvidenceRow row) {
  if (std::isnan(row.difference)) return;
  add_value(evidence, row.a, row.outcome, row.model, row.difference);
  for (const double bound : {row.low, row.high}) add_value(evidence, row.a, row.outcome, row.model, bound);
  evidence.rows.push_back(std::move(row));
}

/// The text of the notes that mark a cell.
std::string note_of(const PublishedTables& tables, const std::string& cell) {
  const std::string marks = tables.marks(cell);
  for (const PublishedNote& note : tables.notes)
    if (!marks.empty() && marks.starts_with(note.mark)) return note.text;
  return "";
}

constexpr std::array<const char*, 4> kFormats = {"binary", "binary_magnitude", "single", "ranking"};

/// All that one table says of one model: values of every row and column, differences of the pairs of rows.
void add_table(const PublishedTables& tables, const PublishedTables::Rows& table, const std::string& number,
               const std::map<std::string, std::string>& columns, const std::string& mean, double scale,
               const std::vector<std::pair<std::string, std::string>>& pairs, Evidence& evidence) {
  for (const auto& [model, rows] : table.models) {
    std::map<std::string, double> sums;
    for (const auto& [row, values] : rows)
      for (std::size_t c = 0; c < table.columns.size(); ++c) {
        const std::string cell = fmt::format("{}/{}/{}/{}", number, model, row, table.columns[c]);
        add_value(evidence, row, columns.at(table.columns[c]), model, scale * values[c], note_of(tables, cell));
        sums[row] += scale * values[c] / static_cast<double>(table.columns.size());
      }
    for (const auto& [row, value] : sums) add_value(evidence, row, mean, model, value);
    for (const auto& [a, b] : pairs) {
      if (!sums.contains(a) || !sums.contains(b)) continue;
      for (const std::string& column : table.columns) {
        const double x = scale * table.cell(model, a, column), y = scale * table.cell(model, b, column);
        evidence.rows.push_back({columns.at(column), model, a, b, x, y, x - y, kNone, kNone, 1});
      }
      evidence.rows.push_back({mean, model, a, b, sums[a], sums[b], sums[a] - sums[b], kNone, kNone, 1});
    }
  }
}

}  // namespace

bool EvidenceRow::earned() const {
  return p_holm < 0.05 && std::isfinite(low) && std::isfinite(high) && (low > 0 || high < 0);
}

Evidence evidence_of(const std::vector<ResultContrast>& contrasts) {
  Evidence out;
  out.source = "the compared results";
  for (const ResultContrast& c : contrasts) {
    out.titles[c.a] = c.a;
    out.titles[c.b] = c.b;
    add_value(out, c.a, c.outcome, "", c.value_a);
    add_value(out, c.b, c.outcome, "", c.value_b);
    add_row(out, {c.outcome, "", c.a, c.b, c.value_a, c.value_b, c.paired.difference, c.paired.low, c.paired.high,
                  c.p_holm});
  }
  return out;
}

Evidence read_evidence(const std::string& path) {
  std::vector<ResultContrast> contrasts;
  try {
    const Json json = Json::parse(read_file(path));
    const auto number = [](const Json& x) { return x.is_number() ? x.get<double>() : kNone; };
    for (const Json& c : json.at("contrasts")) {
      ResultContrast out;
      out.outcome = c.at("outcome");
      out.a = c.at("a");
      out.b = c.at("b");
      out.value_a = number(c.at("value_a"));
      out.value_b = number(c.at("value_b"));
      out.paired.difference = number(c.at("difference"));
      out.paired.low = number(c.at("low"));
      out.paired.high = number(c.at("high"));
      out.p_holm = number(c.at("p_holm"));
      contrasts.push_back(std::move(out));
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::kInput, fmt::format("{} holds no contrasts: {}", path, error.what()),
                "write one with `ballot compare RESULT RESULT... --out FILE`");
  }
  Evidence evidence = evidence_of(contrasts);
  evidence.source = path;
  return evidence;
}

Evidence evidence_of(const StudyResults& results) {
  const Naming naming(results);
  Evidence out;
  out.source = "the study's contrasts";
  for (const std::string& format : naming.formats_and_placebo()) out.titles[format] = naming.format(format);
  for (const StudyContrast& c : results.contrasts)
    add_row(out, {c.outcome, model_in(c.outcome), c.a, c.b, kNone, kNone, c.difference, c.low, c.high, c.p_holm});
  for (const PreferenceScores& s : results.scores) {
    add_value(out, s.name.format, "RewardBench", s.name.model, s.overall.value);
    for (const auto& [section, score] : s.sections) add_value(out, s.name.format, section, s.name.model, score.value);
  }
  for (const TaskScore& s : results.tasks)
    add_value(out, s.name.format.empty() ? s.name.objective : s.name.format, task_title(s.task), s.name.model,
              s.score.value);
  return out;
}

Evidence published_evidence() {
  const PublishedTables& tables = published_tables();
  Evidence out;
  out.source = "the published tables";
  out.titles = {{"binary", "BINARY"}, {"binary_magnitude", "BINARYMAGN"},
                {"single", "SINGLE"}, {"ranking", "RANKING"},
                {"sft", "SFT"},       {"instruct", "Instruct"}};
  std::vector<std::pair<std::string, std::string>> rewards, policies;
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    const std::string format = kFormats[i];
    for (std::size_t j = i + 1; j < kFormats.size(); ++j) {
      rewards.emplace_back(format, kFormats[j]);
      rewards.emplace_back(format + "+margin", std::string(kFormats[j]) + "+margin");
      policies.emplace_back("dpo_" + format, std::string("dpo_") + kFormats[j]);
    }
    rewards.emplace_back(format + "+margin", format);
    policies.emplace_back("dpo_" + format, "sft");
    policies.emplace_back("dpo_" + format, "instruct");
    for (const auto& [name, value] : tables.source.at(format))
      add_value(out, format, name + " with the source", "", value,
                note_of(tables, fmt::format("table3/{}/{}", format, name)));
  }
  policies.emplace_back("sft", "instruct");
  for (const auto& [name, value] : tables.overall)
    add_value(out, "", name, "", value, note_of(tables, "table1/" + name));
  for (const auto& [pair, value] : tables.pearson)
    add_value(out, pair.substr(0, pair.find('|')), "Pearson", "", value, note_of(tables, "table2/" + pair));
  for (std::size_t i = 0; i < kFormats.size(); ++i)
    for (std::size_t j = i + 1; j < kFormats.size(); ++j)
      for (const char* name : {"kappa", "alpha"}) {
        const double x = tables.source.at(kFormats[i]).at(name), y = tables.source.at(kFormats[j]).at(name);
        out.rows.push_back({fmt::format("agreement with the source ({})", name), "", kFormats[i], kFormats[j], x, y,
                            x - y, kNone, kNone, 1});
      }
  add_table(tables, tables.rewardbench, "table5",
            {{"chat", "Chat"}, {"chat_hard", "Chat Hard"}, {"safety", "Safety"}, {"reasoning", "Reasoning"}},
            "RewardBench mean", 1, rewards, out);
  add_table(tables, tables.tasks, "table6",
            {{"ifeval", "IFEval"},
             {"bbh", "BBH"},
             {"math_hard", "MATH-hard"},
             {"musr", "MuSR"},
             {"gpqa", "GPQA"},
             {"mmlu_pro", "MMLU-Pro"}},
            "mean of six tasks", 1, policies, out);
  return out;
}

}  // namespace ballot
