#include "report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/atomic_file.h"
#include "core/json.h"
#include "report/fake_study.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/tables.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// Large where somebody wants to look at it; drawing costs.
StudyResults small_study() {
  return std::getenv("BALLOT_REPORT_TEST_OUT") ? fake::study() : fake::study({"llama-3b"}, 12);
}

/// Written to BALLOT_REPORT_TEST_OUT where that is set, so that a person can look at the page.
class Page : public testing::Test {
 protected:
  void SetUp() override {
    const char* keep = std::getenv("BALLOT_REPORT_TEST_OUT");
    folder_ = keep ? fs::path(keep) / testing::UnitTest::GetInstance()->current_test_info()->name()
                   : fs::temp_directory_path() / ("ballot-page-" + std::to_string(::getpid()));
    kept_ = keep != nullptr;
  }
  void TearDown() override {
    if (!kept_) fs::remove_all(folder_);
  }
  std::string write(const StudyResults& results) {
    write_report(folder_, results, silent_progress());
    return read_file(folder_ / "index.html");
  }
  fs::path folder_;
  bool kept_ = false;
};

/// One page for the tests that only look at it: drawing its figures takes a second.
class FinishedPage : public Page {
 protected:
  static void SetUpTestSuite() {
    const char* keep = std::getenv("BALLOT_REPORT_TEST_OUT");
    shared_ = keep ? fs::path(keep) / "FinishedPage"
                   : fs::temp_directory_path() / ("ballot-finished-page-" + std::to_string(::getpid()));
    write_report(shared_, small_study(), silent_progress());
    html_ = read_file(shared_ / "index.html");
  }
  static void TearDownTestSuite() {
    if (std::getenv("BALLOT_REPORT_TEST_OUT") == nullptr) fs::remove_all(shared_);
  }
  static inline fs::path shared_;
  static inline std::string html_;
};

/// The page without its scripts and pictures: what a reader reads.
std::string readable(std::string html) {
  for (const auto& [open, close] :
       {std::pair{"<script", "</script>"}, {"<style", "</style>"}, {"src=\"data:", "\""}, {"href=\"data:", "\""}})
    for (std::size_t begin; (begin = html.find(open)) != std::string::npos;)
      html.erase(begin, html.find(close, begin + std::strlen(open)) + std::strlen(close) - begin);
  return html;
}

TEST_F(FinishedPage, EveryTableAndFigureIsThere) {
  const std::string& html = html_;
  for (const char* id : {"table1", "table2", "table3", "table4", "table5", "table6", "table7", "table8", "table9",
                         "table10", "table11", "table12", "glance"}) {
    EXPECT_THAT(html, HasSubstr(std::string("id=\"") + id + "\"")) << id;
    for (const char* ending : {".csv", ".md", ".tex"})
      EXPECT_TRUE(fs::exists(shared_ / "tables" / (std::string(id) + ending))) << id;
  }
  for (int i = 1; i <= 10; ++i) {
    const std::string id = "figure" + std::to_string(i);
    EXPECT_THAT(html, HasSubstr("data-figure=\"" + id + "\"")) << id;
    EXPECT_THAT(read_file(shared_ / "figures" / (id + ".svg")), HasSubstr("</svg>")) << id;
  }
  EXPECT_TRUE(fs::exists(shared_ / "proof.json"));
  const Json headline = Json::parse(read_file(shared_ / "headline.json"));
  EXPECT_EQ(headline["formats"].size(), 5u);
  EXPECT_THAT(read_file(shared_ / "headline.txt"), HasSubstr("RANKING"));
}

TEST_F(FinishedPage, NothingIsFetched) {
  const std::string& html = html_;
  const std::string text = readable(html);
  EXPECT_THAT(text, Not(testing::ContainsRegex("(src|href|action)=\"[a-z]+://")));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, Not(HasSubstr("@import")));
  EXPECT_EQ(html.find("url(http"), std::string::npos);
}

