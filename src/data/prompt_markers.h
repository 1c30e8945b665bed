// Prompts of several turns that a data set holds as one text with markers.
#pragma once
#include <string_view>

#include "data/records.h"

namespace ballot {

/// Nectar and HH: "\n\nHuman: ...\n\nAssistant: ...\n\nHuman: ...\n\nAssistant: ". A marker stands behind a blank line
/// (or at the very beginning) and takes one space with it; the rest of a turn is kept byte for byte. Turns must
/// alternate, begin with Human and end with an empty Assistant. Throws RowProblem: prompt_without_human,
/// prompt_without_assistant, prompt_ends_with_answer, roles_do_not_alternate, prompt_empty.
Conversation split_human_assistant(std::string_view prompt);

/// HelpSteer2: the first user turn, then "<extra_id_1>Assistant\n" and "<extra_id_1>User\n" before the others. Throws
/// RowProblem.
Conversation split_extra_id(std::string_view prompt);

}  // namespace ballot
