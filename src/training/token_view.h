// What a training really sees: the token ids of its rows, their text, and which of them are scored. For `ballot inspect
// --tokens`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace ballot {

/// The first `rows` rows of SFT or preference data, as JSON: {"kind": "sft"|"preferences", "added_chatml": bool,
/// "rows": [{"id", "sequences": [{"name": "answer"|"chosen"|"rejected", "tokens": [{"id", "text", "scored"}]}]}],
/// "rejected": {...}, "warnings": {...}}. `model` names the tokenizer; one without a chat template gets ChatML, as
/// `ballot sft` gives it. Nothing is truncated here.
std::string token_view(const std::vector<std::string>& data, const std::string& model, std::int64_t rows);

}  // namespace ballot
