#include "evaluation/task_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/suggest.h"
#include "evaluation/generation.h"
#include "evaluation/native_functions.h"
#include "evaluation/python_literal.h"
#include "evaluation/python_text.h"
#include "text/jinja.h"

namespace ballot {
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kMetrics = {"acc", "acc_norm", "acc_bytes", "exact_match"};

struct Fields {
  const TaskFile& file;

  Error wrong(const std::string& key, const std::string& what) const {
    const auto from = file.from.find(key);
    return wrong_usage("{}: {} {}", (from == file.from.end() ? file.path : from->second).string(), key, what);
  }
  Json get(const std::string& key) const { return file.fields->value(key, Json()); }
  std::string text(const std::string& key, const std::string& otherwise) const {
    const Json value = get(key);
    if (value.is_null()) return otherwise;
    if (!value.is_string()) throw wrong(key, "wants a text, found " + value.dump());
    return value.get<std::string>();
  }
  std::optional<std::string> name(const std::string& key) const {
    if (get(key).is_null()) return std::nullopt;
    return text(key, "");
  }
  std::optional<std::int64_t> number(const std::string& key) const {
    const Json value = get(key);
    if (value.is_null()) return std::nullopt;
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0)
      throw wrong(key, "wants a whole number from 0, found " + value.dump());
    return value.get<std::int64_t>();
  }
};

FewshotConfig fewshot_config(const Fields& fields, const TaskConfig& task) {
  FewshotConfig config;
  config.split = fields.name("fewshot_split");
  config.process_docs = task.process_docs;
  config.doc_to_text = task.doc_to_text;
  config.doc_to_target = task.doc_to_target;
  config.doc_to_choice = task.doc_to_choice;
  config.target_delimiter = task.target_delimiter;
  config.fewshot_delimiter = task.fewshot_delimiter;
  const Json given = fields.get("fewshot_config");
  if (given.is_null()) return config;
  if (!given.is_object()) throw fields.wrong("fewshot_config", "wants a mapping");
  static const std::vector<std::string> known = {
      "sampler",       "split",         "process_docs", "fewshot_indices",   "samples",         "doc_to_text",
      "doc_to_choice", "doc_to_target", "gen_prefix",   "fewshot_delimiter", "target_delimiter"};
  for (const auto& [key, value] : given.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw fields.wrong("fewshot_config", fmt::format("has an unknown key '{}'{}", key, did_you_mean(key, known)));
    if (value.is_null()) continue;
    const auto text = [&, &key = key, &value = value] {
      if (!value.is_string()) throw fields.wrong("fewshot_config", key + " wants a text");
      return value.get<std::string>();
    };
    if (key == "sampler") config.sampler = text();
    if (key == "split") config.split = text();
    if (key == "process_docs") config.process_docs = value;
    if (key == "samples") config.samples = value;
    if (key == "doc_to_text") config.doc_to_text = value;
    if (key == "doc_to_choice") config.doc_to_choice = value;
    if (key == "doc_to_target") config.doc_to_target = value;
    if (key == "fewshot_delimiter") config.fewshot_delimiter = text();
    if (key == "target_delimiter") config.target_delimiter = text();
    if (key == "fewshot_indices") {
      if (!value.is_array() || !std::all_of(value.begin(), value.end(), [](const Json& i) {
            return i.is_number_unsigned() || (i.is_number_integer() && i.get<std::int64_t>() >= 0);
          }))
        throw fields.wrong("fewshot_config", "fewshot_indices wants a list of whole numbers from 0");
      config.indices = value.get<std::vector<std::int64_t>>();
    }
  }
  if (!config.samples->is_null() && !is_function(config.samples) &&
      !(config.samples->is_array() &&
        std::all_of(config.samples->begin(), config.samples->end(), [](const Json& s) { return s.is_object(); })))
    throw fields.wrong("fewshot_config", "samples wants a list of rows");
  return config;
}

/// The native function of that name with the member that is wanted, or null.
template <class Member>
const NativeFunction* native_with(const Json& value, const TaskFile& file, Member member) {
  try {
    const NativeFunction& function = native_function(value, file.path.string());
    return function.*member ? &function : nullptr;
  } catch (const Error&) {
    return nullptr;
  }
}

