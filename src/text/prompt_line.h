// A prompt as a line of JSON, as `tokenize` and `generate` read it.
#pragma once
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace ballot {

/// The ids of `{"text": "..."}` (`add_special`: with what the tokenizer puts around a text) or of `{"messages":
/// [{"role", "content"}, ...]}` by the chat template. Throws Error (input) on anything else.
std::vector<TokenId> prompt_line_ids(const Tokenizer& tokenizer, const std::string& line, bool add_special,
                                     bool add_generation_prompt);

}  // namespace ballot
