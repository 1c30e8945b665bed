#include "study/study_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/strict_yaml.h"
#include "core/suggest.h"
#include "formats/format.h"

namespace ballot {
namespace {

/// Reads values of the file with their places in the messages.
class Reader {
 public:
  explicit Reader(const YamlFile& file) : file_(file) {}

  const Json* find(const std::string& pointer) const {
    const Json::json_pointer at(pointer);
    return file_.root().contains(at) && !file_.root().at(at).is_null() ? &file_.root().at(at) : nullptr;
  }
  void take(const std::string& pointer, std::string& value) const {
    if (const Json* json = find(pointer))
      value = json->is_string() ? json->get<std::string>() : throw wrong(pointer, "text");
  }
  void take(const std::string& pointer, std::int64_t& value) const {
    if (const Json* json = find(pointer))
      value = json->is_number_integer() ? json->get<std::int64_t>() : throw wrong(pointer, "a whole number");
  }
  void take(const std::string& pointer, double& value) const {
    if (const Json* json = find(pointer))
      value = json->is_number() ? json->get<double>() : throw wrong(pointer, "a number");
  }
  template <class T>
  void take(const std::string& pointer, std::vector<T>& values) const {
    const Json* json = find(pointer);
    if (!json) return;
    values.clear();
    const Json list = json->is_array() ? *json : Json::array({*json});
    for (std::size_t i = 0; i < list.size(); ++i) {
      T value{};
      if (json->is_array())
        take(fmt::format("{}/{}", pointer, i), value);
      else
        take(pointer, value);
      values.push_back(std::move(value));
    }
  }
  void choice(const std::string& pointer, std::string& value, const std::vector<std::string>& choices) const {
    take(pointer, value);
    if (std::find(choices.begin(), choices.end(), value) == choices.end())
      throw wrong_usage("{}: unknown value '{}'{}", file_.place(pointer), value, did_you_mean(value, choices));
  }
  Error wrong(const std::string& pointer, const char* wanted) const {
    return wrong_usage("{}: '{}': found {}, wanted {}", file_.place(pointer), pointer.substr(1), find(pointer)->dump(),
                       wanted);
  }
  const YamlFile& file() const { return file_; }

 private:
  const YamlFile& file_;
};

std::vector<std::string> training_keys(const std::string& objective) {
  std::vector<std::string> keys;
  const Json options = Json::parse(options_json(training_defaults(objective)));
  for (const auto& [key, value] : options.items())
    if (key != "model" && key != "split" && key != "pool" && key != "reference" && key != "reference_cache" &&
        key != "rejects" && (key != "data" || objective == "sft"))
      keys.push_back(key);
  return keys;
}

StudyTraining read_training(const Reader& reader, const std::string& objective) {
  StudyTraining training;
  training.options = training_defaults(objective);
  const std::string pointer = "/" + objective;
  const Json* json = reader.find(pointer);
  if (!json) return training;
  training.present = true;
  reader.file().check_keys(pointer, training_keys(objective));
  Json rest = *json;
  if (objective == "sft") {
    reader.take(pointer + "/data", training.data);
    if (training.data.empty())
      throw wrong_usage("{}: 'sft' wants data: the rows to fine-tune on", reader.file().place(pointer));
    rest.erase("data");
  } else {
    training.losses = training.options.loss;
    reader.take(pointer + "/loss", training.losses);
    training.margins = {training.options.margin};
    reader.take(pointer + "/margin", training.margins);
    rest["loss"] = training.losses;  // every one is checked against the known names
    for (std::size_t i = 0; i < training.margins.size(); ++i) {
      std::string word = training.margins[i];
      if (word != "none" && word != "column")
        throw wrong_usage("{}: unknown value '{}'{}", reader.file().place(pointer + "/margin"), word,
                          did_you_mean(word, std::vector<std::string>{"none", "column"}));
    }
    rest["margin"] = training.margins.front();
  }
  OptionsFromJson visitor(rest, fmt::format("{}: {}", reader.file().place(pointer), objective));
  visit_options(visitor, training.options);
  if (!training.losses.empty()) training.options.loss = {training.losses.front()};
  return training;
}

const std::vector<std::string> kLabels = {"said", "expected"};

/// Labels can be expected only where the judge gives a distribution: better said before the ballots are paid.
void check_distribution(const Reader& reader, const std::string& name, const Json& judge) {
  const std::string kind = judge.value("kind", "");
  const std::string place = reader.file().place("/judges/" + name);
  if (kind == "simulated")
    throw Error(ErrorKind::kUsage,
                fmt::format("{}: the labels of '{}' are to be expected, and a simulated judge has no distribution",
                            place, name),
                "labels: said for this judge");
  if (kind != "openai" && kind != "batch") return;
  const Json extra = judge.value("extra", Json::object());
  const Json asked = extra.is_object() ? extra.value("logprobs", Json(false)) : Json(false);
  if (asked != true || !extra.contains("top_logprobs"))
    throw Error(ErrorKind::kUsage,
                fmt::format("{}: the labels of '{}' are to be expected, and it is not asked for log-probabilities",
                            place, name),
                "extra: {logprobs: true, top_logprobs: 20} for this judge, or labels: said");
}

StudyAttacks read_attacks_section(const Reader& reader, const StudyFile& study) {
  StudyAttacks attacks;
  const Json* json = reader.find("/attacks");
  if (!json || *json == false) return attacks;
  attacks.present = true;
  attacks.formats = study.formats;
  if (*json == true) return attacks;
  if (!json->is_object()) throw reader.wrong("/attacks", "true, false, or a mapping {kind, file, limit, formats}");
  reader.file().check_keys("/attacks", {"kind", "file", "limit", "formats"});
  reader.choice("/attacks/kind", attacks.kind, {"all", "injection", "distractor"});
  reader.take("/attacks/file", attacks.file);
  attacks.file = study.path(attacks.file);
  reader.take("/attacks/limit", attacks.limit);
  if (attacks.limit < 0) throw reader.wrong("/attacks/limit", "a number of prompts, or 0 for all");
  reader.take("/attacks/formats", attacks.formats);
  for (std::string& format : attacks.formats) {
    for (const auto& [name, file] : study.format_files)
      if (study.path(format) == file) format = name;
    if (std::find(study.formats.begin(), study.formats.end(), format) == study.formats.end())
      throw wrong_usage("{}: '{}' is not among the formats{}", reader.file().place("/attacks/formats"), format,
                        did_you_mean(format, study.formats));
  }
  return attacks;
}

void apply_set(Json& root, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) throw wrong_usage("--set {}: wanted key.key=value", assignment);
  std::string pointer = "/" + assignment.substr(0, equals);
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  root[Json::json_pointer(pointer)] = YamlFile::parse(assignment.substr(equals + 1), "--set " + assignment).root();
}

}  // namespace

