// What JSON on one line may do wrong, told with a stable reason.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "core/json.h"

namespace ballot {

/// "invalid_json", "invalid_utf8", "not_an_object", "duplicate_key", and why.
struct JsonProblem {
  std::string reason, message;
};

/// The line of `text` that begins at `at`, without "\n" or "\r\n"; moves `at` behind it.
std::string_view take_line(std::string_view text, std::size_t& at);
/// Nothing but spaces, tabs and carriage returns.
bool is_blank(std::string_view line);
/// Levels of brackets are counted without parsing, since deep nesting is how parsers are made to crash.
bool nested_deeper_than(std::string_view text, int levels);
/// The object that the line holds. Throws JsonProblem.
Json parse_json_line(std::string_view line);
/// What the line's first fault is, in the words of the JSON parser; for lines that were refused.
JsonProblem explain_bad_json(std::string_view line);

}  // namespace ballot
