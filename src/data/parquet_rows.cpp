// Parquet as rows: record batches of some hundred rows, whatever the types of the columns are that mean the same (large
// or dictionary strings, whole or floating ranks, a list or one text).
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/float16.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <algorithm>
#include <limits>
#include <memory_resource>
#include <numeric>

#include "core/error.h"
#include "data/arrow_errors.h"
#include "data/json_parser.h"
#include "data/row_format.h"

namespace ballot {
namespace {

using Memory = std::pmr::monotonic_buffer_resource;

constexpr std::int64_t kRowsPerBatch = 256;
constexpr std::int64_t kReadBuffer = 1 << 20;

struct BadUtf8 {};

Value text_value(std::string_view text) {
  if (!is_utf8(text)) throw BadUtf8{};
  return Value::text(text);
}

Value copied_text(const std::string& text, Memory& memory) {
  auto* copy = static_cast<char*>(memory.allocate(text.size() + 1, 1));
  text.copy(copy, text.size());
  return text_value({copy, text.size()});
}

Value value_at(const arrow::Array& array, std::int64_t i, Memory& memory);

template <class List>
Value list_at(const arrow::Array& array, std::int64_t i, Memory& memory) {
  const auto& list = static_cast<const List&>(array);
  const std::int64_t begin = list.value_offset(i), size = list.value_length(i);
  auto* items =
      static_cast<Value*>(memory.allocate(static_cast<std::size_t>(size) * sizeof(Value) + 1, alignof(Value)));
  for (std::int64_t k = 0; k < size; ++k) new (items + k) Value(value_at(*list.values(), begin + k, memory));
  return Value::list({items, static_cast<std::size_t>(size)});
}

template <class Array>
Value number_at(const arrow::Array& array, std::int64_t i) {
  const auto value = static_cast<const Array&>(array).Value(i);
  if constexpr (std::is_floating_point_v<std::remove_cv_t<decltype(value)>>)
    return Value::number(value);
  else if constexpr (sizeof(value) == 8 && std::is_unsigned_v<std::remove_cv_t<decltype(value)>>)
    return value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
               ? Value::number(static_cast<double>(value))
               : Value::integer(static_cast<std::int64_t>(value));
  else
    return Value::integer(value);
}

Value value_at(const arrow::Array& array, std::int64_t i, Memory& memory) {
  if (array.IsNull(i)) return Value();
  switch (array.type_id()) {
    case arrow::Type::NA:
      return Value();
    case arrow::Type::BOOL:
      return Value::boolean(static_cast<const arrow::BooleanArray&>(array).Value(i));
    case arrow::Type::INT8:
      return number_at<arrow::Int8Array>(array, i);
    case arrow::Type::INT16:
      return number_at<arrow::Int16Array>(array, i);
    case arrow::Type::INT32:
      return number_at<arrow::Int32Array>(array, i);
    case arrow::Type::INT64:
      return number_at<arrow::Int64Array>(array, i);
    case arrow::Type::UINT8:
      return number_at<arrow::UInt8Array>(array, i);
    case arrow::Type::UINT16:
      return number_at<arrow::UInt16Array>(array, i);
    case arrow::Type::UINT32:
      return number_at<arrow::UInt32Array>(array, i);
    case arrow::Type::UINT64:
      return number_at<arrow::UInt64Array>(array, i);
    case arrow::Type::HALF_FLOAT:
      return Value::number(
          arrow::util::Float16::FromBits(static_cast<const arrow::HalfFloatArray&>(array).Value(i)).ToFloat());
    case arrow::Type::FLOAT:
      return number_at<arrow::FloatArray>(array, i);
    case arrow::Type::DOUBLE:
      return number_at<arrow::DoubleArray>(array, i);
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return text_value(static_cast<const arrow::BinaryArray&>(array).GetView(i));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return text_value(static_cast<const arrow::LargeBinaryArray&>(array).GetView(i));
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
      return text_value(static_cast<const arrow::BinaryViewArray&>(array).GetView(i));
    case arrow::Type::DICTIONARY: {
      const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
      return value_at(*dictionary.dictionary(), dictionary.GetValueIndex(i), memory);
    }
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return list_at<arrow::ListArray>(array, i, memory);
    case arrow::Type::LARGE_LIST:
      return list_at<arrow::LargeListArray>(array, i, memory);
    case arrow::Type::FIXED_SIZE_LIST:
      return list_at<arrow::FixedSizeListArray>(array, i, memory);
    case arrow::Type::STRUCT: {
      const auto& structure = static_cast<const arrow::StructArray&>(array);
      const auto n = static_cast<std::size_t>(structure.num_fields());
      auto* members = static_cast<Member*>(memory.allocate(n * sizeof(Member) + 1, alignof(Member)));
      for (std::size_t k = 0; k < n; ++k)
        new (members + k) Member{structure.struct_type()->field(static_cast<int>(k))->name(),
                                 value_at(*structure.field(static_cast<int>(k)), i, memory)};
      return Value::object({members, n});
    }
    default: {  // dates, decimals and the like: as Arrow writes them
      const auto scalar = arrow_value(array.GetScalar(i), "read a value");
      return copied_text(scalar->ToString(), memory);
    }
  }
}

class ParquetBatch : public RowBatch {
 public:
  ParquetBatch(std::shared_ptr<arrow::RecordBatch> batch, std::int64_t first_row)
      : batch_(std::move(batch)), first_row_(first_row) {}

