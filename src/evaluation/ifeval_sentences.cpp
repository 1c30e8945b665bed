#include "evaluation/ifeval_sentences.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "evaluation/python_literal.h"
#include "evaluation/python_text.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

// Where and in which case a word was seen: the model's flags.
constexpr std::uint32_t kMiddleUpper = 4, kBeginningLower = 16, kAnyUpper = 2 + 4 + 8, kAnyLower = 16 + 32 + 64;

constexpr std::u32string_view kSentenceEnds = U".?!";
constexpr std::u32string_view kNonWord = U")\";}]*:@'({[\u2018\u2019\u201C\u201D\u00AB\u00BB?!";
constexpr std::u32string_view kNoWordStart = U"(\"`{[:;&#*@)}]-,";
constexpr std::u32string_view kClosing = U"\"')]}\u2018\u2019\u201C\u201D\u00AB\u00BB";
constexpr std::u32string_view kPunctuation = U";:,.!?";

bool is_of(std::u32string_view set, char32_t c) {
  return set.find(c) != std::u32string_view::npos;
}

/// The length of two or more hyphens or dots, or of dots with a blank between them, at `at`; 0 where there are none.
std::size_t multiple_punctuation(std::u32string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != '-' && text[at] != '.')) return 0;
  std::size_t run = at;
  while (run < text.size() && text[run] == text[at]) ++run;
  if (run - at >= 2) return run - at;
  if (text[at] != '.') return 0;
  std::size_t pairs = 0;
  while (at + 2 * pairs + 1 < text.size() && text[at + 2 * pairs] == '.' && is_python_space(text[at + 2 * pairs + 1]))
    ++pairs;
  if (at + 2 * pairs < text.size() && text[at + 2 * pairs] == '.') ++pairs;
  return pairs >= 3 ? 2 * pairs - 1 : 0;
}

bool ends_word(std::u32string_view text, std::size_t at) {
  return at == text.size() || is_python_space(text[at]) || is_of(kNonWord, text[at]) ||
         multiple_punctuation(text, at) > 0;
}

/// `-?[.,]?\d[\d,.-]*\.?`, the whole of it.
bool is_number(std::u32string_view word) {
  if (word.starts_with(U'-')) word.remove_prefix(1);
  if (word.starts_with(U'.') || word.starts_with(U',')) word.remove_prefix(1);
  if (word.empty() || !is_python_decimal(word.front())) return false;
  return std::all_of(word.begin(), word.end(),
                     [](char32_t c) { return c == ',' || c == '.' || c == '-' || is_python_decimal(c); });
}

/// The characters of a dictionary's text at `at`, which moves behind it.
std::string quoted(std::string_view source, std::size_t& at) {
  const char quote = source[at];
  std::size_t end = at + 1;
  while (end < source.size() && source[end] != quote) end += source[end] == '\\' ? 2 : 1;
  const std::string literal(source.substr(at, end + 1 - at));
  at = end + 1;
  if (literal.find('\\') == std::string::npos) return literal.substr(1, literal.size() - 2);
  return parse_python_literal(literal).get<std::string>();
}

}  // namespace

struct PunktModel::Token {
  std::u32string_view text;
  std::u32string type;
  bool period_final = false, breaks = false, abbreviation = false, ellipsis = false;

  bool is_initial() const {
    return text.size() == 2 && text[1] == '.' && is_nltk_word(text[0]) && !is_python_decimal(text[0]);
  }
  std::u32string type_without_period() const {
    return type.size() > 1 && type.back() == '.' ? type.substr(0, type.size() - 1) : type;
  }
  std::u32string type_without_sentence_period() const { return breaks ? type_without_period() : type; }
};

