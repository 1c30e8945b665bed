#include "formats/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "formats/format_file.h"
#include "formats/label_fields.h"
#include "text/jinja.h"

namespace ballot {
namespace {

template <class Enum>
std::string word_of(std::span<const NamedValue<Enum>> table, Enum value) {
  for (const NamedValue<Enum>& entry : table)
    if (entry.value == value) return std::string(entry.name);
  return "?";
}

Json letters_of(std::size_t shown) {
  Json letters = Json::array();
  for (std::size_t i = 0; i < shown; ++i) letters.push_back(std::string(1, letter_of(static_cast<int>(i))));
  return letters;
}

std::string joined(std::span<const std::size_t> order, const char* between) {
  std::string text;
  for (const std::size_t place : order)
    text += (text.empty() ? "" : between) + std::string(1, letter_of(static_cast<int>(place)));
  return text;
}

// A ranking as one word of an enum: JSON Schema cannot say "permutation", and an enum of 120 words is within what
// servers take. Past five completions it would not be; then it is a list of letters, and repeats are found when it is
// read.
constexpr std::size_t kLargestRankingEnum = 5;

Json ranking_schema(std::size_t shown) {
  if (shown > kLargestRankingEnum)
    return {{"type", "array"},
            {"items", {{"type", "string"}, {"enum", letters_of(shown)}}},
            {"minItems", shown},
            {"maxItems", shown}};
  std::vector<std::size_t> order(shown);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Json words = Json::array();
  do words.push_back(joined(order, ">"));
  while (std::next_permutation(order.begin(), order.end()));
  return {{"type", "string"}, {"enum", words}};
}

}  // namespace

char letter_of(int place) {
  return static_cast<char>('A' + place);
}

std::string to_string(FormatKind kind) {
  return word_of(kFormatKinds, kind);
}
std::string to_string(FieldKind kind) {
  return word_of(kFieldKinds, kind);
}
std::string to_string(MarginRule rule) {
  return word_of(kMarginRules, rule);
}
std::string to_string(TieRule rule) {
  return word_of(kTieRules, rule);
}

std::string LabelField::key() const {
  std::string key;
  for (const char c : name) key += c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

const LabelField* Format::field(FieldKind wanted) const {
  for (const LabelField& field : fields)
    if (field.kind == wanted) return &field;
  return nullptr;
}

std::size_t Format::ballots(std::size_t of_prompt) const {
  switch (kind) {
    case FormatKind::kPointwise:
      return of_prompt;
    case FormatKind::kPairwise:
      return of_prompt * (of_prompt - 1) / 2;
    case FormatKind::kListwise: {
      if (completions == 0) return of_prompt > 0 ? 1 : 0;
      if (of_prompt < completions) return 0;
      std::size_t subsets = 1;  // exact: a product of i neighbours is divisible by i!
      for (std::size_t i = 1; i <= completions; ++i) subsets = subsets * (of_prompt - completions + i) / i;
      return subsets;
    }
  }
  return 0;
}

int Format::margin_maximum(std::size_t shown) const {
  switch (margin) {
    case MarginRule::kNone:
      return 0;
    case MarginRule::kMagnitude:
      return field(FieldKind::kComparison) ? field(FieldKind::kComparison)->steps() / 2
                                           : field(FieldKind::kMagnitude)->maximum;
    case MarginRule::kScoreDifference:
      return field(FieldKind::kRating)->maximum - field(FieldKind::kRating)->minimum;
    case MarginRule::kRankDifference:
      return static_cast<int>(shown) - 1;
    case MarginRule::kGroupDifference:
      return field(FieldKind::kRanking) ? static_cast<int>(shown) - 1 : static_cast<int>(fields.size());
  }
  return 0;
}

std::vector<std::string> Format::answer_lines(std::size_t shown) const {
  std::vector<std::string> lines;
  for (const LabelField& field : fields) {
    std::string value = field.is_letter() ? "X" : "N";
    if (field.kind == FieldKind::kRanking) {
      value = "X";
      for (std::size_t i = 1; i < shown; ++i) value += " > X";
    }
    lines.push_back(field.name + ": " + value);
  }
  return lines;
}

Json Format::answer_schema(std::size_t shown) const {
  Json properties = Json::object(), required = Json::array();
  if (!reason.empty()) {
    properties["reason"] = {{"type", "string"}, {"description", reason}};
    required.push_back("reason");
  }
  for (const auto& [name, asked] : reasons) {
    properties[name] = {{"type", "string"}, {"description", asked}};
    required.push_back(name);
  }
  for (const LabelField& field : fields) {
    Json& property = properties[field.key()];
    if (field.is_letter()) {
      property = {{"type", "string"}, {"enum", field_words(field, shown)}};
    } else if (field.kind == FieldKind::kRanking) {
      property = ranking_schema(shown);
    } else {
      property = {{"type", "integer"}, {"enum", Json::array()}};
      for (int value = field.minimum; value <= field.maximum; ++value) property["enum"].push_back(value);
    }
    required.push_back(field.key());
  }
  return {{"type", "object"}, {"properties", properties}, {"required", required}, {"additionalProperties", false}};
}

std::vector<Label> Format::labels(std::size_t shown) const {
  if (kind == FormatKind::kListwise) return {};
  std::vector<Label> all(1);
  all.front().status = "ok";
  for (const LabelField& field : fields) {
    std::vector<Label> longer;
    for (const Label& label : all)
      for (std::size_t word = 0; word < field_words(field, shown).size(); ++word) {
        longer.push_back(label);
        put_word(field, shown, word, longer.back());
      }
    all = std::move(longer);
  }
  return all;
}

Json Format::Texts::context(const Format& format, std::size_t shown) const {
  Json scale = Json::array();
  for (const LabelField& field : format.fields)
    for (const auto& [value, words] : field.words) scale.push_back({{"value", value}, {"name", words.front()}});
  return {{"count", shown},
          {"letters", letters_of(shown)},
          {"scale", std::move(scale)},
          {"tie", format.fields[0].ties.empty() ? std::string() : format.fields[0].ties.front()},
          {"answer_lines", format.answer_lines(shown)}};
}

Json Format::Texts::rendered(const Format& format, std::size_t shown) const {
  Json all = context(format, shown);
  const Json variables = all;
  for (const auto& [key, text] : texts) {
    std::string value = text.render(variables);
    const std::size_t first = value.find_first_not_of(" \t\n"), last = value.find_last_not_of(" \t\n");
    all[key] = first == std::string::npos ? std::string() : value.substr(first, last - first + 1);
  }
  return all;
}

std::string Format::system_text(std::size_t shown) const {
  const std::lock_guard lock(texts_->mutex);
  auto [found, added] = texts_->by_count.try_emplace(shown);
  if (added) {
    found->second.variables = std::make_unique<const Json>(texts_->rendered(*this, shown));
    found->second.system = texts_->system.render(*found->second.variables);
  }
  return found->second.system;
}

std::string Format::user_text(std::size_t shown, Json ballot) const {
  system_text(shown);  // makes the entry
  const Json* variables = nullptr;
  {
    const std::lock_guard lock(texts_->mutex);
    variables = texts_->by_count.at(shown).variables.get();  // entries of a map stay where they are and never change
  }
  for (const auto& [key, value] : variables->items()) ballot[key] = value;
  return texts_->user.render(ballot);
}

}  // namespace ballot
