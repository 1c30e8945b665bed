#include "data/spill.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace ballot {
namespace {

Error spill_error(const std::filesystem::path& folder, const char* attempted) {
  const int cause = errno;
  return Error(ErrorKind::kFailed,
               fmt::format("cannot {} a temporary file in {}: {}", attempted, folder.string(), std::strerror(cause)),
               cause == ENOSPC ? "make room on that disk and run the same command again" : "");
}

}  // namespace

SpillFile::SpillFile(const std::filesystem::path& beside) : folder_(beside.parent_path()) {
  if (folder_.empty()) folder_ = ".";
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw failed("cannot make the folder {}: {}", folder_.string(), error.message());
  descriptor_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor_ < 0) {  // a file system without unnamed files: one that loses its name at once
    std::string name = (folder_ / ".spill-XXXXXX").string();
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ < 0) throw spill_error(folder_, "make");
    ::unlink(name.c_str());
  }
}

SpillFile::~SpillFile() {
  ::close(descriptor_);
}

std::uint64_t SpillFile::append(std::string_view bytes) {
  const std::uint64_t begin = size_;
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw spill_error(folder_, "write");
    size_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return begin;
}

void SpillFile::read(std::uint64_t offset, std::size_t size, std::string& to) const {
  to.resize(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::pread(descriptor_, to.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw spill_error(folder_, "read");
    done += static_cast<std::size_t>(n);
  }
}

std::int64_t Unpacker::number() {
  std::int64_t n = 0;
  std::memcpy(&n, from_.data(), sizeof n);
  from_.remove_prefix(sizeof n);
  return n;
}

std::string Unpacker::text() {
  const auto size = static_cast<std::size_t>(number());
  std::string s(from_.substr(0, size));
  from_.remove_prefix(size);
  return s;
}

}  // namespace ballot
