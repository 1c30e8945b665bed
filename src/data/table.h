// Small tables by column name: any CSV, JSONL (also .gz, .zst) or Parquet file in, plain Parquet files out.
//
//   const Table table = read_table("labels.csv");
//   for (const Cell& cell : table.column("score")) if (cell.number) ...
//   write_table("scores.parquet", {{"id", ids}, {"score_chosen", chosen}, {"correct", correct}});
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "data/rejects.h"

namespace ballot {

/// One value. Missing: null, an absent key, an empty field of a CSV file.
struct Cell {
  bool missing = true;
  std::string text;              ///< as written; numbers in their shortest form ("3", "0.5"), lists and objects as JSON
  std::optional<double> number;  ///< a number, or a text that is one in whole ("3", "-0.5"); true is 1, false 0
};

struct Table {
  std::string name;                      ///< of the file, for messages
  std::vector<std::string> columns;      ///< in the order of the file
  std::vector<std::vector<Cell>> cells;  ///< by column, each `rows` long
  std::int64_t rows = 0;

  bool has(const std::string& column) const;
  /// Throws Error (input) "labels.jsonl has no column 'scroe'; did you mean 'score'? (columns: id, who, score)".
  const std::vector<Cell>& column(const std::string& column) const;
};

/// All rows of a file or of a folder of shards. Rows that are damaged go to `rejects`.
Table read_table(const std::string& source, RejectLog& rejects);
Table read_table(const std::string& source);  ///< the first damaged row is an Error (input)

/// A column to write; std::nullopt becomes null. bool as std::vector<bool>.
struct TableColumn {
  std::string name;
  std::variant<std::vector<std::string>, std::vector<std::optional<std::string>>, std::vector<double>,
               std::vector<std::optional<double>>, std::vector<std::int64_t>, std::vector<std::int32_t>,
               std::vector<bool>>
      values;
};
/// Parquet, zstd, atomically; the same columns give the same bytes. Columns must be equally long.
void write_table(const std::filesystem::path& path, const std::vector<TableColumn>& columns);

}  // namespace ballot