TEST_F(Page, TextFromOutsideIsEscaped) {
  StudyResults results = fake::study({"</script><script>alert(1)</script>"}, 20);
  results.study = "<img src=x onerror=alert(2)>";
  results.judges[0] = "\"><b>judge";
  for (LabelStats& labels : results.labels)
    if (labels.judge == "simulated") labels.judge = results.judges[0], labels.title = "<i>" + labels.title;
  results.agreement[0].judge = results.judges[0];
  results.claims = {"{\"primary\": \"<svg onload=alert(3)>\"}"};
  results.proofs[0].rows[0].a = "\x1b[31mred";
  const std::string html = write(results);
  for (const char* evil : {"<script>alert(1)", "<img src=x", "<b>judge", "<i>BINARY", "<svg onload", "\x1b["})
    EXPECT_THAT(html, Not(HasSubstr(evil))) << evil;
  EXPECT_THAT(html, HasSubstr("&lt;img src=x onerror=alert(2)&gt;"));
}

TEST_F(FinishedPage, EveryNumberOfAnEstimateHasItsInterval) {
  const std::string table = read_file(shared_ / "tables/table5.csv");
  EXPECT_THAT(table, HasSubstr("group,trained on,Chat,Chat low,Chat high"));
  EXPECT_THAT(read_file(shared_ / "tables/table3.md"),
              testing::ContainsRegex("0\\.[0-9]+ \\[0\\.[0-9]+, 0\\.[0-9]+\\]"));
  EXPECT_THAT(read_file(shared_ / "tables/table3.tex"), HasSubstr("\\toprule"));
}

TEST_F(FinishedPage, PublishedNumbersStandBesideMeasuredOnesWithTheirMarks) {
  const std::string html = readable(html_);
  EXPECT_THAT(html, HasSubstr("published 0.94"));    // 3B RANKING, Chat
  EXPECT_THAT(html, HasSubstr("0.28<sup>a</sup>"));  // kappa of RANKING against the source
  EXPECT_THAT(html, HasSubstr("cannot come from the same labels"));
  EXPECT_THAT(html, HasSubstr("Identical rows"));  // note e, at 3B RANKING
}

TEST_F(Page, AStudyOfLabelsOnlyHasNoEmptySections) {
  StudyResults results = small_study();
  results.curves.clear();
  results.scores.clear();
  results.tasks.clear();
  results.contrasts.clear();
  results.proofs.clear();
  results.rewardbench_baselines.clear();
  const std::string html = readable(write(results));
  EXPECT_THAT(html, HasSubstr("id=\"labels\""));
  EXPECT_THAT(html, Not(HasSubstr("id=\"evaluation\"")));
  EXPECT_THAT(html, Not(HasSubstr("id=\"proof\"")));
  EXPECT_THAT(html, HasSubstr("No difference between formats was tested"));
}

TEST_F(Page, AReportCardIsASectionOfTheJudge) {
  StudyResults results;
  results.study = "labels";
  results.judges = {"anna"};
  JudgeCards cards;
  cards.judge = "anna";
  cards.replicates = 100;
  JudgeCard card;
  card.name = "BINARY <b>";
  card.kind = "pairwise";
  card.ballots = 40;
  card.retest = {0.8125, 0.7, 0.9, 40, 8, ""};
  card.circles = {0.25, 0.1, 0.5, 8, 8, ""};
  // Every table has something to show, so that every caption passes the report's own check of its sentences.
  card.same_in_both_orders = card.first_shown_wins = card.longer_wins = card.label_entropy = card.retest;
  card.source_agreement = card.bits_per_pair = card.retest;
  card.mean_rank_by_place = {card.retest};
  card.by_source["a"].statuses["refused"] = 2;
  card.retention.push_back({"all", card.retest, card.retest, card.retest, card.retest});
  card.attacks.push_back({"praise", "injection", card.retest, card.retest, card.retest, card.retest});
  cards.cards = {card, card};
  cards.cards[1].name = "RANKING";
  cards.pairs.push_back({"BINARY <b>", "RANKING", card.retest, card.retest, card.retest, card.retest});
  cards.equal_cost.push_back({"RANKING", 100, false, {card.retest, card.retest}});
  results.judge_cards = {cards};
  const std::string html = write(results);
  EXPECT_THAT(html, HasSubstr("Report card of anna"));
  EXPECT_THAT(html, HasSubstr("id=\"card-consistency-1\""));
  EXPECT_THAT(html, HasSubstr("0.812"));
  EXPECT_THAT(html, Not(HasSubstr("BINARY <b>")));
  for (const char* id : {"ballots", "failures", "position", "places", "length", "circles", "entropy", "source",
                         "information", "retention", "equal-cost", "pairs", "attacks"})
    EXPECT_THAT(html, HasSubstr("id=\"card-" + std::string(id) + "-1\"")) << id;
  EXPECT_TRUE(fs::exists(folder_ / "tables" / "card-circles-1.csv"));
}

