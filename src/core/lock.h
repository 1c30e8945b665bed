// One writer a folder: a second process on the same output is told so, plainly, at once.
#pragma once
#include <filesystem>

namespace ballot {

/// Holds `.lock` of a folder (made where missing) until it is destroyed; the kernel lets go when the process dies.
class FolderLock {
 public:
  /// Throws Error (failed) naming the other process where the folder is in use.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace ballot
