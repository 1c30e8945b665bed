#include "core/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/error.h"

namespace ballot {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw failed("cannot make the folder {}: {}", folder.string(), error.message());
  const std::filesystem::path path = folder / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw failed("cannot write {}: {}", path.string(), std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t n = ::read(descriptor_, holder, sizeof holder - 1);
    ::close(descriptor_);
    descriptor_ = -1;
    throw Error(ErrorKind::kFailed,
                fmt::format("{} is in use by another process{}", folder.string(),
                            n > 0 ? fmt::format(" ({})", holder) : std::string()),
                "wait until it has ended, or choose another --out");
  }
  const std::string mine = std::to_string(::getpid());
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, mine.data(), mine.size(), 0) < 0) {
    // The number is only for the other process's message; the lock holds without it.
  }
}

FolderLock::FolderLock(FolderLock&& other) noexcept : descriptor_(other.descriptor_) {
  other.descriptor_ = -1;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace ballot
