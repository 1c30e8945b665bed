#include "data/hub_files.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/byte_size.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "data/arrow_errors.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

// A type by the names that `datasets` has for it: a word, or {"list": ...}, or {"struct": [...]}.
Json feature_of(const arrow::DataType& type, const std::string& name);

Json fields_of(const arrow::FieldVector& fields, const std::string& name) {
  Json list = Json::array();
  for (const auto& field : fields) {
    const Json feature = feature_of(*field->type(), name + "." + field->name());
    Json entry = {{"name", field->name()}};
    if (feature.is_string())
      entry["dtype"] = feature;
    else
      entry.update(feature);
    list.push_back(std::move(entry));
  }
  return list;
}

Json feature_of(const arrow::DataType& type, const std::string& name) {
  switch (type.id()) {
    case arrow::Type::STRING:
      return "string";
    case arrow::Type::BOOL:
      return "bool";
    case arrow::Type::INT32:
      return "int32";
    case arrow::Type::INT64:
      return "int64";
    case arrow::Type::DOUBLE:
      return "float64";
    case arrow::Type::STRUCT:
      return {{"struct", fields_of(type.fields(), name)}};
    case arrow::Type::LIST: {
      const Json item = feature_of(*type.field(0)->type(), name);
      return {{"list", item.contains("struct") ? item["struct"] : item}};
    }
    default:
      throw bad_input("the column {} has the type {}, which a dataset card has no name for here", name,
                      type.ToString());
  }
}

}  // namespace

HubFile describe_hub_file(const fs::path& path) {
  HubFile file;
  reading_parquet(path.string(), [&] {
    auto input = arrow_value(arrow::io::ReadableFile::Open(path.string()), "open");
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_pre_buffer(false);
    parquet::arrow::FileReaderBuilder builder;
    arrow_ok(builder.Open(input), "open");
    builder.properties(properties);
    const std::unique_ptr<parquet::arrow::FileReader> reader = arrow_value(builder.Build(), "open");
    std::shared_ptr<arrow::Schema> schema;
    arrow_ok(reader->GetSchema(&schema), "read the schema");
    file.features = fields_of(schema->fields(), path.filename().string()).dump();
    const auto batches = arrow_value(reader->GetRecordBatchReader(), "read");
    std::shared_ptr<arrow::RecordBatch> batch;
    for (arrow_ok(batches->ReadNext(&batch), "read"); batch; arrow_ok(batches->ReadNext(&batch), "read")) {
      file.rows += batch->num_rows();
      file.memory_bytes += arrow_value(arrow::util::ReferencedBufferSize(*batch), "count");
    }
  });
  file.file_bytes = static_cast<std::int64_t>(fs::file_size(path));
  return file;
}

}  // namespace ballot