PunktModel::PunktModel(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file))
    throw Error(ErrorKind::kInput, "cannot count sentences: " + file.string() + " is not there",
                "run `make setup`, which fetches it");
  const std::string source = read_file(file);
  const auto words = [&](const char* name, std::unordered_set<std::u32string>& into) {
    for (const Json& word : find_python_literal(source, name)) {
      std::string text;
      if (word.is_array())
        text = word.at(0).get<std::string>() + "\t" + word.at(1).get<std::string>();
      else
        text = word.get<std::string>();
      into.insert(decode_utf8(text));
    }
  };
  words("ABBREV_TYPES", abbreviations_);
  words("COLLOCATIONS", collocations_);
  words("SENT_STARTERS", starters_);
  // A dictionary of 20,000 words, read here because Json's objects look through all their keys for each new one.
  const std::string_view text = source;
  std::size_t at = text.find("\nORTHO_CONTEXT = {");
  const auto skip = [&] {
    while (at < text.size() && std::string_view(" \n,").find(text[at]) != std::string_view::npos) ++at;
    return at < text.size() ? text[at] : '\0';
  };
  if (at == std::string_view::npos) throw bad_input("{} has no ORTHO_CONTEXT", file.string());
  for (at += 18; skip() != '}';) {
    if (text.size() <= at || (text[at] != '\'' && text[at] != '"'))
      throw bad_input("{}: ORTHO_CONTEXT is not a dictionary of texts and numbers", file.string());
    const std::u32string key = decode_utf8(quoted(text, at));
    std::uint32_t flags = 0;
    while (++at < text.size() && text[at] >= '0' && text[at] <= '9') flags = flags * 10 + std::uint32_t(text[at] - '0');
    orthography_.emplace(key, flags);
  }
}

std::uint32_t PunktModel::orthography(const std::u32string& type) const {
  const auto found = orthography_.find(type);
  return found == orthography_.end() ? 0 : found->second;
}

std::vector<PunktModel::Token> PunktModel::tokens(std::u32string_view text) const {
  std::vector<Token> tokens;
  for (const std::u32string_view line : split_at(text, U"\n"))
    for (std::size_t at = 0; at < line.size();) {
      if (is_python_space(line[at])) {
        ++at;
        continue;
      }
      std::size_t length = multiple_punctuation(line, at);
      if (length == 0) {
        length = 1;
        if (!is_of(kNoWordStart, line[at]))
          while (!ends_word(line, at + length) && !(line[at + length] == ',' && ends_word(line, at + length + 1)))
            ++length;
      }
      Token token;
      token.text = line.substr(at, length);
      const std::u32string low = python_lower(token.text);
      token.type = is_number(low) ? U"##number##" : low;
      token.period_final = token.text.back() == '.';
      const bool dots = token.text.find_first_not_of(U'.') == std::u32string_view::npos;
      if (length == 1 && is_of(kSentenceEnds, token.text[0])) {
        token.breaks = true;
      } else if (dots) {
        token.ellipsis = true;
      } else if (token.period_final && !token.text.ends_with(U"..")) {
        const std::u32string stem = python_lower(token.text.substr(0, length - 1));
        token.abbreviation =
            abbreviations_.contains(stem) || abbreviations_.contains(stem.substr(stem.rfind(U'-') + 1));
        token.breaks = !token.abbreviation;
      }
      tokens.push_back(std::move(token));
      at += length;
    }
  return tokens;
}

PunktModel::Starter PunktModel::starts_sentence(const Token& token) const {
  if (token.text.size() == 1 && is_of(kPunctuation, token.text[0])) return Starter::kNo;
  const std::uint32_t seen = orthography(token.type_without_sentence_period());
  if (is_python_upper(token.text[0]) && (seen & kAnyLower) && !(seen & kMiddleUpper)) return Starter::kYes;
  if (is_python_lower(token.text[0]) && ((seen & kAnyUpper) || !(seen & kBeginningLower))) return Starter::kNo;
  return Starter::kUnknown;
}

