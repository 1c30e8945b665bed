#include "judges/try_tokens.h"

#include <algorithm>

namespace ballot {
namespace {

constexpr std::size_t kBytesPerToken = 4;  // about, in English

std::int64_t estimate(std::size_t bytes) {
  return static_cast<std::int64_t>(bytes / kBytesPerToken) + 1;
}

std::int64_t prompt_estimate(const Conversation& asked) {
  std::size_t bytes = 0;
  for (const Message& message : asked) bytes += message.content.size();
  return estimate(bytes);
}

TokenCount told(const ChatAnswer& said) {
  TokenCount count{said.prompt_tokens.value_or(0), said.completion_tokens.value_or(0), 0, false};
  count.cached = std::min(said.cached_tokens.value_or(0), count.prompt);
  return count;
}

}  // namespace

TokenCount tokens_of_answer(const ChatAnswer& said, const Conversation& asked) {
  if (said.prompt_tokens && said.completion_tokens) return told(said);
  return {prompt_estimate(asked), estimate(said.content.size() + said.reasoning.size()), 0, true};
}

std::optional<TokenCount> tokens_of_failure(const HttpReply& reply, const ChatAnswer& so_far,
                                            const Conversation& asked) {
  if (so_far.prompt_tokens || so_far.completion_tokens) return told(so_far);
  const std::size_t came = so_far.content.size() + so_far.reasoning.size();
  const bool answering = reply.status >= 200 && reply.status < 300;
  const bool timed_out = reply.fault == HttpFault::kIdle || reply.fault == HttpFault::kTotal;
  const bool broke_off = answering && (reply.fault == HttpFault::kCut || reply.fault == HttpFault::kTooLarge);
  if (came == 0 && !timed_out && !broke_off) return {};
  // Of a whole answer that broke off the bytes are its JSON: more than its text, and all that is known.
  const std::size_t bytes = came > 0 ? came : broke_off ? reply.body.size() : 0;
  return TokenCount{prompt_estimate(asked), bytes > 0 ? estimate(bytes) : 0, 0, true};
}

}  // namespace ballot
