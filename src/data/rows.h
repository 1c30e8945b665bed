// Rows of any source file as Values (value.h): JSONL, Parquet, CSV.
//
//   RowReader rows(file);
//   while (auto batch = rows.next())          // reading: one thread
//     batch->for_each([&](const Row& row) {}) // parsing: any thread, each batch on its own
//
// The split into cheap reading and costly parsing is what lets several threads work on one file. for_each_row() is the
// plain way.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/rejects.h"
#include "data/sources.h"
#include "data/value.h"

namespace ballot {

/// A row that is an object, or why it is none.
struct Row {
  std::int64_t row = 0;  ///< 1-based line or row
  Value value;           ///< an object; lives until the next row
  std::string reason;    ///< not empty: the row cannot be read ("invalid_json", "invalid_utf8", ...)
  std::string field, message;
};

class RowBatch {
 public:
  virtual ~RowBatch() = default;
  /// Calls `use` with every row, in order; once only, for texts may be unescaped in place. Blank lines are no rows.
  virtual void for_each(const std::function<void(const Row&)>& use) = 0;
};

class RowReader {
 public:
  /// Throws Error (input) where the file cannot be read (no such file, bad magic, truncated). `only`: rows need no
  /// other columns than these, so a format that stores columns apart (Parquet) leaves the others unread; empty: all.
  explicit RowReader(const SourceFile& file, const std::vector<std::string>& only = {});
  ~RowReader();
  /// The next batch (about a MiB), or none at the end. A batch must not outlive the reader.
  std::unique_ptr<RowBatch> next();
  /// Column names where the file declares them (Parquet, CSV); none in JSONL.
  const std::vector<std::string>& columns() const;
  /// The part of the file that next() has gone through, 0..1.
  double done() const;

  class Format;

 private:
  std::unique_ptr<Format> format_;
};

/// Why a row cannot be used; what the readers of layouts throw.
struct RowProblem {
  std::string field, reason, message;
};

/// Hands every sound row to `use` in file order; a row that cannot be read, or for which `use` throws RowProblem, goes
/// to `rejects`. Returns how many rows there were.
std::int64_t for_each_row(const std::vector<SourceFile>& files, RejectLog& rejects,
                          const std::function<void(const SourceFile& file, std::int64_t row, const Value& value)>& use,
                          const std::vector<std::string>& only = {});

/// Error (input) where a file that declares its columns lacks one of `needed`: "x.parquet has no column 'answers'; did
/// you mean ...".
void require_columns(const SourceFile& file, const std::vector<std::string>& columns,
                     const std::vector<std::string>& needed);

/// Error (input) for sources in which no row can be used: how many were rejected, the reasons, the first of them.
Error nothing_usable(const std::string& what, std::int64_t rows, const RejectLog& rejects);

}  // namespace ballot
