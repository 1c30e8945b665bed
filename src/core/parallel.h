// Plain loops over the cores this process may use. Results must not depend on the order of the calls.
#pragma once
#include <cstddef>
#include <functional>

namespace ballot {

/// The cores this process may run on (its affinity mask and the cgroup's quota), at least 1.
int available_cores();

/// Calls body(i) for i in [0, n) on up to `threads` threads (0: available_cores()). The first exception is rethrown.
void parallel_for(std::size_t n, int threads, const std::function<void(std::size_t)>& body);

}  // namespace ballot
