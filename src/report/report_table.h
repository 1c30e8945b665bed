// A table of the report: one description, written as HTML, CSV, Markdown and LaTeX. Numbers keep their intervals
// everywhere.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "report/study_results.h"

namespace ballot {

struct ReportCell {
  std::string text;   ///< words, or a number without an interval as shown
  Measured measured;  ///< where known: a number, with its interval where it has one
  int digits = 3;
  bool is_signed = false;  ///< a difference: +0.012
  bool number = false;     ///< `text` is a number: aligned right
  std::string second;      ///< a muted second line: "published .80"
  std::string marks;       ///< of the table's notes: "a, c"
  bool whisker = false;    ///< draw the interval under the number, on the scale from 0 to 1
  double reference = std::numeric_limits<double>::quiet_NaN();  ///< a tick on that scale: chance
};
ReportCell words(std::string text);
/// "1 234".
ReportCell count(std::int64_t n);
/// A number as shown by `digits`; "–" where not finite.
ReportCell plain_number(double value, int digits = 3);
ReportCell measure(const Measured& measured, int digits = 3);
/// With a whisker on the scale from 0 to 1; chance is its tick.
ReportCell share(const Measured& measured, double chance = 0.5);

struct ReportRow {
  std::vector<ReportCell> cells;
  std::string group;   ///< a heading across the table before this row; empty: none
  bool quiet = false;  ///< a null row (random, longer answer), a placebo: not a competitor
};

struct ReportTable {
  std::string id;           ///< "table3": file name and anchor
  std::string label;        ///< "Table 3"
  std::string title;        ///< what it shows
  std::string caption;      ///< how to read it; what it rests on
  std::string counterpart;  ///< "the study's Table 3"; empty: none
  std::vector<std::string> columns;
  std::vector<ReportRow> rows;
  std::vector<std::pair<std::string, std::string>> notes;  ///< mark (may be empty) and text
  bool empty() const { return rows.empty(); }
};

/// "0.642 [0.610, 0.671]"; "–" where not known (with the reason in brackets where there is one).
std::string shown(const ReportCell& cell);
std::string fixed(double value, int digits, bool is_signed = false);

std::string table_html(const ReportTable& table);
/// A column that has intervals becomes three: value, low, high (full precision).
std::string table_csv(const ReportTable& table);
std::string table_markdown(const ReportTable& table);
std::string table_latex(const ReportTable& table);

}  // namespace ballot
