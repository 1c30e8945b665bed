#include "report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/embedded.h"
#include "core/error.h"
#include "core/terminal.h"
#include "report/figures.h"
#include "report/findings.h"
#include "report/html.h"
#include "report/judge_card.h"
#include "report/naming.h"
#include "report/tables.h"
#include "text/svg.h"

namespace ballot {

std::span<const EmbeddedFile> embedded_report_files();

namespace {

std::string_view embedded(const std::string& name) {
  const std::string_view content = find_embedded(embedded_report_files(), name);
  if (content.data() == nullptr) throw failed("the program does not hold {}, which the report needs", name);
  return content;
}

/// A script inside the page must not end its own element.
std::string script(std::string_view content) {
  std::string out(content);
  for (std::size_t at = 0; (at = out.find("</script", at)) != std::string::npos; at += 9) out.replace(at, 2, "<\\/");
  return out;
}

struct Everything {
  const StudyResults& results;
  std::vector<Finding> findings;
  std::string headline;
  std::vector<ReportTable> tables;  // in no order: found by id
  std::vector<ReportFigure> figures;
  std::map<std::string, std::string> svg;  // by figure id
};

/// A judge's report card; ids tell the judges' tables apart.
std::vector<ReportTable> card_tables(const StudyResults& results, std::size_t judge) {
  std::vector<ReportTable> tables = judge_card_tables(results.judge_cards[judge]);
  for (ReportTable& table : tables) table.id += fmt::format("-{}", judge + 1);
  return tables;
}

std::vector<ReportTable> all_tables(const StudyResults& results) {
  const PublishedTables& published = published_tables();
  std::vector<ReportTable> tables = {glance_table(results),
                                     overall_agreement_table(results, published),
                                     correlation_table(results, published),
                                     source_agreement_table(results, published),
                                     models_table(results),
                                     rewardbench_table(results, published),
                                     tasks_table(results, published),
                                     ballots_table(results),
                                     costs_table(results),
                                     report_card_table(results),
                                     held_out_table(results),
                                     contrasts_table(results),
                                     flips_table(results),
                                     published_rewardbench_table(published),
                                     published_tasks_table(published),
                                     stages_table(results)};
  for (std::size_t i = 0; i < results.proofs.size(); ++i)
    tables.push_back(proof_table(results, results.proofs[i], i + 1));
  for (std::size_t i = 0; i < results.judge_cards.size(); ++i)
    for (ReportTable& table : card_tables(results, i)) tables.push_back(std::move(table));
  std::erase_if(tables, [](const ReportTable& table) { return table.empty(); });
  return tables;
}

std::string paragraph(const std::string& text) {
  return fmt::format("<p>{}</p>\n", html_escape(text));
}

class PageWriter {
 public:
  explicit PageWriter(const Everything& all) : all_(all), results_(all.results) {}

  std::string write() {
    body();
    std::string contents;
    for (const auto& [id, title] : sections_)
      contents += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", id, html_escape(title));
    Json figures = Json::object();
    for (const ReportFigure& figure : all_.figures) figures[figure.id] = Json::parse(figure.specification);
    std::string out = fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' "
        "'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n<title>{}: a study of preference "
        "formats</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        html_escape(results_.study), embedded("report.css"));
    out +=
        "<button class=\"theme\" type=\"button\" hidden>theme: auto</button>\n<div class=\"page\">\n<nav "
        "class=\"contents\" aria-label=\"Contents\"><ol>\n" +
        contents + "</ol></nav>\n<main>\n" + body_ + "</main>\n</div>\n";
    if (!all_.figures.empty())
      for (const char* name : {"vega.min.js", "vega-lite.min.js", "vega-embed.min.js"})
        out += "<script>" + script(embedded(name)) + "</script>\n";
    out += "<script type=\"application/json\" id=\"figures\">" + json_for_script(figures) + "</script>\n<script>" +
           script(embedded("report.js")) + "</script>\n</body>\n</html>\n";
    return out;
  }

 private:
  const ReportTable* find_table(const std::string& id) const {
    for (const ReportTable& table : all_.tables)
      if (table.id == id) return &table;
    return nullptr;
  }
  const ReportFigure* find_figure(const std::string& id) const {
    for (const ReportFigure& figure : all_.figures)
      if (figure.id == id) return &figure;
    return nullptr;
  }

  std::string table(const std::string& id) const {
    const ReportTable* found = find_table(id);
    return found ? table_html(*found) : "";
  }

