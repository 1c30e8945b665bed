#include "compute/tensor_memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/error.h"

namespace ballot {
namespace {

constexpr std::size_t kSmall = 128 << 10, kPage = 4096, kAlignment = 64;
/// A waiting block may be this much larger than what is asked for.
constexpr std::size_t kSlack = 8;  // an eighth

class Pool {
 public:
  void* take(std::size_t bytes) {
    const std::size_t size = (bytes + kPage - 1) / kPage * kPage;
    const std::scoped_lock lock(mutex_);
    const auto found = waiting_.lower_bound(size);
    if (found != waiting_.end() && found->first <= size + size / kSlack) {
      void* block = found->second.back();
      const std::size_t real = found->first;
      found->second.pop_back();
      if (found->second.empty()) waiting_.erase(found);
      waiting_bytes_ -= real;
      living_[block] = real;
      state_.living += static_cast<std::int64_t>(real);
      return block;
    }
    give_back(size);
    void* block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
      give_back(waiting_bytes_);
      block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    if (block == MAP_FAILED)
      throw Error(ErrorKind::kFailed,
                  fmt::format("cannot take {} MB for a tensor beside {} MB: {}", size >> 20, state_.living >> 20,
                              std::strerror(errno)),
                  "use smaller micro-batches (--tokens-per-microbatch) or --gradient-checkpointing on");
    ::madvise(block, size, MADV_HUGEPAGE);  // fewer faults where the system has large pages; no matter where not
    living_[block] = size;
    state_.living += static_cast<std::int64_t>(size);
    state_.mapped += static_cast<std::int64_t>(size);
    state_.peak = std::max(state_.peak, state_.mapped);
    return block;
  }

  /// False where the block is not the pool's.
  bool put(void* block) {
    const std::scoped_lock lock(mutex_);
    const auto found = living_.find(block);
    if (found == living_.end()) return false;
    const std::size_t size = found->second;
    living_.erase(found);
    state_.living -= static_cast<std::int64_t>(size);
    waiting_[size].push_back(block);
    waiting_bytes_ += size;
    return true;
  }

  void trim() {
    const std::scoped_lock lock(mutex_);
    give_back(waiting_bytes_);
  }
  TensorMemory state() {
    const std::scoped_lock lock(mutex_);
    return state_;
  }

 private:
  /// Returns waiting blocks, the largest first, until `bytes` of them went or none is left.
  void give_back(std::size_t bytes) {
    std::size_t gone = 0;
    while (gone < bytes && !waiting_.empty()) {
      const auto largest = std::prev(waiting_.end());
      ::munmap(largest->second.back(), largest->first);
      gone += largest->first;
      waiting_bytes_ -= largest->first;
      state_.mapped -= static_cast<std::int64_t>(largest->first);
      largest->second.pop_back();
      if (largest->second.empty()) waiting_.erase(largest);
    }
  }

  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> waiting_;  ///< by size
  std::unordered_map<void*, std::size_t> living_;
  std::size_t waiting_bytes_ = 0;
  TensorMemory state_;
};

Pool& pool() {
  static Pool* const made = new Pool;  // never destroyed: tensors may outlive every static object
  return *made;
}

void release(void* block) {
  if (block != nullptr && !pool().put(block)) std::free(block);
}

class PoolAllocator final : public c10::Allocator {
 public:
  at::DataPtr allocate(std::size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &release, at::Device(at::kCPU)};
    void* block = nullptr;
    if (bytes >= kSmall)
      block = pool().take(bytes);
    else if (::posix_memalign(&block, kAlignment, bytes) != 0)
      throw failed("out of memory: cannot take {} bytes for a tensor", bytes);
    return {block, block, &release, at::Device(at::kCPU)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
};

}  // namespace

void pool_tensor_memory() {
  static const bool once = [] {
    c10::SetCPUAllocator(new PoolAllocator, /*priority=*/200);
    return true;
  }();
  static_cast<void>(once);
}

void trim_tensor_memory() {
  pool().trim();
}

TensorMemory tensor_memory() {
  return pool().state();
}

}  // namespace ballot
