// The tables about labels (report/tables.h).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/progress.h"
#include "report/naming.h"
#include "report/tables.h"

namespace ballot {
namespace {

const LabelStats* labels_of(const StudyResults& results, const std::string& judge, const std::string& format) {
  for (const LabelStats& labels : results.labels)
    if (labels.judge == judge && labels.format == format) return &labels;
  return nullptr;
}

Measured statistic(const std::map<std::string, Measured>& statistics, const std::string& name) {
  const auto found = statistics.find(name);
  return found == statistics.end() ? Measured() : found->second;
}

const AgreementResults::Pair* pair_of(const AgreementResults& agreement, const std::string& a, const std::string& b) {
  for (const AgreementResults::Pair& pair : agreement.pairs)
    if ((pair.a == a && pair.b == b) || (pair.a == b && pair.b == a)) return &pair;
  return nullptr;
}

/// A share of counts as a number without an interval: it is what happened, not an estimate.
ReportCell rate(std::int64_t part, std::int64_t whole) {
  ReportCell cell;
  cell.number = true;
  cell.text =
      whole > 0 ? fmt::format("{:.1f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole)) : "\u2013";
  return cell;
}

ReportCell per_thousand_pairs(double amount, std::int64_t pairs, int digits) {
  ReportCell cell;
  cell.number = true;
  const double value = pairs > 0 ? 1000 * amount / static_cast<double>(pairs) : std::nan("");
  cell.text = digits == 0 && std::isfinite(value) ? count(std::llround(value)).text : fixed(value, digits);
  return cell;
}

void add_published_notes(ReportTable& table, const PublishedTables& published) {
  for (const PublishedNote& note : published.notes) {
    bool used = false;
    for (const ReportRow& row : table.rows)
      for (const ReportCell& cell : row.cells)
        used |= (", " + cell.marks + ",").find(", " + note.mark + ",") != std::string::npos;
    if (used) table.notes.emplace_back(note.mark, note.text);
  }
}

bool any_known(const ReportTable& table, std::size_t column) {
  for (const ReportRow& row : table.rows)
    if (column < row.cells.size() &&
        (row.cells[column].measured.known() || (!row.cells[column].text.empty() && row.cells[column].text != "\u2013")))
      return true;
  return false;
}

/// Leaves out columns in which nothing is known.
void drop_empty_columns(ReportTable& table) {
  for (std::size_t c = table.columns.size(); c-- > 1;)
    if (!any_known(table, c)) {
      table.columns.erase(table.columns.begin() + static_cast<std::ptrdiff_t>(c));
      for (ReportRow& row : table.rows)
        if (c < row.cells.size()) row.cells.erase(row.cells.begin() + static_cast<std::ptrdiff_t>(c));
    }
}

}  // namespace

ReportTable glance_table(const StudyResults& results) {
  const Naming naming(results);
  ReportTable table{.id = "glance",
                    .label = "At a glance",
                    .title = "one row a format",
                    .caption = "",
                    .counterpart = "",
                    .columns = {},
                    .rows = {},
                    .notes = {}};
  table.columns = {"format",
                   "labels agree with the source",
                   "reward models: held-out accuracy",
                   "reward models: RewardBench",
                   "policies: held-out accuracy",
                   "tied pairs",
                   "unusable ballots",
                   "judge tokens per 1 000 pairs",
                   "cost per 1 000 pairs"};
  const std::string judge = results.judges.empty() ? "" : results.judges.front();
  bool several = false;
  for (const std::string& format : naming.formats_and_placebo()) {
    const LabelStats* labels = labels_of(results, judge, format);
    ReportRow row;
    row.quiet = naming.is_placebo(format);
    row.cells.push_back(words(naming.format(format)));
    row.cells.push_back(share(labels ? labels->source_agreement : Measured()));
    for (const auto& [objective, what] :
         {std::pair{"reward", "source"}, {"reward", "rewardbench"}, {"dpo", "source"}}) {
      const Measured mean = mean_over_models(results, objective, format, what);
      several |= mean.known() && std::isnan(mean.low);
      row.cells.push_back(share(mean));
    }
    row.cells.push_back(labels ? rate(labels->ties, labels->pairs) : ReportCell());
    row.cells.push_back(labels ? rate(labels->ballots - labels->usable, labels->ballots) : ReportCell());
    row.cells.push_back(labels
                            ? per_thousand_pairs(static_cast<double>(labels->prompt_tokens + labels->completion_tokens),
                                                 labels->pairs, 0)
                            : ReportCell());
    row.cells.push_back(labels && labels->cost > 0 ? per_thousand_pairs(labels->cost, labels->pairs, 2) : ReportCell());
    table.rows.push_back(std::move(row));
  }
  for (const auto& [name, title] : {std::pair{"random", "null: random"},
                                    {"longer", "null: the longer answer"},
                                    {"shorter", "null: the shorter answer"}}) {
    const auto found = results.rewardbench_baselines.find(name);
    if (found == results.rewardbench_baselines.end()) continue;
    ReportRow row;
    row.quiet = true;
    row.cells = {words(title), ReportCell(), ReportCell(), share(statistic(found->second, "score"))};
    row.cells.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  drop_empty_columns(table);
  table.caption =
      "Shares with 95% intervals from a bootstrap that draws whole prompts; the tick is one half, what chance gives.";
  if (!judge.empty()) table.caption += fmt::format(" Labels and costs are those of the judge {}.", judge);
  if (several)
    table.caption += " Means over models stand without an interval: Tables 5 and 9 have them model by model.";
  if (!results.placebo.empty())
    table.notes.emplace_back("", naming.format("placebo") +
                                     " is the placebo: the same format, labelled a second time under another "
                                     "presentation order. Its distance from " +
                                     naming.format(results.placebo) +
                                     " is the noise that a difference between formats must clear.");
  return table;
}

ReportTable overall_agreement_table(const StudyResults& results, const PublishedTables& published) {
  ReportTable table{.id = "table1",
                    .label = "Table 1",
                    .title = "agreement of all formats on the same pairs",
                    .caption = "",
                    .counterpart = "the study's Table 1",
                    .columns = {"statistic"},
                    .rows = {},
                    .notes = {}};
  if (results.agreement.empty()) return table;
  for (const AgreementResults& agreement : results.agreement) table.columns.push_back(agreement.judge);
  table.columns.emplace_back("published");
  for (const auto& [name, title] : {std::pair{"percent_agreement", "share of agreeing pairs of labels"},
                                    {"fleiss_kappa", "Fleiss' kappa"},
                                    {"krippendorff_alpha", "Krippendorff's alpha"},
                                    {"gwet_ac1", "Gwet's AC1"}}) {
    ReportRow row;
    row.cells.push_back(words(title));
    bool known = false;
    for (const AgreementResults& agreement : results.agreement) {
      row.cells.push_back(
          share(statistic(agreement.overall, name), std::string(name) == "percent_agreement" ? 0.5 : std::nan("")));
      known |= row.cells.back().measured.known();
    }
    ReportCell cell;
    if (const auto found = published.overall.find(name); found != published.overall.end()) {
      cell = plain_number(found->second, 2);
      cell.marks = published.marks(std::string("table1/") + name);
    }
    row.cells.push_back(cell);
    if (known) table.rows.push_back(std::move(row));
  }
  table.caption =
      "Every pair of completions is one unit and each format one annotator; pairs count in both orientations, so "
      "chance agreement is one half and Fleiss' kappa is "
      "2 × agreement − 1. The published column: four formats, one judge, no intervals given.";
  std::string units;
  for (const AgreementResults& agreement : results.agreement)
    units += fmt::format("{}{}: {} pairs", units.empty() ? "" : "; ", agreement.judge, count(agreement.units).text);
  table.caption += " " + units + ".";
  add_published_notes(table, published);
  return table;
}

ReportTable correlation_table(const StudyResults& results, const PublishedTables& published) {
  const Naming naming(results);
  ReportTable table{.id = "table2",
                    .label = "Table 2",
                    .title = "Pearson correlation of two formats' labels",
                    .caption = "",
                    .counterpart = "the study's Table 2",
                    .columns = {"formats"},
                    .rows = {},
                    .notes = {}};
  if (results.agreement.empty()) return table;
  for (const AgreementResults& agreement : results.agreement) table.columns.push_back(agreement.judge);
  table.columns.emplace_back("published");
  const std::vector<std::string>& formats = naming.formats_and_placebo();
  for (std::size_t i = 0; i < formats.size(); ++i)
    for (std::size_t j = i + 1; j < formats.size(); ++j) {
      const bool placebo = naming.is_placebo(formats[j]);
      if (placebo && formats[i] != results.placebo) continue;
      ReportRow row;
      row.quiet = placebo;
      row.cells.push_back(words(naming.format(formats[i]) + " – " + naming.format(formats[j])));
      bool known = false;
      for (const AgreementResults& agreement : results.agreement) {
        const AgreementResults::Pair* pair = pair_of(agreement, formats[i], formats[j]);
        row.cells.push_back(share(pair ? statistic(pair->statistics, "pearson") : Measured(), std::nan("")));
        known |= pair != nullptr;
      }
      const double r = published.pearson_of(formats[i], formats[j]);
      ReportCell cell = plain_number(r, 2);
      if (!std::isnan(r)) {
        cell.marks = published.marks("table2/" + formats[i] + "|" + formats[j]);
        if (cell.marks.empty()) cell.marks = published.marks("table2/" + formats[j] + "|" + formats[i]);
      }
      row.cells.push_back(cell);
      if (known) table.rows.push_back(std::move(row));
    }
  std::stable_partition(table.rows.begin(), table.rows.end(), [](const ReportRow& row) { return !row.quiet; });
  table.caption =
      "Labels are +1 and −1, each pair in both orientations: r is 2 × agreement − 1, and Spearman's and Kendall's "
      "coefficients are the same number.";
  if (!results.placebo.empty())
    table.caption += " The last row is the ceiling: one format against itself under another presentation order.";
  add_published_notes(table, published);
  return table;
}

ReportTable source_agreement_table(const StudyResults& results, const PublishedTables& published) {
  const Naming naming(results);
  ReportTable table{.id = "table3",
                    .label = "Table 3",
                    .title = "agreement with the source's ranking",
                    .caption = "",
                    .counterpart = "the study's Table 3",
                    .columns = {"format", "pairs", "agreement", "kappa", "alpha", "published kappa", "published alpha"},
                    .rows = {},
                    .notes = {}};
  for (const AgreementResults& agreement : results.agreement) {
    std::string group = results.agreement.size() > 1 ? agreement.judge : "";
    for (const std::string& format : naming.formats_and_placebo()) {
      const AgreementResults::Pair* pair = pair_of(agreement, format, "source");
      if (pair == nullptr) continue;
      ReportRow row;
      row.group = std::exchange(group, "");
      row.quiet = naming.is_placebo(format);
      const Measured agreeing = statistic(pair->statistics, "percent_agreement");
      row.cells = {words(naming.format(format)), count(agreeing.n), share(agreeing),
                   measure(statistic(pair->statistics, "cohen_kappa")),
                   measure(statistic(pair->statistics, "krippendorff_alpha"))};
      for (const char* name : {"kappa", "alpha"}) {
        const auto found = published.source.find(format);
        ReportCell cell = plain_number(found == published.source.end() ? std::nan("") : found->second.at(name), 2);
        if (found != published.source.end()) cell.marks = published.marks("table3/" + format + "/" + name);
        row.cells.push_back(cell);
      }
      table.rows.push_back(std::move(row));
    }
  }
  table.caption =
      "The source's ranking is one more annotator. Pairs in both orientations: kappa is 2 × agreement − 1, and alpha "
      "differs from it by (1 − kappa) / N only.";
  add_published_notes(table, published);
  return table;
}

ReportTable ballots_table(const StudyResults& results) {
  const Naming naming(results);
  ReportTable table{.id = "table7",
                    .label = "Table 7",
                    .title = "what was asked, and what failed",
                    .caption = "",
                    .counterpart = "",
                    .columns = {"format", "prompts", "ballots", "usable", "asked again", "failures", "pairs", "ties",
                                "decided by a coin", "dropped pairs"},
                    .rows = {},
                    .notes = {}};
  for (const std::string& judge : results.judges) {
    std::string group = judge;
    for (const std::string& format : naming.formats_and_placebo()) {
      const LabelStats* labels = labels_of(results, judge, format);
      if (labels == nullptr) continue;
      std::string failures;
      for (const auto& [status, n] : labels->statuses)
        if (n > 0 && status != "ok" && !status.starts_with("repaired:"))
          failures += fmt::format("{}{} {}", failures.empty() ? "" : ", ", n, status);
      std::replace(failures.begin(), failures.end(), '_', ' ');
      std::int64_t lost = 0;
      for (const auto& [reason, n] : labels->dropped) lost += n;
      ReportRow row;
      row.group = std::exchange(group, "");
      row.quiet = naming.is_placebo(format);
      row.cells = {words(naming.format(format)),   count(labels->prompts),
                   count(labels->ballots),         rate(labels->usable, labels->ballots),
                   count(labels->retried),         words(failures.empty() ? "none" : failures),
                   count(labels->pairs),           rate(labels->ties, labels->pairs),
                   count(labels->decided_by_coin), count(lost)};
      table.rows.push_back(std::move(row));
    }
  }
  table.caption =
      "Counts, not estimates. A ballot is usable when a label could be read from it, repaired spellings included; "
      "nothing is given a default label.";
  if (!results.ties.empty()) table.caption += fmt::format(" Ties between completions: policy '{}'.", results.ties);
  return table;
}

ReportTable costs_table(const StudyResults& results) {
  const Naming naming(results);
  ReportTable table{.id = "table12",
                    .label = "Table 12",
                    .title = "what the labels cost",
                    .caption = "",
                    .counterpart = "",
                    .columns = {"format", "prompt tokens", "of them cached", "answer tokens", "without a label",
                                "tokens a pair", "cost", "cost per 1 000 pairs", "judge time"},
                    .rows = {},
                    .notes = {}};
  for (const std::string& judge : results.judges) {
    std::string group = judge;
    for (const std::string& format : naming.formats_and_placebo()) {
      const LabelStats* labels = labels_of(results, judge, format);
      if (labels == nullptr || labels->prompt_tokens + labels->completion_tokens == 0) continue;
      ReportRow row;
      row.group = std::exchange(group, "");
      row.quiet = naming.is_placebo(format);
      const double tokens = static_cast<double>(labels->prompt_tokens + labels->completion_tokens);
      ReportCell time = words(labels->seconds > 0 ? human_duration(labels->seconds) : "\u2013");
      time.number = true;
      row.cells = {words(naming.format(format)),
                   count(labels->prompt_tokens),
                   labels->cached_tokens > 0 ? count(labels->cached_tokens) : ReportCell(),
                   count(labels->completion_tokens),
                   labels->lost_tokens > 0 ? count(labels->lost_tokens) : ReportCell(),
                   plain_number(labels->pairs > 0 ? tokens / static_cast<double>(labels->pairs) : std::nan(""), 1),
                   labels->cost > 0 ? plain_number(labels->cost, 2) : ReportCell(),
                   labels->cost > 0 ? per_thousand_pairs(labels->cost, labels->pairs, 3) : ReportCell(),
                   time};
      table.rows.push_back(std::move(row));
    }
  }
  drop_empty_columns(table);
  table.caption =
      "For the same pairs. Formats ask differently often: a prompt of five completions is one ballot of RANKING, five "
      "of SINGLE, ten of BINARY. Without a label: tokens of tries that failed, of answers that could not be read, and "
      "of "
      "looks at the servers; they are among the others.";
  return table;
}

ReportTable report_card_table(const StudyResults& results) {
  const Naming naming(results);
  ReportTable table{.id = "table8",
                    .label = "Table 8",
                    .title = "habits of the judge",
                    .caption = "",
                    .counterpart = "",
                    .columns = {"format", "first shown wins", "longer answer wins"},
                    .rows = {},
                    .notes = {}};
  for (const std::string& judge : results.judges) {
    std::string group = results.judges.size() > 1 ? judge : "";
    for (const std::string& format : naming.formats_and_placebo()) {
      const LabelStats* labels = labels_of(results, judge, format);
      if (labels == nullptr || (!labels->first_shown_wins.known() && !labels->longer_wins.known())) continue;
      ReportRow row;
      row.group = std::exchange(group, "");
      row.quiet = naming.is_placebo(format);
      row.cells = {words(naming.format(format)), share(labels->first_shown_wins), share(labels->longer_wins)};
      table.rows.push_back(std::move(row));
    }
  }
  table.caption =
      "One half is no preference (of the longer answer: only where length says nothing about quality). Prompts are "
      "resampled whole. Formats that do not show two completions have no first one.";
  return table;
}

ReportTable flips_table(const StudyResults& results) {
  const Naming naming(results);
  ReportTable table{.id = "table11",
                    .label = "Table 11",
                    .title = "share of pairs that two formats label the other way round",
                    .caption = "",
                    .counterpart = "",
                    .columns = {"format"},
                    .rows = {},
                    .notes = {}};
  if (results.flips.empty()) return table;
  for (const std::string& format : naming.formats_and_placebo()) table.columns.push_back(naming.format(format));
  for (const std::string& a : naming.formats_and_placebo()) {
    ReportRow row;
    row.quiet = naming.is_placebo(a);
    row.cells.push_back(words(naming.format(a)));
    for (const std::string& b : naming.formats_and_placebo()) {
      double value = std::nan("");
      if (const auto found = results.flips.find(a); found != results.flips.end())
        if (const auto other = found->second.find(b); other != found->second.end()) value = other->second;
      ReportCell cell;
      cell.number = true;
      cell.text = a == b || std::isnan(value) ? "\u2013" : fmt::format("{:.1f}%", 100 * value);
      row.cells.push_back(cell);
    }
    table.rows.push_back(std::move(row));
  }
  table.caption =
      "Of the pairs in both training sets: this is all that two trainings of one study differ in. A count, not an "
      "estimate.";
  return table;
}

}  // namespace ballot
