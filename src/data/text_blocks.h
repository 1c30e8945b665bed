// Blocks of whole lines of a text file, decompressed on the way: the ground that lines, JSONL rows and CSV stand on.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/sources.h"

namespace ballot {

/// Bytes that may be read behind the end of any text handed out, as simdjson wants.
inline constexpr std::size_t kReadablePadding = 64;

/// Whole lines, kReadablePadding zero bytes behind them.
struct TextBlock {
  std::string bytes;
  std::size_t size = 0;
  std::string_view text() const { return {bytes.data(), size}; }
};

class TextBlocks {
 public:
  /// `block_size`: about how many bytes a block holds; a longer line makes a longer block.
  explicit TextBlocks(const SourceFile& file, std::size_t block_size = 1 << 20);
  ~TextBlocks();
  /// The next block; false at the end of the file. A BOM at its beginning is left out. Throws Error (input) where the
  /// file cannot be read or its compression is damaged or incomplete.
  bool next(TextBlock& block);
  /// Bytes of the file read so far, before decompression.
  std::int64_t bytes_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