void PunktModel::second_pass(Token& token, const Token& next) const {
  if (!token.period_final) return;
  const std::u32string type = token.type_without_period(), next_type = next.type_without_sentence_period();
  const bool initial = token.is_initial(), next_upper = is_python_upper(next.text[0]);
  if (collocations_.contains(type + U"\t" + next_type)) {
    token.breaks = false;
    return;
  }
  if ((token.abbreviation || token.ellipsis) && !initial &&
      (starts_sentence(next) == Starter::kYes || (next_upper && starters_.contains(next_type)))) {
    token.breaks = true;
    return;
  }
  if (!initial && type != U"##number##") return;
  const Starter starter = starts_sentence(next);
  if (starter == Starter::kNo ||
      (starter == Starter::kUnknown && initial && next_upper && !(orthography(next_type) & kAnyLower)))
    token.breaks = false;
}

bool PunktModel::has_break(std::u32string_view context) const {
  std::vector<Token> all = tokens(context);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    second_pass(all[i], all[i + 1]);
    if (all[i].breaks) return true;
  }
  return false;
}

std::vector<std::u32string_view> PunktModel::sentences(std::u32string_view text) const {
  using Slice = std::pair<std::size_t, std::size_t>;
  // A place where a sentence may end, with the word before it.
  struct Candidate {
    std::size_t word = 0, at = 0, context_end = 0;
    std::optional<std::size_t> next_word;
  };
  std::vector<Slice> slices;
  std::size_t last_break = 0;
  const auto decide = [&](const Candidate& candidate) {
    if (!has_break(text.substr(candidate.word, candidate.context_end - candidate.word))) return;
    slices.emplace_back(last_break, candidate.at + 1);
    last_break = candidate.next_word.value_or(candidate.at + 1);
  };
  std::optional<Candidate> previous;
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    if (!is_of(kSentenceEnds, text[at])) continue;
    Candidate candidate;
    candidate.at = at;
    std::size_t behind = at + 1;
    if (is_of(kNonWord, text[behind])) {
      candidate.context_end = behind + 1;
    } else {
      while (behind < text.size() && is_python_space(text[behind])) ++behind;
      if (behind == at + 1 || behind == text.size()) continue;
      candidate.next_word = behind;
      while (behind < text.size() && !is_python_space(text[behind])) ++behind;
      candidate.context_end = behind;
    }
    // The word begins behind the last ASCII blank since the last candidate. A blank right behind that one counts as
    // none, as in NLTK, and then the word is the last candidate's with what follows it.
    const std::size_t from = previous ? previous->at : 0;
    const std::size_t blank = text.substr(from, at - from).find_last_of(U" \t\n\r\v\f");
    candidate.word = blank != std::u32string_view::npos && blank > 0 ? from + blank + 1 : previous ? previous->word : 0;
    if (previous && previous->at <= candidate.word) decide(*previous);
    previous = candidate;
  }
  if (previous) decide(*previous);
  std::size_t end = text.size();
  while (end > 0 && is_python_space(text[end - 1])) --end;
  slices.emplace_back(last_break, end);

  // Closing quotes and brackets at the beginning of a sentence belong to the one before.
  std::vector<std::u32string_view> sentences;
  const auto add = [&](std::size_t begin, std::size_t stop) {
    if (begin < stop) sentences.push_back(text.substr(begin, stop - begin));
  };
  std::size_t moved = 0;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const std::size_t begin = slices[i].first + moved, stop = slices[i].second;
    if (i + 1 == slices.size()) {
      add(begin, stop);
      break;
    }
    const auto [next_begin, next_stop] = slices[i + 1];
    const std::u32string_view next =
        next_begin < next_stop ? text.substr(next_begin, next_stop - next_begin) : std::u32string_view();
    std::size_t closing = 0;
    bool moves = false;
    while (!moves && closing < next.size() && is_of(kClosing, next[closing])) {
      ++closing;
      moves = closing == next.size() || is_python_space(next[closing]) || next.substr(closing).starts_with(U"--");
    }
    moved = 0;
    if (!moves) {
      add(begin, stop);
      continue;
    }
    sentences.push_back(text.substr(begin, next_begin + closing - begin));
    moved = closing;
    while (moved < next.size() && is_python_space(next[moved])) ++moved;
  }
  return sentences;
}

}  // namespace ballot
