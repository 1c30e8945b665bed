#include "report/report_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/progress.h"
#include "core/terminal.h"
#include "report/html.h"

namespace ballot {
namespace {

bool has_interval(const ReportCell& cell) {
  return cell.measured.known() && !std::isnan(cell.measured.low) && !std::isnan(cell.measured.high);
}
bool is_number(const ReportCell& cell) {
  return cell.number || cell.measured.known();
}

/// The column's numbers are aligned right, its heading with them.
std::vector<bool> number_columns(const ReportTable& table) {
  std::vector<bool> out(table.columns.size(), false);
  for (const ReportRow& row : table.rows)
    for (std::size_t c = 0; c < row.cells.size(); ++c) out[c] = out[c] || is_number(row.cells[c]);
  return out;
}

std::string percent(double x) {
  return fmt::format("{:.1f}%", 100 * std::clamp(x, 0.0, 1.0));
}

/// A dot with its interval on the scale from 0 to 1; drawn by the style sheet from four numbers.
std::string whisker_html(const ReportCell& cell) {
  if (!cell.whisker || !cell.measured.known()) return "";
  const Measured& m = cell.measured;
  const double low = std::isnan(m.low) ? m.value : m.low, high = std::isnan(m.high) ? m.value : m.high;
  std::string out = "<span class=\"whisker\" aria-hidden=\"true\">";
  if (!std::isnan(cell.reference))
    out += fmt::format("<i class=\"tick\" style=\"left:{}\"></i>", percent(cell.reference));
  out += fmt::format("<i class=\"line\" style=\"left:{};width:{}\"></i><i class=\"dot\" style=\"left:{}\"></i></span>",
                     percent(low), percent(high - low), percent(m.value));
  return out;
}

std::string cell_html(const ReportCell& cell, bool number_column, bool head) {
  const char* tag = head ? "th" : "td";
  std::string out =
      fmt::format("<{}{}{}>", tag, head ? " scope=\"row\"" : "", number_column && !head ? " class=\"n\"" : "");
  if (cell.measured.known()) {
    out += fmt::format("<span class=\"v\">{}</span>", fixed(cell.measured.value, cell.digits, cell.is_signed));
    if (!cell.marks.empty() && cell.second.empty()) out += fmt::format("<sup>{}</sup>", html_escape(cell.marks));
    if (has_interval(cell))
      out += fmt::format(" <span class=\"ci\">[{}, {}]</span>", fixed(cell.measured.low, cell.digits, cell.is_signed),
                         fixed(cell.measured.high, cell.digits, cell.is_signed));
    out += whisker_html(cell);
  } else {
    out += html_escape(shown(cell));
    if (!cell.marks.empty() && cell.second.empty()) out += fmt::format("<sup>{}</sup>", html_escape(cell.marks));
  }
  if (!cell.second.empty())
    out += fmt::format("<span class=\"second\">{}{}</span>", html_escape(cell.second),
                       cell.marks.empty() ? "" : fmt::format("<sup>{}</sup>", html_escape(cell.marks)));
  return out + fmt::format("</{}>", tag);
}

TextTable plain(const ReportTable& table) {
  TextTable out;
  out.columns = table.columns;
  const std::vector<bool> numbers = number_columns(table);
  out.right = numbers;
  for (const ReportRow& row : table.rows) {
    if (!row.group.empty()) {
      std::vector<std::string> heading(table.columns.size());
      heading[0] = row.group;
      out.rows.push_back(std::move(heading));
    }
    std::vector<std::string> cells;
    for (const ReportCell& cell : row.cells) {
      std::string text = shown(cell);
      if (!cell.second.empty()) text += "; " + cell.second;
      if (!cell.marks.empty()) text += " (" + cell.marks + ")";
      std::replace(text.begin(), text.end(), '\n', ' ');
      cells.push_back(std::move(text));
    }
    cells.resize(table.columns.size());
    out.rows.push_back(std::move(cells));
  }
  return out;
}

std::string latex_escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\textbackslash{}";
    else if (std::string_view("&%$#_{}").find(c) != std::string_view::npos)
      out += std::string("\\") + c;
    else if (c == '~')
      out += "\\textasciitilde{}";
    else if (c == '^')
      out += "\\textasciicircum{}";
    else
      out += c;
  }
  return out;
}

std::string exact(double x) {
  return std::isfinite(x) ? fmt::format("{}", x) : "";
}

}  // namespace

ReportCell words(std::string text) {
  ReportCell cell;
  cell.text = std::move(text);
  return cell;
}

ReportCell count(std::int64_t n) {
  ReportCell cell;
  cell.text = human_count(n);
  cell.number = true;
  return cell;
}

ReportCell plain_number(double value, int digits) {
  ReportCell cell;
  cell.text = fixed(value, digits);
  cell.number = true;
  return cell;
}

ReportCell measure(const Measured& measured, int digits) {
  ReportCell cell;
  cell.measured = measured;
  cell.digits = digits;
  cell.number = true;
  return cell;
}

ReportCell share(const Measured& measured, double chance) {
  ReportCell cell = measure(measured);
  cell.whisker = true;
  cell.reference = chance;
  return cell;
}

std::string fixed(double value, int digits, bool is_signed) {
  if (!std::isfinite(value)) return "\u2013";
  std::string text = is_signed ? fmt::format("{:+.{}f}", value, digits) : fmt::format("{:.{}f}", value, digits);
  // A minus that only rounding made says nothing; and the sign's own character is as wide as a digit.
  if (text.find_first_of("123456789") == std::string::npos && text[0] == '-')
    text = is_signed ? "+" + text.substr(1) : text.substr(1);
  if (text[0] == '-') text = "\u2212" + text.substr(1);
  return text;
}

