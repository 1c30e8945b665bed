// Blocks of whole lines of a text file, decompressed on the way: the ground that lines, JSONL rows and CSV stand on.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/sources.h"

namespace ballot {

/// The line of `text` that begins at `at`, without "\n" or "\r\n"; moves `at` behind it.
std::string_view take_line(std::string_view text, std::size_t& at);
/// Nothing but spaces, tabs and carriage returns.
bool is_blank(std::string_view line);

class TextBlocks {
 public:
  /// `block_size`: about how many bytes a block holds; a longer line makes a longer block.
  explicit TextBlocks(const SourceFile& file, std::size_t block_size = 1 << 20);
  ~TextBlocks();
  /// The next block, whole lines; false at the end of the file. A BOM at its beginning is left out. Throws Error
  /// (input) where the file cannot be read or its compression is damaged or incomplete.
  bool next(std::string& block);
  /// Bytes of the file read so far, before decompression.
  std::int64_t bytes_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
