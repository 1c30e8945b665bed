// JSONL as rows.
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <memory_resource>

#include "data/json_parser.h"
#include "data/row_format.h"
#include "data/text_blocks.h"

namespace ballot {
namespace {

using Memory = std::pmr::monotonic_buffer_resource;

/// How many lines end in the block; by memchr, since lines are long.
std::int64_t lines_in(std::string_view block) {
  std::int64_t lines = 0;
  for (const char *at = block.data(), *end = at + block.size(); at < end; ++at, ++lines) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (!at) break;
  }
  return lines;
}

class JsonlBatch : public RowBatch {
 public:
  JsonlBatch(std::string block, std::int64_t first_row) : block_(std::move(block)), first_row_(first_row) {}

  void for_each(const std::function<void(const Row&)>& use) override {
    JsonParser parser;
    alignas(16) char buffer[1 << 15];
    Memory memory(buffer, sizeof buffer);
    std::int64_t number = first_row_;
    for (std::size_t at = 0; at < block_.size(); ++number) {
      const std::size_t begin = at;
      const std::string_view line = take_line(block_, at);
      if (is_blank(line)) continue;
      memory.release();
      Row row;
      row.row = number;
      try {
        row.value = parser.parse(block_.data() + begin, line.size(), memory);
        if (!row.value.is_object())
          throw JsonProblem{"not_an_object", fmt::format("wanted an object, found {}", kind_name(row.value.kind()))};
      } catch (const JsonProblem& problem) {
        row.reason = problem.reason;
        row.message = problem.message;
      }
      use(row);
    }
  }

 private:
  std::string block_;
  std::int64_t first_row_;
};

class JsonlFormat : public RowReader::Format {
 public:
  explicit JsonlFormat(const SourceFile& file) : blocks_(file) {
    std::error_code ignored;
    size_ = static_cast<double>(std::filesystem::file_size(file.path, ignored));
  }

  std::unique_ptr<RowBatch> next() override {
    std::string block;
    if (!blocks_.next(block)) return nullptr;
    const std::int64_t first = row_ + 1;
    row_ += lines_in(block);
    return std::make_unique<JsonlBatch>(std::move(block), first);
  }
  double done() const override { return size_ > 0 ? static_cast<double>(blocks_.bytes_read()) / size_ : 1; }

 private:
  TextBlocks blocks_;
  std::int64_t row_ = 0;
  double size_ = 0;
};

}  // namespace

std::unique_ptr<RowReader::Format> open_jsonl(const SourceFile& file) {
  return std::make_unique<JsonlFormat>(file);
}

}  // namespace ballot