/// The same for a task that generates.
std::string unsupported_generation(const TaskFile& file) {
  const Json& fields = *file.fields;
  if (const std::string problem = problem_of_generation(fields.value("generation_kwargs", Json())); !problem.empty())
    return problem;
  for (const char* key : {"doc_to_text", "doc_to_target", "process_docs"})
    if (const Json value = fields.value(key, Json()); is_function(value) &&
                                                      !native_with(value, file, &NativeFunction::of_row) &&
                                                      !native_with(value, file, &NativeFunction::of_documents))
      return fmt::format("its {} (the Python function {})", key, value["function"].dump());
  const Json process = fields.value("process_results", Json());
  if (!process.is_null() && (!is_function(process) || !native_with(process, file, &NativeFunction::of_answer)))
    return fmt::format("its process_results (the Python function {})",
                       is_function(process) ? process["function"].dump() : process.dump());
  if (const Json choices = fields.value("doc_to_choice", Json()); !choices.is_null())
    return "a doc_to_choice in a task that generates";
  for (const Json& metric : fields.value("metric_list", Json::array())) {
    const Json name = metric.is_object() ? metric.value("metric", Json()) : Json();
    if (!name.is_string()) return fmt::format("the metric {}", name.dump());
    if (process.is_null() && name != "exact_match")
      return fmt::format("the metric {} (exact_match is done, and what a process_results gives)", name.dump());
    for (const auto& [key, value] : metric.items())
      if (key != "metric" && key != "aggregation" && key != "higher_is_better" && key != "ignore_case" &&
          key != "ignore_punctuation" && key != "ignore_numbers")
        return fmt::format("the metric {}'s '{}'", name.dump(), key);
    const Json aggregation = metric.value("aggregation", Json("mean"));
    if (aggregation != "mean" &&
        !(is_function(aggregation) && native_with(aggregation, file, &NativeFunction::mean_of_entries)))
      return fmt::format("the aggregation {} (mean is done)",
                         is_function(aggregation) ? aggregation["function"].dump() : aggregation.dump());
  }
  return "";
}

/// What the whole file asks for that is not done here.
std::string unsupported(const TaskFile& file) {
  const Json& fields = *file.fields;
  const auto given = [&](const char* key) {
    return fields.contains(key) && !fields[key].is_null() && fields[key] != Json(false) && fields[key] != Json("");
  };
  for (const char* key : {"custom_dataset", "doc_to_image", "doc_to_audio", "unsafe_code", "use_prompt", "filter_list",
                          "should_decontaminate", "gen_prefix", "class"})
    if (given(key)) return fmt::format("its '{}'", key);
  if (given("repeats") && fields["repeats"] != Json(1)) return "its 'repeats' other than 1";
  if (given("fewshot_config") && fields["fewshot_config"].is_object()) {
    const Json& fewshot = fields["fewshot_config"];
    if (fewshot.contains("gen_prefix") && !fewshot["gen_prefix"].is_null()) return "its 'gen_prefix'";
    if (const Json sampler = fewshot.value("sampler", Json("default")); sampler != "default" && sampler != "first_n")
      return fmt::format("its few-shot sampler {} (default and first_n are done)", sampler.dump());
  }
  const Json output = fields.value("output_type", Json("generate_until"));
  if (output == "generate_until") return unsupported_generation(file);
  if (output != "multiple_choice")
    return fmt::format("its output_type {} (multiple_choice and generate_until are done)", output.dump());
  if (given("process_results")) return "its 'process_results' (done for tasks that generate)";
  if (fields.contains("doc_to_text") && fields["doc_to_text"].is_number())
    return "a doc_to_text that is a number (several inputs)";
  for (const Json& metric : fields.value("metric_list", Json::array())) {
    const Json name = metric.is_object() ? metric.value("metric", Json()) : Json();
    if (!name.is_string() || std::find(kMetrics.begin(), kMetrics.end(), name.get<std::string>()) == kMetrics.end())
      return fmt::format("the metric {} (acc, acc_norm, acc_bytes and exact_match are done)", name.dump());
    if (const Json aggregation = metric.value("aggregation", Json("mean")); aggregation != "mean")
      return fmt::format("the aggregation {} (mean is done)",
                         is_function(aggregation) ? aggregation["function"].dump() : aggregation.dump());
  }
  return "";
}

}  // namespace

