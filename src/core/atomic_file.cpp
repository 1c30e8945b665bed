#include "core/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/error.h"

namespace ballot {
namespace {

std::atomic<std::int64_t> writes_until_failure{0};

bool this_write_fails() {
  if (writes_until_failure.load(std::memory_order_relaxed) <= 0) return false;
  if (writes_until_failure.fetch_sub(1) != 1) return false;
  errno = ENOSPC;
  return true;
}

Error write_error(const std::filesystem::path& path) {
  const std::string cause = std::strerror(errno);
  return Error(ErrorKind::kFailed, fmt::format("cannot write {}: {}", path.string(), cause),
               errno == ENOSPC
                   ? "make room on that disk and run the same command again; nothing that was complete is lost"
                   : "");
}

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a file system without folders to open: the rename is all there is
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

void fail_after_writes(std::int64_t n) {
  writes_until_failure = n;
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path_.parent_path(), error);
    if (error) throw failed("cannot make the folder {}: {}", path_.parent_path().string(), error.message());
  }
  temporary_ = path_.parent_path() / fmt::format(".{}.tmp-{}", path_.filename().string(), ::getpid());
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw write_error(path_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = this_write_fails() ? -1 : ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw write_error(path_);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AtomicFile::commit() {
  if (this_write_fails() || ::fsync(descriptor_) != 0) throw write_error(path_);
  if (this_write_fails() || ::rename(temporary_.c_str(), path_.c_str()) != 0) throw write_error(path_);
  ::close(descriptor_);
  descriptor_ = -1;
  sync_folder(path_.parent_path());
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

void commit_path(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  const int descriptor = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) {
    const bool bad = this_write_fails() || ::fsync(descriptor) != 0;
    const int cause = errno;
    ::close(descriptor);
    errno = cause;
    if (bad) throw write_error(path);
  }
  if (this_write_fails() || ::rename(temporary.c_str(), path.c_str()) != 0) throw write_error(path);
  sync_folder(path.parent_path());
}

std::string read_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw bad_input("cannot read {}: {}", path.string(), std::strerror(errno));
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(descriptor, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int cause = errno;
      ::close(descriptor);
      throw bad_input("cannot read {}: {}", path.string(), std::strerror(cause));
    }
    if (n == 0) break;
    content.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(descriptor);
  return content;
}

void remove_stale_temporaries(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const std::size_t mark = name.rfind(".tmp-");
    if (!name.starts_with(".") || mark == std::string::npos) continue;
    int process = 0;
    const auto [end, error] = std::from_chars(name.data() + mark + 5, name.data() + name.size(), process);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (::kill(process, 0) != 0 && errno == ESRCH) std::filesystem::remove_all(entry.path(), ignored);
  }
}

}  // namespace ballot
