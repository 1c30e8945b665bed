// Files inside the binary (cmake/embed.cmake): each room that has some declares its own embedded_<room>_files().
#pragma once
#include <span>
#include <string_view>

namespace ballot {

struct EmbeddedFile {
  std::string_view name;
  std::string_view content;
};

/// The content of the file of that name; empty (data() == nullptr) where there is none.
inline std::string_view find_embedded(std::span<const EmbeddedFile> files, std::string_view name) {
  for (const EmbeddedFile& file : files)
    if (file.name == name) return file.content;
  return {};
}

}  // namespace ballot
