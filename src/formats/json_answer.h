// A structured answer: the last JSON object of a text that holds the format's label fields.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "formats/format.h"
#include "formats/label_values.h"

namespace ballot {

struct JsonAnswer {
  std::vector<FieldValue> values;  ///< one a field of the format
  std::size_t begin = 0, end = 0;  ///< where the object stands in the text
  std::string text;
};

/// Keys in any case, '_' or blank; a field's other names count. Of several objects the last valid one, else the last;
/// of an object inside another that has the fields, the outer. A key said twice with two values is conflicting. A
/// ranking may be a text
/// ("A>B>C"), a list, a list of lists (ties), or ranks by letter ({"C": 1, ...}; also without the field's name).
std::optional<JsonAnswer> find_json_answer(const Format& format, std::size_t shown, const std::string& text,
                                           bool infer_last = false);

}  // namespace ballot