TEST_F(Page, AnEmptyStudyIsStillAPage) {
  StudyResults results;
  results.study = "empty";
  EXPECT_THAT(write(results), HasSubstr("</html>"));
}

TEST_F(Page, AReportOfThePublishedNumbersClaimsNothing) {
  const std::string html = readable(write(fake::published_study()));
  for (const char* word : {"consistently", "outperform", "a is better", "a is worse"})
    EXPECT_THAT(html, Not(HasSubstr(word))) << word;
  EXPECT_THAT(html, HasSubstr("No difference between formats was tested"));
}

TEST_F(FinishedPage, TheSameResultsGiveTheSameBytes) {
  EXPECT_EQ(html_, write(small_study()));
}

TEST(Html, ScriptsCannotBeEndedByData) {
  EXPECT_EQ(json_for_script(Json{{"a", "</script><!-- \u2028"}}),
            "{\"a\":\"\\u003c/script\\u003e\\u003c!-- \\u2028\"}");
  EXPECT_EQ(html_escape("<a href='x'>&\"\x01"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u2401");
  EXPECT_EQ(base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
  EXPECT_EQ(base64("any"), "YW55");
}

TEST(Published, TheMarkedFactsAreTrue) {
  const PublishedTables& p = published_tables();
  const auto row = [](const PublishedTables::Rows& rows, const std::string& model, const std::string& name) {
    std::vector<double> out;
    for (const std::string& column : rows.columns) out.push_back(rows.cell(model, name, column));
    return out;
  };
  EXPECT_EQ(row(p.rewardbench, "Llama-3.1-8B", "binary_magnitude"), row(p.rewardbench, "Llama-3.1-8B", "single"));
  EXPECT_EQ(row(p.rewardbench, "Llama-3.2-3B", "ranking"), row(p.rewardbench, "Llama-3.1-8B", "ranking+margin"));
  EXPECT_EQ(p.tasks.cell("Llama-3.2-3B", "dpo_binary", "bbh"), p.tasks.cell("Llama-3.2-3B", "dpo_ranking", "bbh"));
  EXPECT_NEAR((0.80 + 0.60 + 0.68 + 0.60 + 0.67 + 0.56) / 6, 0.652, 5e-4);
  EXPECT_EQ(p.marks("table3/ranking/kappa"), "a");
  EXPECT_EQ(p.marks("table1/krippendorff_alpha"), "b, c");
  EXPECT_EQ(p.marks("table5/Llama-3.1-8B/single/chat"), "e");
  EXPECT_EQ(p.marks("table3/binary/kappa"), "");
  // Cells that no count of right answers gives are the marked ones, and no others.
  const std::map<std::string, int> sizes = {{"ifeval", 834}, {"math_hard", 1324}, {"musr", 756}, {"gpqa", 1192}};
  for (const auto& [model, rows] : p.tasks.models)
    for (const auto& [name, values] : rows)
      for (const auto& [task, n] : sizes) {
        const double x = p.tasks.cell(model, name, task);
        const bool fits = std::fabs(100.0 * std::round(x * n / 100) / n - x) <= 0.0101;
        EXPECT_EQ(fits, p.marks("table6/" + model + "/" + name + "/" + task).find('h') == std::string::npos)
            << model << name << task;
      }
}

TEST(Figures, LongCurvesAreBinned) {
  std::vector<std::int64_t> step;
  std::vector<double> value;
  for (int i = 1; i <= 1563; ++i) {
    step.push_back(i);
    value.push_back(i);
  }
  const Binned curve = binned(step, value);
  EXPECT_LE(curve.step.size(), 120u);
  EXPECT_EQ(curve.step.front(), 7.5);
  EXPECT_EQ(curve.value.front(), 7.5);
  EXPECT_EQ(binned({1, 2}, {0.5, NAN}).value.size(), 2u);
}

TEST(ReportTable, AMinusIsAMinusAndARoundedZeroHasNone) {
  EXPECT_EQ(fixed(-0.0312, 3), "\u22120.031");
  EXPECT_EQ(fixed(-0.0001, 3), "0.000");
  EXPECT_EQ(fixed(0.0312, 3, true), "+0.031");
  EXPECT_EQ(fixed(NAN, 3), "\u2013");
}

}  // namespace
}  // namespace ballot