  void for_each(const std::function<void(const Row&)>& use) override {
    alignas(16) char buffer[1 << 15];
    Memory memory(buffer, sizeof buffer);
    std::vector<Member> members;
    for (std::int64_t i = 0; i < batch_->num_rows(); ++i) {
      memory.release();
      members.clear();
      Row row;
      row.row = first_row_ + i;
      for (int column = 0; column < batch_->num_columns(); ++column) {
        const std::string& name = batch_->schema()->field(column)->name();
        try {
          members.push_back({name, value_at(*batch_->column(column), i, memory)});
        } catch (const BadUtf8&) {
          row.reason = "invalid_utf8";
          row.field = name;
          row.message = "the text is not valid UTF-8";
          break;
        }
      }
      row.value = Value::object(members);
      use(row);
    }
  }

 private:
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t first_row_;
};

class ParquetFormat : public RowReader::Format {
 public:
  ParquetFormat(const SourceFile& file, const std::vector<std::string>& only) : name_(file.name) {
    reading_parquet(name_, [&] {
      auto input = arrow_value(arrow::io::ReadableFile::Open(file.path.string()), "open");
      parquet::ReaderProperties properties = parquet::default_reader_properties();
      properties.enable_buffered_stream();  // a column of a row group may be half a file: read it piece by piece
      properties.set_buffer_size(kReadBuffer);
      parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
      arrow_properties.set_batch_size(kRowsPerBatch);
      arrow_properties.set_pre_buffer(false);
      parquet::arrow::FileReaderBuilder builder;
      arrow_ok(builder.Open(input, properties), "open");
      builder.properties(arrow_properties);
      reader_ = arrow_value(builder.Build(), "open");
      std::shared_ptr<arrow::Schema> schema;
      arrow_ok(reader_->GetSchema(&schema), "read the schema");
      columns = schema->field_names();
      rows_ = reader_->parquet_reader()->metadata()->num_rows();
      if (only.empty()) {
        batches_ = arrow_value(reader_->GetRecordBatchReader(), "read");
        return;
      }
      std::vector<int> leaves, groups(static_cast<std::size_t>(reader_->num_row_groups()));
      std::iota(groups.begin(), groups.end(), 0);
      const parquet::SchemaDescriptor& descriptor = *reader_->parquet_reader()->metadata()->schema();
      for (int leaf = 0; leaf < descriptor.num_columns(); ++leaf)
        if (std::find(only.begin(), only.end(), descriptor.GetColumnRoot(leaf)->name()) != only.end())
          leaves.push_back(leaf);
      batches_ = arrow_value(reader_->GetRecordBatchReader(groups, leaves), "read");
    });
  }

  std::unique_ptr<RowBatch> next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    reading_parquet(name_, [&] {
      do arrow_ok(batches_->ReadNext(&batch), "read");
      while (batch && batch->num_rows() == 0);
      if (batch) arrow_ok(batch->Validate(), "check");
    });
    if (!batch) {
      if (row_ != rows_) throw bad_input("cannot read {}: it declares {} rows and holds {}", name_, rows_, row_);
      return nullptr;
    }
    const std::int64_t first = row_ + 1;
    row_ += batch->num_rows();
    return std::make_unique<ParquetBatch>(std::move(batch), first);
  }
  double done() const override { return rows_ > 0 ? static_cast<double>(row_) / static_cast<double>(rows_) : 1; }

 private:
  std::string name_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  std::int64_t row_ = 0, rows_ = 0;
};

}  // namespace

std::unique_ptr<RowReader::Format> open_parquet(const SourceFile& file, const std::vector<std::string>& only) {
  return std::make_unique<ParquetFormat>(file, only);
}

}  // namespace ballot
