#include "evaluation/json_value.h"

#include <nlohmann/json.hpp>

namespace ballot {

JsonValue::JsonValue() : value_(std::make_unique<Json>()) {}
JsonValue::JsonValue(Json value) : value_(std::make_unique<Json>(std::move(value))) {}
JsonValue::JsonValue(const JsonValue& other) : value_(std::make_unique<Json>(*other.value_)) {}
// What was moved from is still a value: null.
JsonValue::JsonValue(JsonValue&& other) noexcept : JsonValue() {
  value_.swap(other.value_);
}
JsonValue& JsonValue::operator=(JsonValue other) noexcept {
  value_.swap(other.value_);
  return *this;
}
JsonValue::~JsonValue() = default;

}  // namespace ballot