std::string StudyFile::path(const std::string& name) const {
  if (name.empty() || name.starts_with("deps:") || std::filesystem::path(name).is_absolute()) return name;
  const std::filesystem::path here = folder / name;
  return std::filesystem::exists(here) ? here.lexically_normal().string() : name;
}

std::string StudyFile::format_file(const std::string& name) const {
  const auto found = format_files.find(name);
  return found == format_files.end() ? name : found->second;
}

std::int64_t StudyAttacks::limit_of(const StudyJudge& judge) const {
  if (limit == 0 || judge.limit == 0) return std::max(limit, judge.limit);
  return std::min(limit, judge.limit);
}

StudyFile read_study(const std::filesystem::path& path, const std::vector<std::string>& set) {
  YamlFile file = YamlFile::read(path);
  if (!set.empty()) {
    // Checked once more as text, so that a misspelt --set key is told like one in the file.
    file.check_keys("", {"study", "seed", "source", "pool", "judges", "sampling", "presentation", "formats", "placebo",
                         "attacks", "preferences", "models", "sft", "dpo", "reward", "seeds", "evaluate", "claims"});
    Json root = file.root();
    for (const std::string& assignment : set) apply_set(root, assignment);
    file = YamlFile::parse(root.dump(1), path.string() + " with --set");
  }
  const Reader reader(file);
  file.check_keys("", {"study", "seed", "source", "pool", "judges", "sampling", "presentation", "formats", "placebo",
                       "attacks", "preferences", "models", "sft", "dpo", "reward", "seeds", "evaluate", "claims"});
  for (const auto& [pointer, keys] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"/source", {"path", "layout", "split"}},
           {"/pool", {"prompts", "positions", "held_out"}},
           {"/sampling", {"temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens"}},
           {"/preferences", {"ties", "pairs", "labels"}},
           {"/evaluate", {"rewardbench", "tasks"}},
           {"/evaluate/tasks", {"names", "data", "limit"}},
           {"/claims", {"primary", "contrasts", "exclusions", "stopping_rule"}}})
    if (reader.find(pointer)) file.check_keys(pointer, keys);

  StudyFile study;
  study.folder = std::filesystem::absolute(path).parent_path();
  study.study = path.stem().string();
  study.json = file.root().dump();
  reader.take("/study", study.study);
  reader.take("/seed", study.seed);
  reader.take("/source/path", study.source);
  if (study.source.empty())
    throw wrong_usage("{}: the study wants source: {{path: ...}}, the ranked completions", file.place("/source"));
  reader.take("/source/layout", study.source_layout);
  if (study.source_layout.ends_with(".yaml") || study.source_layout.ends_with(".yml"))
    study.source_layout = study.path(study.source_layout);  // a mapping's file
  else
    reader.choice("/source/layout", study.source_layout,
                  {"auto", "nectar", "ultrafeedback", "helpsteer", "preferences", "table", "ballot"});
  reader.take("/source/split", study.source_split);
  reader.take("/pool/prompts", study.prompts);
  reader.take("/pool/positions", study.positions);
  reader.take("/pool/held_out", study.held_out);
  if (std::string labels = "said"; reader.find("/preferences/labels"))
    reader.choice("/preferences/labels", labels, kLabels);
  reader.choice("/presentation", study.presentation, {"random", "both", "given"});

  if (const Json* judges = reader.find("/judges")) {
    if (!judges->is_object()) throw reader.wrong("/judges", "a mapping of names to judges");
    for (const auto& [name, value] : judges->items()) {
      if (value.is_null()) continue;  // taken out by --set judges.NAME=null
      if (!value.is_object()) throw reader.wrong("/judges/" + name, "a mapping that says who judges");
      StudyJudge judge;
      judge.name = name;
      reader.take("/judges/" + name + "/limit", judge.limit);
      reader.take("/judges/" + name + "/model", judge.model);
      reader.take("/preferences/labels", judge.labels);
      reader.choice("/judges/" + name + "/labels", judge.labels, kLabels);
      if (judge.labels == "expected") check_distribution(reader, name, value);
      Json spec = value;
      spec.erase("limit");
      spec.erase("labels");
      judge.spec = spec.dump();
      study.judges.push_back(std::move(judge));
    }
  }
  if (study.judges.empty()) throw wrong_usage("{}: the study wants judges: at least one", file.place("/judges"));
  if (const Json* sampling = reader.find("/sampling")) {
    OptionsFromJson visitor(*sampling, fmt::format("{}: sampling", file.place("/sampling")));
    visit_options(visitor, study.sampling);
  }
  study.formats = {"binary", "binary_magnitude", "single", "ranking"};
  reader.take("/formats", study.formats);
  reader.take("/placebo", study.placebo);
  for (std::string& format : study.formats) {
    if (!format.ends_with(".yaml") && !format.ends_with(".yml")) continue;
    const std::string file = study.path(format), name = Format::load(file).name;
    study.format_files[name] = file;
    if (study.placebo == format) study.placebo = name;
    format = name;
  }
  if (std::set<std::string>(study.formats.begin(), study.formats.end()).size() != study.formats.size())
    throw wrong_usage("{}: a format stands in the list twice", file.place("/formats"));
  if (!study.placebo.empty() &&
      std::find(study.formats.begin(), study.formats.end(), study.placebo) == study.formats.end())
    throw wrong_usage("{}: the placebo '{}' is not among the formats{}", file.place("/placebo"), study.placebo,
                      did_you_mean(study.placebo, study.formats));
  reader.choice("/preferences/ties", study.ties, {"random", "drop", "soft", "keep"});
  reader.choice("/preferences/pairs", study.pairs, {"all", "complete"});
  study.attacks = read_attacks_section(reader, study);

  if (const Json* models = reader.find("/models")) {
    if (!models->is_object()) throw reader.wrong("/models", "a mapping of names to {base, instruct}");
    for (const auto& [name, value] : models->items()) {
      const std::string pointer = "/models/" + name;
      file.check_keys(pointer, {"base", "instruct"});
      StudyModel model{name, "", ""};
      reader.take(pointer + "/base", model.base);
      reader.take(pointer + "/instruct", model.instruct);
      if (model.base.empty())
        throw wrong_usage("{}: the model '{}' wants base: a path, a hub name or deps:NAME", file.place(pointer), name);
      study.models.push_back(std::move(model));
    }
  }
  study.sft = read_training(reader, "sft");
  study.dpo = read_training(reader, "dpo");
  study.reward = read_training(reader, "reward");
  if (study.models.empty() && (study.sft.present || study.dpo.present || study.reward.present))
    throw wrong_usage("{}: the study trains, and names no models", file.name());
  reader.take("/seeds", study.seeds);
  reader.take("/evaluate/rewardbench", study.rewardbench);
  reader.take("/evaluate/tasks/names", study.tasks);
  reader.take("/evaluate/tasks/data", study.task_data);
  reader.take("/evaluate/tasks/limit", study.task_limit);
  if (const Json* claims = reader.find("/claims")) {
    study.claims = claims->dump();
    if (const Json* contrasts = reader.find("/claims/contrasts"))
      for (std::size_t i = 0; i < contrasts->size(); ++i) {
        std::vector<std::string> pair;
        reader.take(fmt::format("/claims/contrasts/{}", i), pair);
        if (pair.size() != 2)
          throw wrong_usage("{}: a contrast is a pair of formats", file.place(fmt::format("/claims/contrasts/{}", i)));
        for (const std::string& format : pair)
          if (std::find(study.formats.begin(), study.formats.end(), format) == study.formats.end())
            throw wrong_usage("{}: unknown format '{}'{}", file.place(fmt::format("/claims/contrasts/{}", i)), format,
                              did_you_mean(format, study.formats));
      }
  }
  return study;
}

}  // namespace ballot
