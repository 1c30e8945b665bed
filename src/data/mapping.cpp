#include "data/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/strict_yaml.h"
#include "core/suggest.h"
#include "data/fields.h"
#include "data/prompt_markers.h"

namespace ballot {
namespace {

constexpr std::int32_t kMostRank = 1'000;

const std::vector<std::string> kKeys = {"prompt", "prompt_form", "completions", "completion",   "order",
                                        "winner", "source",      "turns",       "good_natured", "positions"};
const std::vector<std::string> kCompletionKeys = {"text", "model", "rank", "score", "wins"};
const std::vector<std::string> kPromptForms = {"text", "human_assistant", "extra_id"};
const std::vector<std::string> kOrders = {"highest", "lowest"};

// A column, or a field inside one: "meta.question".
class FieldPath {
 public:
  FieldPath() = default;
  explicit FieldPath(const std::string& path) : path_(path) {
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find('.', begin), path.size());
      names_.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  bool given() const { return !names_.empty(); }
  const std::string& text() const { return path_; }
  const std::string& column() const { return names_.front(); }
  const Value& in(const Value& row) const {
    // A column whose own name has a point in it.
    if (const Value* whole = row.find(path_)) return *whole;
    const Value* value = &row;
    for (const std::string& name : names_) value = &value->get(name);
    return *value;
  }

 private:
  std::string path_;
  std::vector<std::string> names_;
};

struct CompletionMap {
  FieldPath text, model, rank, score;
  std::vector<std::string> wins;
};

struct Mapping {
  std::vector<FieldPath> prompt;  // several: their texts with a blank line between, empty ones left out
  FieldPath completions, winner, source, turns, good_natured;
  std::string prompt_form = "text";
  std::vector<CompletionMap> columns;  // of the items of `completions`, side by side, or of the row
  bool side_by_side = false, lowest = false;
};

[[noreturn]] void fail(const YamlFile& yaml, const std::string& pointer, const std::string& what) {
  throw wrong_usage("{}: {}", yaml.place(pointer), what);
}

class Reader {
 public:
  explicit Reader(const YamlFile& yaml) : yaml_(yaml) {}

  Mapping read() {
    if (!yaml_.root().is_object()) fail(yaml_, "", "a mapping of a table is a mapping (key: value)");
    yaml_.check_keys("", kKeys);
    Mapping m;
    if (const Json* list = find("/prompt"); list && list->is_array() && !list->empty())
      for (std::size_t i = 0; i < list->size(); ++i) m.prompt.push_back(path(fmt::format("/prompt/{}", i)));
    else
      m.prompt.push_back(path("/prompt", true));
    m.prompt_form = word("/prompt_form", kPromptForms);
    m.lowest = word("/order", kOrders) == "lowest";
    m.winner = path("/winner");
    m.source = path("/source");
    m.turns = path("/turns");
    m.good_natured = path("/good_natured");
    if (const Json* list = find("/completions"); list && list->is_array()) {
      m.side_by_side = true;
      for (std::size_t i = 0; i < list->size(); ++i) m.columns.push_back(completion(fmt::format("/completions/{}", i)));
      if (m.columns.size() < 2) fail(yaml_, "/completions", "completions side by side are at least two");
      if (find("/completion"))
        fail(yaml_, "/completion", "'completion' tells of the items of one list; here 'completions' tells of each");
    } else {
      m.completions = path("/completions");
      if (!find("/completion")) fail(yaml_, "", "the mapping has no 'completion': where the text and the rank are");
      m.columns.push_back(completion("/completion"));
    }
    check_order(m);
    return m;
  }

  std::vector<std::int64_t> positions() const {
    std::vector<std::int64_t> all;
    const Json* list = find("/positions");
    if (!list) return all;
    for (const Json& one : list->is_array() ? *list : Json::array({*list})) {
      if (!one.is_number_integer() || one < 0) fail(yaml_, "/positions", "'positions' wants places, from 0");
      all.push_back(one);
    }
    return all;
  }

 private:
  const Json* find(const std::string& pointer) const {
    const Json::json_pointer at(pointer);
    return yaml_.root().contains(at) ? &yaml_.root().at(at) : nullptr;
  }

  FieldPath path(const std::string& pointer, bool must = false) const {
    const Json* json = find(pointer);
    if (!json) {
      if (must) fail(yaml_, "", fmt::format("the mapping has no '{}'", pointer.substr(1)));
      return {};
    }
    if (!json->is_string() || json->get_ref<const std::string&>().empty())
      fail(yaml_, pointer, fmt::format("'{}' is {}; wanted a column's name", pointer.substr(1), json->dump()));
    return FieldPath(*json);
  }

