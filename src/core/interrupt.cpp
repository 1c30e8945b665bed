#include "core/interrupt.h"

#include <atomic>

#include "core/error.h"

namespace ballot {
namespace {
std::atomic<bool> requested{false};
}

void request_interrupt() noexcept {
  requested = true;
}
bool interrupt_requested() noexcept {
  return requested.load(std::memory_order_relaxed);
}
void clear_interrupt() noexcept {
  requested = false;
}
void check_interrupt(const char* how_to_go_on) {
  if (interrupt_requested()) throw Error(ErrorKind::kInterrupted, "interrupted; what was done is saved", how_to_go_on);
}

}  // namespace ballot
