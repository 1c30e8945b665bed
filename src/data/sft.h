// Conversations to learn from (SFT): `id`, `messages`, `source`, as in the Tulu-3 mixture.
//
// Read are JSONL and Parquet, files or folders of shards, with `messages` ([{role, content}]; ShareGPT's {from, value}
// is the same conversation, also under `conversations`), or TRL's `prompt` and `completion` (texts, or lists of
// messages). Plain text becomes two messages with empty roles, prompt and completion (kPlainTextRole in
// data/preferences.h). A conversation is: an optional system turn, then user and assistant in turn (a tool's answer may
// follow an assistant), none of them empty, an assistant's at the end.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/records.h"
#include "data/rejects.h"
#include "data/sources.h"

namespace ballot {

/// Rows in file order; bad ones go to `rejects`. Throws Error (input) where the columns are missing or no row can be
/// used. A row without an id gets its number in the file. Whether a text holds control tokens depends on the tokenizer
/// and is the caller's to ask (Tokenizer::find_special).
std::vector<SftRow> read_sft(const std::vector<std::string>& sources, RejectLog& rejects);

/// The same, one row at a time: for data that does not fit memory.
using SftUse = std::function<void(const SourceFile& file, std::int64_t number, SftRow row)>;
/// Returns how many rows were read.
std::int64_t for_each_sft_row(const std::vector<SourceFile>& files, RejectLog& rejects, const SftUse& use);

/// Rows in the order given; atomically; the same rows give the same bytes.
void write_sft(const std::filesystem::path& path, const std::vector<SftRow>& rows);
class SftWriter {
 public:
  explicit SftWriter(const std::filesystem::path& path);
  ~SftWriter();
  void write(const SftRow& row);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
