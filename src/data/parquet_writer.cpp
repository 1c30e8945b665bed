#include "data/parquet_writer.h"

#include <arrow/io/interfaces.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <exception>

#include "core/atomic_file.h"

namespace ballot {
namespace {

constexpr std::size_t kBytesPerRowGroup = 32 << 20;
constexpr std::int64_t kRowsPerRowGroup = 65'536;

/// Arrow's output into an AtomicFile. What the file says against a write is kept and thrown by the writer: no exception
/// of ours passes through Arrow.
class AtomicStream : public arrow::io::OutputStream {
 public:
  explicit AtomicStream(const std::filesystem::path& path) : file_(path) {}
  arrow::Status Write(const void* data, std::int64_t size) override {
    try {
      file_.write({static_cast<const char*>(data), static_cast<std::size_t>(size)});
      position_ += size;
      return arrow::Status::OK();
    } catch (const Error& error) {
      problem_ = std::current_exception();
      return arrow::Status::IOError(error.message());
    }
  }
  using arrow::io::OutputStream::Write;
  arrow::Result<std::int64_t> Tell() const override { return position_; }
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  void rethrow() const {
    if (problem_) std::rethrow_exception(problem_);
  }
  void commit() { file_.commit(); }

 private:
  AtomicFile file_;
  std::int64_t position_ = 0;
  bool closed_ = false;
  std::exception_ptr problem_;
};

}  // namespace

struct ParquetWriter::State {
  std::string name;
  std::shared_ptr<AtomicStream> stream;
  std::shared_ptr<arrow::Schema> schema;
  std::unique_ptr<arrow::RecordBatchBuilder> builder;
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  std::size_t bytes = 0;
  std::int64_t rows = 0;

  template <class Body>
  void guarded(const Body& body) {
    writing_parquet(name, [&] {
      try {
        body();
      } catch (const ArrowProblem&) {
        stream->rethrow();
        throw;
      }
    });
  }

  void end_row_group() {
    if (rows == 0) return;
    guarded([&] {
      const auto batch = arrow_value(builder->Flush(), "build");
      const auto table = arrow_value(arrow::Table::FromRecordBatches(schema, {batch}), "build");
      arrow_ok(writer->WriteTable(*table, rows), "write");
    });
    bytes = 0;
    rows = 0;
  }
};

ParquetWriter::ParquetWriter(const std::filesystem::path& path, std::shared_ptr<arrow::Schema> schema,
                             const std::vector<std::string>& dictionary)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.name = path.string();
  state.schema = std::move(schema);
  state.stream = std::make_shared<AtomicStream>(path);
  state.guarded([&] {
    parquet::WriterProperties::Builder properties;
    properties.compression(parquet::Compression::ZSTD)->disable_dictionary()->disable_statistics();
    for (const std::string& column : dictionary) properties.enable_dictionary(column);
    state.builder = arrow_value(arrow::RecordBatchBuilder::Make(state.schema, arrow::default_memory_pool()), "build");
    state.writer = arrow_value(
        parquet::arrow::FileWriter::Open(*state.schema, arrow::default_memory_pool(), state.stream, properties.build()),
        "open");
  });
}

ParquetWriter::~ParquetWriter() = default;

arrow::ArrayBuilder* ParquetWriter::builder(int i) {
  return state_->builder->GetField(i);
}

void ParquetWriter::end_row(std::size_t bytes) {
  state_->bytes += bytes;
  ++state_->rows;
  if (state_->bytes >= kBytesPerRowGroup || state_->rows >= kRowsPerRowGroup) state_->end_row_group();
}

void ParquetWriter::commit() {
  state_->end_row_group();
  state_->guarded([&] { arrow_ok(state_->writer->Close(), "close"); });
  state_->stream->commit();
}

std::shared_ptr<arrow::DataType> messages_type() {
  return arrow::list(arrow::field(
      "element", arrow::struct_({arrow::field("role", arrow::utf8()), arrow::field("content", arrow::utf8())})));
}

std::shared_ptr<arrow::DataType> texts_type() {
  return arrow::list(arrow::field("element", arrow::utf8()));
}

void put(arrow::StringBuilder& column, std::string_view text) {
  arrow_ok(column.Append(text), "append");
}
void put(arrow::StringBuilder& column, const std::string& text) {
  put(column, std::string_view(text));
}
void put(arrow::StringBuilder& column, const std::optional<std::string>& text) {
  arrow_ok(text ? column.Append(*text) : column.AppendNull(), "append");
}
void put(arrow::Int32Builder& column, std::int32_t number) {
  arrow_ok(column.Append(number), "append");
}
void put(arrow::Int32Builder& column, const std::optional<std::int32_t>& number) {
  arrow_ok(number ? column.Append(*number) : column.AppendNull(), "append");
}
void put(arrow::Int64Builder& column, std::int64_t number) {
  arrow_ok(column.Append(number), "append");
}
void put(arrow::DoubleBuilder& column, double number) {
  arrow_ok(column.Append(number), "append");
}
void put(arrow::DoubleBuilder& column, const std::optional<double>& number) {
  arrow_ok(number ? column.Append(*number) : column.AppendNull(), "append");
}
void put(arrow::BooleanBuilder& column, bool value) {
  arrow_ok(column.Append(value), "append");
}
void put(arrow::BooleanBuilder& column, const std::optional<bool>& value) {
  arrow_ok(value ? column.Append(*value) : column.AppendNull(), "append");
}
void put_null(arrow::ArrayBuilder& column) {
  arrow_ok(column.AppendNull(), "append");
}

void put_texts(arrow::ListBuilder& column, const std::vector<std::string>& texts) {
  arrow_ok(column.Append(), "append");
  auto& values = *static_cast<arrow::StringBuilder*>(column.value_builder());
  for (const std::string& text : texts) put(values, text);
}

void put_messages(arrow::ListBuilder& column, const Conversation& messages) {
  arrow_ok(column.Append(), "append");
  auto& turns = *static_cast<arrow::StructBuilder*>(column.value_builder());
  for (const Message& message : messages) {
    arrow_ok(turns.Append(), "append");
    put(*static_cast<arrow::StringBuilder*>(turns.field_builder(0)), message.role);
    put(*static_cast<arrow::StringBuilder*>(turns.field_builder(1)), message.content);
  }
}

std::size_t bytes_of(const Conversation& messages) {
  std::size_t bytes = 0;
  for (const Message& message : messages) bytes += message.role.size() + message.content.size();
  return bytes;
}

}  // namespace ballot
