#include "data/pool_file.h"

#include <fmt/format.h>

#include "core/error.h"
#include "data/fields.h"
#include "data/parquet_writer.h"
#include "data/pool.h"

namespace ballot {
namespace {

enum Column { kPromptId, kPrompt, kCompletions, kSource, kTurns, kGoodNatured, kSplit };

std::shared_ptr<arrow::Schema> pool_schema() {
  const auto completion =
      arrow::struct_({arrow::field("completion_id", arrow::utf8()), arrow::field("text", arrow::utf8()),
                      arrow::field("model", arrow::utf8()), arrow::field("source_rank", arrow::int32())});
  return arrow::schema({
      arrow::field("prompt_id", arrow::utf8()),
      arrow::field("prompt", messages_type()),
      arrow::field("completions", arrow::list(arrow::field("element", completion))),
      arrow::field("source", texts_type()),
      arrow::field("turns", arrow::int32()),
      arrow::field("good_natured", arrow::boolean()),
      arrow::field("split", arrow::utf8()),
  });
}

PoolRow take_pool_row(const Value& row) {
  PoolRow pool;
  pool.prompt_id = take_full_text(row.get("prompt_id"), "prompt_id");
  pool.prompt = take_messages(row.get("prompt"), "prompt");
  const std::span<const Value> completions = take_list(row, "completions");
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const std::string path = fmt::format("completions[{}]", i);
    Completion c;
    c.completion_id = take_full_text(completions[i].get("completion_id"), path + ".completion_id");
    c.text = take_text(completions[i].get("text"), path + ".text");
    c.model = take_optional_text(completions[i], "model").value_or("");
    const auto rank = take_optional_integer(completions[i], "source_rank");
    if (!rank) refuse(path + ".source_rank", "source_rank_missing", "the field is absent or null");
    c.source_rank = static_cast<std::int32_t>(*rank);
    if (i > 0 && c.source_rank <= pool.completions.back().source_rank)
      refuse(path + ".source_rank", "not_best_first", "completions stand best first, each rank once");
    pool.completions.push_back(std::move(c));
  }
  pool.source = take_texts(row, "source");
  pool.turns = static_cast<std::int32_t>(take_optional_integer(row, "turns").value_or(1));
  pool.good_natured = take_optional_bool(row, "good_natured");
  pool.split = take_optional_text(row, "split").value_or("train");
  if (pool.split != "train" && pool.split != "held_out")
    refuse("split", "unknown_split", fmt::format("wanted train or held_out, found '{}'", pool.split));
  return pool;
}

}  // namespace

struct PoolWriter::State {
  explicit State(const std::filesystem::path& path)
      : name(path.string()),
        file(path, pool_schema(),
             {"prompt.list.element.role", "completions.list.element.model", "source.list.element", "split"}) {}
  std::string name;
  ParquetWriter file;
};

PoolWriter::PoolWriter(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {}
PoolWriter::~PoolWriter() = default;

void PoolWriter::write(const PoolRow& row) {
  std::size_t bytes = bytes_of(row.prompt) + 100;
  writing_parquet(state_->name, [&] {
    ParquetWriter& file = state_->file;
    put(file.column<arrow::StringBuilder>(kPromptId), row.prompt_id);
    put_messages(file.column<arrow::ListBuilder>(kPrompt), row.prompt);
    auto& completions = file.column<arrow::ListBuilder>(kCompletions);
    arrow_ok(completions.Append(), "append");
    auto& completion = *static_cast<arrow::StructBuilder*>(completions.value_builder());
    for (const Completion& c : row.completions) {
      arrow_ok(completion.Append(), "append");
      put(*static_cast<arrow::StringBuilder*>(completion.field_builder(0)), c.completion_id);
      put(*static_cast<arrow::StringBuilder*>(completion.field_builder(1)), c.text);
      put(*static_cast<arrow::StringBuilder*>(completion.field_builder(2)), c.model);
      put(*static_cast<arrow::Int32Builder*>(completion.field_builder(3)), c.source_rank);
      bytes += c.text.size() + 40;
    }
    put_texts(file.column<arrow::ListBuilder>(kSource), row.source);
    put(file.column<arrow::Int32Builder>(kTurns), row.turns);
    put(file.column<arrow::BooleanBuilder>(kGoodNatured), row.good_natured);
    put(file.column<arrow::StringBuilder>(kSplit), row.split);
  });
  state_->file.end_row(bytes);
}

void PoolWriter::commit() {
  state_->file.commit();
}

std::vector<PoolRow> read_pool(const std::filesystem::path& path) {
  const SourceFile source = inspect_source(path, path.string());
  require_columns(source, RowReader(source).columns(), {"prompt_id", "prompt", "completions"});
  RejectLog first_is_an_error(true);
  std::vector<PoolRow> rows;
  for_each_row({source}, first_is_an_error,
               [&](const SourceFile&, std::int64_t, const Value& row) { rows.push_back(take_pool_row(row)); });
  return rows;
}

void write_pool(const std::filesystem::path& path, const std::vector<PoolRow>& rows) {
  PoolWriter file(path);
  for (const PoolRow& row : rows) file.write(row);
  file.commit();
}

}  // namespace ballot
