// The choices of a task's questions, scored by a server; server_model.h says how.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "evaluation/completion_client.h"
#include "evaluation/completion_probe.h"
#include "evaluation/evaluated_model.h"

namespace ballot {

struct ServerScoring {
  std::string model;
  CompletionProbe probe;
  bool by_next_token = false;   ///< --server-scores next_token
  std::int64_t vocabulary = 0;  ///< tokens: a list of next tokens is never longer
  std::int64_t max_length = 0;
  std::int64_t tokens = 0;  ///< counted: of all prompts that were read
};

/// Throws Error (failed) where the reply is by another model than the one that was looked at.
void check_model(const CompletionReply& reply, const ServerScoring& scoring);

/// Holds references to everything.
std::unique_ptr<ChoiceBatches> server_choices(CompletionClient& client, ServerScoring& scoring,
                                              std::span<const EncodedQuestion> questions);

}  // namespace ballot
