// A byte-level tokenizer of 300 tokens, made here, for the tests of every room: all bytes, a few merges, the ChatML
// marks.
#pragma once
#include <string>

#include "text/tokenizer.h"

namespace ballot {

/// Ids 0..3 are <|endoftext|> (unknown and padding), <|im_start|> (BOS), <|im_end|> (EOS), <think> (user-defined); the
/// 256 bytes follow. `pre` as in TokenizerParts.
TokenizerParts tiny_tokenizer_parts(const std::string& pre = "smollm");

}  // namespace ballot
