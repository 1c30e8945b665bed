#include "formats/format_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/embedded.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/strict_yaml.h"
#include "core/suggest.h"
#include "formats/render.h"

namespace ballot {

std::span<const EmbeddedFile> embedded_formats_files();

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kKeys = {"version", "name",        "title", "include",    "kind",  "completions",
                                        "fields",  "preferences", "texts", "structured", "layout"};
const std::vector<std::string> kFieldKeys = {"kind", "name", "also", "minimum", "maximum", "words", "tie"};
const std::vector<std::string> kPreferenceKeys = {"margin", "margin_maximum", "tie"};
const std::vector<std::string> kStructuredKeys = {"reason", "reasons"};
const std::vector<std::string> kLayoutKeys = {"system", "user"};
const std::vector<std::string> kTextKeys = {"role", "helpfulness", "harmlessness", "precedence", "input",
                                            "task", "answer",      "fairness",     "cue",        "answer_cue"};
// What templates see besides the texts.
const std::vector<std::string> kVariables = {"count",        "letters",      "scale",       "tie",
                                             "answer_lines", "conversation", "completions", "code"};
constexpr std::size_t kMostLetters = 26;

// One file of a format: the format's own, or one that it includes.
struct Source {
  YamlFile yaml;
};

[[noreturn]] void fail(const YamlFile& yaml, const std::string& pointer, const std::string& what) {
  throw Error(ErrorKind::kUsage, fmt::format("{}: {}", yaml.place(pointer), what));
}

class Reader {
 public:
  Reader(const std::string& yaml, const std::string& file) { add(yaml, file); }

  Format read() {
    Format format;
    find_texts();
    read_head(format);
    read_fields(format);
    check_shape(format);
    read_preferences(format);
    read_structured(format);
    read_hash(format);
    return format;
  }

  /// The first of the files that has the key says it.
  const Source* where(const std::string& pointer) const {
    for (const Source& source : sources_)
      if (source.yaml.root().contains(Json::json_pointer(pointer))) return &source;
    return nullptr;
  }
  const YamlFile& own() const { return sources_.front().yaml; }
  /// The texts that there may be: the known ones, then others that the layout names.
  const std::vector<std::string>& text_keys() const { return text_keys_; }

  std::string text(const std::string& pointer) const {
    const Source* source = where(pointer);
    if (!source) fail(own(), "", fmt::format("the format has no '{}'", dotted(pointer)));
    const Json& value = source->yaml.root()[Json::json_pointer(pointer)];
    if (!value.is_string() || value.get<std::string>().empty())
      fail(source->yaml, pointer, fmt::format("'{}' is {}; wanted text", dotted(pointer), value.dump()));
    return value;
  }

  JinjaTemplate compiled(const std::string& pointer) const {
    const std::string source = text(pointer);
    return JinjaTemplate(source, fmt::format("{}: {}", where(pointer)->yaml.place(pointer), dotted(pointer)));
  }

 private:
  static std::string dotted(const std::string& pointer) {
    std::string words = pointer.substr(1);
    std::replace(words.begin(), words.end(), '/', '.');
    return words;
  }

  void add(const std::string& text, const std::string& file) {
    if (sources_.size() > 8) fail(own(), "/include", "too many files include one another");
    YamlFile yaml = YamlFile::parse(text, file);
    if (!yaml.root().is_object()) fail(yaml, "", "a format is a mapping (key: value)");
    yaml.check_keys("", kKeys);
    const std::pair<const char*, const std::vector<std::string>*> mappings[] = {
        {"/preferences", &kPreferenceKeys}, {"/structured", &kStructuredKeys}, {"/layout", &kLayoutKeys}};
    for (const auto& [pointer, keys] : mappings)
      if (yaml.root().contains(Json::json_pointer(pointer))) yaml.check_keys(pointer, *keys);
    sources_.push_back({std::move(yaml)});
    const YamlFile& added = sources_.back().yaml;
    if (!added.root().contains("include")) return;
    const Json& name = added.root()["include"];
    if (!name.is_string()) fail(added, "/include", "'include' wants a file's name");
    include(name, file, added.place("/include"));
  }

