// A task file's fields with their types and the harness's defaults, and the fields that are computed from a row.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "evaluation/documents.h"
#include "evaluation/json_value.h"
#include "evaluation/task_file.h"

namespace ballot {

class JinjaTemplate;
struct NativeFunction;

/// doc_to_text and its like. What a value means, in the harness's order: a number or list is itself; a text that equals
/// a column's name is that column's value; another text is a Jinja template over the row; a function is called.
class RowField {
 public:
  RowField() = default;  ///< not given
  RowField(const Json& value, const std::vector<std::string>& columns, const std::string& where);
  bool given() const { return kind_ != Kind::kNone; }
  /// The value before the rules of the field (`target_of`, `choices_of`). Throws Error (input) where the row cannot
  /// give it.
  Json value(const Json& row) const;
  bool is_template() const { return kind_ == Kind::kTemplate; }

 private:
  enum class Kind { kNone, kConstant, kColumn, kTemplate, kFunction };
  Kind kind_ = Kind::kNone;
  JsonValue constant_;
  std::string column_, where_;
  std::shared_ptr<const JinjaTemplate> template_;
  const NativeFunction* function_ = nullptr;
};

/// doc_to_target of a row: after a template, all digits are a whole number where there are choices, and what stands in
/// square brackets is a Python list where it is one.
Json target_of(const RowField& field, const Json& row, bool has_choices);
/// doc_to_choice: a rendered text is a Python list. Throws Error (input) where it is no list of texts.
std::vector<std::string> choices_of(const RowField& field, const Json& row);

struct MetricConfig {
  std::string metric;
  JsonValue aggregation;  ///< "mean" or a function
  bool higher_is_better = true;
  /// Of exact_match: what is not compared. Punctuation and digits are ASCII's.
  bool ignore_case = false, ignore_punctuation = false, ignore_numbers = false;
};

struct FewshotConfig {
  std::string sampler = "default";  ///< "default": drawn at random; "first_n"
  std::optional<std::string> split;
  JsonValue samples;  ///< rows in the task file itself, or a function, or null
  std::vector<std::int64_t> indices;
  JsonValue process_docs, doc_to_text, doc_to_target, doc_to_choice;
  std::string target_delimiter, fewshot_delimiter;
};

struct TaskConfig {
  std::string task, alias, output_type;  ///< "multiple_choice", "generate_until"
  DatasetName dataset;
  std::optional<std::string> training_split, validation_split, test_split;
  JsonValue process_docs, doc_to_text, doc_to_target, doc_to_choice, process_results, generation_kwargs;
  std::string description, target_delimiter, fewshot_delimiter;
  FewshotConfig fewshot;
  std::optional<std::int64_t> num_fewshot;
  std::vector<MetricConfig> metrics;
  JsonValue metadata;
  /// Ballot's own, from metadata.cluster: the column whose equal values belong together in intervals.
  std::string cluster_column;

  /// test_split, or where there is none the validation split.
  const std::string& evaluated_split() const;
  Json version() const;
};

/// Throws Error (usage), naming the file, on values of the wrong type and on what this version does not do
/// (`why_not`).
TaskConfig task_config(const TaskFile& file);
/// What of the task this version cannot do, in a few words; empty where it can do it all.
std::string why_not(const TaskFile& file);
/// The configuration as the harness writes it to its results (functions as their source text).
Json config_json(const TaskFile& file, const TaskConfig& config, std::int64_t num_fewshot);

}  // namespace ballot
