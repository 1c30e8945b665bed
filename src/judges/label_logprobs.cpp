#include "judges/label_logprobs.h"

#include <cctype>
#include <cmath>
#include <optional>
#include <string>

namespace ballot {
namespace {

std::vector<std::string> words_of(const LabelField& field, std::size_t shown) {
  std::vector<std::string> words;
  if (field.kind == FieldKind::kChoice && field.ties.empty())
    for (std::size_t i = 0; i < shown; ++i) words.emplace_back(1, letter_of(static_cast<int>(i)));
  if (field.kind == FieldKind::kRating || field.kind == FieldKind::kComparison)
    for (int n = field.minimum; n <= field.maximum; ++n) words.push_back(std::to_string(n));
  for (const std::string& word : words)
    if (word.size() != 1) return {};
  return words;
}

/// The label inside a token: what is left without blanks and marks around it.
std::string bare(const std::string& token) {
  std::string result;
  for (const char c : token)
    if (std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80) result += c;
  return result;
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

}  // namespace

std::vector<double> label_probabilities(const Format& format, std::size_t shown, const ChatAnswer& answer) {
  if (format.fields.size() != 1 || answer.logprobs.empty()) return {};
  const std::vector<std::string> words = words_of(format.fields[0], shown);
  if (words.empty()) return {};
  std::string text;
  for (const TokenLogprob& token : answer.logprobs) text += token.token;
  const std::optional<std::size_t> place = label_place(text, format.fields[0]);
  if (!place) return {};
  std::size_t end = 0, index = 0;
  while ((end += answer.logprobs[index].token.size()) <= *place) ++index;
  const TokenLogprob& token = answer.logprobs[index];
  if (token.top.size() < 2 || bare(token.token) != text.substr(*place, 1)) return {};
  std::vector<double> probabilities(words.size(), 0);
  double sum = 0;
  for (const auto& [other, logprob] : token.top)
    for (std::size_t i = 0; i < words.size(); ++i)
      if (bare(other) == words[i]) {
        probabilities[i] += std::exp(logprob);
        sum += std::exp(logprob);
      }
  if (!(sum > 0)) return {};
  for (double& p : probabilities) p /= sum;
  return probabilities;
}

}  // namespace ballot
