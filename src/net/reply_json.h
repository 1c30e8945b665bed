// What servers send as JSON, read without trust: bytes that are no UTF-8 and halves of surrogate pairs are replaced by
// U+FFFD before it is parsed, fields of another type than expected are text or nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"

namespace ballot {

/// Valid UTF-8: every invalid byte becomes U+FFFD.
std::string with_valid_utf8(std::string_view text);
/// "is_discarded()" where it is no JSON even so. Never throws.
Json parse_reply(std::string_view text);
/// A field as text: empty where it is missing or null, JSON where it is no text.
std::string text_of(const Json& object, const char* key);
/// A field that is a whole number of 0 or more, or none.
std::optional<std::int64_t> count_of(const Json& object, const char* key);
/// The first 200 bytes, on one line: for messages.
std::string start_of(std::string_view text);

}  // namespace ballot
