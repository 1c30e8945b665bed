// In which language is a text written?
//
// "Is it English" is answered by whichlang, which decides well from a few words on but knows sixteen languages only;
// another language is then named by whatlang, which knows seventy. Fenced code and lines that look like code are left
// out first: both take source code for languages. With fewer than three letters of prose left the answer is "und",
// undetermined.
#pragma once
#include <string>
#include <string_view>

namespace ballot {

/// A code of ISO 639-1 where there is one ("en", "de", "zh"), else of ISO 639-3; "und" where the text does not tell.
std::string language_of(std::string_view text);

/// The prose of a text: without fenced code blocks, inline code and lines that look like code.
std::string prose_of(std::string_view text);

}  // namespace ballot
