#include "data/sft.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "data/conversation.h"
#include "data/fields.h"
#include "data/parquet_writer.h"
#include "data/preferences.h"

namespace ballot {
namespace {

SftRow take_sft(const Value& row, std::int64_t number) {
  SftRow sft;
  if (row.find("messages") || row.find("conversations")) {
    const char* field = row.find("messages") ? "messages" : "conversations";
    sft.messages = take_messages(row.get(field), field);
    check_conversation(sft.messages, field);
  } else if (row.find("prompt") || row.find("completion")) {
    const Value &prompt = row.get("prompt"), &completion = row.get("completion");
    if (is_conversation(prompt) || is_conversation(completion)) {
      sft.messages = take_messages(prompt, "prompt");
      sft.prompt_messages = static_cast<std::int32_t>(sft.messages.size());
      for (Message& message : take_messages(completion, "completion")) sft.messages.push_back(std::move(message));
      check_conversation(sft.messages, "prompt + completion");
    } else {
      sft.messages = {{std::string(kPlainTextRole), take_full_text(prompt, "prompt")},
                      {std::string(kPlainTextRole), take_full_text(completion, "completion")}};
      sft.prompt_messages = 1;
    }
  } else {
    refuse("messages", "messages_missing", "wanted `messages`, or `prompt` and `completion`");
  }
  if (const Value& id = row.get("id"); id.kind() == Value::Kind::kInteger)
    sft.id = fmt::format("{}", id.as_integer());
  else
    sft.id = take_optional_text(row, "id").value_or(fmt::format("{}", number));
  const std::vector<std::string> source = take_texts(row, "source");
  sft.source = fmt::format("{}", fmt::join(source, ","));
  return sft;
}

void require_sft_columns(const SourceFile& file) {
  const RowReader declared(file);
  const auto& columns = declared.columns();
  const auto has = [&](const char* name) { return std::find(columns.begin(), columns.end(), name) != columns.end(); };
  if (columns.empty() || has("messages") || has("conversations") || (has("prompt") && has("completion"))) return;
  require_columns(file, columns,
                  has("prompt") ? std::vector<std::string>{"completion"} : std::vector<std::string>{"messages"});
}

}  // namespace

std::int64_t for_each_sft_row(const std::vector<SourceFile>& files, RejectLog& rejects, const SftUse& use) {
  for (const SourceFile& file : files) require_sft_columns(file);
  return for_each_row(files, rejects, [&](const SourceFile& file, std::int64_t number, const Value& row) {
    use(file, number, take_sft(row, number));
  });
}

std::vector<SftRow> read_sft(const std::vector<std::string>& sources, RejectLog& rejects) {
  std::vector<SftRow> rows;
  const std::vector<SourceFile> files = resolve_sources(sources);
  const std::int64_t read = for_each_sft_row(
      files, rejects, [&](const SourceFile&, std::int64_t, SftRow row) { rows.push_back(std::move(row)); });
  if (rows.empty()) throw nothing_usable(fmt::format("{}", fmt::join(sources, ", ")), read, rejects);
  return rows;
}

struct SftWriter::State {
  explicit State(const std::filesystem::path& path)
      : name(path.string()),
        file(path,
             arrow::schema({arrow::field("id", arrow::utf8()), arrow::field("messages", messages_type()),
                            arrow::field("source", arrow::utf8())}),
             {"messages.list.element.role", "source"}) {}
  std::string name;
  ParquetWriter file;
};

SftWriter::SftWriter(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {}
SftWriter::~SftWriter() = default;

void SftWriter::write(const SftRow& row) {
  writing_parquet(state_->name, [&] {
    put(state_->file.column<arrow::StringBuilder>(0), row.id);
    put_messages(state_->file.column<arrow::ListBuilder>(1), row.messages);
    put(state_->file.column<arrow::StringBuilder>(2), row.source);
  });
  state_->file.end_row(bytes_of(row.messages) + row.id.size());
}

void SftWriter::commit() {
  state_->file.commit();
}

void write_sft(const std::filesystem::path& path, const std::vector<SftRow>& rows) {
  SftWriter file(path);
  for (const SftRow& row : rows) file.write(row);
  file.commit();
}

}  // namespace ballot
