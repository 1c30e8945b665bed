#include "data/rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/suggest.h"
#include "core/terminal.h"
#include "data/row_format.h"

namespace ballot {
namespace {

std::unique_ptr<RowReader::Format> open_format(const SourceFile& file, const std::vector<std::string>& only) {
  switch (file.kind) {
    case FileKind::kParquet:
      return open_parquet(file, only);
    case FileKind::kCsv:
      return open_csv(file);
    case FileKind::kJsonl:
      break;
  }
  return open_jsonl(file);
}

}  // namespace

RowReader::RowReader(const SourceFile& file, const std::vector<std::string>& only) : format_(open_format(file, only)) {}
RowReader::~RowReader() = default;
std::unique_ptr<RowBatch> RowReader::next() {
  return format_->next();
}
const std::vector<std::string>& RowReader::columns() const {
  return format_->columns;
}
double RowReader::done() const {
  return format_->done();
}

std::int64_t for_each_row(const std::vector<SourceFile>& files, RejectLog& rejects,
                          const std::function<void(const SourceFile& file, std::int64_t row, const Value& value)>& use,
                          const std::vector<std::string>& only) {
  std::int64_t n = 0;
  for (const SourceFile& file : files) {
    RowReader rows(file, only);
    while (const auto batch = rows.next()) {
      check_interrupt();
      batch->for_each([&](const Row& row) {
        ++n;
        if (!row.reason.empty()) {
          rejects.add({file.name, row.row, row.field, row.reason, row.message});
          return;
        }
        try {
          use(file, row.row, row.value);
        } catch (const RowProblem& problem) {
          rejects.add({file.name, row.row, problem.field, problem.reason, problem.message});
        }
      });
    }
  }
  return n;
}

void require_columns(const SourceFile& file, const std::vector<std::string>& columns,
                     const std::vector<std::string>& needed) {
  if (columns.empty()) return;
  for (const std::string& name : needed)
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
      const std::string near = nearest(name, columns);
      throw bad_input("{} has no column '{}'{} (columns: {})", file.name, name,
                      near.empty() ? "" : fmt::format("; did you mean '{}'?", near), fmt::join(columns, ", "));
    }
}

Error nothing_usable(const std::string& what, std::int64_t rows, const RejectLog& rejects) {
  if (rows == 0) return Error(ErrorKind::kInput, fmt::format("{} holds no rows", what));
  std::string detail;
  if (!rejects.entries().empty()) {
    const Reject& first = rejects.entries().front();
    detail = fmt::format("; the first: {}: {}", place_of(first), printable(first.message));
  }
  return Error(ErrorKind::kInput, fmt::format("no row of {} can be used: {}{}", what, rejects.summary(), detail));
}

}  // namespace ballot
