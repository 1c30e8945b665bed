// From a format to the choices that a model in process makes, one after the other: which text the answer has so far,
// and which words may come next. A letter, then a magnitude; a score; the letters of a ranking without replacement. The
// last letter of a ranking is no choice.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/format.h"
#include "text/tokenizer.h"

namespace ballot {

struct LabelStep {
  std::string text;                ///< of the answer up to here: "Preference: B\nMagnitude:"
  std::vector<std::string> words;  ///< what may follow, with the blank before it: " 0", " 1", " 2"
  std::size_t field = 0;           ///< of the format
};

/// The next choice on the way to a label, or none where it is complete.
std::optional<LabelStep> next_step(const Format& format, std::size_t shown, const Label& so_far);
/// Puts the chosen word of a step into the label.
void take_word(const Format& format, std::size_t shown, const LabelStep& step, std::size_t word, Label& label);

/// A step in tokens. `context` is what the text and all words begin with; `words` are told apart by what follows: no
/// word begins with another (`end`, the model's end of text, is put behind them where one would).
struct TokenStep {
  std::vector<TokenId> context;
  std::vector<std::vector<TokenId>> words;
};
/// Throws Error (failed) where the tokenizer cannot tell two words apart.
TokenStep in_tokens(const Tokenizer& tokenizer, const LabelStep& step, TokenId end);

/// Every beginning of a word after which more than one token may follow, with those tokens: [0] is the empty beginning
/// where a choice stands there.
struct Fork {
  std::vector<TokenId> beginning;
  std::vector<TokenId> tokens;
};
std::vector<Fork> forks_of(const TokenStep& step);

}  // namespace ballot