  std::string figure(const std::string& id) const {
    const ReportFigure* f = find_figure(id);
    if (f == nullptr) return "";
    std::string out = fmt::format("<figure id=\"{}\">\n<figcaption><b>{}.</b> {}", f->id, html_escape(f->label),
                                  html_escape(f->title));
    if (!f->counterpart.empty())
      out += fmt::format(" <span class=\"counterpart\">counterpart of {}</span>", html_escape(f->counterpart));
    out += fmt::format(
        "</figcaption>\n<div class=\"drawing\" data-figure=\"{}\"><img alt=\"{}\" "
        "src=\"data:image/svg+xml;base64,{}\"><div class=\"live\"></div></div>\n",
        f->id, html_escape(f->title), base64(all_.svg.at(f->id)));
    if (!f->caption.empty()) out += fmt::format("<p class=\"caption\">{}</p>\n", html_escape(f->caption));
    return out + "</figure>\n";
  }

  /// A section, where it has any content.
  void section(const std::string& id, const std::string& title, const std::string& intro, const std::string& content) {
    if (content.empty()) return;
    sections_.emplace_back(id, title);
    body_ += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}{}</section>\n", id, html_escape(title),
                         intro.empty() ? "" : paragraph(intro), content);
  }

  static std::string folded(const std::string& summary, const std::string& content) {
    return content.empty()
               ? ""
               : fmt::format("<details><summary>{}</summary>\n{}</details>\n", html_escape(summary), content);
  }

