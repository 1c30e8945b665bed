// A temporary file without a name, beside the output: the first pass over large data puts there what the second may
// need. The kernel removes it when the process ends, however it ends. Inside the room only.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ballot {

class SpillFile {
 public:
  /// In the folder of `beside`, so that there is as much room as the output needs anyway.
  explicit SpillFile(const std::filesystem::path& beside);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  /// Returns where the bytes begin. Throws Error (failed), e.g. on a full disk.
  std::uint64_t append(std::string_view bytes);
  void read(std::uint64_t offset, std::size_t size, std::string& to) const;

 private:
  std::filesystem::path folder_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// Numbers and texts in a row, for records that only this process reads.
class Packer {
 public:
  explicit Packer(std::string& to) : to_(to) {}
  void number(std::int64_t n) { to_.append(reinterpret_cast<const char*>(&n), sizeof n); }
  void text(std::string_view s) {
    number(static_cast<std::int64_t>(s.size()));
    to_.append(s);
  }

 private:
  std::string& to_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view from) : from_(from) {}
  std::int64_t number();
  std::string text();

 private:
  std::string_view from_;
};

}  // namespace ballot
