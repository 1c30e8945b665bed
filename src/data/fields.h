// Fields of a row, taken with their checks; what is wrong with one is a RowProblem with a stable reason made of the
// field's name: `prompt_missing` (absent or null), `prompt_not_text`, `prompt_empty`, and `nul_character`
// for any text. Inside the room only.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/records.h"
#include "data/rows.h"
#include "data/value.h"

namespace ballot {

/// A text; may be empty. `path` is the field as messages show it ("answers[3].model"); reasons use its last name.
std::string take_text(const Value& value, const std::string& path);
/// A text with something other than white space in it.
std::string take_full_text(const Value& value, const std::string& path);
/// A text, or none where it is missing.
std::optional<std::string> take_optional_text(const Value& row, std::string_view name);
std::optional<double> take_optional_number(const Value& row, std::string_view name);
std::optional<std::int64_t> take_optional_integer(const Value& row, std::string_view name);
std::optional<bool> take_optional_bool(const Value& row, std::string_view name);
/// A list of texts, or one text, which is a list of one; missing: empty.
std::vector<std::string> take_texts(const Value& row, std::string_view name);
/// The items of a list; `name`_missing, `name`_not_a_list, `name`_empty.
std::span<const Value> take_list(const Value& row, std::string_view name);

/// A list of {role, content}, or of ShareGPT's {from, value}: human and gpt become user and assistant. Roles are texts,
/// contents too and without U+0000; empty contents are let through.
Conversation take_messages(const Value& value, const std::string& path);
/// Is it a list of objects, that is, a conversation and no text?
bool is_conversation(const Value& value);

[[noreturn]] void refuse(std::string field, std::string reason, std::string message);

}  // namespace ballot
