// Python literals: lists of choices as some data sets store them (`['piano', "producer's desk"]`), and the constants
// that the harness's task files keep in Python. Nothing is evaluated: texts, numbers, True, False, None, lists, tuples,
// dicts, and frozensets of these.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "core/json.h"

namespace ballot {

/// Tuples and frozensets become lists. Throws Error (input) with the place where the text is no literal.
Json parse_python_literal(std::string_view text);
/// The literal of `NAME = ...` or of `def NAME(...): return ...` at the left margin of a Python file. Throws Error
/// (input) where there is none.
Json find_python_literal(std::string_view source, std::string_view name);
/// The source text of `def NAME`, for results files that show it; empty where there is none.
std::string python_function_source(std::string_view source, std::string_view name);

}  // namespace ballot
