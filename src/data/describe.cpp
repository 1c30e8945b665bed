#include "data/describe.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/interrupt.h"
#include "data/arrow_errors.h"
#include "data/rows.h"

namespace ballot {
namespace {

/// "list<struct<role: string, content: string>>", without the names that Arrow gives to list elements.
std::string type_name(const arrow::DataType& type) {
  if (type.id() == arrow::Type::LIST || type.id() == arrow::Type::LARGE_LIST ||
      type.id() == arrow::Type::FIXED_SIZE_LIST)
    return fmt::format("list<{}>", type_name(*type.field(0)->type()));
  if (type.id() == arrow::Type::STRUCT) {
    std::string fields;
    for (const auto& field : type.fields())
      fields += fmt::format("{}{}: {}", fields.empty() ? "" : ", ", field->name(), type_name(*field->type()));
    return fmt::format("struct<{}>", fields);
  }
  return type.ToString();
}

void describe_parquet(const std::filesystem::path& path, DataFacts& facts) {
  reading_parquet(path.string(), [&] {
    auto input = arrow_value(arrow::io::ReadableFile::Open(path.string()), "open");
    const auto reader = arrow_value(parquet::arrow::OpenFile(input, arrow::default_memory_pool()), "open");
    std::shared_ptr<arrow::Schema> schema;
    arrow_ok(reader->GetSchema(&schema), "read the schema");
    for (const auto& field : schema->fields()) facts.columns.push_back({field->name(), type_name(*field->type())});
    const auto metadata = reader->parquet_reader()->metadata();
    facts.rows = metadata->num_rows();
    facts.row_groups = metadata->num_row_groups();
    facts.writer = metadata->created_by();
    std::set<std::string> compressions;
    for (int g = 0; g < metadata->num_row_groups(); ++g)
      for (int c = 0; c < metadata->num_columns(); ++c)
        compressions.insert(arrow::util::Codec::GetCodecAsString(metadata->RowGroup(g)->ColumnChunk(c)->compression()));
    for (const std::string& name : compressions) facts.compression += (facts.compression.empty() ? "" : ", ") + name;
  });
}

}  // namespace

DataFacts describe_data(const std::filesystem::path& path, std::int64_t sample_rows) {
  const SourceFile file = inspect_source(path, path.string());
  DataFacts facts;
  facts.format = file.kind == FileKind::kParquet ? "Parquet" : file.kind == FileKind::kCsv ? "CSV" : "JSONL";
  if (file.compression == Compression::kGzip) facts.format += ", gzip";
  if (file.compression == Compression::kZstd) facts.format += ", zstd";
  facts.bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
  const bool parquet = file.kind == FileKind::kParquet;
  if (parquet) describe_parquet(path, facts);

  RowReader reader(file);
  std::vector<std::string> order = reader.columns();
  std::map<std::string, std::pair<std::set<std::string>, std::int64_t>> seen;  // kinds, and rows in which it is there
  std::int64_t rows = 0;
  while (!(parquet && std::ssize(facts.sample) >= std::min(sample_rows, facts.rows))) {
    const auto batch = reader.next();
    if (!batch) break;
    check_interrupt("");
    batch->for_each([&](const Row& row) {
      ++rows;
      if (!row.reason.empty()) {
        ++facts.unreadable;
        return;
      }
      if (std::ssize(facts.sample) < sample_rows)
        facts.sample.push_back(to_json(row.value).dump(-1, ' ', false, Json::error_handler_t::replace));
      if (parquet) return;
      for (const Member& member : row.value.members()) {
        const std::string name(member.name);
        auto [entry, added] = seen.try_emplace(name);
        if (added && std::find(order.begin(), order.end(), name) == order.end()) order.push_back(name);
        if (member.value.is_null()) continue;
        entry->second.first.insert(kind_name(member.value.kind()));
        ++entry->second.second;
      }
    });
  }
  if (parquet) return facts;
  facts.rows = rows;
  for (const std::string& name : order) {
    const auto& [kinds, present] = seen[name];
    ColumnFacts column{name, "", rows - facts.unreadable - present};
    for (const std::string& kind : kinds) column.type += (column.type.empty() ? "" : " or ") + kind;
    if (column.type.empty()) column.type = "null";
    facts.columns.push_back(std::move(column));
  }
  return facts;
}

}  // namespace ballot
