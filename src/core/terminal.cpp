#include "core/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace ballot {
namespace {

/// The code point that begins at text[i]; i moves behind it. Broken bytes come back one by one.
std::uint32_t next_code_point(const std::string& text, std::size_t& i) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t lead = byte(i++);
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  std::uint32_t point = more == 3 ? lead & 7u : more == 2 ? lead & 15u : more == 1 ? lead & 31u : lead;
  for (int k = 0; k < more && i < text.size() && (byte(i) & 0xC0) == 0x80; ++k) point = point << 6 | (byte(i++) & 63u);
  return point;
}

bool is_wide(std::uint32_t p) {
  return (p >= 0x1100 && p <= 0x115F) || (p >= 0x2E80 && p <= 0xA4CF) || (p >= 0xAC00 && p <= 0xD7A3) ||
         (p >= 0xF900 && p <= 0xFAFF) || (p >= 0xFE30 && p <= 0xFE6F) || (p >= 0xFF00 && p <= 0xFF60) ||
         (p >= 0xFFE0 && p <= 0xFFE6) || (p >= 0x1F300 && p <= 0x1FAFF) || (p >= 0x20000 && p <= 0x3FFFD);
}

bool looks_numeric(const std::string& text) {
  return text.empty() || text == "-" || text.find_first_of("0123456789") != std::string::npos;
}

std::vector<bool> alignment(const TextTable& table) {
  if (!table.right.empty()) return table.right;
  std::vector<bool> right(table.columns.size(), !table.rows.empty());
  for (std::size_t c = 0; c < right.size(); ++c)
    for (const auto& row : table.rows)
      if (!looks_numeric(row[c]) || (!row[c].empty() && std::isalpha(static_cast<unsigned char>(row[c][0]))))
        right[c] = false;
  return right;
}

std::string pad(const std::string& text, std::size_t width, bool right) {
  const std::size_t own = display_width(text);
  const std::string space(width > own ? width - own : 0, ' ');
  return right ? space + text : text + space;
}

std::vector<std::size_t> widths(const TextTable& table) {
  std::vector<std::size_t> width(table.columns.size());
  for (std::size_t c = 0; c < width.size(); ++c) {
    width[c] = display_width(table.columns[c]);
    for (const auto& row : table.rows) width[c] = std::max(width[c], display_width(row[c]));
  }
  return width;
}

}  // namespace

std::size_t display_width(const std::string& text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::uint32_t point = next_code_point(text, i);
    if (point >= 0x300 && point <= 0x36F) continue;  // combining
    width += is_wide(point) ? 2 : 1;
  }
  return width;
}

std::string printable(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    const std::uint32_t point = next_code_point(text, i);
    if (point == '\n')
      out += "\\n";
    else if (point == '\t')
      out += "\\t";
    else if (point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x202A && point <= 0x202E) ||
             (point >= 0x2066 && point <= 0x2069))
      out += fmt::format("\\x{:02x}", point);
    else
      out.append(text, begin, i - begin);
  }
  return out;
}

std::string render_plain(const TextTable& table) {
  const auto width = widths(table);
  const auto right = alignment(table);
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t c = 0; c < cells.size(); ++c) text += (c ? "  " : "") + pad(cells[c], width[c], right[c]);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(table.columns);
  for (const auto& row : table.rows) line(row);
  return out;
}

std::string render_markdown(const TextTable& table) {
  const auto right = alignment(table);
  const auto cell = [](std::string text) {
    for (std::size_t i = 0; (i = text.find('|', i)) != std::string::npos; i += 2) text.replace(i, 1, "\\|");
    return text;
  };
  std::string out = "|";
  for (const auto& name : table.columns) out += " " + cell(name) + " |";
  out += "\n|";
  for (std::size_t c = 0; c < table.columns.size(); ++c) out += right[c] ? "---:|" : "---|";
  for (const auto& row : table.rows) {
    out += "\n|";
    for (const auto& text : row) out += " " + cell(text) + " |";
  }
  return out + "\n";
}

std::string render_csv(const TextTable& table) {
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) {
      std::string text = cells[c];
      if (text.find_first_of(",\"\n\r") != std::string::npos) {
        for (std::size_t i = 0; (i = text.find('"', i)) != std::string::npos; i += 2) text.insert(i, 1, '"');
        text = "\"" + text + "\"";
      }
      out += (c ? "," : "") + text;
    }
    out += "\n";
  };
  line(table.columns);
  for (const auto& row : table.rows) line(row);
  return out;
}

std::string render_latex(const TextTable& table) {
  const auto right = alignment(table);
  const auto escape = [](const std::string& text) {
    std::string out;
    for (const char c : text) {
      switch (c) {
        case '&':
        case '%':
        case '$':
        case '#':
        case '_':
        case '{':
        case '}':
          out += {'\\', c};
          break;
        case '~':
          out += "\\textasciitilde{}";
          break;
        case '^':
          out += "\\textasciicircum{}";
          break;
        case '\\':
          out += "\\textbackslash{}";
          break;
        default:
          out += c;
      }
    }
    return out;
  };
  std::string out = "\\begin{tabular}{";
  for (std::size_t c = 0; c < table.columns.size(); ++c) out += right[c] ? 'r' : 'l';
  out += "}\n\\toprule\n";
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) out += (c ? " & " : "") + escape(cells[c]);
    out += " \\\\\n";
  };
  line(table.columns);
  out += "\\midrule\n";
  for (const auto& row : table.rows) line(row);
  return out + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace ballot
