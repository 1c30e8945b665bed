// The words that a label field may have, and their way into a label and back: one table for the structured answer's
// schema, the answer lines, a model in process that chooses among them, and their distribution.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "formats/format.h"

namespace ballot {

/// All words of a field on a ballot that shows so many: letters (then the word for neither), or numbers from the least.
/// Empty for a ranking, whose words are orders.
std::vector<std::string> field_words(const LabelField& field, std::size_t shown);

/// The word's number that the label has for the field; none where it has none yet.
std::optional<std::size_t> word_in(const LabelField& field, std::size_t shown, const Label& label);

/// Puts a word into a label. A worst one that is the best one too cannot be put (returns false).
bool put_word(const LabelField& field, std::size_t shown, std::size_t word, Label& label);

/// A comparison's step as what it says: negative, the first shown is better by so many steps; 0, neither.
int lean_of_step(const LabelField& field, int step);
int step_of_lean(const LabelField& field, int lean);

}  // namespace ballot
