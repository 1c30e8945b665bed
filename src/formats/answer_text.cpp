#include "formats/answer_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace ballot {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// Positions in `text` of the ASCII `word`, in any case.
std::size_t find_last_nocase(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  const auto found = std::find_end(text.begin(), text.end(), word.begin(), word.end(), same);
  return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

// One run of characters whose compatibility form is ASCII: [first, last] -> ascii, ascii + 1, ... (Unicode 14, NFKC;
// runs that no judge would write a label in, such as units of measure, are left out). A step of 0 maps all to the same
// character.
struct Run {
  std::uint32_t first, last;
  char ascii;
  int step;
};
constexpr Run kRuns[] = {
    {0x00A0, 0x00A0, ' ', 0}, {0x00B2, 0x00B3, '2', 1}, {0x00B9, 0x00B9, '1', 0}, {0x037E, 0x037E, ';', 0},
    {0x2000, 0x200A, ' ', 0}, {0x2024, 0x2024, '.', 0}, {0x202F, 0x202F, ' ', 0}, {0x205F, 0x205F, ' ', 0},
    {0x2070, 0x2070, '0', 0}, {0x2074, 0x2079, '4', 1}, {0x207C, 0x207C, '=', 0}, {0x207D, 0x207E, '(', 1},
    {0x2080, 0x2089, '0', 1}, {0x208C, 0x208C, '=', 0}, {0x208D, 0x208E, '(', 1}, {0x2102, 0x2102, 'C', 0},
    {0x210B, 0x210D, 'H', 0}, {0x2110, 0x2111, 'I', 0}, {0x2112, 0x2112, 'L', 0}, {0x2115, 0x2115, 'N', 0},
    {0x2119, 0x211B, 'P', 1}, {0x211C, 0x211D, 'R', 0}, {0x2124, 0x2124, 'Z', 0}, {0x2128, 0x2128, 'Z', 0},
    {0x212C, 0x212D, 'B', 1}, {0x2130, 0x2131, 'E', 1}, {0x2133, 0x2133, 'M', 0}, {0x2145, 0x2145, 'D', 0},
    {0x2460, 0x2468, '1', 1}, {0x24B6, 0x24CF, 'A', 1}, {0x24D0, 0x24E9, 'a', 1}, {0x24EA, 0x24EA, '0', 0},
    {0x3000, 0x3000, ' ', 0}, {0xFE10, 0xFE10, ',', 0}, {0xFE13, 0xFE14, ':', 1}, {0xFE50, 0xFE50, ',', 0},
    {0xFE52, 0xFE52, '.', 0}, {0xFE54, 0xFE54, ';', 0}, {0xFE55, 0xFE55, ':', 0}, {0xFE59, 0xFE5A, '(', 1},
    {0xFE5F, 0xFE5F, '#', 0}, {0xFE61, 0xFE61, '*', 0}, {0xFE63, 0xFE63, '-', 0}, {0xFE64, 0xFE64, '<', 0},
    {0xFE65, 0xFE65, '>', 0}, {0xFE66, 0xFE66, '=', 0}, {0xFF01, 0xFF5E, '!', 1},
};

// Characters that are ASCII's in another dress, though not by NFKC.
const char* dressed(std::uint32_t c) {
  switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201A:
    case 0x201B:
    case 0x2032:
      return "'";
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0x201F:
    case 0x00AB:
    case 0x00BB:
    case 0x300C:
    case 0x300D:
      return "\"";
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
      return "-";
    case 0x2192:
    case 0x21D2:
    case 0x27A1:
    case 0x279C:
    case 0x2794:
      return "->";
    case 0x227B:
    case 0x226B:
    case 0x203A:
    case 0x276F:
      return ">";
    case 0x227A:
    case 0x226A:
    case 0x2039:
    case 0x276E:
      return "<";
    case 0x2026:
      return "...";
    case 0x2022:
    case 0x25CF:
    case 0x25E6:
    case 0x2023:
      return "-";
    case 0x3001:
      return ",";
    case 0x3002:
    case 0xFF61:
      return ".";
    case 0x3010:
      return "[";
    case 0x3011:
      return "]";
    case 0x2028:
    case 0x2029:
    case 0x0085:
      return "\n";
    default:
      return nullptr;
  }
}

