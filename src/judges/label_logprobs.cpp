#include "judges/label_logprobs.h"

#include <cctype>
#include <cmath>
#include <optional>
#include <set>
#include <string>

#include "formats/label_fields.h"

namespace ballot {
namespace {

/// A field's words, where the first character of each tells it from the others; else none.
std::vector<std::string> words_of(const LabelField& field, std::size_t shown) {
  std::vector<std::string> words = field_words(field, shown);
  std::set<char> starts;
  for (const std::string& word : words)
    if (!std::isalnum(static_cast<unsigned char>(word.front())) || !starts.insert(word.front()).second) return {};
  return words;
}

/// The label inside a token: what is left without blanks and marks around it.
std::string bare(const std::string& token) {
  std::string result;
  for (const char c : token)
    if (std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80) result += c;
  return result;
}

/// Letters of completions are upper case alone; a word ("tie") may be written as one likes.
bool begins(const std::string& word, const std::string& start) {
  if (start.size() > word.size()) return false;
  for (std::size_t i = 0; i < start.size(); ++i) {
    const auto c = static_cast<unsigned char>(start[i]);
    if (word[i] != (word.size() > 1 ? std::tolower(c) : c)) return false;
  }
  return true;
}

/// The word that a token writes or begins.
std::optional<std::size_t> word_of(const std::vector<std::string>& words, const std::string& token) {
  const std::string start = bare(token);
  if (start.empty()) return {};
  for (std::size_t i = 0; i < words.size(); ++i)
    if (begins(words[i], start)) return i;
  return {};
}

/// Where the label stands behind the last "Preference:" or "\"preference\":".
std::optional<std::size_t> label_place(const std::string& text, const LabelField& field) {
  std::size_t name = std::string::npos, behind = 0;
  for (const std::string& word : {field.name, field.key()}) {
    const std::size_t found = text.rfind(word);
    if (found == std::string::npos || (name != std::string::npos && found < name)) continue;
    name = found;
    behind = found + word.size();
  }
  if (name == std::string::npos) return {};
  const std::size_t colon = text.find(':', behind);
  if (colon == std::string::npos || colon > behind + 4) return {};
  for (std::size_t at = colon + 1; at < text.size() && text[at] != '\n'; ++at)
    if (std::isalnum(static_cast<unsigned char>(text[at]))) return at;
  return {};
}

/// The distribution over a field's words; empty where it cannot be told.
std::vector<double> field_probabilities(const LabelField& field, std::size_t shown,
                                        const std::vector<TokenLogprob>& tokens, const std::string& text) {
  const std::vector<std::string> words = words_of(field, shown);
  if (words.empty()) return {};
  const std::optional<std::size_t> place = label_place(text, field);
  if (!place) return {};
  std::size_t end = 0, index = 0;
  while ((end += tokens[index].token.size()) <= *place) ++index;
  const TokenLogprob& token = tokens[index];
  const std::optional<std::size_t> said = word_of(words, token.token);
  if (token.top.size() < 2 || !said || !begins(words[*said], text.substr(*place, 1))) return {};
  std::vector<double> probabilities(words.size(), 0);
  double sum = 0;
  for (const auto& [other, logprob] : token.top)
    if (const std::optional<std::size_t> word = word_of(words, other)) {
      probabilities[*word] += std::exp(logprob);
      sum += std::exp(logprob);
    }
  if (!(sum > 0)) return {};
  for (double& p : probabilities) p /= sum;
  return probabilities;
}

}  // namespace

std::vector<double> label_probabilities(const Format& format, std::size_t shown, const ChatAnswer& answer) {
  if (format.kind == FormatKind::kListwise || answer.logprobs.empty()) return {};
  std::string text;
  for (const TokenLogprob& token : answer.logprobs) text += token.token;
  std::vector<double> joint = {1};  // in the order of Format::labels(): the first field's words, then the second's
  for (const LabelField& field : format.fields) {
    const std::vector<double> words = field_probabilities(field, shown, answer.logprobs, text);
    if (words.empty()) return {};
    std::vector<double> longer;
    for (const double before : joint)
      for (const double p : words) longer.push_back(before * p);
    joint = std::move(longer);
  }
  return joint;
}

}  // namespace ballot
