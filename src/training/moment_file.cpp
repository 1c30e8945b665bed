#include "training/moment_file.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace ballot {
namespace {

constexpr std::int64_t kPage = 4096;

std::int64_t pages(std::int64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

void advise(const at::Tensor& piece, int advice) {
  if (piece.nbytes() > 0)
    ::madvise(piece.data_ptr(), static_cast<std::size_t>(pages(static_cast<std::int64_t>(piece.nbytes()))), advice);
}

}  // namespace

struct MomentFile::Mapping {
  void* begin = nullptr;
  std::int64_t bytes = 0;
  ~Mapping() {
    if (begin != nullptr) ::munmap(begin, static_cast<std::size_t>(bytes));
  }
};

MomentFile::MomentFile(const std::filesystem::path& folder, std::int64_t bytes, std::int64_t tensors)
    : mapping_(std::make_shared<Mapping>()) {
  const std::int64_t size = pages(bytes) + tensors * kPage;
  std::string name = (folder / ".moments-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) throw failed("cannot make a file for the moments in {}: {}", folder.string(), std::strerror(errno));
  ::unlink(name.c_str());  // it ends with the process, however that ends
  // Reserved now: a disk that is full later would end the process at some access.
  int error = ::posix_fallocate(file, 0, size);
  if (error == 0) {
    void* begin = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (begin == MAP_FAILED)
      error = errno;
    else
      mapping_->begin = begin, mapping_->bytes = size;
  }
  ::close(file);
  if (error != 0)
    throw failed("cannot keep {} MB of moments in {}: {}", size >> 20, folder.string(), std::strerror(error));
}

at::Tensor MomentFile::take(at::IntArrayRef sizes, at::ScalarType type) {
  std::int64_t bytes = static_cast<std::int64_t>(c10::elementSize(type));
  for (const std::int64_t size : sizes) bytes *= size;
  if (used_ + bytes > mapping_->bytes) throw failed("the file of moments is too small for another {} bytes", bytes);
  void* begin = static_cast<char*>(mapping_->begin) + used_;
  used_ += pages(bytes);
  return at::from_blob(begin, sizes, [mapping = mapping_](void*) {}, at::TensorOptions().dtype(type));
}

void MomentFile::fetch(const at::Tensor& piece) {
#ifdef MADV_POPULATE_WRITE
  advise(piece, MADV_POPULATE_WRITE);  // where the kernel is older, the pages come one by one
#else
  static_cast<void>(piece);
#endif
}

void MomentFile::put_away(const at::Tensor& piece) {
  advise(piece, MADV_DONTNEED);
}

}  // namespace ballot
