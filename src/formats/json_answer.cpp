#include "formats/json_answer.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace ballot {
namespace {

using State = FieldValue::State;

// Judges' answers are short; a text of a million braces is an attack, and costs no more than this.
constexpr std::size_t kMostCandidates = 64, kLongestObject = 1 << 16;

std::string folded(std::string_view key) {
  std::string name;
  for (const char c : key)
    name += c == '_' || c == '-' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

bool names_field(const std::string& key, const LabelField& field) {
  const std::string name = folded(key);
  return name == folded(field.name) || std::find(field.also.begin(), field.also.end(), name) != field.also.end();
}

// One past the brace that closes the one at `begin`, or npos.
std::size_t balanced_end(std::string_view text, std::size_t begin) {
  int depth = 0;
  bool inside = false;
  const std::size_t limit = std::min(text.size(), begin + kLongestObject);
  for (std::size_t i = begin; i < limit; ++i) {
    const char c = text[i];
    if (inside) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inside = false;
      continue;
    }
    if (c == '"') inside = true;
    if (c == '{') ++depth;
    if (c == '}' && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

// Under which key an object stands: {"scores": {"A": 3, ...}} has no ranks, {"ranking": {...}} has.
bool stands_for_ranks(std::string_view text, std::size_t begin, const LabelField& field) {
  const std::size_t colon = begin == 0 ? std::string_view::npos : text.find_last_not_of(" \t\r\n", begin - 1);
  if (colon == std::string_view::npos || text[colon] != ':') return true;
  const std::size_t close = text.rfind('"', colon);
  const std::size_t open =
      close == std::string_view::npos || close == 0 ? std::string_view::npos : text.rfind('"', close - 1);
  if (open == std::string_view::npos) return true;
  const std::string key(text.substr(open + 1, close - open - 1));
  const std::string name = folded(key);
  return names_field(key, field) || name.find("rank") != std::string::npos || name.find("order") != std::string::npos ||
         name.find("answer") != std::string::npos || name.find("result") != std::string::npos || name == "arguments" ||
         name == "output" || name == "label";
}

struct Object {
  std::vector<std::pair<std::string, Json>> members;  ///< repeated keys kept
};

// The members at the top of an object, or nothing where the text is not JSON.
std::optional<Object> parse_object(std::string_view text) {
  Object object;
  const Json::parser_callback_t watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth != 1) return true;
    if (event == Json::parse_event_t::key) object.members.emplace_back(parsed.get<std::string>(), Json());
    const bool value = event == Json::parse_event_t::value || event == Json::parse_event_t::object_end ||
                       event == Json::parse_event_t::array_end;
    if (value && !object.members.empty()) object.members.back().second = parsed;
    return true;
  };
  const Json json = Json::parse(text, watch, false);
  if (!json.is_object()) return {};
  return object;
}

std::optional<int> letter_in(const Json& value, std::size_t shown) {
  if (!value.is_string()) return {};
  const FieldValue letter = read_choice(value.get_ref<const std::string&>(), shown);
  if (!letter.choice || !letter.whole()) return {};
  return letter.choice;
}

FieldValue ranks_by_letter(const Json& object, std::size_t shown) {
  std::vector<std::pair<int, int>> ranks;
  for (const auto& [key, value] : object.items()) {
    std::optional<int> place = letter_in(Json(key), shown), rank;
    if (value.is_number_integer()) rank = value.get<int>();
    if (!place && value.is_string()) {  // {"1": "C", ...}
      place = letter_in(value, shown);
      if (!key.empty() && key.size() < 3 &&
          std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isdigit(c); }))
        rank = std::stoi(key);
    }
    if (!place || !rank) return FieldValue();
    ranks.emplace_back(*place, *rank);
  }
  if (ranks.size() < 2) return FieldValue();
  FieldValue value = ranking_from_ranks(ranks, shown);
  value.repair = "json_ranks";
  return value;
}

