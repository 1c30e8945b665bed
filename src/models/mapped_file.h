// A file as a piece of memory, read by the system where it is touched: weights are never held twice.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>

namespace ballot {

class MappedFile {
 public:
  /// Throws Error (input) where the file cannot be read or is not a plain file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// `piece` of bytes() was copied and is not needed for now: its pages leave this process's memory. Reading them again
  /// brings them back.
  void forget(std::span<const std::byte> piece) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ballot