  std::string word(const std::string& pointer, const std::vector<std::string>& words) const {
    const Json* json = find(pointer);
    if (!json) return words.front();
    const std::string text = json->is_string() ? json->get<std::string>() : json->dump();
    if (std::find(words.begin(), words.end(), text) == words.end())
      fail(yaml_, pointer, fmt::format("unknown {} '{}'{}", pointer.substr(1), text, did_you_mean(text, words)));
    return text;
  }

  CompletionMap completion(const std::string& pointer) const {
    yaml_.check_keys(pointer, kCompletionKeys);
    CompletionMap c;
    c.text = path(pointer + "/text");
    if (!c.text.given()) fail(yaml_, pointer, "a completion needs 'text': the column that holds it");
    c.model = path(pointer + "/model");
    c.rank = path(pointer + "/rank");
    c.score = path(pointer + "/score");
    if (const Json* wins = find(pointer + "/wins"))
      for (const Json& one : wins->is_array() ? *wins : Json::array({*wins}))
        c.wins.push_back(one.is_string() ? one.get<std::string>() : one.dump());
    return c;
  }

  // One way, and only one, in which the completions get their order.
  void check_order(const Mapping& m) const {
    const std::string at = m.side_by_side ? "/completions" : "/completion";
    for (std::size_t i = 0; i < m.columns.size(); ++i) {
      const CompletionMap& c = m.columns[i];
      const std::string pointer = m.side_by_side ? fmt::format("{}/{}", at, i) : at;
      const int ways = c.rank.given() + c.score.given() + !c.wins.empty();
      if (ways != 1)
        fail(yaml_, pointer,
             fmt::format("{} 'rank', 'score' or 'wins' {} the order of this completion; wanted one of them",
                         ways == 0 ? "none of" : "several of", ways == 0 ? "says" : "say"));
      if (c.rank.given() != m.columns[0].rank.given() || c.score.given() != m.columns[0].score.given())
        fail(yaml_, pointer, "this completion's order is told in another way than the first one's");
      if (!c.wins.empty() && (!m.side_by_side || m.columns.size() != 2 || !m.winner.given()))
        fail(yaml_, pointer + "/wins", "'wins' is for two completions side by side and a column 'winner'");
    }
    if (m.winner.given() && m.columns[0].wins.empty())
      fail(yaml_, "/winner", "each completion needs 'wins': the words of this column that say it is the better one");
    if (find("/order") && !m.columns[0].score.given()) fail(yaml_, "/order", "'order' is one of scores");
  }

