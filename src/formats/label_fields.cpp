#include "formats/label_fields.h"

#include <algorithm>
#include <cstdlib>

namespace ballot {
namespace {

// Best, the others as equals, worst: what is known of the order so far.
std::vector<std::vector<int>> groups(std::size_t shown, std::optional<int> best, std::optional<int> worst) {
  std::vector<std::vector<int>> order;
  std::vector<int> others;
  for (int place = 0; place < static_cast<int>(shown); ++place)
    if (place != best && place != worst) others.push_back(place);
  if (best) order.push_back({*best});
  if (!others.empty()) order.push_back(std::move(others));
  if (worst) order.push_back({*worst});
  return order;
}

}  // namespace

std::vector<std::string> field_words(const LabelField& field, std::size_t shown) {
  std::vector<std::string> words;
  if (field.is_letter()) {
    for (std::size_t place = 0; place < shown; ++place)
      words.push_back(std::string(1, letter_of(static_cast<int>(place))));
    if (!field.ties.empty()) words.push_back(field.ties.front());
  } else if (field.is_number()) {
    for (int value = field.minimum; value <= field.maximum; ++value) words.push_back(std::to_string(value));
  }
  return words;
}

std::optional<std::size_t> word_in(const LabelField& field, std::size_t shown, const Label& label) {
  const auto number = [&](std::optional<int> value) -> std::optional<std::size_t> {
    if (!value) return {};
    return static_cast<std::size_t>(*value - (field.is_number() ? field.minimum : 0));
  };
  switch (field.kind) {
    case FieldKind::kChoice:
      return label.neither ? std::optional(shown) : number(label.choice);
    case FieldKind::kMagnitude:
      return number(label.magnitude);
    case FieldKind::kRating:
      return number(label.rating);
    case FieldKind::kComparison:
      if (label.neither) return number(step_of_lean(field, 0));
      if (!label.choice || !label.magnitude) return {};
      return number(step_of_lean(field, *label.choice == 0 ? -*label.magnitude : *label.magnitude));
    case FieldKind::kBest:
      if (label.ranking.empty()) return {};
      return number(label.ranking.front().front());
    case FieldKind::kWorst:
      // Behind the best and the others; of two completions the other one.
      if (label.ranking.size() < (shown > 2 ? 3u : 2u)) return {};
      return number(label.ranking.back().front());
    case FieldKind::kRanking:
      return {};
  }
  return {};
}

bool put_word(const LabelField& field, std::size_t shown, std::size_t word, Label& label) {
  const int place = static_cast<int>(word), value = field.minimum + place;
  switch (field.kind) {
    case FieldKind::kChoice:
      label.neither = word == shown;
      if (!label.neither) label.choice = place;
      break;
    case FieldKind::kMagnitude:
      label.magnitude = value;
      break;
    case FieldKind::kRating:
      label.rating = value;
      break;
    case FieldKind::kComparison: {
      const int lean = lean_of_step(field, value);
      label.neither = lean == 0;
      label.magnitude = std::abs(lean);
      if (lean != 0) label.choice = lean < 0 ? 0 : 1;
      break;
    }
    case FieldKind::kBest:
      label.ranking = groups(shown, place, {});
      break;
    case FieldKind::kWorst: {
      const int best = label.ranking.empty() ? -1 : label.ranking.front().front();
      if (best == place) return false;
      label.ranking = groups(shown, best < 0 ? std::nullopt : std::optional(best), place);
      break;
    }
    case FieldKind::kRanking:
      return false;
  }
  return true;
}

int lean_of_step(const LabelField& field, int step) {
  // Twice the distance from the middle: a scale with an even number of steps has none, and its inner steps are 1.
  const int twice = 2 * step - field.minimum - field.maximum;
  return twice >= 0 ? (twice + 1) / 2 : -((-twice + 1) / 2);
}

int step_of_lean(const LabelField& field, int lean) {
  const int sum = field.minimum + field.maximum;  // odd where there is no middle step
  if (field.steps() % 2 == 1) return sum / 2 + lean;
  const int below = (sum - 1) / 2;  // the last step that prefers the first; both are whole since sum is odd
  return lean < 0 ? below + 1 + lean : below + lean;
}

}  // namespace ballot
