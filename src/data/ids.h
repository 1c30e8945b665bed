// Ids from content alone: equal content, equal id, on any machine, in any order, from any file format.
#pragma once
#include <string>

#include "data/records.h"

namespace ballot {

/// Hash of the conversation (roles and contents).
std::string prompt_id_of(const Conversation& prompt);
/// Hash of prompt id, model and text; `twin` tells identical ones apart (0 for the first by source rank, then 1, ...).
std::string completion_id_of(const std::string& prompt_id, const std::string& model, const std::string& text,
                             int twin = 0);
/// The two completion ids in canonical (lexical) order, hashed.
std::string pair_id_of(const std::string& a, const std::string& b);
/// Format, prompt and the completions shown (as a set).
std::string item_id_of(const std::string& format, const std::string& prompt_id,
                       std::vector<std::string> completion_ids);

}  // namespace ballot