RowField::RowField(const Json& value, const std::vector<std::string>& columns, const std::string& where)
    : where_(where) {
  if (value.is_null()) return;
  if (is_function(value)) {
    kind_ = Kind::kFunction;
    function_ = &native_function(value, where);
    if (!function_->of_row) throw wrong_usage("{}: the function '{}' is not one of a row", where, function_->name);
  } else if (value.is_string()) {
    const std::string text = value;
    if (std::find(columns.begin(), columns.end(), text) != columns.end()) {
      kind_ = Kind::kColumn;
      column_ = text;
    } else {
      kind_ = Kind::kTemplate;
      template_ = std::make_shared<const JinjaTemplate>(text, where);
    }
  } else if (value.is_object()) {
    // A mapping of choices: its values in order.
    kind_ = Kind::kConstant;
    constant_ = JsonValue(Json::array());
    for (const auto& [key, item] : value.items()) constant_->push_back(item);
  } else {
    kind_ = Kind::kConstant;
    constant_ = value;
  }
}

Json RowField::value(const Json& row) const {
  switch (kind_) {
    case Kind::kConstant:
      return *constant_;
    case Kind::kColumn: {
      const auto found = row.find(column_);
      if (found == row.end()) throw bad_input("{}: the row has no column '{}'", where_, column_);
      return *found;
    }
    case Kind::kTemplate:
      return template_->render(row);
    case Kind::kFunction:
      return function_->of_row(row);
    case Kind::kNone:
      break;
  }
  return nullptr;
}

Json target_of(const RowField& field, const Json& row, bool has_choices) {
  Json value = field.value(row);
  if (!field.is_template()) return value;
  const std::string& text = value.get_ref<const std::string&>();
  if (has_choices && is_ascii_digits(text)) return parse_python_literal(text);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') try {
      return parse_python_literal(text);
    } catch (const Error&) {
      return value;
    }
  return value;
}

std::vector<std::string> choices_of(const RowField& field, const Json& row) {
  Json value = field.value(row);
  if (field.is_template()) value = parse_python_literal(value.get_ref<const std::string&>());
  if (!value.is_array()) throw bad_input("doc_to_choice gives {}, and a list of texts is wanted", value.dump());
  std::vector<std::string> choices;
  for (const Json& choice : value) {
    if (!choice.is_string()) throw bad_input("doc_to_choice gives {}, and every choice must be a text", value.dump());
    choices.push_back(choice.get<std::string>());
  }
  return choices;
}

const std::string& TaskConfig::evaluated_split() const {
  if (test_split) return *test_split;
  if (validation_split) return *validation_split;
  throw wrong_usage("the task '{}' names no test_split and no validation_split", task);
}

Json TaskConfig::version() const {
  return metadata->is_object() ? metadata->value("version", Json("Yaml")) : Json("Yaml");
}

std::string why_not(const TaskFile& file) {
  return unsupported(file);
}

TaskConfig task_config(const TaskFile& file) {
  const Fields fields{file};
  if (const std::string what = unsupported(file); !what.empty())
    throw Error(ErrorKind::kUsage, fmt::format("the task '{}' cannot be done by this version: {}", file.name(), what),
                "`ballot eval --tasks list` says what can");
  TaskConfig config;
  config.task = file.name();
  config.alias = fields.text("task_alias", config.task);
  config.output_type = fields.text("output_type", "generate_until");
  config.dataset.path = fields.text("dataset_path", "");
  if (config.dataset.path.empty()) throw fields.wrong("dataset_path", "is missing");
  config.dataset.name = fields.name("dataset_name");
  config.dataset.kwargs = fields.get("dataset_kwargs");
  const auto from = file.from.find("dataset_kwargs");
  config.dataset.folder = (from == file.from.end() ? file.path : from->second).parent_path();
  config.training_split = fields.name("training_split");
  config.validation_split = fields.name("validation_split");
  config.test_split = fields.name("test_split");
  config.process_docs = fields.get("process_docs");
  config.doc_to_text = fields.get("doc_to_text");
  config.doc_to_target = fields.get("doc_to_target");
  config.doc_to_choice = fields.get("doc_to_choice");
  config.process_results = fields.get("process_results");
  config.generation_kwargs = fields.get("generation_kwargs");
  config.description = fields.text("description", "");
  config.target_delimiter = fields.text("target_delimiter", " ");
  config.fewshot_delimiter = fields.text("fewshot_delimiter", "\n\n");
  config.num_fewshot = fields.number("num_fewshot");
  config.metadata = fields.get("metadata");
  config.fewshot = fewshot_config(fields, config);
  const bool generates = config.output_type == "generate_until";
  for (const char* key : {"doc_to_text", "doc_to_target", "doc_to_choice"})
    if (fields.get(key).is_null() && !(generates && key == std::string_view("doc_to_choice")))
      throw fields.wrong(key, "is missing");
  config.evaluated_split();
  const Json metrics = fields.get("metric_list");
  if (metrics.is_null()) {
    config.metrics = {{"acc", Json("mean"), true}, {"acc_norm", Json("mean"), true}};
    if (generates) config.metrics = {{"exact_match", Json("mean"), true}};
  } else if (!metrics.is_array()) {
    throw fields.wrong("metric_list", "wants a list");
  } else {
    for (const Json& metric : metrics)
      config.metrics.push_back({metric["metric"], metric.value("aggregation", Json("mean")),
                                metric.value("higher_is_better", Json(true)) != Json(false),
                                metric.value("ignore_case", Json(false)) == Json(true),
                                metric.value("ignore_punctuation", Json(false)) == Json(true),
                                metric.value("ignore_numbers", Json(false)) == Json(true)});
  }
  if (config.metadata->is_object() && config.metadata->contains("cluster")) {
    if (!(*config.metadata)["cluster"].is_string())
      throw fields.wrong("metadata", "cluster wants the name of a column");
    config.cluster_column = (*config.metadata)["cluster"];
  }
  return config;
}

