// Memory of large tensors, so that what a training takes is what its tensors hold at their fullest, not what malloc
// happens to keep of it.
//
// A training frees and makes the same few sizes thousands of times a step. malloc either returns large blocks to the
// system each time (every page is then faulted in and zeroed again: a tenth of a step on small layers) or keeps them in
// a heap that interleaved lifetimes tear into holes. Here a freed block becomes part of the free span around it, from
// which tensors of any size are cut. Where none is large enough and as much is mapped as ever lived at once, free spans
// give their pages back before new ones are taken: what is mapped never exceeds the largest sum of living tensors
// (since the last trim) by more than the rounding of sizes. All lies in one run of addresses, which the system backs
// with large pages where it has them.
//
// ATen has one allocator a process, so this is one a process, too. Blocks below 128 KiB are malloc's as before.
#pragma once
#include <cstdint>

namespace ballot {

/// From now on large tensors are taken from here; tensors that exist are freed as they were made. Once is enough.
void pool_tensor_memory();
/// Gives back what waits (at the end of a training, before a long pause).
void trim_tensor_memory();

struct TensorMemory {
  std::int64_t living = 0;  ///< bytes of the large tensors that exist
  std::int64_t mapped = 0;  ///< bytes taken from the system: living and waiting
  std::int64_t peak = 0;    ///< the most that was ever mapped
};
TensorMemory tensor_memory();

}  // namespace ballot
