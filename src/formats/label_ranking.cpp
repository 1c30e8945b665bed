// Rankings: a chain of letters, a word of them, or the entries of a list.
#include <algorithm>
#include <map>
#include <set>

#include "formats/label_scanner.h"
#include "formats/label_values.h"

namespace ballot {

using State = FieldValue::State;

FieldValue ranking_from_ranks(const std::vector<std::pair<int, int>>& place_rank, std::size_t shown) {
  FieldValue value;
  std::map<int, std::vector<int>> groups;
  std::set<int> seen;
  value.state = State::kOk;
  for (const auto& [place, rank] : place_rank) {
    if (place < 0 || place >= static_cast<int>(shown) || rank < 1 || rank > static_cast<int>(shown) ||
        !seen.insert(place).second)
      value.state = State::kOutOfRange;
    groups[rank].push_back(place);
  }
  if (value.state == State::kOk && seen.size() < shown) value.state = State::kIncomplete;
  for (auto& [rank, places] : groups) {
    std::sort(places.begin(), places.end());
    value.ranking.push_back(places);
  }
  return value;
}

namespace {

// Closes a list of groups: every letter once, none that was not shown.
void check_permutation(FieldValue& value, std::size_t shown, bool infer_last) {
  std::set<int> seen;
  for (const std::vector<int>& group : value.ranking)
    for (const int place : group)
      if (place >= static_cast<int>(shown) || !seen.insert(place).second) value.state = State::kOutOfRange;
  if (value.state != State::kOk) return;
  if (seen.size() == shown) return;
  if (infer_last && seen.size() + 1 == shown) {
    for (int place = 0; place < static_cast<int>(shown); ++place)
      if (!seen.contains(place)) value.ranking.push_back({place});
    value.repair = "infer_last";
    return;
  }
  value.state = State::kIncomplete;
}

// "1. C, 2. A, 3. E" or "C: 1, A: 2, E: 3" on one line.
FieldValue read_list_on_a_line(std::string_view text, std::size_t shown) {
  std::vector<std::pair<int, int>> entries;
  while (!text.empty()) {
    std::size_t end = 1;  // at a comma, or before " 2)"
    const auto numbered = [&](std::size_t at) {
      return text[at] == ' ' && at + 2 < text.size() && is_digit(text[at + 1]) &&
             (text[at + 2] == ')' || text[at + 2] == '.');
    };
    while (end < text.size() && text[end] != ',' && text[end] != ';' && !numbered(end)) ++end;
    const auto entry = read_list_entry(text.substr(0, end));
    if (!entry) return FieldValue();
    entries.push_back(*entry);
    text.remove_prefix(std::min(end + 1, text.size()));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (only_punctuation(text)) break;
  }
  if (entries.size() < std::max<std::size_t>(shown, 2)) return FieldValue();
  FieldValue value = ranking_from_ranks(entries, shown);
  value.repair = "list";
  return value;
}

// An aside behind a letter, "(clear and kind)", is skipped. Returns what it says, in small letters.
std::string skip_aside(LabelScanner& scan) {
  constexpr std::size_t kLongest = 80;
  LabelScanner ahead = scan;
  ahead.skip(" ");
  if (!ahead.take("(") || ahead.peek() == '=' || ahead.peek() == '>' || ahead.peek() == '<') return {};
  const std::size_t close = ahead.rest().find(')');
  if (close == std::string_view::npos || close > kLongest) return {};
  std::string inside(ahead.rest().substr(0, close));
  std::transform(inside.begin(), inside.end(), inside.begin(), lower);
  ahead.move(close + 1);
  scan = ahead;
  return inside;
}

}  // namespace

FieldValue read_ranking(std::string_view text, std::size_t shown, bool infer_last) {
  FieldValue value;
  LabelScanner scan(text);
  scan.skip(kOpening);
  {
    // "CAEBD": one word of just so many letters.
    LabelScanner compact = scan;
    std::size_t length = 0;
    const std::string_view rest = compact.rest();
    while (length < rest.size() && std::isupper(static_cast<unsigned char>(rest[length]))) ++length;
    if (length > 1 && length == shown && (length == rest.size() || !is_word(rest[length]))) {
      value.state = State::kOk;
      value.repair = "compact";
      for (std::size_t i = 0; i < length; ++i) value.ranking.push_back({rest[i] - 'A'});
      compact.move(length);
      value.rest = compact.rest();
      check_permutation(value, shown, infer_last);
      return value.state == State::kOk || value.state == State::kOutOfRange ? value : FieldValue();
    }
  }
  if (FieldValue listed = read_list_on_a_line(scan.rest(), shown); listed.state != State::kNone) return listed;
  skip_nouns(scan);
  std::optional<int> letter = scan.take_letter();
  if (!letter) return value;
  bool turned = false;  // "E (worst), C, A, D, B (best)"
  bool greater = false, less = false, listed = false, blanks = false, dangling = false;
  value.ranking.push_back({*letter});
  value.rest = scan.rest();
  std::size_t letters = 1;
  while (true) {
    scan.skip(kClosing);
    const std::string aside = skip_aside(scan);
    turned = turned || aside.starts_with(letters == 1 ? "worst" : "best");
    value.rest = scan.rest();
    scan.skip(" ");
    enum { kNothing, kGreater, kLess, kTie, kList, kBlank } separator = kNothing;
    if (scan.take("->") || scan.take(">>") ||
        (scan.rest().starts_with(">") && !scan.rest().starts_with(">=") && scan.take(">"))) {
      separator = kGreater;
      scan.skip(">");
    } else if (scan.rest().starts_with("<") && !scan.rest().starts_with("<=") && scan.take("<")) {
      separator = kLess;
      scan.skip("<");
    } else if (scan.take("==") || scan.take("=")) {
      separator = kTie;
    } else if (scan.take(",") || scan.take(";") || scan.take("|")) {
      separator = kList;
      scan.skip(" ");
      static constexpr std::array<std::string_view, 4> words = {"and then", "and finally", "and", "then"};
      scan.take_any(words);
    } else if (scan.take_words("then") || scan.take_words("followed by")) {
      separator = kList;
    } else if (value.rest.starts_with(" ")) {
      separator = kBlank;
    }
    if (separator == kNothing) break;
    skip_nouns(scan);
    letter = scan.take_letter();
    if (!letter) {
      dangling = separator == kGreater || separator == kLess || separator == kTie;
      break;
    }
    greater = greater || separator == kGreater;
    less = less || separator == kLess;
    listed = listed || separator == kList;
    blanks = blanks || separator == kBlank;
    if (separator == kTie)
      value.ranking.back().push_back(*letter);
    else
      value.ranking.push_back({*letter});
    ++letters;
  }
  if (letters < 2) return FieldValue();
  for (std::vector<int>& group : value.ranking) std::sort(group.begin(), group.end());
  value.state = State::kOk;
  if (turned || (greater && less) || ((greater || less) && listed) || (blanks && (greater || less || listed))) {
    value.state = State::kConflicting;  // in which order, or whether a comma is a tie, is not said
    return value;
  }
  if (less) {
    std::reverse(value.ranking.begin(), value.ranking.end());
    value.repair = "reversed";
  }
  if (blanks) value.repair = "blanks";
  check_permutation(value, shown, infer_last && !dangling);
  if (dangling && value.state == State::kOk) value.state = State::kIncomplete;
  return value;
}

std::optional<std::pair<int, int>> read_list_entry(std::string_view line) {
  LabelScanner scan(line);
  scan.skip(" |(-");
  static constexpr std::array<std::string_view, 3> lead = {"rank", "place", "position"};
  scan.take_any(lead);
  scan.skip(" #:");
  LabelScanner number = scan;
  int rank = 0;
  std::size_t digits = 0;
  while (digits < 2 && is_digit(number.peek())) {
    rank = rank * 10 + (number.peek() - '0');
    number.move(1);
    ++digits;
  }
  if (digits > 0 && !is_digit(number.peek())) {  // "1. C", "1) C", "1st: C", "| 1 | C |"
    const std::string_view suffix = number.rest();
    for (const std::string_view ordinal : {"st", "nd", "rd", "th"})
      if (suffix.starts_with(ordinal)) number.move(2);
    const std::size_t before = number.rest().size();
    number.skip(" .):|-=>");
    if (number.rest().size() == before) return {};
    skip_nouns(number);
    if (const std::optional<int> letter = number.take_letter()) return std::pair{*letter, rank};
    return {};
  }
  // "C: 1", "Completion C - 1", "| C | 1 |"
  skip_nouns(scan);
  const std::optional<int> letter = scan.take_letter();
  if (!letter) return {};
  scan.skip(kClosing);
  const std::size_t before = scan.rest().size();
  scan.skip(" :|-=>");
  if (scan.rest().size() == before) return {};
  scan.take_any(lead);
  scan.skip(" #");
  if (const auto value = scan.take_number(); value && !value->second && only_punctuation(scan.rest()))
    return std::pair{*letter, value->first};
  return {};
}

}  // namespace ballot