std::string shown(const ReportCell& cell) {
  if (cell.measured.known()) {
    std::string text = fixed(cell.measured.value, cell.digits, cell.is_signed);
    if (has_interval(cell))
      text += fmt::format(" [{}, {}]", fixed(cell.measured.low, cell.digits, cell.is_signed),
                          fixed(cell.measured.high, cell.digits, cell.is_signed));
    return text;
  }
  if (!cell.text.empty()) return cell.text;
  return cell.measured.reason.empty() ? "\u2013" : "\u2013 (" + cell.measured.reason + ")";
}

std::string table_html(const ReportTable& table) {
  const std::vector<bool> numbers = number_columns(table);
  std::string out = fmt::format("<figure class=\"table\" id=\"{}\">\n<figcaption><b>{}.</b> {}", table.id,
                                html_escape(table.label), html_escape(table.title));
  if (!table.counterpart.empty())
    out += fmt::format(" <span class=\"counterpart\">counterpart of {}</span>", html_escape(table.counterpart));
  out += "</figcaption>\n<div class=\"scroll\" tabindex=\"0\"><table" +
         std::string(table.columns.size() > 6 ? " class=\"wide\"" : "") + ">\n<thead><tr>";
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    out += fmt::format("<th scope=\"col\"{}>{}</th>", numbers[c] && c > 0 ? " class=\"n\"" : "",
                       html_escape(table.columns[c]));
  out += "</tr></thead>\n<tbody>\n";
  for (const ReportRow& row : table.rows) {
    if (!row.group.empty())
      out += fmt::format("<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{}\">{}</th></tr>\n",
                         table.columns.size(), html_escape(row.group));
    out += row.quiet ? "<tr class=\"quiet\">" : "<tr>";
    for (std::size_t c = 0; c < row.cells.size(); ++c) out += cell_html(row.cells[c], numbers[c], c == 0);
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  if (!table.caption.empty()) out += fmt::format("<p class=\"caption\">{}</p>\n", html_escape(table.caption));
  if (!table.notes.empty()) {
    out += "<ul class=\"notes\">";
    for (const auto& [mark, text] : table.notes)
      out += mark.empty() ? fmt::format("<li>{}</li>", html_escape(text))
                          : fmt::format("<li><sup>{}</sup> {}</li>", html_escape(mark), html_escape(text));
    out += "</ul>\n";
  }
  // The downloads lie in the page itself, so that a page sent on alone keeps them.
  const auto download = [&](const char* type, const char* ending, const char* name, const std::string& content) {
    return fmt::format("<a download=\"{0}.{1}\" href=\"data:{2};base64,{3}\">{4}</a> ", table.id, ending, type,
                       base64(content), name);
  };
  return out + "<p class=\"files\">" + download("text/csv", "csv", "CSV", table_csv(table)) +
         download("text/markdown", "md", "Markdown", table_markdown(table)) +
         download("application/x-tex", "tex", "LaTeX", table_latex(table)) + "</p>\n</figure>\n";
}

std::string table_csv(const ReportTable& table) {
  std::vector<bool> intervals(table.columns.size(), false);
  bool grouped = false;
  for (const ReportRow& row : table.rows) {
    grouped |= !row.group.empty();
    for (std::size_t c = 0; c < row.cells.size(); ++c) intervals[c] = intervals[c] || has_interval(row.cells[c]);
  }
  TextTable out;
  if (grouped) out.columns.emplace_back("group");
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    out.columns.push_back(table.columns[c]);
    if (intervals[c]) {
      out.columns.push_back(table.columns[c] + " low");
      out.columns.push_back(table.columns[c] + " high");
    }
  }
  std::string group;
  for (const ReportRow& row : table.rows) {
    if (!row.group.empty()) group = row.group;
    std::vector<std::string> cells;
    if (grouped) cells.push_back(group);
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const ReportCell cell = c < row.cells.size() ? row.cells[c] : ReportCell();
      std::string text = cell.measured.known() ? exact(cell.measured.value) : cell.text == "\u2013" ? "" : cell.text;
      if (cell.number && !cell.measured.known()) text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
      cells.push_back(std::move(text));
      if (intervals[c]) {
        cells.push_back(exact(cell.measured.low));
        cells.push_back(exact(cell.measured.high));
      }
    }
    out.rows.push_back(std::move(cells));
  }
  return render_csv(out);
}

std::string table_markdown(const ReportTable& table) {
  std::string out = fmt::format("**{}.** {}\n\n{}\n", table.label, table.title, render_markdown(plain(table)));
  if (!table.caption.empty()) out += table.caption + "\n";
  for (const auto& [mark, text] : table.notes)
    out += fmt::format("\n- {}{}", mark.empty() ? "" : "(" + mark + ") ", text);
  return out + (table.notes.empty() ? "" : "\n");
}

std::string table_latex(const ReportTable& table) {
  std::string caption = latex_escape(table.title);
  if (!table.caption.empty()) caption += " " + latex_escape(table.caption);
  for (const auto& [mark, text] : table.notes)
    caption += fmt::format(" {}{}", mark.empty() ? "" : "(" + latex_escape(mark) + ") ", latex_escape(text));
  return fmt::format("\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\label{{tab:{}}}\n{}\\end{{table}}\n", caption,
                     table.id, render_latex(plain(table)));
}

}  // namespace ballot