bool invisible(std::uint32_t c) {
  return c == 0x00AD || c == 0x034F || c == 0x061C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2064) || (c >= 0x2066 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFE00 && c <= 0xFE0F) || c == 0x20E3 || (c >= 0xE0000 && c <= 0xE0FFF);
}

void append_character(std::string& text, std::uint32_t c, std::string_view bytes) {
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  if (invisible(c)) return;
  if (const char* ascii = dressed(c)) {
    text += ascii;
    return;
  }
  if (c >= 0x1D400 && c <= 0x1D6A3) {  // mathematical alphabets: 26 capitals, 26 small letters, again and again
    const std::uint32_t place = (c - 0x1D400) % 52;
    text += static_cast<char>(place < 26 ? 'A' + place : 'a' + place - 26);
    return;
  }
  if (c >= 0x1D7CE && c <= 0x1D7FF) {
    text += static_cast<char>('0' + (c - 0x1D7CE) % 10);
    return;
  }
  if ((c >= 0x2474 && c <= 0x247C) || (c >= 0x2488 && c <= 0x2490)) {  // (1), 1.
    const bool bracket = c < 0x2488;
    text += bracket ? "(" : "";
    text += static_cast<char>('1' + (c - (bracket ? 0x2474 : 0x2488)));
    text += bracket ? ")" : ".";
    return;
  }
  if (c >= 0x1F110 && c <= 0x1F129) {  // (A)
    text += '(';
    text += static_cast<char>('A' + (c - 0x1F110));
    text += ')';
    return;
  }
  if (c >= 0x1F130 && c <= 0x1F189) {  // letters in squares and circles: not NFKC's, but judges use them
    const std::uint32_t place = (c - 0x1F130) % 32;
    if (place < 26) {
      text += static_cast<char>('A' + place);
      return;
    }
  }
  const auto run = std::upper_bound(std::begin(kRuns), std::end(kRuns), c,
                                    [](std::uint32_t value, const Run& r) { return value < r.first; });
  if (run != std::begin(kRuns) && c <= std::prev(run)->last) {
    const Run& found = *std::prev(run);
    text += static_cast<char>(found.ascii + static_cast<int>(c - found.first) * found.step);
    return;
  }
  text.append(bytes);
}

