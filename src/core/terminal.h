// Tables for people: aligned columns on a terminal, and the same as Markdown, CSV and LaTeX.
#pragma once
#include <string>
#include <vector>

namespace ballot {

struct TextTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< each as long as columns
  std::vector<bool> right;                     ///< right-aligned columns (numbers); empty: by content
};

std::string render_plain(const TextTable& table);
std::string render_markdown(const TextTable& table);
std::string render_csv(const TextTable& table);    ///< RFC 4180
std::string render_latex(const TextTable& table);  ///< a booktabs tabular; special characters escaped

/// Columns that a text takes on a terminal (code points; wide East Asian ones count two).
std::size_t display_width(const std::string& text);
/// Control characters and escape sequences made visible, so that a label cannot drive the terminal.
std::string printable(const std::string& text);

}  // namespace ballot