  // A format's own texts are those that a layout names; anything else is a slip of the pen.
  void find_texts() {
    text_keys_ = kTextKeys;
    std::set<std::string> named;
    for (const Source& source : sources_)
      for (const std::string& key : kLayoutKeys)
        if (const Json::json_pointer at("/layout/" + key);
            source.yaml.root().contains(at) && source.yaml.root()[at].is_string())
          for (std::string& word : words_of(source.yaml.root()[at])) named.insert(std::move(word));
    for (const std::string& word : named)
      if (std::find(kTextKeys.begin(), kTextKeys.end(), word) == kTextKeys.end() &&
          std::find(kVariables.begin(), kVariables.end(), word) == kVariables.end() && where("/texts/" + word))
        text_keys_.push_back(word);
    for (const Source& source : sources_)
      if (source.yaml.root().contains("texts")) source.yaml.check_keys("/texts", text_keys_);
  }

  static std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : text + " ") {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
        word += c;
      } else if (!word.empty()) {
        words.push_back(std::move(word));
        word.clear();
      }
    }
    return words;
  }

  void include(const std::string& name, const std::string& from, const std::string& place) {
    const fs::path beside = fs::path(from).parent_path() / name;
    std::error_code ignored;
    if (fs::is_regular_file(beside, ignored)) return add(read_file(beside), beside.string());
    if (const std::string_view inside = find_embedded(embedded_formats_files(), name); inside.data())
      return add(std::string(inside), name);
    std::vector<std::string> names;
    for (const EmbeddedFile& file : embedded_formats_files()) names.emplace_back(file.name);
    throw Error(ErrorKind::kUsage, fmt::format("{}: no file '{}' beside the format or in Ballot{}", place, name,
                                               did_you_mean(name, names)));
  }

  std::int64_t whole(const YamlFile& yaml, const std::string& pointer) const {
    const Json& value = yaml.root()[Json::json_pointer(pointer)];
    if (!value.is_number_integer())
      fail(yaml, pointer, fmt::format("'{}' is {}; wanted a whole number", dotted(pointer), value.dump()));
    return value;
  }

  template <class Enum>
  Enum word(const std::string& pointer, std::span<const NamedValue<Enum>> table) const {
    const std::string value = text(pointer);
    std::vector<std::string> names;
    for (const NamedValue<Enum>& entry : table) {
      if (entry.name == value) return entry.value;
      names.emplace_back(entry.name);
    }
    fail(where(pointer)->yaml, pointer,
         fmt::format("unknown {} '{}'{}", dotted(pointer), value, did_you_mean(value, names)));
  }

  void read_head(Format& format) {
    format.name = text("/name");
    for (const char c : format.name)
      if (!(std::islower(static_cast<unsigned char>(c)) || std::isdigit(static_cast<unsigned char>(c)) || c == '_'))
        fail(own(), "/name", fmt::format("the name '{}' may have small letters, digits and '_' only", format.name));
    format.title = where("/title") ? text("/title") : format.name;
    if (!own().root().contains("version"))
      fail(own(), "", "the format has no 'version'; begin with 1, raise it when its meaning changes");
    format.version = whole(own(), "/version");
    format.kind = word("/kind", kFormatKinds);
    if (format.kind == FormatKind::kPointwise) format.completions = 1;
    if (format.kind == FormatKind::kListwise) format.completions = 0;
    const Source* source = where("/completions");
    if (!source) return;
    const Json& value = source->yaml.root()["completions"];
    if (value == "all" && format.kind == FormatKind::kListwise) return;
    const std::int64_t count = whole(source->yaml, "/completions");
    const bool fits = format.kind == FormatKind::kPointwise ? count == 1
                      : format.kind == FormatKind::kPairwise
                          ? count == 2
                          : count >= 2 && count <= static_cast<std::int64_t>(kMostLetters);
    if (!fits)
      fail(source->yaml, "/completions",
           fmt::format("a {} format cannot show {} completions", to_string(format.kind), count));
    format.completions = static_cast<std::size_t>(count);
  }

  void read_fields(Format& format) {
    const Source* source = where("/fields");
    if (!source) fail(own(), "", "the format has no 'fields'");
    const YamlFile& yaml = source->yaml;
    const Json& list = yaml.root()["fields"];
    if (!list.is_array() || list.empty()) fail(yaml, "/fields", "'fields' wants a list of label fields");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string at = fmt::format("/fields/{}", i);
      yaml.check_keys(at, kFieldKeys);
      LabelField field;
      field.kind = word(at + "/kind", kFieldKinds);
      field.name = text(at + "/name");
      for (const char c : field.name)
        if (!std::isalpha(static_cast<unsigned char>(c)) && c != ' ')
          fail(yaml, at + "/name", "a field's name may have letters and blanks only");
      if (list[i].contains("also")) {
        if (!list[i]["also"].is_array()) fail(yaml, at + "/also", "'also' wants a list of names");
        for (const Json& name : list[i]["also"]) {
          if (!name.is_string()) fail(yaml, at + "/also", "'also' wants a list of names");
          field.also.push_back(name);
          std::transform(field.also.back().begin(), field.also.back().end(), field.also.back().begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        }
      }
      read_numbers(yaml, at, list[i], field);
      read_ties(yaml, at, list[i], field);
      for (const LabelField& other : format.fields)
        if (other.kind == field.kind)
          throw Error(ErrorKind::kUsage,
                      fmt::format("{}: a second field of kind '{}'", yaml.place(at), to_string(field.kind)),
                      "a ballot has one label; ask for criteria by name before it (structured: {reasons: ...} and the "
                      "task's text), or write a format for each");
      format.fields.push_back(std::move(field));
    }
  }

  void read_numbers(const YamlFile& yaml, const std::string& at, const Json& json, LabelField& field) {
    for (const char* key : {"minimum", "maximum", "words"}) {
      if (json.contains(key) == field.is_number() || (field.is_number() && std::string(key) == "words")) continue;
      fail(yaml, json.contains(key) ? at + "/" + key : at,
           fmt::format("a field of kind '{}' {} '{}'", to_string(field.kind), field.is_number() ? "needs" : "has no",
                       key));
    }
    if (!field.is_number()) return;
    field.minimum = static_cast<int>(whole(yaml, at + "/minimum"));
    field.maximum = static_cast<int>(whole(yaml, at + "/maximum"));
    // Only a comparison has two sides: -3 to 3.
    const int least = field.kind == FieldKind::kComparison ? -100 : 0;
    if (field.minimum < least || field.maximum <= field.minimum || field.maximum > 100)
      fail(yaml, at + "/maximum",
           fmt::format("{} to {} is no scale; wanted {} <= minimum < maximum <= 100", field.minimum, field.maximum,
                       least));
    if (field.kind == FieldKind::kMagnitude && field.minimum != 0)
      fail(yaml, at + "/minimum", "a magnitude begins at 0, which means no difference");
    if (!json.contains("words")) return;
    const std::string pointer = at + "/words";
    if (!json["words"].is_object()) fail(yaml, pointer, "'words' wants number: [word, ...]");
    for (const auto& [key, value] : json["words"].items()) {
      const std::string digits = key.starts_with("-") ? key.substr(1) : key;
      const bool number = !digits.empty() && digits.size() < 4 &&
                          std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); });
      const int step = number ? std::stoi(key) : field.minimum - 1;
      if (step < field.minimum || step > field.maximum)
        fail(yaml, pointer + "/" + key,
             fmt::format("'{}' is not on the scale from {} to {}", key, field.minimum, field.maximum));
      const Json words = value.is_array() ? value : Json::array({value});
      for (const Json& word : words) {
        if (!word.is_string() || word.get<std::string>().empty()) fail(yaml, pointer + "/" + key, "wanted words");
        field.words[step].push_back(word);
      }
      if (field.words[step].empty()) fail(yaml, pointer + "/" + key, "wanted words");
    }
  }

  void read_ties(const YamlFile& yaml, const std::string& at, const Json& json, LabelField& field) {
    if (!json.contains("tie")) return;
    const std::string pointer = at + "/tie";
    if (field.kind != FieldKind::kChoice)
      fail(yaml, pointer, fmt::format("a field of kind '{}' has no 'tie'", to_string(field.kind)));
    const Json words = json["tie"].is_array() ? json["tie"] : Json::array({json["tie"]});
    for (const Json& word : words) {
      if (!word.is_string() || word.get<std::string>().empty())
        fail(yaml, pointer, "'tie' wants the words that say \"neither\", such as [tie, equal]");
      field.ties.push_back(word);
    }
    if (field.ties.empty()) fail(yaml, pointer, "'tie' wants the words that say \"neither\", such as [tie, equal]");
  }

  void read_preferences(Format& format) {
    format.margin = word("/preferences/margin", kMarginRules);
    format.tie = word("/preferences/tie", kTieRules);
    const YamlFile& yaml = where("/preferences")->yaml;
    const auto needs = [&](bool has, const char* pointer, const char* what) {
      if (!has) fail(yaml, pointer, fmt::format("'{}' needs {}", text(pointer), what));
    };
    if (format.margin == MarginRule::kMagnitude)
      needs(format.field(FieldKind::kMagnitude) || format.field(FieldKind::kComparison), "/preferences/margin",
            "a field of kind 'magnitude' or 'comparison'");
    if (format.margin == MarginRule::kScoreDifference)
      needs(format.kind == FormatKind::kPointwise, "/preferences/margin", "a pointwise format");
    if (format.margin == MarginRule::kRankDifference || format.margin == MarginRule::kGroupDifference)
      needs(format.kind == FormatKind::kListwise, "/preferences/margin", "a listwise format");
    const LabelField* comparison = format.field(FieldKind::kComparison);
    const bool neither = comparison ? comparison->steps() % 2 == 1 : !format.fields[0].ties.empty();
    const TieRule rule = format.kind == FormatKind::kPointwise  ? TieRule::kEqualScores
                         : format.kind == FormatKind::kListwise ? TieRule::kEqualRanks
                         : neither                              ? TieRule::kNeither
                         : format.field(FieldKind::kMagnitude)  ? TieRule::kMagnitudeZero
                                                                : TieRule::kNever;
    if (format.tie != rule)
      fail(yaml, "/preferences/tie",
           fmt::format("a tie of this format is '{}', not '{}'", to_string(rule), to_string(format.tie)));
    const Source* says_maximum = where("/preferences/margin_maximum");
    if (!says_maximum) return;
    // Said in the file for its readers, and checked: the fields already decide it. An included file's belongs to its
    // own fields and completions.
    const Json& said = says_maximum->yaml.root()["preferences"]["margin_maximum"];
    const std::size_t shown = format.completions;
    const bool by_ranks =
        format.margin == MarginRule::kRankDifference ||
        (format.margin == MarginRule::kGroupDifference && format.field(FieldKind::kRanking) != nullptr);
    const Json actual = by_ranks && shown == 0 ? Json("completions - 1") : Json(format.margin_maximum(shown));
    if (said == actual || (by_ranks && said == "completions - 1")) return;
    if (says_maximum != &sources_.front())
      margin_maximum_ = actual;
    else
      fail(says_maximum->yaml, "/preferences/margin_maximum",
           fmt::format("the largest margin of these fields is {}, not {}", actual.dump(), said.dump()));
  }

  void read_structured(Format& format) {
    const Source *one = where("/structured/reason"), *several = where("/structured/reasons");
    // Of a format's own reasons and an included file's reason the format's count.
    if (several && (!one || several <= one)) {
      const Json& list = several->yaml.root()["structured"]["reasons"];
      if (!list.is_object() || list.empty())
        fail(several->yaml, "/structured/reasons", "'reasons' wants name: what is asked for");
      for (const auto& [name, asked] : list.items()) {
        const std::string pointer = "/structured/reasons/" + name;
        for (const char c : name)
          if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_')
            fail(several->yaml, pointer, fmt::format("the name '{}' may have letters, digits and '_' only", name));
        for (const LabelField& field : format.fields)
          if (field.key() == name) fail(several->yaml, pointer, fmt::format("'{}' is a label field's name", name));
        format.reasons.emplace_back(name, text(pointer));
      }
      return;
    }
    if (one && !one->yaml.root()["structured"]["reason"].is_null()) format.reason = text("/structured/reason");
  }

  void check_shape(const Format& format) {
    const YamlFile& yaml = where("/fields")->yaml;
    static const std::vector<std::vector<FieldKind>> shapes[] = {
        {{FieldKind::kRating}},
        {{FieldKind::kChoice}, {FieldKind::kChoice, FieldKind::kMagnitude}, {FieldKind::kComparison}},
        {{FieldKind::kRanking}, {FieldKind::kBest}, {FieldKind::kBest, FieldKind::kWorst}}};
    const auto& fitting = shapes[static_cast<std::size_t>(format.kind)];
    std::vector<FieldKind> kinds;
    for (std::size_t i = 0; i < format.fields.size(); ++i) {
      kinds.push_back(format.fields[i].kind);
      const bool begins = std::any_of(fitting.begin(), fitting.end(), [&](const std::vector<FieldKind>& shape) {
        return shape.size() >= kinds.size() && std::equal(kinds.begin(), kinds.end(), shape.begin());
      });
      if (begins) continue;
      std::string first;
      for (const std::vector<FieldKind>& shape : fitting)
        if (const std::string word = fmt::format("'{}'", to_string(shape[0])); first.find(word) == std::string::npos)
          first += (first.empty() ? "" : " or ") + word;
      fail(yaml, fmt::format("/fields/{}", i),
           i == 0 ? fmt::format("the first field of a {} format is of kind {}", to_string(format.kind), first)
                  : fmt::format("a {} format has no field of kind '{}' here", to_string(format.kind),
                                to_string(format.fields[i].kind)));
    }
    if (format.fields.size() == 2 && !format.fields[0].ties.empty())
      fail(yaml, "/fields/0/tie", "a choice with a 'tie' has no magnitude; a scale with both sides is a 'comparison'");
    if (format.fields.size() == 2 && format.fields[1].kind == FieldKind::kWorst && format.completions == 2)
      fail(yaml, "/fields/1", "of two completions the worst is the one that is not the best");
  }

  void read_hash(Format& format) {
    // One object with every key that counts, in one order, whatever files they came from.
    Json merged = Json::object();
    for (const std::string& key : kKeys) {
      if (key == "include") continue;
      const Source* source = where("/" + key);
      if (!source) continue;
      const std::vector<std::string>* parts = key == "texts"         ? &text_keys_
                                              : key == "preferences" ? &kPreferenceKeys
                                              : key == "structured"  ? &kStructuredKeys
                                              : key == "layout"      ? &kLayoutKeys
                                                                     : nullptr;
      if (!parts) {
        merged[key] = source->yaml.root()[key];
        continue;
      }
      for (const std::string& part : *parts)
        if (const Source* of_part = where("/" + key + "/" + part)) merged[key][part] = of_part->yaml.root()[key][part];
    }
    if (!margin_maximum_.is_null()) merged["preferences"]["margin_maximum"] = margin_maximum_;
    // In one file both would stand side by side: only the one that counts is left.
    const Source *one = where("/structured/reason"), *several = where("/structured/reasons");
    if (one && several) merged["structured"].erase(several <= one ? "reason" : "reasons");
    const std::string text = merged.dump(2);  // JSON is YAML
    format.resolved = "# The format as these ballots had it, with what its file includes.\n" + text + "\n";
    format.hash = Hasher().field("format").field(text).hex(32);
  }

  std::vector<Source> sources_;
  std::vector<std::string> text_keys_;
  Json margin_maximum_;  // in place of an included file's, where that one is of other fields
};

}  // namespace

