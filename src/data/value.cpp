#include "data/value.h"

#include <cmath>
#include <limits>
#include <new>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

constexpr int kMaxDepth = 1024;
const Value kNullValue;

Value convert(const Json& json, std::pmr::memory_resource& memory, int depth) {
  if (depth > kMaxDepth) throw bad_input("JSON nested deeper than {} levels", kMaxDepth);
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<std::int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return Value::number(static_cast<double>(number));
      return Value::integer(static_cast<std::int64_t>(number));
    }
    case Json::value_t::number_float:
      return Value::number(json.get<double>());
    case Json::value_t::string:
      return Value::text(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      auto* items = static_cast<Value*>(memory.allocate(json.size() * sizeof(Value) + 1, alignof(Value)));
      std::size_t n = 0;
      for (const Json& item : json) new (items + n++) Value(convert(item, memory, depth + 1));
      return Value::list({items, n});
    }
    case Json::value_t::object: {
      auto* members = static_cast<Member*>(memory.allocate(json.size() * sizeof(Member) + 1, alignof(Member)));
      std::size_t n = 0;
      for (const auto& [name, value] : json.items())
        new (members + n++) Member{name, convert(value, memory, depth + 1)};
      return Value::object({members, n});
    }
    default:
      return Value();
  }
}

}  // namespace

Value Value::boolean(bool v) {
  Value value;
  value.kind_ = Kind::kBool;
  value.boolean_ = v;
  return value;
}

Value Value::integer(std::int64_t v) {
  Value value;
  value.kind_ = Kind::kInteger;
  value.integer_ = v;
  return value;
}

Value Value::number(double v) {
  Value value;
  value.kind_ = Kind::kNumber;
  value.number_ = v;
  return value;
}

Value Value::text(std::string_view v) {
  Value value;
  value.kind_ = Kind::kText;
  value.text_ = v.data();
  value.size_ = static_cast<std::uint32_t>(v.size());
  return value;
}

Value Value::list(std::span<const Value> items) {
  Value value;
  value.kind_ = Kind::kList;
  value.items_ = items.data();
  value.size_ = static_cast<std::uint32_t>(items.size());
  return value;
}

Value Value::object(std::span<const Member> members) {
  Value value;
  value.kind_ = Kind::kObject;
  value.members_ = members.data();
  value.size_ = static_cast<std::uint32_t>(members.size());
  return value;
}

const Value* Value::find(std::string_view name) const {
  if (kind_ != Kind::kObject) return nullptr;
  for (const Member& member : members())
    if (member.name == name) return &member.value;
  return nullptr;
}

const Value& Value::get(std::string_view name) const {
  const Value* value = find(name);
  return value ? *value : kNullValue;
}

const char* kind_name(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kBool:
      return "true or false";
    case Value::Kind::kInteger:
    case Value::Kind::kNumber:
      return "a number";
    case Value::Kind::kText:
      return "text";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kObject:
      return "an object";
  }
  return "?";
}

Json to_json(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return nullptr;
    case Value::Kind::kBool:
      return value.as_bool();
    case Value::Kind::kInteger:
      return value.as_integer();
    case Value::Kind::kNumber:
      return value.as_double();
    case Value::Kind::kText:
      return std::string(value.as_text());
    case Value::Kind::kList: {
      Json list = Json::array();
      for (const Value& item : value.items()) list.push_back(to_json(item));
      return list;
    }
    case Value::Kind::kObject: {
      Json object = Json::object();
      for (const Member& member : value.members()) object[std::string(member.name)] = to_json(member.value);
      return object;
    }
  }
  return nullptr;
}

Value to_value(const Json& json, std::pmr::memory_resource& memory) {
  return convert(json, memory, 0);
}

}  // namespace ballot
