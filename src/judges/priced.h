// What answers cost: a judge's tokens times a price list. Any kind of judge may have one (a simulated one too: a budget
// is rehearsed before it is spent).
#pragma once
#include <memory>
#include <optional>

#include "judges/judge.h"
#include "judges/judge_spec.h"

namespace ballot {

/// In the user's currency per million tokens.
struct Price {
  double prompt = 0;
  std::optional<double> cached;  ///< of prompt tokens that the server had in its cache; none: as `prompt`
  double completion = 0;
};

double cost_of(const Price& price, std::int64_t prompt_tokens, std::int64_t cached_tokens,
               std::int64_t completion_tokens);

/// The `price` of a judge file, or none. Throws Error (usage) on unknown keys and values that are no prices.
std::optional<Price> price_of(const JudgeSpec& spec);

/// The same judge, whose answers cost something; the price is part of its fingerprint, since `cost` is part of what it
/// gives.
std::unique_ptr<Judge> with_price(std::unique_ptr<Judge> judge, const Price& price);

}  // namespace ballot
