#include "models/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace ballot {

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (file < 0 || ::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    const int cause = errno;
    if (file >= 0) ::close(file);
    throw bad_input("cannot read {}: {}", path.string(), file >= 0 ? "not a file" : std::strerror(cause));
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) {
    void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    const int cause = errno;
    ::close(file);
    if (memory == MAP_FAILED) throw bad_input("cannot map {} into memory: {}", path.string(), std::strerror(cause));
    data_ = static_cast<const std::byte*>(memory);
  } else {
    ::close(file);
  }
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::forget(std::span<const std::byte> piece) const {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<std::size_t>(piece.data() - data_) / page * page;
  if (!piece.empty())
    ::madvise(const_cast<std::byte*>(data_) + begin,
              static_cast<std::size_t>(piece.data() - data_) + piece.size() - begin, MADV_DONTNEED);
}

}  // namespace ballot
