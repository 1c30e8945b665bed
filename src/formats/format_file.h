// How a format's YAML file is read; formats/format.h is what others use.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "formats/format.h"
#include "text/jinja.h"

namespace ballot {

template <class Enum>
struct NamedValue {
  std::string_view name;
  Enum value;
};

// The words of the language.
inline constexpr NamedValue<FormatKind> kFormatKindTable[] = {
    {"pointwise", FormatKind::kPointwise}, {"pairwise", FormatKind::kPairwise}, {"listwise", FormatKind::kListwise}};
inline constexpr NamedValue<FieldKind> kFieldKindTable[] = {
    {"choice", FieldKind::kChoice},   {"magnitude", FieldKind::kMagnitude},   {"rating", FieldKind::kRating},
    {"ranking", FieldKind::kRanking}, {"comparison", FieldKind::kComparison}, {"best", FieldKind::kBest},
    {"worst", FieldKind::kWorst}};
inline constexpr NamedValue<MarginRule> kMarginRuleTable[] = {{"none", MarginRule::kNone},
                                                              {"magnitude", MarginRule::kMagnitude},
                                                              {"score_difference", MarginRule::kScoreDifference},
                                                              {"rank_difference", MarginRule::kRankDifference},
                                                              {"group_difference", MarginRule::kGroupDifference}};
inline constexpr NamedValue<TieRule> kTieRuleTable[] = {{"never", TieRule::kNever},
                                                        {"magnitude_zero", TieRule::kMagnitudeZero},
                                                        {"equal_scores", TieRule::kEqualScores},
                                                        {"equal_ranks", TieRule::kEqualRanks},
                                                        {"neither", TieRule::kNeither}};
inline constexpr std::span<const NamedValue<FormatKind>> kFormatKinds = kFormatKindTable;
inline constexpr std::span<const NamedValue<FieldKind>> kFieldKinds = kFieldKindTable;
inline constexpr std::span<const NamedValue<MarginRule>> kMarginRules = kMarginRuleTable;
inline constexpr std::span<const NamedValue<TieRule>> kTieRules = kTieRuleTable;

/// The compiled templates of a format, and what was rendered from them for each number of completions shown.
struct Format::Texts {
  struct Rendered {
    std::unique_ptr<const Json> variables;  ///< count, letters, ..., and the texts
    std::string system;
  };
  Texts(JinjaTemplate system_layout, JinjaTemplate user_layout)
      : system(std::move(system_layout)), user(std::move(user_layout)) {}
  Json context(const Format& format, std::size_t shown) const;
  Json rendered(const Format& format, std::size_t shown) const;

  JinjaTemplate system, user;
  std::map<std::string, JinjaTemplate> texts;
  mutable std::mutex mutex;
  mutable std::map<std::size_t, Rendered> by_count;
};

}  // namespace ballot