  static std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
  }

  void header() {
    const Naming naming(results_);
    std::vector<std::string> formats;
    for (const std::string& format : results_.formats) formats.push_back(naming.format(format));
    body_ += fmt::format(
        "<header id=\"top\">\n<p class=\"kicker\">A study of preference formats</p>\n<h1>{}</h1>\n<p "
        "class=\"headline\">{}</p>\n<dl class=\"facts\">\n",
        html_escape(results_.study), html_escape(all_.headline));
    const auto fact = [&](const std::string& name, const std::string& value) {
      if (!value.empty())
        body_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", html_escape(name), html_escape(value));
    };
    fact("formats", joined(formats) + (results_.placebo.empty() ? "" : "; placebo: " + naming.format("placebo")));
    fact("prompts", results_.prompts ? fmt::format("{} ({} held out)", count(results_.prompts).text,
                                                   count(results_.held_out_prompts).text)
                                     : "");
    fact("pairs", results_.pairs ? count(results_.pairs).text : "");
    fact("judges", joined(results_.judges));
    fact("models", joined(results_.models));
    std::vector<std::string> seeds;
    for (const std::int64_t seed : results_.seeds) seeds.push_back(std::to_string(seed));
    fact(results_.seeds.size() == 1 ? "seed" : "seeds", joined(seeds));
    fact("source", results_.source);
    fact("made", results_.generated + (results_.ballot_version.empty() ? "" : ", ballot " + results_.ballot_version));
    body_ += "</dl>\n</header>\n";
  }

  static std::string finding_html(const Finding& finding) {
    std::string out = fmt::format("<article class=\"finding\"><h3>{}</h3><ul>\n", html_escape(finding.title));
    for (const FindingLine& line : finding.lines) {
      const char* kind = line.tag == "better"    ? " better"
                         : line.tag == "worse"   ? " worse"
                         : line.tag == "caution" ? " caution"
                                                 : "";
      out += fmt::format(
          "<li><span class=\"tag{}\">{}</span><span>{}</span>{}</li>\n", kind, html_escape(line.tag),
          html_escape(line.subject),
          line.numbers.empty() ? "" : fmt::format("<span class=\"numbers\">{}</span>", html_escape(line.numbers)));
    }
    return out + "</ul></article>\n";
  }

  std::string findings() const {
    std::string main, aside;
    std::size_t others = 0;
    for (const Finding& finding : all_.findings) {
      (finding.aside ? aside : main) += finding_html(finding);
      others += finding.aside;
    }
    std::string out = main.empty() ? "" : "<div class=\"findings\">\n" + main + "</div>\n";
    if (!aside.empty())
      out += folded(fmt::format("{} more {} of formats with a distinguished difference, not named before the run",
                                others, others == 1 ? "pair" : "pairs"),
                    "<div class=\"findings\">\n" + aside + "</div>\n");
    return out;
  }

  std::string proofs() const {
    std::string out;
    std::size_t good = 0;
    for (const Proof& proof : results_.proofs) good += proof.only_labels_differ;
    if (results_.proofs.empty()) return "";
    const bool all_good = good == results_.proofs.size();
    out +=
        fmt::format("<p class=\"verdict{}\"><span>{}</span></p>\n", all_good ? "" : " no",
                    all_good ? fmt::format("In {} of {} comparisons of two trainings nothing but the labels differs.",
                                           good, results_.proofs.size())
                             : fmt::format("In {} of {} comparisons of two trainings something else than the labels "
                                           "differs: look for DIFFERS below.",
                                           results_.proofs.size() - good, results_.proofs.size()));
    for (std::size_t i = 0; i < results_.proofs.size(); ++i)
      out += folded(fmt::format("{} and {}: {}", results_.proofs[i].a, results_.proofs[i].b,
                                results_.proofs[i].only_labels_differ ? "only the labels differ"
                                                                      : "more than the labels differs"),
                    table(fmt::format("proof{}", i + 1)));
    return out;
  }

  std::string judge_cards() const {
    std::string out;
    for (std::size_t i = 0; i < results_.judge_cards.size(); ++i) {
      std::string tables;
      for (const ReportTable& card : card_tables(results_, i)) tables += table_html(card);
      out += folded(fmt::format("Report card of {}", results_.judge_cards[i].judge), tables);
    }
    return out;
  }

  std::string claims() const {
    if (results_.claims.empty()) return "";
    std::string out = "<h3>Said before the run</h3>\n<pre>" + html_escape(results_.claims.front()) + "</pre>\n";
    for (std::size_t i = 1; i < results_.claims.size(); ++i)
      out += paragraph(fmt::format("Changed later (deviation {}):", i)) + "<pre>" + html_escape(results_.claims[i]) +
             "</pre>\n";
    return out;
  }

  void body() {
    header();
    section("findings", "What was found",
            "A difference between two formats is named only where its interval excludes zero after correction for all "
            "differences of the study. Everything else is not distinguished, which is not the same as equal.",
            table("glance") + findings());
    section("labels", "What the labels say", "Every format labelled the same pairs of completions.",
            table("table3") + figure("figure7") + table("table1") + table("table2") +
                folded("Which labels differ, format by format", table("table11")));
    section("judge", "What the judge did, and what it cost", "",
            table("table7") + table("table8") + table("table12") + figure("figure8") + judge_cards());
    section("training", "Training",
            "Only the labels differ between two trainings of one model; the proof below says how that is known.",
            figure("figure1") + figure("figure2") + figure("figure3") + table("table4") +
                folded("All curves of all models", figure("figure4") + figure("figure5") + figure("figure6")));
    section("evaluation", "Evaluation", "", table("table9") + table("table5") + figure("figure9") + table("table6"));
    section("differences", "Differences between formats", "", figure("figure10") + table("table10") + claims());
    section("proof", "Proof that only the format differs",
            "Read from the manifests of the artefacts, not from what the study file intended.", proofs());
    section("published", "The published numbers",
            fmt::format("What {} reported ({}). Marks point to numbers that do not fit together; nothing in this "
                        "report rests on them.",
                        published_tables().title, published_tables().setting),
            folded("Reward models on RewardBench, as published", table("published5")) +
                folded("Models on the leaderboard's tasks, as published", table("published6")));
    section("reading", "How to read this page", "",
            paragraph("Intervals are 95% and come from a bootstrap that draws whole prompts (clusters) with "
                      "replacement, because pairs of one prompt share their completions: counting them as "
                      "independent would make every interval too short. Differences between two formats are paired by "
                      "item and use the same draws for both.") +
                paragraph("A p value comes from flipping the sign of whole clusters' differences. All differences "
                          "between formats in this study are one family, corrected by Holm's method.") +
                paragraph("Null rows show what no judgement at all scores: a coin, the longer answer, the shorter "
                          "answer. A reward model has to be held against them, not against zero.") +
                folded("Stages, keys and hashes", table("stages")));
    body_ += fmt::format(
        "<footer>Made by ballot {} on {}. This file is complete in itself: it fetches nothing. Tables and figures "
        "also "
        "lie beside it, in tables/ and figures/.</footer>\n",
        html_escape(results_.ballot_version), html_escape(results_.generated));
  }

  const Everything& all_;
  const StudyResults& results_;
  std::string body_;
  std::vector<std::pair<std::string, std::string>> sections_;
};

/// The words of the report's own: findings, headline, captions. (Names and labels are data.)
std::string prose_of(const Everything& all) {
  std::string out = all.headline + "\n";
  for (const Finding& finding : all.findings)
    for (const FindingLine& line : finding.lines) out += line.text() + "\n";
  for (const ReportTable& table : all.tables) out += table.caption + "\n";
  for (const ReportFigure& figure : all.figures) out += figure.caption + "\n";
  return out;
}

