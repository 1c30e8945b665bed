// The rewriting of an answer's LaTeX before it is parsed, as math_verify has it done (latex2sympy2_extended 1.11.0,
// math_normalization.py, with basic_latex, units, nits and malformed_operators): the content of boxes, units and words
// behind a number, \left and \right, `\frac12`, `\sqrt3`, `1/2`, "and" as a comma. Its quirks are kept, since its text
// is itself compared: the list of units holds syllables that hardly occur as units.
#pragma once
#include <string>
#include <string_view>

namespace ballot {

enum class MathBoxes {
  kAll,   ///< the content of all boxes, with commas between them
  kLast,  ///< of the last, and of others where they stand close to it
};

/// Throws MathUndecided where a step takes too long.
std::u32string normalised_latex(std::u32string_view text, MathBoxes boxes);
/// The first step alone; the text itself where there is no box.
std::u32string boxed_content(std::u32string_view text, MathBoxes boxes);

}  // namespace ballot
