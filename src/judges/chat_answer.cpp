#include "judges/chat_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/json_parser.h"

namespace ballot {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// How many bytes of `text` at `at` are one valid character; 0: none.
std::size_t character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xC2 ? 0
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF5 ? 4
                                          : 0;
  return size > 0 && at + size <= text.size() && is_utf8(text.substr(at, size)) ? size : 0;
}

/// "\ud83d" without its other half cannot be decoded; it becomes "\ufffd".
std::string without_lone_surrogates(std::string text) {
  const auto unit = [&](std::size_t at) -> int {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
    int value = 0;
    for (std::size_t i = at + 2; i < at + 6; ++i) {
      const char c = text[i];
      const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  };
  for (std::size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
    const int value = unit(at);
    if (value < 0) {
      at += 2;
      continue;
    }
    const bool high = value >= 0xD800 && value < 0xDC00, low = value >= 0xDC00 && value < 0xE000;
    const int next = high ? unit(at + 6) : -1;
    if (high && next >= 0xDC00 && next < 0xE000) {
      at += 12;
      continue;
    }
    if (high || low) text.replace(at, 6, "\\ufffd");
    at += 6;
  }
  return text;
}

Json parsed(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) json = Json::parse(without_lone_surrogates(with_valid_utf8(text)), nullptr, false);
  return json;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string start_of(std::string_view text) {
  std::string start = with_valid_utf8(text.substr(0, 200));
  for (char& c : start)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return start;
}

std::string without_nul(std::string text) {
  for (std::size_t at = text.find('\0'); at != std::string::npos; at = text.find('\0', at))
    text.replace(at, 1, kReplacement);
  return text;
}

std::optional<std::int64_t> count_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0) return {};
  return found->get<std::int64_t>();
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

bool contains_any(const std::string& text, std::initializer_list<std::string_view> words) {
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace

std::string with_valid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_at(text, at);
    result += size > 0 ? text.substr(at, size) : kReplacement;
    at += std::max<std::size_t>(size, 1);
  }
  return result;
}

bool ServerError::context_exceeded() const {
  return code == "context_length_exceeded" || type == "exceed_context_size_error" ||
         contains_any(message, {"maximum context length", "context length exceeded", "exceeds the context",
                                "exceed context", "longer than the model's context", "exceed context window",
                                "`inputs` tokens + `max_new_tokens` must be"});
}

bool ServerError::quota_spent() const {
  return code == "insufficient_quota" || type == "insufficient_quota";
}

bool ServerError::bad_request() const {
  return contains_any(type, {"badrequest", "bad_request", "invalid_request", "validation"}) ||
         contains_any(message, {"validation error", "input should be", "literal_error", "extra_forbidden"});
}

ServerError read_server_error(std::string_view body) {
  ServerError result;
  const Json json = parsed(body);
  if (json.is_object()) {
    const auto nested = json.find("error");
    const Json& error = nested != json.end() && nested->is_object() ? *nested : json;
    result.message = text_of(error, "message");
    result.type = text_of(error, "type");
    result.code = text_of(error, "code");
    if (nested != json.end() && nested->is_string()) {
      result.message = *nested;
      result.type = text_of(json, "error_type");
    }
    if (result.message.empty()) result.message = text_of(json, "detail");
  }
  if (result.message.empty()) result.message = body.empty() ? "an empty reply" : start_of(body);
  if (result.message.size() > 500)
    result.message = with_valid_utf8(std::string_view(result.message).substr(0, 500)) + "...";
  return result;
}

ChatAnswer read_chat_answer(std::string_view body) {
  const Json json = parsed(body);
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
  const Json json = parsed(body);
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
  const Json json = parsed(data);
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
