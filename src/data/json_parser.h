// JSON to Values, fast and in place: what large JSONL files are read with.
//
// simdjson is the known choice, and was ours: but libparquet carries its own copy of another version with the same
// exported names, and the two crash each other (docs/decisions/0011). This parser is one pass, moves only texts with
// escapes, and says the column of a fault. Measured: bench/ and docs/performance.md.
#pragma once
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "data/value.h"

namespace ballot {

/// Why a text is not taken: a stable reason, and what is wrong where.
struct JsonProblem {
  std::string reason, message;
};

/// Is it UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF)?
bool is_utf8(std::string_view text);

/// Keeps its buffers from one text to the next.
class JsonParser {
 public:
  /// The value that `text` holds. Texts with escapes are written over `text` itself: the Value points into it and into
  /// `memory`. Throws JsonProblem: invalid_utf8, invalid_json (with the column), lone_surrogate, duplicate_key. Whole
  /// numbers beyond 64 bits become numbers; a number too large for a double is invalid; nesting beyond 1024 levels is,
  /// too.
  Value parse(char* text, std::size_t size, std::pmr::memory_resource& memory);

 private:
  struct Cursor;
  Value value(Cursor& at, int depth);
  Value list(Cursor& at, int depth);
  Value object(Cursor& at, int depth);
  std::vector<Value> items_;
  std::vector<Member> members_;
};

}  // namespace ballot
