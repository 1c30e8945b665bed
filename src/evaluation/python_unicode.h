// Texts as Python's str sees them: sequences of code points, with its properties of characters and its lower case
// (CPython 3.11, Unicode 14). IFEval's verdicts are counts of such characters.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ballot {

/// Bytes that are no UTF-8 become U+FFFD, one each.
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view text);

bool is_python_alphanumeric(char32_t c);
bool is_python_decimal(char32_t c);
/// \w in NLTK 3.10, which counts marks and joiners and no superscripts: half of a Thai word is not another word.
bool is_nltk_word(char32_t c);
bool is_python_upper(char32_t c);
bool is_python_lower(char32_t c);
/// One character; U+0130 stays (its lower case has two).
char32_t python_lower(char32_t c);
/// `str.lower`, with its final sigma.
std::u32string python_lower(std::u32string_view text);
/// `str.isupper`, `str.islower`: some character has a case, and none the other one.
bool is_all_upper(std::u32string_view text);
bool is_all_lower(std::u32string_view text);

/// `str.strip()`.
std::u32string_view python_strip(std::u32string_view text);
bool is_blank(std::u32string_view text);
/// `str.strip(characters)`, and of one side.
std::u32string_view strip_left(std::u32string_view text, char32_t character);
std::u32string_view strip_right(std::u32string_view text, char32_t character);
/// `str.split(separator)`: at least one part.
std::vector<std::u32string_view> split_at(std::u32string_view text, std::u32string_view separator);
/// `str.split()`: the runs that are no white space.
std::vector<std::u32string_view> split_words(std::u32string_view text);

}  // namespace ballot
