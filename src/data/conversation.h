// What makes a list of messages a conversation to learn from. Inside the room only.
#pragma once
#include "data/records.h"

namespace ballot {

/// Throws RowProblem unless it is an optional system turn, then user and assistant in turn (a tool's answer may follow
/// an assistant), nothing empty, an assistant's turn at the end. `field` names it in messages.
void check_conversation(const Conversation& messages, const std::string& field);

}  // namespace ballot
