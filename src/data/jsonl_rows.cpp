// JSONL as rows: simdjson parses a line into its tape, which is walked once into Values.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory_resource>
#include <nlohmann/json.hpp>

#include "data/json_text.h"
#include "data/row_format.h"
#include "data/text_blocks.h"

namespace ballot {
namespace {

namespace dom = simdjson::dom;
using Memory = std::pmr::monotonic_buffer_resource;

void refuse_repeated_keys(std::span<const Member> members) {
  const auto refuse = [](std::string_view name) {
    throw JsonProblem{"duplicate_key", fmt::format("the key '{}' is there twice", name)};
  };
  if (members.size() <= 16) {
    for (std::size_t i = 1; i < members.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (members[i].name == members[j].name) refuse(members[i].name);
    return;
  }
  std::vector<std::string_view> names;
  for (const Member& member : members) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) refuse(*twice);
}

template <class Container>
std::size_t size_of(const Container& container) {
  const std::size_t size = container.size();
  if (size < 0xFFFFFF) return size;  // the tape's counter is full there
  std::size_t n = 0;
  for (auto item = container.begin(); item != container.end(); ++item) ++n;
  return n;
}

Value convert(const dom::element& element, Memory& memory) {
  switch (element.type()) {
    case dom::element_type::BOOL:
      return Value::boolean(bool(element));
    case dom::element_type::INT64:
      return Value::integer(std::int64_t(element));
    case dom::element_type::UINT64:  // above the largest int64
      return Value::number(static_cast<double>(std::uint64_t(element)));
    case dom::element_type::DOUBLE:
      return Value::number(double(element));
    case dom::element_type::STRING:
      return Value::text(std::string_view(element));
    case dom::element_type::ARRAY: {
      const dom::array array = element;
      const std::size_t size = size_of(array);
      auto* items = static_cast<Value*>(memory.allocate(size * sizeof(Value) + 1, alignof(Value)));
      std::size_t n = 0;
      for (const dom::element item : array) new (items + n++) Value(convert(item, memory));
      return Value::list({items, n});
    }
    case dom::element_type::OBJECT: {
      const dom::object object = element;
      const std::size_t size = size_of(object);
      auto* members = static_cast<Member*>(memory.allocate(size * sizeof(Member) + 1, alignof(Member)));
      std::size_t n = 0;
      for (const dom::key_value_pair field : object)
        new (members + n++) Member{field.key, convert(field.value, memory)};
      refuse_repeated_keys({members, n});
      return Value::object({members, n});
    }
    default:
      return Value();
  }
}

class JsonlBatch : public RowBatch {
 public:
  JsonlBatch(TextBlock block, std::int64_t first_row) : block_(std::move(block)), first_row_(first_row) {}

  void for_each(const std::function<void(const Row&)>& use) override {
    dom::parser parser;
    alignas(16) char buffer[1 << 15];
    Memory memory(buffer, sizeof buffer);
    std::int64_t number = first_row_;
    for (std::size_t at = 0; at < block_.size; ++number) {
      const std::string_view line = take_line(block_.text(), at);
      if (is_blank(line)) continue;
      memory.release();
      Row row;
      row.row = number;
      Json slow;  // keeps the texts of a line that only the slow parser reads
      try {
        dom::element document;
        const simdjson::error_code error = parser.parse(line.data(), line.size(), false).get(document);
        if (error == simdjson::SUCCESS) {
          row.value = convert(document, memory);
          if (!row.value.is_object())
            throw JsonProblem{"not_an_object", fmt::format("wanted an object, found {}", kind_name(row.value.kind()))};
        } else {
          // A whole number beyond 64 bits is valid JSON that simdjson's document does not hold.
          if (error != simdjson::NUMBER_ERROR) throw explain_bad_json(line);
          slow = parse_json_line(line);
          row.value = to_value(slow, memory);
        }
      } catch (const JsonProblem& problem) {
        row.reason = problem.reason;
        row.message = problem.message;
      }
      use(row);
    }
  }

 private:
  TextBlock block_;
  std::int64_t first_row_;
};

class JsonlFormat : public RowReader::Format {
 public:
  explicit JsonlFormat(const SourceFile& file) : blocks_(file) {
    std::error_code ignored;
    size_ = static_cast<double>(std::filesystem::file_size(file.path, ignored));
  }

  std::unique_ptr<RowBatch> next() override {
    TextBlock block;
    if (!blocks_.next(block)) return nullptr;
    const std::int64_t first = row_ + 1;
    row_ += std::count(block.bytes.data(), block.bytes.data() + block.size, '\n');
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
