// Content hashes: SHA-256, as the manifests, keys and ids use it.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace ballot {

/// Collects fields and gives their SHA-256. Each field goes in with its length before it, so that ("ab", "c") and
/// ("a", "bc") differ.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  Hasher& field(std::string_view bytes);
  Hasher& field(std::int64_t number);
  /// Bytes as they are, without a length: for the plain SHA-256 of a file or text.
  Hasher& raw(std::string_view bytes);
  std::array<std::uint8_t, 32> digest();
  std::string hex(std::size_t digits = 64);

 private:
  void* context_;
};

/// Plain SHA-256 of the bytes, as `sha256sum` prints it.
std::string sha256_hex(std::string_view bytes);
/// Plain SHA-256 of a file. Throws Error (input) where it cannot be read.
std::string sha256_file(const std::filesystem::path& path);
/// SHA-256 over the names and contents of all files of a folder, sorted. Left out: hidden files, and what a folder says
/// of itself (manifest.json, unfinished.json).
std::string sha256_folder(const std::filesystem::path& path);
/// The first eight bytes of the SHA-256 as a number: a seed or a key for counter-based random numbers.
std::uint64_t hash64(std::string_view bytes);

}  // namespace ballot
