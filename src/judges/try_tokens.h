// What one request to a server cost in tokens, answered or not.
#pragma once
#include <cstdint>
#include <optional>

#include "data/records.h"
#include "judges/chat_answer.h"
#include "net/http_client.h"

namespace ballot {

struct TokenCount {
  std::int64_t prompt = 0, completion = 0, cached = 0;
  bool estimated = false;  ///< the server did not tell: four bytes a token
};

/// Of an answer to `asked`.
TokenCount tokens_of_answer(const ChatAnswer& said, const Conversation& asked);

/// Of a try that failed. `so_far`: what was read of the reply all the same (ChatStream::so_far(), read_account()). What
/// the server tells counts; where it does not, a reply that broke off counts as the prompt and what had come, a
/// time-out as the prompt (the server was at work on it). Nothing: it was turned away, refused or never reached.
std::optional<TokenCount> tokens_of_failure(const HttpReply& reply, const ChatAnswer& so_far,
                                            const Conversation& asked);

}  // namespace ballot
