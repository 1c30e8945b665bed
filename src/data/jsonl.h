// Lines of text files, and JSON objects a line: plain, .gz and .zst, with or without BOM, CRLF or a last newline.
//
//   LineReader lines("answers.jsonl.zst");
//   for (Line line; lines.next(line);) ...            // lines of text
//   read_jsonl("answers.jsonl", rejects, [&](std::int64_t row, const Json& object) { ... });
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/json.h"
#include "data/rejects.h"
#include "data/sources.h"

namespace ballot {

struct Line {
  std::string_view text;  ///< without its end; valid until the next call
  std::int64_t row = 0;   ///< 1-based
};

/// Memory: the longest line and a block of 1 MiB. Throws Error (input) where the file cannot be read, its compression
/// is damaged or it ends inside a compressed stream.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path);
  explicit LineReader(const SourceFile& file);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  bool next(Line& line);
  /// Bytes of the file read so far, before decompression: for progress.
  std::int64_t bytes_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Calls `use` with every line's JSON object. Blank lines are skipped; a line that is no JSON object in UTF-8 goes to
/// `rejects`
/// ("invalid_json", "invalid_utf8", "not_an_object", "duplicate_key", "lone_surrogate").
void read_jsonl(const std::filesystem::path& path, RejectLog& rejects,
                const std::function<void(std::int64_t row, const Json& object)>& use);

/// Writes objects a line, atomically.
class JsonlWriter {
 public:
  explicit JsonlWriter(const std::filesystem::path& path);
  ~JsonlWriter();
  void write(const Json& object);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