// Decodes UTF-8 (damaged bytes become '?'), drops escape sequences and control characters, gives every character its
// plain form.
std::string plain_characters(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = static_cast<unsigned char>(text[i]);
    if (lead == 0x1B) {  // ESC [ ... letter
      ++i;
      if (i < text.size() && text[i] == '[') {
        ++i;
        while (i < text.size() && !std::isalpha(static_cast<unsigned char>(text[i])) && text[i] != '\n') ++i;
        if (i < text.size() && text[i] != '\n') ++i;
      }
      continue;
    }
    if (lead < 0x80) {
      if (lead == '\n')
        plain += '\n';
      else if (lead == '\r')
        plain += i + 1 < text.size() && text[i + 1] == '\n' ? "" : "\n";
      else if (lead == '\t' || lead == '\v' || lead == '\f')
        plain += ' ';
      else if (lead >= 0x20 && lead != 0x7F)
        plain += static_cast<char>(lead);
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    bool good = length > 0 && lead < 0xF5 && i + length <= text.size();
    std::uint32_t c = good ? lead & (0x7F >> length) : 0;
    for (std::size_t k = 1; good && k < length; ++k) {
      const unsigned char next = static_cast<unsigned char>(text[i + k]);
      good = (next & 0xC0) == 0x80;
      c = c << 6 | (next & 0x3F);
    }
    if (!good) {
      plain += '?';
      ++i;
      continue;
    }
    append_character(plain, c, text.substr(i, length));
    i += length;
  }
  return plain;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// An answer wraps a handful of words; what wraps thousands is an attack and stays as it is.
constexpr int kMostWrappers = 1000;

// Replaces "\boxed{X}" and its like by X; the content of the last \boxed goes to `boxed`.
void unwrap_latex(std::string& text, std::string& boxed) {
  if (text.find('\\') == std::string::npos) return;
  for (const char* wrapper :
       {"\\text", "\\textbf", "\\textit", "\\mathrm", "\\mathbf", "\\mathit", "\\texttt", "\\boxed", "\\fbox"}) {
    const std::string open = std::string(wrapper) + "{";
    int wrapped = 0;
    std::size_t last = 0;  // where the last boxed text stood
    for (std::size_t at = text.find(open); at != std::string::npos && ++wrapped < kMostWrappers;
         at = text.find(open, at)) {
      const std::size_t begin = at + open.size();
      std::size_t end = begin;
      for (int depth = 1; end < text.size(); ++end) {
        if (text[end] == '{') ++depth;
        if (text[end] == '}' && --depth == 0) break;
      }
      if (end >= text.size()) break;
      const std::string inside = text.substr(begin, end - begin);
      if (open == "\\boxed{" || open == "\\fbox{") {
        // Two in one line are two answers; one in a later line is the last word.
        const bool same_line = !boxed.empty() && at > last &&
                               std::string_view(text).substr(last, at - last).find('\n') == std::string_view::npos;
        boxed = same_line && boxed != inside ? boxed + " or " + inside : inside;
        last = at;
      }
      text.replace(at, end + 1 - at, inside);
    }
  }
  for (const auto& [from, to] : {std::pair{"\\succ", ">"},
                                 {"\\gt", ">"},
                                 {"\\prec", "<"},
                                 {"\\lt", "<"},
                                 {"\\(", " "},
                                 {"\\)", " "},
                                 {"\\[", " "},
                                 {"\\]", " "},
                                 {"\\,", " "},
                                 {"\\;", " "},
                                 {"\\ ", " "}})
    replace_all(text, from, to);
}

void unwrap_brackets(std::string& text, std::string& bracketed) {
  int wrapped = 0;
  for (std::size_t at = text.find("[["); at != std::string::npos && ++wrapped < kMostWrappers;
       at = text.find("[[", at)) {
    const std::size_t end = text.find("]]", at);
    if (end == std::string::npos || text.substr(at, end - at).find('\n') != std::string::npos) {
      at += 2;
      continue;
    }
    bracketed = text.substr(at + 2, end - at - 2);
    text.replace(at, end + 2 - at, bracketed);
  }
}

void unwrap_html(std::string& text) {
  if (text.find('&') != std::string::npos)
    for (const auto& [from, to] :
         {std::pair{"&gt;", ">"}, {"&lt;", "<"}, {"&nbsp;", " "}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}})
      replace_all(text, from, to);
  if (text.find('<') == std::string::npos) return;
  std::string without;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') {
      std::size_t end = i + 1;
      if (end < text.size() && text[end] == '/') ++end;
      const std::size_t name = end;
      while (end < text.size() && (std::islower(static_cast<unsigned char>(text[end])) || text[end] == '_' ||
                                   (end > name && std::isdigit(static_cast<unsigned char>(text[end])))))
        ++end;
      std::size_t close = end;
      if (close < text.size() && close > name && text[close] == '/') ++close;
      if (close > name && close < text.size() && text[close] == '>') {  // small letters only: "C <A> E" is a ranking
        if (text.compare(name, end - name, "br") == 0) without += '\n';
        i = close;
        continue;
      }
    }
    without += text[i];
  }
  text = std::move(without);
}

