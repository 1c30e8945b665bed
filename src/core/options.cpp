#include "core/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/suggest.h"

namespace ballot {

std::string option_key(const std::string& name) {
  std::string key = name;
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

OptionsToJson::OptionsToJson(bool only_result)
    : object_(std::make_unique<Json>(Json::object())), only_result_(only_result) {}
OptionsToJson::~OptionsToJson() = default;
std::string OptionsToJson::text() const {
  return object_->dump();
}

template <class T>
void OptionsToJson::put(const OptionInfo& info, const T& value) {
  if (only_result_ && !info.changes_result) return;
  (*object_)[option_key(info.name)] = value;
}

void OptionsToJson::operator()(const OptionInfo& i, bool& v) {
  put(i, v);
}
void OptionsToJson::operator()(const OptionInfo& i, std::int64_t& v) {
  put(i, v);
}
void OptionsToJson::operator()(const OptionInfo& i, double& v) {
  put(i, v);
}
void OptionsToJson::operator()(const OptionInfo& i, std::string& v) {
  put(i, v);
}
void OptionsToJson::operator()(const OptionInfo& i, std::vector<std::string>& v) {
  put(i, v);
}
void OptionsToJson::operator()(const OptionInfo& i, std::vector<std::int64_t>& v) {
  put(i, v);
}
void OptionsToJson::operator()(const OptionInfo& i, std::vector<double>& v) {
  put(i, v);
}
void OptionsToJson::operator()(const OptionInfo& i, std::optional<std::int64_t>& v) {
  put(i, v ? Json(*v) : Json());
}
void OptionsToJson::operator()(const OptionInfo& i, std::optional<double>& v) {
  put(i, v ? Json(*v) : Json());
}
void OptionsToJson::operator()(const OptionInfo& i, std::optional<std::string>& v) {
  put(i, v ? Json(*v) : Json());
}

OptionsFromJson::OptionsFromJson(const Json& object, std::string context)
    : object_(object), context_(std::move(context)) {}

namespace {

bool convert(const Json& json, bool& value) {
  return json.is_boolean() && (value = json.get<bool>(), true);
}
bool convert(const Json& json, std::int64_t& value) {
  if (json.is_number_integer()) return value = json.get<std::int64_t>(), true;
  if (json.is_number_float() &&
      json.get<double>() == static_cast<double>(static_cast<std::int64_t>(json.get<double>())))
    return value = static_cast<std::int64_t>(json.get<double>()), true;
  return false;
}
bool convert(const Json& json, double& value) {
  return json.is_number() && (value = json.get<double>(), true);
}
bool convert(const Json& json, std::string& value) {
  return json.is_string() && (value = json.get<std::string>(), true);
}
template <class T>
bool convert(const Json& json, std::vector<T>& value) {
  std::vector<T> items;
  const Json list = json.is_array() ? json : Json::array({json});
  for (const Json& item : list) {
    T one;
    if (!convert(item, one)) return false;
    items.push_back(std::move(one));
  }
  value = std::move(items);
  return true;
}
template <class T>
bool convert(const Json& json, std::optional<T>& value) {
  if (json.is_null()) return value.reset(), true;
  T one;
  if (!convert(json, one)) return false;
  value = std::move(one);
  return true;
}

const char* wanted(const bool&) {
  return "true or false";
}
const char* wanted(const std::int64_t&) {
  return "a whole number";
}
const char* wanted(const double&) {
  return "a number";
}
const char* wanted(const std::string&) {
  return "text";
}
template <class T>
std::string wanted(const std::vector<T>&) {
  return fmt::format("a list, each {}", wanted(T()));
}
template <class T>
std::string wanted(const std::optional<T>&) {
  return fmt::format("{} or null", wanted(T()));
}

template <class T>
void check_choices(const OptionInfo&, const std::string&, const T&) {}
void check_choices(const OptionInfo& info, const std::string& context, const std::string& value) {
  if (!info.choices.empty() && std::find(info.choices.begin(), info.choices.end(), value) == info.choices.end())
    throw wrong_usage("{}: {}: unknown value '{}'{}", context, option_key(info.name), value,
                      did_you_mean(value, info.choices));
}
void check_choices(const OptionInfo& info, const std::string& context, const std::vector<std::string>& values) {
  for (const std::string& value : values) check_choices(info, context, value);
}

}  // namespace

template <class T>
void OptionsFromJson::take(const OptionInfo& info, T& value) {
  const std::string key = option_key(info.name);
  known_.push_back(key);
  for (const std::string& spelling : {key, info.name}) {
    const auto found = object_.find(spelling);
    if (found == object_.end()) continue;
    if (!convert(*found, value))
      throw wrong_usage("{}: {}: found {}, wanted {}", context_, key, found->dump(), wanted(value));
    check_choices(info, context_, value);
    return;
  }
}

void OptionsFromJson::operator()(const OptionInfo& i, bool& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::int64_t& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, double& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::string& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::vector<std::string>& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::vector<std::int64_t>& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::vector<double>& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::optional<std::int64_t>& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::optional<double>& v) {
  take(i, v);
}
void OptionsFromJson::operator()(const OptionInfo& i, std::optional<std::string>& v) {
  take(i, v);
}

void OptionsFromJson::check_unknown() const {
  for (const auto& [key, value] : object_.items())
    if (std::find(known_.begin(), known_.end(), option_key(key)) == known_.end())
      throw wrong_usage("{}: unknown key '{}'{}", context_, key, did_you_mean(key, known_));
}

}  // namespace ballot
