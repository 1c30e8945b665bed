// What Python makes of a text or a value, where the harness's numbers hang on it: which characters are white space, how
// long a text is, how a value is written.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.h"

namespace ballot {

/// `str.isspace` of one character (code point).
bool is_python_space(char32_t character);
/// Bytes that `text.rstrip()` would take off.
std::size_t trailing_space(std::string_view text);
std::string_view python_strip(std::string_view text);
/// `text.isdigit()` for the digits that `int()` and a literal can read: 0 to 9, at least one.
bool is_ascii_digits(std::string_view text);
/// `repr` of a float: the shortest digits that give it back, with a point or an exponent ("-3.0", "1e-05").
std::string python_repr(double number);
/// `str(value)`: texts as they are, True, None, lists as Python shows them.
std::string python_str(const Json& value);
/// Characters (code points) of a UTF-8 text, as `len` counts them.
std::int64_t python_length(std::string_view text);

}  // namespace ballot