std::string headline_text(const Everything& all) {
  std::string out = all.headline + "\n\n";
  for (const ReportTable& table : all.tables) {
    if (table.id != "glance") continue;
    TextTable text;
    const std::map<std::string, std::string> names = {{"labels agree with the source", "agreement with source"},
                                                      {"reward models: held-out accuracy", "held-out accuracy"},
                                                      {"reward models: RewardBench", "RewardBench"},
                                                      {"judge tokens per 1 000 pairs", "tokens / 1 000 pairs"},
                                                      {"cost per 1 000 pairs", "cost / 1 000 pairs"},
                                                      {"tied pairs", "ties"},
                                                      {"unusable ballots", "unusable"}};
    std::vector<std::size_t> columns;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (table.columns[c].starts_with("policies")) continue;
      columns.push_back(c);
      const auto found = names.find(table.columns[c]);
      text.columns.push_back(found == names.end() ? table.columns[c] : found->second);
      text.right.push_back(c > 0);
    }
    for (const ReportRow& row : table.rows) {
      std::vector<std::string> cells;
      for (const std::size_t c : columns) cells.push_back(printable(shown(row.cells[c])));
      text.rows.push_back(std::move(cells));
    }
    out += render_plain(text);
  }
  return out;
}

Json headline_json(const Everything& all) {
  Json out;
  out["study"] = all.results.study;
  out["headline"] = all.headline;
  Json& formats = out["formats"] = Json::array();
  const Naming naming(all.results);
  const auto measured = [](const Measured& m) -> Json {
    if (!m.known()) return nullptr;
    const auto number = [](double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); };
    return {{"value", m.value}, {"low", number(m.low)}, {"high", number(m.high)}};
  };
  for (const std::string& format : naming.formats_and_placebo()) {
    Json entry;
    entry["format"] = format;
    entry["title"] = naming.format(format);
    for (const LabelStats& labels : all.results.labels)
      if (!all.results.judges.empty() && labels.judge == all.results.judges.front() && labels.format == format)
        entry["source_agreement"] = measured(labels.source_agreement);
    entry["held_out_accuracy"] = measured(mean_over_models(all.results, "reward", format, "source"));
    entry["rewardbench"] = measured(mean_over_models(all.results, "reward", format, "rewardbench"));
    formats.push_back(std::move(entry));
  }
  Json& findings = out["findings"] = Json::array();
  for (const Finding& finding : all.findings) {
    Json lines = Json::array();
    for (const FindingLine& line : finding.lines) lines.push_back({{"tag", line.tag}, {"text", line.text()}});
    findings.push_back({{"title", finding.title}, {"lines", std::move(lines)}});
  }
  return out;
}

Json proof_json(const StudyResults& results) {
  Json out;
  out["study"] = results.study;
  out["ballot_version"] = results.ballot_version;
  Json& stages = out["stages"] = Json::array();
  for (const StageLine& stage : results.stages)
    stages.push_back({{"stage", stage.stage}, {"key", stage.key}, {"sha256", stage.sha256}});
  Json& proofs = out["comparisons"] = Json::array();
  for (const Proof& proof : results.proofs) {
    Json rows = Json::array();
    for (const ProofRow& row : proof.rows)
      rows.push_back({{"what", row.what},
                      {"equal", row.equal},
                      {"expected_to_differ", row.expected_to_differ},
                      {"a", row.a},
                      {"b", row.b}});
    proofs.push_back(
        {{"a", proof.a}, {"b", proof.b}, {"only_labels_differ", proof.only_labels_differ}, {"rows", std::move(rows)}});
  }
  return out;
}

}  // namespace

void write_report(const std::filesystem::path& out, const StudyResults& results, Progress& progress) {
  Everything all{results, make_findings(results), headline(results), all_tables(results), make_figures(results), {}};
  if (const std::vector<std::string> unearned = unearned_claims(prose_of(all), results, all.findings);
      !unearned.empty())
    throw Error(ErrorKind::kFailed,
                fmt::format("the report would claim what no interval carries: \"{}\"", unearned.front()),
                "this is a fault of Ballot; report it with the study's folder");
  progress.start("draw figures", static_cast<std::int64_t>(all.figures.size()), "figures");
  if (!all.figures.empty()) {
    const SvgRenderer renderer(embedded("vega.min.js"), embedded("vega-lite.min.js"), embedded("DejaVuSans.ttf"));
    std::int64_t done = 0;
    for (const ReportFigure& figure : all.figures) {
      all.svg[figure.id] = renderer.render(with_config(figure));
      write_file(out / "figures" / (figure.id + ".svg"), all.svg[figure.id]);
      progress.update(++done, figure.id);
    }
  }
  for (const ReportTable& table : all.tables) {
    write_file(out / "tables" / (table.id + ".csv"), table_csv(table));
    write_file(out / "tables" / (table.id + ".md"), table_markdown(table));
    write_file(out / "tables" / (table.id + ".tex"), table_latex(table));
  }
  write_file(out / "proof.json", proof_json(results).dump(2) + "\n");
  write_file(out / "headline.json", headline_json(all).dump(2) + "\n");
  write_file(out / "headline.txt", headline_text(all));
  write_file(out / "index.html", PageWriter(all).write());
  progress.finish();
}

}  // namespace ballot