// Emphasis characters at the edge of a word; '#' before one.
std::string without_emphasis(const std::string& line) {
  std::string plain;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '*' || c == '_' || c == '`' || c == '$') {
      std::size_t end = i;
      while (end < line.size() && line[end] == c) ++end;
      const bool inside = i > 0 && is_word(line[i - 1]) && end < line.size() && is_word(line[end]);
      if (inside) plain.append(line, i, end - i);
      i = end - 1;
      continue;
    }
    if (c == '#' && (i == 0 || !is_word(line[i - 1]))) continue;
    plain += c;
  }
  return plain;
}

std::string collapsed(const std::string& line) {
  std::string plain;
  for (const char c : line) {
    if (c == ' ' && (plain.empty() || plain.back() == ' ')) continue;
    plain += c;
  }
  if (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

}  // namespace

AnswerPart cut_thinking(std::string_view text) {
  std::size_t begin = 0;
  for (const std::string_view closing :
       {"</think>", "</thinking>", "</reasoning>", "</thought>", "[/THINK]", "<|end_of_thought|>", "</seed:think>",
        "\u25c1/think\u25b7", "assistantfinal", "<|channel|>final<|message|>", "<|begin_of_solution|>",
        "<|channel>final<message|>"})
    if (const std::size_t at = find_last_nocase(text, closing); at != std::string_view::npos)
      begin = std::max(begin, at + closing.size());
  AnswerPart part;
  part.text = text.substr(begin);
  for (const std::string_view opening :
       {"<think>", "<thinking>", "<reasoning>", "<thought>", "[THINK]", "<|begin_of_thought|>", "<|channel|>analysis",
        "<seed:think>", "\u25c1think\u25b7"})
    if (find_last_nocase(part.text, opening) != std::string_view::npos) part.unfinished_thinking = true;
  for (const std::string_view closing : {"<|end_of_solution|>", "<|return|>", "<|end|>", "<|im_end|>", "<|eot_id|>"})
    if (part.text.ends_with(closing)) part.text.resize(part.text.size() - closing.size());
  return part;
}

std::string_view tail_of(std::string_view text, std::size_t characters) {
  std::size_t at = text.size();
  while (at > 0 && characters > 0) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) --characters;
  }
  return text.substr(at);
}

PlainText plain_text(std::string_view text) {
  PlainText plain;
  std::string all = plain_characters(text);
  unwrap_html(all);
  unwrap_latex(all, plain.boxed);
  unwrap_brackets(all, plain.bracketed);
  int paragraph = 0;
  bool blank = false;
  for (std::size_t begin = 0; begin <= all.size();) {
    const std::size_t end = std::min(all.find('\n', begin), all.size());
    std::string line = all.substr(begin, end - begin);
    begin = end + 1;
    std::size_t first = line.find_first_not_of(' ');
    if (first != std::string::npos && (line.compare(first, 3, "```") == 0 || line.compare(first, 3, "~~~") == 0)) {
      // A fence: its line goes, unless the text stands on the same line ("```Preference: A```").
      std::string rest = line.substr(first + 3);
      replace_all(rest, "```", "");
      if (rest.find(' ') == std::string::npos && rest.find(':') == std::string::npos &&
          (rest.empty() || std::islower(static_cast<unsigned char>(rest[0]))))
        continue;
      line = rest;
    }
    first = line.find_first_not_of("> ");  // a quoted line
    if (first != std::string::npos || line.find('>') != std::string::npos) line.erase(0, std::min(first, line.size()));
    line = collapsed(without_emphasis(line));
    if (line.empty()) {
      blank = true;
      continue;
    }
    if (blank && !plain.lines.empty()) ++paragraph;
    blank = false;
    plain.lines.push_back({std::move(line), paragraph});
  }
  for (std::string* wrapped : {&plain.boxed, &plain.bracketed}) *wrapped = collapsed(without_emphasis(*wrapped));
  return plain;
}

}  // namespace ballot
