#include "data/fields.h"

#include <fmt/format.h>

#include <cmath>

namespace ballot {
namespace {

/// "answers[3].model" -> "model".
std::string last_name(const std::string& path) {
  std::string name = path.substr(path.rfind('.') + 1);
  return name.substr(0, name.find('['));
}

std::string role_of(std::string_view from) {
  if (from == "human" || from == "user") return "user";
  if (from == "gpt" || from == "assistant" || from == "chatgpt" || from == "model") return "assistant";
  return std::string(from);
}

}  // namespace

void refuse(std::string field, std::string reason, std::string message) {
  throw RowProblem{std::move(field), std::move(reason), std::move(message)};
}

std::string take_text(const Value& value, const std::string& path) {
  const std::string name = last_name(path);
  if (value.is_null()) refuse(path, name + "_missing", "the field is absent or null");
  if (!value.is_text()) refuse(path, name + "_not_text", fmt::format("wanted text, found {}", kind_name(value.kind())));
  const std::string_view text = value.as_text();
  if (text.find('\0') != std::string_view::npos)
    refuse(path, "nul_character", "the text holds U+0000, which readers of Parquet and of JSON stumble over");
  return std::string(text);
}

std::string take_full_text(const Value& value, const std::string& path) {
  std::string text = take_text(value, path);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    refuse(path, last_name(path) + "_empty", "the text is empty");
  return text;
}

std::optional<std::string> take_optional_text(const Value& row, std::string_view name) {
  const Value& value = row.get(name);
  if (value.is_null()) return std::nullopt;
  return take_text(value, std::string(name));
}

std::optional<double> take_optional_number(const Value& row, std::string_view name) {
  const Value& value = row.get(name);
  if (value.is_null()) return std::nullopt;
  if (!value.is_number() || !std::isfinite(value.as_double()))
    refuse(std::string(name), fmt::format("{}_not_a_number", name),
           fmt::format("wanted a finite number, found {}", kind_name(value.kind())));
  return value.as_double();
}

std::optional<std::int64_t> take_optional_integer(const Value& row, std::string_view name) {
  const std::optional<double> number = take_optional_number(row, name);
  if (!number) return std::nullopt;
  if (*number != std::floor(*number) || std::abs(*number) > 9e15)
    refuse(std::string(name), fmt::format("{}_not_whole", name),
           fmt::format("wanted a whole number, found {}", *number));
  return static_cast<std::int64_t>(*number);
}

std::optional<bool> take_optional_bool(const Value& row, std::string_view name) {
  const Value& value = row.get(name);
  if (value.is_null()) return std::nullopt;
  if (value.kind() != Value::Kind::kBool)
    refuse(std::string(name), fmt::format("{}_not_true_or_false", name),
           fmt::format("wanted true or false, found {}", kind_name(value.kind())));
  return value.as_bool();
}

std::vector<std::string> take_texts(const Value& row, std::string_view name) {
  const Value& value = row.get(name);
  const std::string path(name);
  if (value.is_null()) return {};
  if (value.is_text()) return {take_text(value, path)};
  if (!value.is_list())
    refuse(path, path + "_not_a_list", fmt::format("wanted a list of texts, found {}", kind_name(value.kind())));
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < value.items().size(); ++i)
    texts.push_back(take_text(value.items()[i], fmt::format("{}[{}]", name, i)));
  return texts;
}

std::span<const Value> take_list(const Value& row, std::string_view name) {
  const Value& value = row.get(name);
  const std::string path(name);
  if (value.is_null()) refuse(path, path + "_missing", "the field is absent or null");
  if (!value.is_list())
    refuse(path, path + "_not_a_list", fmt::format("wanted a list, found {}", kind_name(value.kind())));
  if (value.items().empty()) refuse(path, path + "_empty", "the list is empty");
  return value.items();
}

bool is_conversation(const Value& value) {
  return value.is_list() && !value.items().empty() && value.items()[0].is_object();
}

Conversation take_messages(const Value& value, const std::string& path) {
  const std::string name = last_name(path);
  if (value.is_null()) refuse(path, name + "_missing", "the field is absent or null");
  if (!value.is_list())
    refuse(path, name + "_not_a_list", fmt::format("wanted a list of messages, found {}", kind_name(value.kind())));
  if (value.items().empty()) refuse(path, name + "_empty", "the list is empty");
  Conversation messages;
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    const Value& item = value.items()[i];
    const std::string place = fmt::format("{}[{}]", path, i);
    if (!item.is_object())
      refuse(place, "message_not_an_object", fmt::format("wanted {{role, content}}, found {}", kind_name(item.kind())));
    if (!item.find("role") && item.find("from")) {
      messages.push_back(
          {role_of(take_text(item.get("from"), place + ".from")), take_text(item.get("value"), place + ".value")});
    } else {
      messages.push_back(
          {take_text(item.get("role"), place + ".role"), take_text(item.get("content"), place + ".content")});
    }
  }
  return messages;
}

}  // namespace ballot
