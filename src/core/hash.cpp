#include "core/hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace ballot {

Hasher::Hasher() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) != 1)
    throw failed("cannot start a SHA-256 computation");
}

Hasher::~Hasher() {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_));
}

Hasher& Hasher::raw(std::string_view bytes) {
  EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size());
  return *this;
}

Hasher& Hasher::field(std::int64_t number) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
  return raw({bytes, 8});
}

Hasher& Hasher::field(std::string_view bytes) {
  return field(static_cast<std::int64_t>(bytes.size())).raw(bytes);
}

std::array<std::uint8_t, 32> Hasher::digest() {
  std::array<std::uint8_t, 32> out;
  unsigned length = 0;
  EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), out.data(), &length);
  return out;
}

std::string Hasher::hex(std::size_t digits) {
  static const char* const kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest()) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text.substr(0, digits);
}

std::string sha256_hex(std::string_view bytes) {
  return Hasher().raw(bytes).hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) throw bad_input("cannot read {}: {}", path.string(), std::strerror(errno));
  Hasher hasher;
  std::vector<char> buffer(1 << 20);
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file)) hasher.raw({buffer.data(), n});
  const bool broken = std::ferror(file);
  std::fclose(file);
  if (broken) throw bad_input("cannot read {}: {}", path.string(), std::strerror(errno));
  return hasher.hex();
}

std::string sha256_folder(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  for (auto entry = std::filesystem::recursive_directory_iterator(path);
       entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(".")) {
      if (entry->is_directory()) entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_regular_file() && name != "manifest.json" && name != "unfinished.json")
      files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  Hasher hasher;
  for (const auto& file : files)
    hasher.field(std::filesystem::relative(file, path).generic_string()).field(sha256_file(file));
  return hasher.hex();
}

std::uint64_t hash64(std::string_view bytes) {
  const auto digest = Hasher().raw(bytes).digest();
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(digest[i]) << (8 * i);
  return value;
}

}  // namespace ballot
