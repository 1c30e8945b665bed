#include "data/annotations.h"

#include <fmt/format.h>

#include "core/error.h"
#include "data/fields.h"
#include "data/parquet_writer.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

enum Column {
  kItemId,
  kPromptId,
  kFormat,
  kJudge,
  kRepeat,
  kShown,
  kChoice,
  kMagnitude,
  kRating,
  kRanking,
  kProbabilities,
  kStatus,
  kTransport,
  kAttempts,
  kRaw,
  kReasoning,
  kPromptTokens,
  kCompletionTokens,
  kCachedTokens,
  kCost,
  kSeconds
};

std::shared_ptr<arrow::Schema> annotations_schema() {
  return arrow::schema({
      arrow::field("item_id", arrow::utf8()),
      arrow::field("prompt_id", arrow::utf8()),
      arrow::field("format", arrow::utf8()),
      arrow::field("judge", arrow::utf8()),
      arrow::field("repeat", arrow::int32()),
      arrow::field("shown", texts_type()),
      arrow::field("choice", arrow::utf8()),
      arrow::field("magnitude", arrow::int32()),
      arrow::field("rating", arrow::int32()),
      arrow::field("ranking", arrow::list(arrow::field("element", texts_type()))),
      arrow::field("probabilities", arrow::list(arrow::field("element", arrow::float64()))),
      arrow::field("status", arrow::utf8()),
      arrow::field("transport", arrow::utf8()),
      arrow::field("attempts", arrow::int32()),
      arrow::field("raw", arrow::utf8()),
      arrow::field("reasoning", arrow::utf8()),
      arrow::field("prompt_tokens", arrow::int64()),
      arrow::field("completion_tokens", arrow::int64()),
      arrow::field("cached_tokens", arrow::int64()),
      arrow::field("cost", arrow::float64()),
      arrow::field("seconds", arrow::float64()),
  });
}

std::vector<std::vector<std::string>> take_groups(const Value& row) {
  const Value& value = row.get("ranking");
  std::vector<std::vector<std::string>> groups;
  if (value.is_null()) return groups;
  if (!value.is_list()) refuse("ranking", "ranking_not_a_list", "wanted a list of groups of completion ids");
  for (std::size_t i = 0; i < value.items().size(); ++i) {
    const Value& item = value.items()[i];
    std::vector<std::string>& group = groups.emplace_back();
    if (!item.is_list())
      refuse(fmt::format("ranking[{}]", i), "ranking_not_a_list", "wanted a group of completion ids");
    for (const Value& id : item.items()) group.push_back(take_text(id, fmt::format("ranking[{}]", i)));
  }
  return groups;
}

std::optional<std::vector<double>> take_probabilities(const Value& row) {
  const Value& value = row.get("probabilities");
  if (value.is_null()) return std::nullopt;
  if (!value.is_list()) refuse("probabilities", "probabilities_not_a_list", "wanted a list of numbers");
  std::vector<double> probabilities;
  for (const Value& item : value.items()) {
    if (!item.is_number()) refuse("probabilities", "probabilities_not_a_number", "wanted a list of numbers");
    probabilities.push_back(item.as_double());
  }
  return probabilities;
}

std::optional<std::int32_t> take_int32(const Value& row, std::string_view name) {
  const auto number = take_optional_integer(row, name);
  return number ? std::optional(static_cast<std::int32_t>(*number)) : std::nullopt;
}

Annotation take_annotation(const Value& row) {
  Annotation a;
  a.item_id = take_full_text(row.get("item_id"), "item_id");
  a.prompt_id = take_full_text(row.get("prompt_id"), "prompt_id");
  a.format = take_full_text(row.get("format"), "format");
  a.judge = take_optional_text(row, "judge").value_or("");
  a.repeat = take_int32(row, "repeat").value_or(0);
  a.shown = take_texts(row, "shown");
  a.choice = take_optional_text(row, "choice");
  a.magnitude = take_int32(row, "magnitude");
  a.rating = take_int32(row, "rating");
  a.ranking = take_groups(row);
  a.probabilities = take_probabilities(row);
  a.status = take_full_text(row.get("status"), "status");
  a.transport = take_optional_text(row, "transport").value_or("text");
  a.attempts = take_int32(row, "attempts").value_or(1);
  a.raw = take_optional_text(row, "raw").value_or("");
  a.reasoning = take_optional_text(row, "reasoning").value_or("");
  a.prompt_tokens = take_optional_integer(row, "prompt_tokens").value_or(0);
  a.completion_tokens = take_optional_integer(row, "completion_tokens").value_or(0);
  a.cached_tokens = take_optional_integer(row, "cached_tokens").value_or(0);
  a.cost = take_optional_number(row, "cost").value_or(0);
  a.seconds = take_optional_number(row, "seconds").value_or(0);
  return a;
}

}  // namespace