Format Format::parse(const std::string& yaml, const std::string& file) {
  Reader reader(yaml, file);
  Format format = reader.read();
  auto texts = std::make_shared<Texts>(reader.compiled("/layout/system"), reader.compiled("/layout/user"));
  for (const std::string& key : reader.text_keys())
    if (reader.where("/texts/" + key)) texts->texts.emplace(key, reader.compiled("/texts/" + key));
  if (!texts->texts.contains("task")) fail(reader.own(), "", "the format has no 'texts.task': what the judge is to do");
  format.texts_ = std::move(texts);
  // Whatever the templates name must be there: told now, not at the first ballot.
  const std::size_t shown = format.shown(2);
  try {
    format.system_text(shown);
    format.user_text(shown, sample_ballot(shown));
  } catch (const Error& error) {
    throw Error(ErrorKind::kUsage, fmt::format("{}: the layout cannot be rendered: {}", file, error.message()),
                error.next());
  }
  return format;
}

Format Format::load(const std::string& name_or_file) {
  const std::string inside = name_or_file + ".yaml";
  if (const std::string_view text = find_embedded(embedded_formats_files(), inside); text.data())
    return parse(std::string(text), inside);
  std::error_code ignored;
  if (fs::is_regular_file(name_or_file, ignored)) return parse(read_file(name_or_file), name_or_file);
  if (name_or_file.ends_with(".yaml") || name_or_file.ends_with(".yml") || name_or_file.find('/') != std::string::npos)
    throw wrong_usage("cannot read the format {}: no such file", name_or_file);
  throw Error(ErrorKind::kUsage,
              fmt::format("unknown format '{}'{}", name_or_file, did_you_mean(name_or_file, format_names())),
              "name one of these, or a YAML file of your own");
}

