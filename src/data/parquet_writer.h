// Parquet files row by row: row groups are cut by content alone and everything is written through AtomicFile, so that
// the same rows give the same bytes and a file is there whole or not at all. Inside the room only.
//
//   ParquetWriter file(path, schema, {"source.list.element"});
//   for (...) { put(file.column<arrow::StringBuilder>(0), row.id); ...; file.end_row(bytes_of_row); }
//   file.commit();
#pragma once
#include <arrow/api.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/arrow_errors.h"
#include "data/records.h"

namespace ballot {

class ParquetWriter {
 public:
  /// zstd, no statistics; `dictionary`: leaf columns ("model", "completions.list.element.model") in which few values
  /// repeat.
  ParquetWriter(const std::filesystem::path& path, std::shared_ptr<arrow::Schema> schema,
                const std::vector<std::string>& dictionary);
  ~ParquetWriter();
  template <class Builder>
  Builder& column(int i) {
    return *static_cast<Builder*>(builder(i));
  }
  /// `bytes`: about how much text the row holds; a row group ends at 32 MiB of it or 65,536 rows.
  void end_row(std::size_t bytes);
  void commit();

 private:
  arrow::ArrayBuilder* builder(int i);
  struct State;
  std::unique_ptr<State> state_;
};

/// list<struct<role, content>>, list<string>, list<list<string>>.
std::shared_ptr<arrow::DataType> messages_type();
std::shared_ptr<arrow::DataType> texts_type();

void put(arrow::StringBuilder& column, std::string_view text);
void put(arrow::StringBuilder& column, const std::string& text);
void put(arrow::StringBuilder& column, const std::optional<std::string>& text);
void put(arrow::Int32Builder& column, std::int32_t number);
void put(arrow::Int32Builder& column, const std::optional<std::int32_t>& number);
void put(arrow::Int64Builder& column, std::int64_t number);
void put(arrow::DoubleBuilder& column, double number);
void put(arrow::DoubleBuilder& column, const std::optional<double>& number);
void put(arrow::BooleanBuilder& column, bool value);
void put(arrow::BooleanBuilder& column, const std::optional<bool>& value);
void put_null(arrow::ArrayBuilder& column);
void put_texts(arrow::ListBuilder& column, const std::vector<std::string>& texts);
void put_messages(arrow::ListBuilder& column, const Conversation& messages);

std::size_t bytes_of(const Conversation& messages);

}  // namespace ballot