Json config_json(const TaskFile& file, const TaskConfig& config, std::int64_t num_fewshot) {
  // Functions as source text wherever they stand.
  const auto shown = [](const auto& self, const Json& value) -> Json {
    if (is_function(value)) {
      const fs::path source = value["file"].get<std::string>();
      return fs::is_regular_file(source)
                 ? python_function_source(read_file(source), value["function"].get<std::string>())
                 : value["function"].get<std::string>();
    }
    if (!value.is_structured()) return value;
    Json out = value.is_array() ? Json::array() : Json::object();
    for (auto item = value.begin(); item != value.end(); ++item) {
      if (value.is_array())
        out.push_back(self(self, *item));
      else
        out[item.key()] = self(self, *item);
    }
    return out;
  };
  const auto show = [&](const Json& value) { return shown(shown, value); };
  const auto optional = [](const std::optional<std::string>& text) { return text ? Json(*text) : Json(); };
  const FewshotConfig& few = config.fewshot;
  Json fewshot = {{"sampler", few.sampler},
                  {"split", optional(few.split)},
                  {"process_docs", show(few.process_docs)},
                  {"fewshot_indices", few.indices.empty() ? Json() : Json(few.indices)},
                  {"samples", show(few.samples)},
                  {"doc_to_text", show(few.doc_to_text)},
                  {"doc_to_choice", show(few.doc_to_choice)},
                  {"doc_to_target", show(few.doc_to_target)},
                  {"gen_prefix", nullptr},
                  {"fewshot_delimiter", few.fewshot_delimiter},
                  {"target_delimiter", few.target_delimiter}};
  Json metrics = Json::array();
  for (const MetricConfig& metric : config.metrics)
    metrics.push_back({{"metric", metric.metric},
                       {"aggregation", show(metric.aggregation)},
                       {"higher_is_better", metric.higher_is_better}});
  Json metadata = config.metadata->is_object() ? *config.metadata : Json::object();
  metadata["config_source"] = file.path.string();
  const Json all = {{"task", config.task},
                    {"task_alias", file.fields->value("task_alias", Json())},
                    {"tag", file.fields->value("tag", Json())},
                    {"dataset_path", config.dataset.path},
                    {"dataset_name", optional(config.dataset.name)},
                    {"dataset_kwargs", *config.dataset.kwargs},
                    {"training_split", optional(config.training_split)},
                    {"validation_split", optional(config.validation_split)},
                    {"test_split", optional(config.test_split)},
                    {"fewshot_split", file.fields->value("fewshot_split", Json())},
                    {"process_docs", show(config.process_docs)},
                    {"doc_to_text", show(config.doc_to_text)},
                    {"doc_to_target", show(config.doc_to_target)},
                    {"unsafe_code", false},
                    {"doc_to_choice", show(config.doc_to_choice)},
                    {"process_results", show(config.process_results)},
                    {"description", config.description},
                    {"target_delimiter", config.target_delimiter},
                    {"fewshot_delimiter", config.fewshot_delimiter},
                    {"fewshot_config", fewshot},
                    {"num_fewshot", num_fewshot},
                    {"metric_list", metrics},
                    {"output_type", config.output_type},
                    {"generation_kwargs", *config.generation_kwargs},
                    {"repeats", 1},
                    {"should_decontaminate", false},
                    {"metadata", metadata}};
  Json out = Json::object();
  for (const auto& [key, value] : all.items())
    if (!value.is_null()) out[key] = value;
  return out;
}

}  // namespace ballot