  const YamlFile& yaml_;
};

// A number, also as a text (CSV has nothing else).
double take_number(const Value& value, const std::string& path) {
  double number = 0;
  if (value.is_number()) {
    number = value.as_double();
  } else if (value.is_null()) {
    refuse(path, "score_missing", "the field is absent or null");
  } else {
    const std::string_view text = value.as_text();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (!value.is_text() || error != std::errc() || end != text.data() + text.size())
      refuse(path, "score_not_a_number", fmt::format("wanted a number, found {}", kind_name(value.kind())));
  }
  if (!std::isfinite(number)) refuse(path, "score_not_a_number", "wanted a finite number");
  return number;
}

// A text, or a conversation that ends with the assistant's: its last turn.
std::string take_completion(const Value& value, const std::string& path, RankedRow& row) {
  std::string text;
  if (is_conversation(value)) {
    const Conversation messages = take_messages(value, path);
    if (messages.back().role != "assistant")
      refuse(path, "no_answer", fmt::format("the last turn is the {}'s, wanted the assistant's", messages.back().role));
    text = messages.back().content;
  } else {
    text = take_text(value, path);
  }
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    row.warnings.push_back({path, "empty_completion", "the completion is empty"});
  return text;
}

Completion take_completion_of(const CompletionMap& map, const Value& from, const std::string& at, RankedRow& row,
                              std::vector<double>& scores, bool lowest) {
  Completion completion;
  completion.text = take_completion(map.text.in(from), at + map.text.text(), row);
  if (map.model.given()) {
    const Value& model = map.model.in(from);
    if (model.is_null())
      row.warnings.push_back({at + map.model.text(), "model_missing", "the completion's model is not named"});
    else
      completion.model = take_text(model, at + map.model.text());
  }
  if (map.rank.given()) completion.source_rank = take_written_rank(map.rank.in(from), at + map.rank.text(), kMostRank);
  if (map.score.given()) {
    const double score = take_number(map.score.in(from), at + map.score.text());
    scores.push_back(lowest ? -score : score);
  }
  return completion;
}

std::string word_of(const Value& value) {
  if (value.is_text()) return std::string(value.as_text());
  return value.is_null() ? "" : to_json(value).dump();
}

RankedRow read_row(const Mapping& m, const Value& row) {
  RankedRow ranked;
  std::string joined;
  for (const FieldPath& part : m.prompt.size() > 1 ? m.prompt : std::vector<FieldPath>())
    if (const Value& value = part.in(row); !value.is_null())
      if (const std::string text = take_text(value, part.text()); !text.empty())
        joined += (joined.empty() ? "" : "\n\n") + text;
  const Value& prompt = m.prompt.size() > 1 ? Value::text(joined) : m.prompt[0].in(row);
  const std::string& prompt_name = m.prompt[0].text();
  if (m.prompt_form == "human_assistant")
    ranked.prompt = split_human_assistant(take_full_text(prompt, prompt_name));
  else if (m.prompt_form == "extra_id")
    ranked.prompt = split_extra_id(take_full_text(prompt, prompt_name));
  else
    ranked.prompt = take_prompt(prompt, prompt_name);
  std::vector<double> scores;
  if (m.side_by_side) {
    for (const CompletionMap& map : m.columns)
      ranked.completions.push_back(take_completion_of(map, row, "", ranked, scores, m.lowest));
  } else if (m.completions.given()) {
    const Value& list = m.completions.in(row);
    const std::string& name = m.completions.text();
    if (!list.is_list() || list.items().empty())
      refuse(name, fmt::format("{}_not_a_list", name), fmt::format("wanted a list, found {}", kind_name(list.kind())));
    for (std::size_t i = 0; i < list.items().size(); ++i)
      ranked.completions.push_back(
          take_completion_of(m.columns[0], list.items()[i], fmt::format("{}[{}].", name, i), ranked, scores, m.lowest));
  } else {
    ranked.completions.push_back(take_completion_of(m.columns[0], row, "", ranked, scores, m.lowest));
    if (!scores.empty()) ranked.score = scores[0];
    scores.clear();
  }
  if (!scores.empty()) rank_by_score(ranked.completions, scores, m.columns[0].score.text());
  if (m.winner.given()) {
    const std::string said = word_of(m.winner.in(row));
    const auto wins = [&](const CompletionMap& map) {
      return std::find(map.wins.begin(), map.wins.end(), said) != map.wins.end();
    };
    const bool first = wins(m.columns[0]), second = wins(m.columns[1]);
    if (first == second)
      refuse(m.winner.text(), "no_winner", fmt::format("'{}' names {} of the two", said, first ? "both" : "neither"));
    ranked.completions[0].source_rank = first ? 1 : 2;
    ranked.completions[1].source_rank = first ? 2 : 1;
  }
  if (m.source.given()) {
    const Value& source = m.source.in(row);
    if (source.is_list())
      for (const Value& one : source.items()) ranked.source.push_back(take_text(one, m.source.text()));
    else if (!source.is_null())
      ranked.source.push_back(take_text(source, m.source.text()));
  }
  if (m.turns.given())
    if (const Value& turns = m.turns.in(row); !turns.is_null())
      ranked.turns = static_cast<std::int64_t>(take_number(turns, m.turns.text()));
  if (m.good_natured.given()) {
    const Value& good = m.good_natured.in(row);
    if (good.kind() == Value::Kind::kBool)
      ranked.good_natured = good.as_bool();
    else if (!good.is_null())
      refuse(m.good_natured.text(), "good_natured_not_true_or_false",
             fmt::format("wanted true or false, found {}", kind_name(good.kind())));
  }
  return ranked;
}

}  // namespace

bool is_mapping_file(const std::string& layout) {
  return layout.ends_with(".yaml") || layout.ends_with(".yml");
}

std::shared_ptr<const Layout> parse_mapping(const std::string& yaml, const std::string& file) {
  const YamlFile parsed = YamlFile::parse(yaml, file);
  Reader reader(parsed);
  const Mapping mapping = reader.read();
  auto layout = std::make_shared<Layout>();
  layout->name = "mapping";
  std::vector<std::string> needed;
  const auto need = [&](const FieldPath& path) {
    if (path.given() && std::find(needed.begin(), needed.end(), path.column()) == needed.end())
      needed.push_back(path.column());
  };
  for (const FieldPath& part : mapping.prompt) need(part);
  need(mapping.completions);
  need(mapping.winner);
  if (!mapping.completions.given())
    for (const CompletionMap& map : mapping.columns)
      for (const FieldPath* path : {&map.text, &map.rank, &map.score}) need(*path);
  layout->needed = {std::move(needed)};
  layout->one_completion_a_row = !mapping.side_by_side && !mapping.completions.given();
  layout->positions = reader.positions();
  layout->read = [mapping](const Value& row) { return read_row(mapping, row); };
  return layout;
}

std::shared_ptr<const Layout> read_mapping(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    throw wrong_usage("cannot read the mapping {}: no such file", path);
  return parse_mapping(read_file(path), path);
}

}  // namespace ballot
