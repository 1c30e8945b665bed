// A JSON value as a member of a struct, without the price of nlohmann's header: it reads like the value itself.
#pragma once
#include <memory>

#include "core/json.h"

namespace ballot {

class JsonValue {
 public:
  JsonValue();  ///< null
  JsonValue(Json value);
  JsonValue(const JsonValue& other);
  JsonValue(JsonValue&& other) noexcept;
  JsonValue& operator=(JsonValue other) noexcept;
  ~JsonValue();

  const Json& operator*() const { return *value_; }
  Json& operator*() { return *value_; }
  const Json* operator->() const { return value_.get(); }
  Json* operator->() { return value_.get(); }
  operator const Json&() const { return *value_; }

 private:
  std::unique_ptr<Json> value_;
};

}  // namespace ballot
