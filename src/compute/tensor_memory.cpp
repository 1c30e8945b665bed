#include "compute/tensor_memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/error.h"

namespace ballot {
namespace {

constexpr std::size_t kSmall = 128 << 10, kPage = 4096, kAlignment = 64;
/// Addresses are reserved once, memory comes with the first touch: several times what the machine has, as free spans
/// without pages may lie between living blocks.
constexpr std::size_t kReservedTimes = 8, kLeastReserved = std::size_t{1} << 32;

/// One run of addresses, cut into living blocks, free spans that hold pages (`waiting_`), free spans that hold none
/// (`bare_`), and what was never used, from `top_`.
class Pool {
 public:
  void* take(std::size_t bytes) {
    const std::size_t size = (bytes + kPage - 1) / kPage * kPage;
    const std::scoped_lock lock(mutex_);
    if (base_ == nullptr) reserve();
    if (size > physical_) refuse(size);
    std::size_t place = waiting_.take(size);
    if (place == Spans::kNone) {
      // No more is mapped than once lived at the same time.
      largest_living_ = std::max(largest_living_, state_.living + static_cast<std::int64_t>(size));
      give_back(state_.mapped + static_cast<std::int64_t>(size) - largest_living_);
      place = bare_.take(size);
      if (place == Spans::kNone) {
        if (size > reserved_ - top_) refuse(size);
        place = top_;
        top_ += size;
      }
      state_.mapped += static_cast<std::int64_t>(size);
      state_.peak = std::max(state_.peak, state_.mapped);
    }
    living_.emplace(place, size);
    state_.living += static_cast<std::int64_t>(size);
    return base_ + place;
  }

  /// False where the block is not the pool's.
  bool put(void* block) {
    const std::scoped_lock lock(mutex_);
    const auto* address = static_cast<const char*>(block);
    if (base_ == nullptr || std::less<>()(address, base_) || !std::less<>()(address, base_ + reserved_)) return false;
    const auto found = living_.find(static_cast<std::size_t>(address - base_));
    const auto [place, size] = *found;
    living_.erase(found);
    state_.living -= static_cast<std::int64_t>(size);
    waiting_.put(place, size);
    return true;
  }

  void trim() {
    const std::scoped_lock lock(mutex_);
    give_back(state_.mapped);
    largest_living_ = state_.living;
  }
  TensorMemory state() {
    const std::scoped_lock lock(mutex_);
    return state_;
  }

 private:
  /// Free spans by place and by size; neighbours are one.
  class Spans {
   public:
    static constexpr std::size_t kNone = ~std::size_t{0};

    /// The front of the smallest span that is large enough.
    std::size_t take(std::size_t size) {
      const auto found = by_size_.lower_bound({size, 0});
      if (found == by_size_.end()) return kNone;
      const auto [whole, place] = *found;
      erase(place, whole);
      if (whole > size) insert(place + size, whole - size);
      return place;
    }
    void put(std::size_t place, std::size_t size) {
      const auto after = by_place_.lower_bound(place);
      if (after != by_place_.begin())
        if (const auto [before, length] = *std::prev(after); before + length == place) {
          erase(before, length);
          place = before;
          size += length;
        }
      if (const auto next = by_place_.find(place + size); next != by_place_.end()) {
        const auto [following, length] = *next;
        erase(following, length);
        size += length;
      }
      insert(place, size);
    }
    /// The end of the largest span, at most `size` of it; no bytes where there is none.
    std::pair<std::size_t, std::size_t> take_of_largest(std::size_t size) {
      if (by_size_.empty()) return {kNone, 0};
      const auto [whole, place] = *by_size_.rbegin();
      erase(place, whole);
      if (whole <= size) return {place, whole};
      insert(place, whole - size);
      return {place + whole - size, size};
    }

   private:
    void insert(std::size_t place, std::size_t size) {
      by_place_.emplace(place, size);
      by_size_.emplace(size, place);
    }
    void erase(std::size_t place, std::size_t size) {
      by_place_.erase(place);
      by_size_.erase({size, place});
    }
    std::map<std::size_t, std::size_t> by_place_;
    std::set<std::pair<std::size_t, std::size_t>> by_size_;
  };

  void reserve() {
    physical_ = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    // Less where the process may not have so many addresses (ulimit -v).
    for (reserved_ = kReservedTimes * physical_; reserved_ >= kLeastReserved; reserved_ /= 2) {
      void* block =
          ::mmap(nullptr, reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (block == MAP_FAILED) continue;
      ::madvise(block, reserved_, MADV_HUGEPAGE);  // fewer faults where the system has large pages; no matter where not
      base_ = static_cast<char*>(block);
      return;
    }
    reserved_ = 0;
    refuse(0);
  }

  [[noreturn]] void refuse(std::size_t size) const {
    throw Error(ErrorKind::kFailed,
                fmt::format("cannot take {} MB for a tensor beside {} MB: this machine has {} MB, and the process may "
                            "have {} MB of addresses (ulimit -v)",
                            size >> 20, state_.living >> 20, physical_ >> 20, reserved_ >> 20),
                "use smaller micro-batches (--tokens-per-microbatch) or --gradient-checkpointing on");
  }

  /// Returns pages of free spans, from the largest, until `bytes` of them went or none is left.
  void give_back(std::int64_t bytes) {
    while (bytes > 0) {
      const auto [place, size] = waiting_.take_of_largest(static_cast<std::size_t>(bytes));
      if (size == 0) return;
      ::madvise(base_ + place, size, MADV_DONTNEED);
      bare_.put(place, size);
      state_.mapped -= static_cast<std::int64_t>(size);
      bytes -= static_cast<std::int64_t>(size);
    }
  }

  std::mutex mutex_;
  char* base_ = nullptr;
  std::size_t reserved_ = 0, top_ = 0, physical_ = 0;
  std::int64_t largest_living_ = 0;  ///< since the last trim
  Spans waiting_, bare_;
  std::unordered_map<std::size_t, std::size_t> living_;  ///< place to size
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
