#include "local_judge/label_path.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "formats/label_fields.h"
#include "formats/parse.h"

namespace ballot {
namespace {

std::vector<int> letters_left(std::size_t shown, const Label& label) {
  std::set<int> taken;
  for (const std::vector<int>& group : label.ranking) taken.insert(group.begin(), group.end());
  std::vector<int> left;
  for (int place = 0; place < static_cast<int>(shown); ++place)
    if (!taken.contains(place)) left.push_back(place);
  return left;
}

std::string word(int letter) {
  return std::string(" ") + letter_of(letter);
}

}  // namespace

std::optional<LabelStep> next_step(const Format& format, std::size_t shown, const Label& so_far) {
  LabelStep step;
  for (; step.field < format.fields.size(); ++step.field) {
    const LabelField& field = format.fields[step.field];
    const std::string begin = (step.text.empty() ? "" : "\n") + field.name + ":";
    if (field.kind == FieldKind::kRanking) {
      const std::vector<int> left = letters_left(shown, so_far);
      step.text += begin;
      for (std::size_t group = 0; group < so_far.ranking.size(); ++group)
        step.text += (group > 0 ? " >" : "") + word(so_far.ranking[group].front());
      if (left.size() < 2) continue;
      if (!so_far.ranking.empty()) step.text += " >";
      for (const int letter : left) step.words.push_back(word(letter));
      return step;
    }
    step.text += begin;
    const std::vector<std::string> words = field_words(field, shown);
    if (const std::optional<std::size_t> chosen = word_in(field, shown, so_far)) {
      step.text += " " + words.at(*chosen);
      continue;
    }
    for (std::size_t word = 0; word < words.size(); ++word)
      if (Label trial = so_far; put_word(field, shown, word, trial)) step.words.push_back(" " + words[word]);
    return step;
  }
  return {};
}

void take_word(const Format& format, std::size_t shown, const LabelStep& step, std::size_t chosen, Label& label) {
  const LabelField& field = format.fields.at(step.field);
  const std::string& text = step.words.at(chosen);
  if (field.kind == FieldKind::kRanking) {
    label.ranking.push_back({text.at(1) - 'A'});
    const std::vector<int> left = letters_left(shown, label);
    if (left.size() == 1) label.ranking.push_back(left);
    return;
  }
  const std::vector<std::string> words = field_words(field, shown);
  const auto word = std::find(words.begin(), words.end(), text.substr(1));
  put_word(field, shown, static_cast<std::size_t>(word - words.begin()), label);
}

TokenStep in_tokens(const Tokenizer& tokenizer, const LabelStep& step, TokenId end) {
  std::vector<std::vector<TokenId>> whole;
  for (const std::string& word : step.words) whole.push_back(tokenizer.encode(step.text + word));
  std::size_t common = whole.at(0).size();
  for (const auto& ids : whole)
    common = std::min<std::size_t>(
        common, static_cast<std::size_t>(std::mismatch(ids.begin(), ids.end(), whole[0].begin(), whole[0].end()).first -
                                         ids.begin()));
  bool prefix = false;
  for (std::size_t a = 0; a < whole.size(); ++a)
    for (std::size_t b = 0; b < whole.size(); ++b) {
      if (a == b) continue;
      if (whole[a] == whole[b])
        throw failed("the tokenizer gives '{}' and '{}' the same tokens: they cannot be labels", step.words[a],
                     step.words[b]);
      prefix = prefix ||
               (whole[a].size() < whole[b].size() && std::equal(whole[a].begin(), whole[a].end(), whole[b].begin()));
    }
  TokenStep tokens;
  tokens.context.assign(whole[0].begin(), whole[0].begin() + static_cast<std::ptrdiff_t>(common));
  for (const auto& ids : whole) {
    tokens.words.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(common), ids.end());
    if (prefix) tokens.words.back().push_back(end);
  }
  return tokens;
}

std::vector<Fork> forks_of(const TokenStep& step) {
  std::map<std::vector<TokenId>, std::set<TokenId>> next;
  for (const std::vector<TokenId>& word : step.words)
    for (std::size_t n = 0; n < word.size(); ++n)
      next[{word.begin(), word.begin() + static_cast<std::ptrdiff_t>(n)}].insert(word[n]);
  std::vector<Fork> forks;
  for (const auto& [beginning, tokens] : next)
    if (tokens.size() > 1) forks.push_back({beginning, {tokens.begin(), tokens.end()}});
  return forks;
}

}  // namespace ballot
