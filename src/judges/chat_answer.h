// What servers answer: a whole reply or a stream of events, read into one shape, and what they say when something is
// wrong.
//
// Reasoning is read wherever it is put (`reasoning`, `reasoning_content`; thinking inside the content is the parser's).
// A reply that is no answer (no JSON, an error inside a 200, no choices, no word on why it ended) is a ChatProblem: it
// is asked again and never becomes a label. Invalid UTF-8 and lone surrogates are replaced by U+FFFD, as is U+0000.
#pragma once
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"

namespace ballot {

struct TokenLogprob {
  std::string token;
  double logprob = 0;
  std::vector<std::pair<std::string, double>> top;  ///< the alternatives, this one among them as a rule
};

struct ChatAnswer {
  std::string content, reasoning, model;
  std::string finish_reason;  ///< "stop", "length", ...; "refusal" where the server says so in its own field
  std::optional<std::int64_t> prompt_tokens, completion_tokens, cached_tokens;
  std::vector<TokenLogprob> logprobs;  ///< of the content; empty: not given
};

/// An error as a server describes it, whatever the shape of its body.
struct ServerError {
  std::string message, type, code;
  /// The prompt and the answer do not fit into the model's context.
  bool context_exceeded() const;
  /// Nothing left to pay with: waiting does not help.
  bool quota_spent() const;
  /// A field of the request is not known or not valid (some servers say so with a 500).
  bool bad_request() const;
};

/// A reply that is no answer; `word()` is a stable one for counting ("not_json", "error_in_200", "no_choices",
/// "no_finish_reason", "stream_ended").
class ChatProblem : public std::runtime_error {
 public:
  ChatProblem(std::string word, const std::string& message) : std::runtime_error(message), word_(std::move(word)) {}
  const std::string& word() const { return word_; }

 private:
  std::string word_;
};

/// OpenAI and vLLM {"error": {...}}, SGLang's flat {"object": "error", ...}, TGI {"error": text}, llama.cpp, FastAPI
/// {"detail": ...}; anything else (HTML) by its first words. Never throws.
ServerError read_server_error(std::string_view body);

/// A whole reply. Throws ChatProblem.
ChatAnswer read_chat_answer(std::string_view body);
/// What a reply that is no answer tells all the same, for the account: token counts and texts where there are any.
/// Never throws.
ChatAnswer read_account(std::string_view body);

/// A stream of server-sent events ("data: {...}", end "data: [DONE]"), fed as it comes; chunks may end anywhere.
class ChatStream {
 public:
  /// Returns false where the rest is not wanted: the answer repeats itself without end (what came stays, with
  /// finish_reason "length"). A fault of the stream is kept for finish().
  bool feed(std::string_view part);
  /// At the end of the connection, or where feed() wanted no more. Throws ChatProblem: an error came as an event, or
  /// the stream ended before the answer did.
  ChatAnswer finish();
  /// What came of an answer that did not come to its end; after a finish() that threw, too.
  ChatAnswer so_far() const { return events_ ? answer_ : read_account(plain_); }
  bool repeats() const { return repeats_; }
  bool ended() const { return done_; }  ///< "[DONE]" came

 private:
  void take_event(std::string_view data);
  std::string line_;   // what came after the last line end
  std::string plain_;  // everything, as long as no event came: a server that does not stream
  bool events_ = false;
  ChatAnswer answer_;
  std::optional<ChatProblem> problem_;
  bool done_ = false, repeats_ = false;
  std::size_t checked_ = 0;
};

/// The end of `text` is the same words over and over: a period of at most 500 bytes that fills the last 2,000, four
/// times or more.
bool repeats_endlessly(std::string_view text);

/// Valid UTF-8: every invalid byte becomes U+FFFD.
std::string with_valid_utf8(std::string_view text);

}  // namespace ballot
