// The answer inside a text, as math_verify 0.9.0 finds it (parser.py): by patterns of decreasing trust ("final answer
// is ... I hope", boxes, "answer: ...", "answer ...", any formula or number), the rightmost first, until one can be
// read.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "evaluation/math_expression.h"

namespace ballot {

struct MathExtraction {
  MathPtr value;                    ///< null where nothing could be read
  std::optional<std::string> text;  ///< of the first place that was tried, after normalised_latex
  bool undecided = false;           ///< a limit of size or steps was met on the way
};

enum class MathSources {
  kFormulas,            ///< formulas only: for the right answer
  kFormulasAndNumbers,  ///< and numbers and sums in plain text: for a model's answer
};

MathExtraction extract_math(std::string_view text, MathSources sources);

}  // namespace ballot
