// CSV (RFC 4180) and TSV as rows of texts; an empty field that is not quoted is null.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "data/json_parser.h"
#include "data/row_format.h"
#include "data/text_blocks.h"

namespace ballot {
namespace {

struct Record {
  std::int64_t line = 0;
  std::vector<std::string> fields;
  std::vector<bool> missing;
  std::string problem;
};

/// Reads the record that begins at `at`; moves `at` behind it and `line` to its last line's number.
Record take_record(std::string_view text, std::size_t& at, std::int64_t& line, char separator) {
  Record record;
  record.line = ++line;
  for (;;) {
    std::string field;
    bool quoted = false;
    if (at < text.size() && text[at] == '"') {
      quoted = true;
      ++at;
      for (;;) {
        if (at >= text.size()) {
          record.problem = "a quoted field has no end";
          break;
        }
        const char c = text[at++];
        if (c == '\n') ++line;
        if (c != '"') {
          field += c;
        } else if (at < text.size() && text[at] == '"') {
          field += '"';
          ++at;
        } else {
          break;
        }
      }
      if (at < text.size() && text[at] == '\r') ++at;
      if (at < text.size() && text[at] != separator && text[at] != '\n' && record.problem.empty())
        record.problem = "text follows the end of a quoted field";
    }
    const std::size_t begin = at;
    while (at < text.size() && text[at] != separator && text[at] != '\n') ++at;
    field.append(text.substr(begin, at - begin));
    const bool last = at >= text.size() || text[at] == '\n';
    if (last && !quoted && field.ends_with('\r')) field.pop_back();
    record.missing.push_back(field.empty() && !quoted);
    record.fields.push_back(std::move(field));
    ++at;
    if (last) return record;
  }
}

class CsvBatch : public RowBatch {
 public:
  CsvBatch(std::vector<Record> records, const std::vector<std::string>& columns)
      : records_(std::move(records)), columns_(columns) {}

  void for_each(const std::function<void(const Row&)>& use) override {
    std::vector<Member> members;
    for (const Record& record : records_) {
      Row row;
      row.row = record.line;
      if (!record.problem.empty()) {
        row.reason = "invalid_csv";
        row.message = record.problem;
      } else if (record.fields.size() != columns_.size()) {
        row.reason = "invalid_csv";
        row.message = fmt::format("{} fields; the header has {}", record.fields.size(), columns_.size());
      } else {
        members.clear();
        for (std::size_t i = 0; i < columns_.size(); ++i) {
          if (!is_utf8(record.fields[i])) {
            row.reason = "invalid_utf8";
            row.field = columns_[i];
            row.message = "the field is not valid UTF-8";
          }
          members.push_back({columns_[i], record.missing[i] ? Value() : Value::text(record.fields[i])});
        }
        row.value = Value::object(members);
      }
      use(row);
    }
  }

 private:
  std::vector<Record> records_;
  const std::vector<std::string>& columns_;
};

class CsvFormat : public RowReader::Format {
 public:
  explicit CsvFormat(const SourceFile& file) {
    std::string name = file.path.filename().string();
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    separator_ = name.find(".tsv") != std::string::npos ? '\t' : ',';
    TextBlocks blocks(file);
    for (std::string block; blocks.next(block);) text_.append(block);
    if (text_.empty()) return;
    Record header = take_record(text_, at_, line_, separator_);
    if (!header.problem.empty() || !is_utf8(std::string_view(text_).substr(0, at_)))
      throw bad_input("cannot read {}: its header is not CSV in UTF-8", file.name);
    columns = std::move(header.fields);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (std::find(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(i), columns[i]) !=
          columns.begin() + static_cast<std::ptrdiff_t>(i))
        throw bad_input("cannot read {}: its header names the column '{}' twice", file.name, columns[i]);
  }

  std::unique_ptr<RowBatch> next() override {
    std::vector<Record> records;
    for (std::size_t begin = at_; at_ < text_.size() && at_ - begin < (1 << 20);) {
      Record record = take_record(text_, at_, line_, separator_);
      if (record.fields.size() == 1 && record.missing[0] && columns.size() > 1) continue;  // a blank line
      records.push_back(std::move(record));
    }
    if (records.empty()) return nullptr;
    return std::make_unique<CsvBatch>(std::move(records), columns);
  }
  double done() const override {
    return text_.empty() ? 1 : static_cast<double>(std::min(at_, text_.size())) / static_cast<double>(text_.size());
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 0;
  char separator_ = ',';
};

}  // namespace

std::unique_ptr<RowReader::Format> open_csv(const SourceFile& file) {
  return std::make_unique<CsvFormat>(file);
}

}  // namespace ballot
