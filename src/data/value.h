// One row of any source, as a light tree of values: what JSONL, Parquet and CSV have in common, so that a layout is
// read once and not once a file format.
//
// A Value is 16 bytes and owns nothing: texts, lists and members lie in the reader's memory and live until its next
// row.
#pragma once
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

#include "core/json.h"

namespace ballot {

struct Member;

class Value {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kNumber, kText, kList, kObject };

  Value() = default;
  static Value boolean(bool v);
  static Value integer(std::int64_t v);
  static Value number(double v);
  static Value text(std::string_view v);
  static Value list(std::span<const Value> items);
  static Value object(std::span<const Member> members);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_text() const { return kind_ == Kind::kText; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_number() const { return kind_ == Kind::kInteger || kind_ == Kind::kNumber; }

  /// Of another kind than the one asked for: false, 0, empty.
  bool as_bool() const { return kind_ == Kind::kBool && boolean_; }
  std::int64_t as_integer() const { return kind_ == Kind::kInteger ? integer_ : 0; }
  double as_double() const {
    return kind_ == Kind::kInteger ? static_cast<double>(integer_) : kind_ == Kind::kNumber ? number_ : 0;
  }
  std::string_view as_text() const { return is_text() ? std::string_view(text_, size_) : std::string_view(); }
  std::span<const Value> items() const { return is_list() ? std::span(items_, size_) : std::span<const Value>(); }
  std::span<const Member> members() const;

  /// The member of that name, or none. A member that is null is found.
  const Value* find(std::string_view name) const;
  /// The member of that name, or a null value.
  const Value& get(std::string_view name) const;

 private:
  Kind kind_ = Kind::kNull;
  std::uint32_t size_ = 0;
  union {
    bool boolean_;
    std::int64_t integer_ = 0;
    double number_;
    const char* text_;
    const Value* items_;
    const Member* members_;
  };
};

struct Member {
  std::string_view name;
  Value value;
};

inline std::span<const Member> Value::members() const {
  return is_object() ? std::span<const Member>(members_, size_) : std::span<const Member>();
}

/// "null", "a number", "text", ... for messages.
const char* kind_name(Value::Kind kind);
Json to_json(const Value& value);
/// The tree of a JSON value; its texts point into `json`, its lists into `memory`.
Value to_value(const Json& json, std::pmr::memory_resource& memory);

}  // namespace ballot