FieldValue read_ranking_value(const Json& json, std::size_t shown, bool infer_last) {
  if (json.is_string()) {
    FieldValue value = read_ranking(json.get_ref<const std::string&>(), shown, infer_last);
    return value.whole() ? value : FieldValue();
  }
  if (json.is_object()) return ranks_by_letter(json, shown);
  FieldValue value;
  if (!json.is_array() || json.empty()) return value;
  std::vector<std::pair<int, int>> ranks;
  int rank = 0;
  for (const Json& entry : json) {
    const int group_rank = rank + 1;
    for (const Json& one : entry.is_array() ? entry : Json::array({entry})) {
      const std::optional<int> letter = letter_in(one, shown);
      if (!letter) return FieldValue();
      ranks.emplace_back(*letter, group_rank);
      ++rank;
    }
  }
  if (ranks.size() > shown) {
    value.state = State::kOutOfRange;
    return value;
  }
  return ranking_from_ranks(ranks, shown);
}

FieldValue read_value(const Json& json, const LabelField& field, std::size_t shown, bool infer_last) {
  if (field.kind == FieldKind::kRanking) return read_ranking_value(json, shown, infer_last);
  FieldValue value;
  if (json.is_string()) {
    value = read_field(json.get_ref<const std::string&>(), field, shown, nullptr, infer_last);
    if (value.state == State::kOk && !value.whole()) value = FieldValue();
    return value;
  }
  if (!field.is_number() || !json.is_number()) return value;
  const double number = json.get<double>();
  value.state = State::kOutOfRange;
  if (number < field.minimum || number > field.maximum || number != static_cast<double>(static_cast<int>(number)))
    return value;
  value.state = State::kOk;
  value.number = static_cast<int>(number);
  return value;
}

std::optional<std::vector<FieldValue>> read_object(const Object& object, const Format& format, std::size_t shown,
                                                   bool infer_last) {
  std::vector<FieldValue> values;
  for (const LabelField& field : format.fields) {
    std::optional<FieldValue> value;
    for (const auto& [key, json] : object.members) {
      if (!names_field(key, field)) continue;
      const bool own = folded(key) == folded(field.name);
      FieldValue read = read_value(json, field, shown, infer_last);
      if (value && !(*value == read)) read.state = State::kConflicting;
      if (!value || own || read.state == State::kConflicting) value = std::move(read);
    }
    if (!value || value->state == State::kNone) return {};
    values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace

std::optional<JsonAnswer> find_json_answer(const Format& format, std::size_t shown, const std::string& text,
                                           bool infer_last) {
  std::optional<JsonAnswer> best;
  bool best_valid = false;
  std::size_t tried = 0;
  const bool ranks = format.fields[0].kind == FieldKind::kRanking;
  for (std::size_t begin = text.rfind('{'); begin != std::string::npos && tried < kMostCandidates;
       begin = begin == 0 ? std::string::npos : text.rfind('{', begin - 1), ++tried) {
    const std::size_t end = balanced_end(text, begin);
    if (end == std::string::npos) continue;
    const std::string_view candidate = std::string_view(text).substr(begin, end - begin);
    const std::optional<Object> object = parse_object(candidate);
    if (!object) continue;
    std::optional<std::vector<FieldValue>> values = read_object(*object, format, shown, infer_last);
    if (!values && ranks && stands_for_ranks(text, begin, format.fields[0])) {
      Json json = Json::object();
      for (const auto& [key, value] : object->members) json[key] = value;
      FieldValue value = ranks_by_letter(json, shown);
      if (value.state != State::kNone) values = std::vector<FieldValue>{std::move(value)};
    }
    if (!values) continue;
    const bool valid =
        std::all_of(values->begin(), values->end(), [](const FieldValue& v) { return v.state == State::kOk; });
    const bool encloses = best && end >= best->end;
    if (best && !encloses && (best_valid || !valid)) continue;
    best = JsonAnswer{std::move(*values), begin, end, std::string(candidate)};
    best_valid = valid;
  }
  return best;
}

}  // namespace ballot
