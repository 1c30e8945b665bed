#include "data/jsonl.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "data/rows.h"
#include "data/text_blocks.h"

namespace ballot {

struct LineReader::State {
  explicit State(const SourceFile& file) : blocks(file) {}
  TextBlocks blocks;
  std::string block;
  std::size_t at = 0;
  std::int64_t row = 0;
};

LineReader::LineReader(const SourceFile& file) : state_(std::make_unique<State>(file)) {}
LineReader::LineReader(const std::filesystem::path& path) : LineReader(inspect_source(path, path.string())) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;

bool LineReader::next(Line& line) {
  State& state = *state_;
  while (state.at >= state.block.size()) {
    state.at = 0;
    if (!state.blocks.next(state.block)) return false;
  }
  line.text = take_line(state.block, state.at);
  line.row = ++state.row;
  return true;
}

std::int64_t LineReader::bytes_read() const {
  return state_->blocks.bytes_read();
}

void read_jsonl(const std::filesystem::path& path, RejectLog& rejects,
                const std::function<void(std::int64_t row, const Json& object)>& use) {
  const SourceFile file = inspect_source(path, path.string());
  if (file.kind == FileKind::kParquet)
    throw bad_input("{} is a Parquet file; wanted: JSON, an object a line", file.name);
  for_each_row({file}, rejects,
               [&](const SourceFile&, std::int64_t row, const Value& value) { use(row, to_json(value)); });
}

struct JsonlWriter::State {
  explicit State(const std::filesystem::path& path) : file(path) {}
  AtomicFile file;
  std::string lines;
};

JsonlWriter::JsonlWriter(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {}
JsonlWriter::~JsonlWriter() = default;

void JsonlWriter::write(const Json& object) {
  state_->lines += object.dump(-1, ' ', false, Json::error_handler_t::strict);
  state_->lines += '\n';
  if (state_->lines.size() > (1 << 20)) {
    state_->file.write(state_->lines);
    state_->lines.clear();
  }
}

void JsonlWriter::commit() {
  state_->file.write(state_->lines);
  state_->lines.clear();
  state_->file.commit();
}

}  // namespace ballot
