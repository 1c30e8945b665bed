#include "formats/pair_labels.h"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace ballot {
namespace {

/// A copy without what the judge wrote.
Annotation label_only(const Annotation& a) {
  Annotation out;
  out.item_id = a.item_id;
  out.prompt_id = a.prompt_id;
  out.format = a.format;
  out.judge = a.judge;
  out.repeat = a.repeat;
  out.shown = a.shown;
  out.choice = a.choice;
  out.magnitude = a.magnitude;
  out.rating = a.rating;
  out.ranking = a.ranking;
  out.status = a.status;
  out.attempts = a.attempts;
  return out;
}

}  // namespace

AnnotatedPrompts annotated_prompts(const std::vector<PoolRow>& pool, const std::vector<Annotation>& rows) {
  std::unordered_set<std::string> annotated;
  for (const Annotation& a : rows) annotated.insert(a.prompt_id);
  AnnotatedPrompts out;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    const PoolRow& row = pool[i];
    if (!annotated.contains(row.prompt_id)) continue;
    PoolRow light = row;
    light.prompt.clear();
    for (Completion& completion : light.completions) completion.text.clear();
    out.pool.push_back(std::move(light));
    out.row.push_back(i);
  }
  return out;
}

std::vector<PairLabel> pair_labels(const std::vector<PoolRow>& pool, const FormatAnnotations& annotations) {
  const AnnotatedPrompts prompts = annotated_prompts(pool, annotations.rows);
  std::unordered_map<std::string, std::size_t> place_of_prompt;
  for (std::size_t i = 0; i < prompts.pool.size(); ++i) place_of_prompt.emplace(prompts.pool[i].prompt_id, i);
  std::map<std::int32_t, FormatAnnotations> by_repeat;
  for (const Annotation& a : annotations.rows)
    by_repeat.try_emplace(a.repeat, annotations.format, std::vector<Annotation>())
        .first->second.rows.push_back(label_only(a));

  BinarizeOptions keep;
  keep.ties = "keep";
  std::vector<PairLabel> out;
  for (const auto& [repeat, asked] : by_repeat) {
    // A tie's own letter stands in the annotation of a pairwise ballot; binarize decides those that have none.
    std::unordered_set<std::string> without_letter;
    if (asked.format.kind == FormatKind::kPairwise)
      for (const Annotation& a : asked.rows)
        if (!a.choice && a.shown.size() == 2)
          without_letter.insert(std::min(a.shown[0], a.shown[1]) + std::max(a.shown[0], a.shown[1]));
    const std::vector<PreferenceSet> sets = binarize(prompts.pool, {asked}, keep, 0);
    for (const Preference& p : sets[0].rows) {
      const std::size_t at = place_of_prompt.at(p.prompt_id);
      const std::vector<Completion>& completions = prompts.pool[at].completions;
      const auto place = [&](const std::string& id) {
        return static_cast<std::uint32_t>(std::find_if(completions.begin(), completions.end(),
                                                       [&](const Completion& c) { return c.completion_id == id; }) -
                                          completions.begin());
      };
      const std::uint32_t chosen = place(p.chosen_id), rejected = place(p.rejected_id);
      PairLabel label;
      label.prompt = static_cast<std::uint32_t>(prompts.row[at]);
      label.first = std::min(chosen, rejected);
      label.second = std::max(chosen, rejected);
      label.repeat = repeat;
      const int direction = chosen < rejected ? 1 : -1;
      label.outcome = p.tie ? 0 : direction;
      const bool lettered =
          asked.format.kind == FormatKind::kPairwise &&
          !without_letter.contains(std::min(p.chosen_id, p.rejected_id) + std::max(p.chosen_id, p.rejected_id));
      label.letter = !p.tie || lettered ? direction : 0;
      if (!p.presented_first.empty()) label.shown = place(p.presented_first) == label.first ? 1 : -1;
      label.margin = p.margin;
      out.push_back(label);
    }
  }
  return out;
}

}  // namespace ballot
