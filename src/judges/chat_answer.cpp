#include "judges/chat_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "net/reply_json.h"
#include "net/server_reply.h"

namespace ballot {
namespace {

std::string without_nul(std::string text) {
  for (std::size_t at = text.find('\0'); at != std::string::npos; at = text.find('\0', at))
    text.replace(at, 1, "\xEF\xBF\xBD");
  return text;
}

void read_usage(const Json& json, ChatAnswer& answer) {
  if (const auto usage = json.find("usage"); usage != json.end() && usage->is_object()) {
    if (const auto n = count_of(*usage, "prompt_tokens")) answer.prompt_tokens = n;
    if (const auto n = count_of(*usage, "completion_tokens")) answer.completion_tokens = n;
    if (const auto d = usage->find("prompt_tokens_details"); d != usage->end() && d->is_object())
      if (const auto n = count_of(*d, "cached_tokens")) answer.cached_tokens = n;
  }
  // llama.cpp's own account.
  if (const auto timings = json.find("timings"); timings != json.end() && timings->is_object() && !answer.cached_tokens)
    answer.cached_tokens = count_of(*timings, "cache_n");
}

void read_logprobs(const Json& choice, ChatAnswer& answer) {
  const auto logprobs = choice.find("logprobs");
  if (logprobs == choice.end() || !logprobs->is_object()) return;
  const auto content = logprobs->find("content");
  if (content == logprobs->end() || !content->is_array()) return;
  for (const Json& entry : *content) {
    if (!entry.is_object() || !entry.contains("logprob") || !entry["logprob"].is_number()) return;
    TokenLogprob token;
    token.token = text_of(entry, "token");
    token.logprob = entry["logprob"];
    if (const auto top = entry.find("top_logprobs"); top != entry.end() && top->is_array())
      for (const Json& other : *top)
        if (other.is_object() && other.contains("logprob") && other["logprob"].is_number())
          token.top.emplace_back(text_of(other, "token"), other["logprob"].get<double>());
    answer.logprobs.push_back(std::move(token));
  }
}

/// The texts of a message or of a stream's delta.
void read_texts(const Json& message, ChatAnswer& answer) {
  if (!message.is_object()) return;
  if (const auto content = message.find("content"); content != message.end()) {
    if (content->is_string()) answer.content += content->get<std::string>();
    if (content->is_array())  // content parts
      for (const Json& part : *content)
        if (part.is_object()) answer.content += text_of(part, "text");
  }
  const std::string reasoning = text_of(message, "reasoning");
  answer.reasoning += reasoning.empty() ? text_of(message, "reasoning_content") : reasoning;
  if (const std::string refusal = text_of(message, "refusal");
      !refusal.empty() && (answer.content.empty() || answer.finish_reason == "refusal")) {
    answer.content += refusal;
    answer.finish_reason = "refusal";
  }
  if (const auto calls = message.find("tool_calls"); calls != message.end() && calls->is_array() && !calls->empty())
    if (const Json& call = calls->front();
        call.is_object() && call.contains("function") && call["function"].is_object())
      answer.content += text_of(call["function"], "arguments");
}

/// An error inside what should be an answer.
std::optional<ChatProblem> error_in(const Json& json) {
  const bool flat = json.value("object", Json()) == "error";
  if (const auto error = json.find("error"); flat || (error != json.end() && !error->is_null()))
    return ChatProblem("error_in_200",
                       read_server_error(json.dump(-1, ' ', false, Json::error_handler_t::replace)).message);
  return {};
}

}  // namespace

ChatAnswer read_chat_answer(std::string_view body) {
  const Json json = parse_reply(body);
  if (!json.is_object()) throw ChatProblem("not_json", fmt::format("the reply is no JSON object: {}", start_of(body)));
  if (const auto problem = error_in(json)) throw *problem;
  const auto choices = json.find("choices");
  if (choices == json.end() || !choices->is_array() || choices->empty() || !choices->front().is_object())
    throw ChatProblem("no_choices", "the reply has no choices");
  const Json& choice = choices->front();
  ChatAnswer answer;
  answer.model = text_of(json, "model");
  if (const auto message = choice.find("message"); message != choice.end()) read_texts(*message, answer);
  if (answer.finish_reason.empty()) answer.finish_reason = text_of(choice, "finish_reason");
  if (answer.finish_reason.empty())
    throw ChatProblem("no_finish_reason", "the reply does not say why it ended (finish_reason is null)");
  read_usage(json, answer);
  read_logprobs(choice, answer);
  answer.content = without_nul(std::move(answer.content));
  answer.reasoning = without_nul(std::move(answer.reasoning));
  return answer;
}

ChatAnswer read_account(std::string_view body) {
  ChatAnswer answer;
  const Json json = parse_reply(body);
  if (!json.is_object()) return answer;
  read_usage(json, answer);
  const auto choices = json.find("choices");
  if (choices != json.end() && choices->is_array() && !choices->empty() && choices->front().is_object())
    if (const auto message = choices->front().find("message"); message != choices->front().end())
      read_texts(*message, answer);
  return answer;
}

bool repeats_endlessly(std::string_view text) {
  constexpr std::size_t kTail = 2000, kLongest = 500;
  if (text.size() < kTail) return false;
  const std::string_view tail = text.substr(text.size() - kTail);
  // The shortest period of the tail, by the failure function of its reverse: tail minus its longest border.
  std::vector<std::size_t> border(kTail + 1, 0);
  for (std::size_t i = 1, k = 0; i < kTail; ++i) {
    while (k > 0 && tail[i] != tail[k]) k = border[k];
    if (tail[i] == tail[k]) ++k;
    border[i + 1] = k;
  }
  return kTail - border[kTail] <= kLongest;
}

bool ChatStream::feed(std::string_view part) {
  if (done_) return true;  // whatever a server sends behind the end
  line_ += part;
  if (!events_) plain_ += part;
  std::size_t begin = 0;
  for (std::size_t end; !done_ && (end = line_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view line(line_.data() + begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with("data:")) continue;  // comments, event names, blank lines
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    events_ = true;
    take_event(line);
  }
  line_.erase(0, begin);
  const std::string& growing = answer_.content.empty() ? answer_.reasoning : answer_.content;
  if (!done_ && growing.size() >= checked_ + 500) {
    checked_ = growing.size();
    repeats_ = repeats_ || repeats_endlessly(growing);
  } else if (growing.size() < checked_) {
    checked_ = growing.size();  // the reasoning is over
  }
  return !repeats_;
}

void ChatStream::take_event(std::string_view data) {
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  const Json json = parse_reply(data);
  if (!json.is_object()) {
    if (!problem_ && answer_.finish_reason.empty())
      problem_.emplace("not_json", fmt::format("an event of the stream is no JSON object: {}", start_of(data)));
    return;
  }
  if (auto problem = error_in(json)) {
    if (!problem_ && answer_.finish_reason.empty()) problem_ = std::move(problem);
    return;
  }
  if (answer_.model.empty()) answer_.model = text_of(json, "model");
  read_usage(json, answer_);
  const auto choices = json.find("choices");
  if (choices == json.end() || !choices->is_array() || choices->empty() || !choices->front().is_object()) return;
  const Json& choice = choices->front();
  if (const auto index = count_of(choice, "index"); index && *index != 0) return;  // a second choice: not asked for
  if (const auto delta = choice.find("delta"); delta != choice.end()) read_texts(*delta, answer_);
  if (const std::string reason = text_of(choice, "finish_reason"); !reason.empty() && answer_.finish_reason.empty())
    answer_.finish_reason = reason;
  read_logprobs(choice, answer_);
}

ChatAnswer ChatStream::finish() {
  if (!events_ && plain_.find('{') != std::string::npos) return read_chat_answer(plain_);
  if (repeats_) answer_.finish_reason = "length";
  if (problem_ && !repeats_) throw *problem_;
  if (answer_.finish_reason.empty())
    throw ChatProblem("stream_ended", done_ ? "the stream does not say why the answer ended"
                                            : "the stream ended before the answer did");
  answer_.content = without_nul(std::move(answer_.content));
  answer_.reasoning = without_nul(std::move(answer_.reasoning));
  return std::move(answer_);
}

}  // namespace ballot