std::map<std::string, std::vector<std::string>> format_file_keys() {
  return {
      {"", kKeys},          {"fields", kFieldKeys}, {"preferences", kPreferenceKeys}, {"structured", kStructuredKeys},
      {"texts", kTextKeys}, {"layout", kLayoutKeys}};
}

std::map<std::string, std::vector<std::string>> format_file_words() {
  std::map<std::string, std::vector<std::string>> words;
  for (const auto& entry : kFormatKinds) words["kind"].emplace_back(entry.name);
  for (const auto& entry : kFieldKinds) words["fields.kind"].emplace_back(entry.name);
  for (const auto& entry : kMarginRules) words["margin"].emplace_back(entry.name);
  for (const auto& entry : kTieRules) words["tie"].emplace_back(entry.name);
  return words;
}

std::vector<std::string> format_names() {
  std::vector<std::string> names = {"binary", "binary_magnitude", "single", "ranking"}, others;
  for (const EmbeddedFile& file : embedded_formats_files()) {
    const std::string name(file.name.substr(0, file.name.rfind('.')));
    // What has no name is a part that formats include.
    if (std::find(names.begin(), names.end(), name) == names.end() &&
        file.content.find("\nname:") != std::string_view::npos)
      others.push_back(name);
  }
  std::sort(others.begin(), others.end());
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

}  // namespace ballot