std::vector<Annotation> read_annotations(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? path / "annotations.parquet" : path;
  if (!fs::exists(file))
    throw Error(ErrorKind::kInput, fmt::format("cannot read {}: no such file", file.string()),
                fs::is_directory(path) ? "the folder is not one that `ballot annotate` has finished" : "");
  const SourceFile source = inspect_source(file, file.string());
  const RowReader declared(source);
  require_columns(source, declared.columns(), {"item_id", "prompt_id", "format", "status"});
  RejectLog first_is_an_error(true);
  std::vector<Annotation> rows;
  for_each_row({source}, first_is_an_error,
               [&](const SourceFile&, std::int64_t, const Value& row) { rows.push_back(take_annotation(row)); });
  return rows;
}

void write_annotations(const fs::path& path, const std::vector<Annotation>& rows) {
  write_annotations(path, [&](const std::function<void(const Annotation&)>& write) {
    for (const Annotation& a : rows) write(a);
  });
}

void write_annotations(const fs::path& path,
                       const std::function<void(const std::function<void(const Annotation&)>&)>& produce) {
  ParquetWriter file(path, annotations_schema(),
                     {"format", "judge", "choice", "status", "transport", "prompt_id", "shown.list.element",
                      "ranking.list.element.list.element"});
  produce([&](const Annotation& a) {
    writing_parquet(path.string(), [&] {
      put(file.column<arrow::StringBuilder>(kItemId), a.item_id);
      put(file.column<arrow::StringBuilder>(kPromptId), a.prompt_id);
      put(file.column<arrow::StringBuilder>(kFormat), a.format);
      put(file.column<arrow::StringBuilder>(kJudge), a.judge);
      put(file.column<arrow::Int32Builder>(kRepeat), a.repeat);
      put_texts(file.column<arrow::ListBuilder>(kShown), a.shown);
      put(file.column<arrow::StringBuilder>(kChoice), a.choice);
      put(file.column<arrow::Int32Builder>(kMagnitude), a.magnitude);
      put(file.column<arrow::Int32Builder>(kRating), a.rating);
      auto& ranking = file.column<arrow::ListBuilder>(kRanking);
      if (a.ranking.empty()) {
        put_null(ranking);
      } else {
        arrow_ok(ranking.Append(), "append");
        for (const auto& group : a.ranking)
          put_texts(*static_cast<arrow::ListBuilder*>(ranking.value_builder()), group);
      }
      auto& probabilities = file.column<arrow::ListBuilder>(kProbabilities);
      if (!a.probabilities) {
        put_null(probabilities);
      } else {
        arrow_ok(probabilities.Append(), "append");
        for (const double p : *a.probabilities)
          put(*static_cast<arrow::DoubleBuilder*>(probabilities.value_builder()), p);
      }
      put(file.column<arrow::StringBuilder>(kStatus), a.status);
      put(file.column<arrow::StringBuilder>(kTransport), a.transport);
      put(file.column<arrow::Int32Builder>(kAttempts), a.attempts);
      put(file.column<arrow::StringBuilder>(kRaw), a.raw);
      put(file.column<arrow::StringBuilder>(kReasoning), a.reasoning);
      put(file.column<arrow::Int64Builder>(kPromptTokens), a.prompt_tokens);
      put(file.column<arrow::Int64Builder>(kCompletionTokens), a.completion_tokens);
      put(file.column<arrow::Int64Builder>(kCachedTokens), a.cached_tokens);
      put(file.column<arrow::DoubleBuilder>(kCost), a.cost);
      put(file.column<arrow::DoubleBuilder>(kSeconds), a.seconds);
    });
    file.end_row(a.raw.size() + a.reasoning.size() + 200);
  });
  file.commit();
}

}  // namespace ballot
