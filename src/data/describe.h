// What a data file holds: columns with their types, how many rows, the first of them. For `ballot inspect`.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ballot {

struct ColumnFacts {
  std::string name;
  std::string type;          ///< Parquet: as Arrow names it; else the kinds of value seen ("text", "a number or null")
  std::int64_t missing = 0;  ///< rows of JSONL or CSV in which it is absent or null
};

struct DataFacts {
  std::string format;  ///< "Parquet", "JSONL", "CSV", with ", gzip" or ", zstd"
  std::int64_t bytes = 0, rows = 0;
  std::int64_t unreadable = 0;      ///< rows that are no objects, among `rows`
  std::int64_t row_groups = 0;      ///< Parquet
  std::string compression, writer;  ///< Parquet
  std::vector<ColumnFacts> columns;
  std::vector<std::string> sample;  ///< the first rows as JSON texts
};

/// Parquet is described from its footer, JSONL and CSV are read through. Throws Error (input) where the file cannot be
/// read.
DataFacts describe_data(const std::filesystem::path& path, std::int64_t sample_rows);

}  // namespace ballot
