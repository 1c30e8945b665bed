// "Did you mean ...?": the nearest of the valid words to one that is not.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ballot {

/// The candidate with the smallest edit distance (insertions, deletions, substitutions, swaps of neighbours), or an
/// empty string where none is near (more than a third of the word would change).
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// `; did you mean 'x'? (one of: a, b, c)`, to be put behind "unknown <kind> 'word'".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace ballot
