// The processes that compute one training together. What must be the same for all of them goes through here: counts
// before a step (every process divides by the same global number), sums of losses, metrics and gradients after it.
// One process is the only implementation so far; the loop uses it as it will use the others.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

namespace at {
class Tensor;
}

namespace ballot {

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Element-wise over the processes, in the order of their ranks; every process calls it with the same shapes, also
  /// one that has nothing to add.
  virtual void sum(std::span<double> values) = 0;
  virtual void minimum(std::span<double> values) = 0;
  virtual void maximum(std::span<double> values) = 0;
  /// The sum of the tensors of all processes, in place.
  virtual void sum(std::span<at::Tensor> tensors) = 0;
};

/// One process: every sum is what it was given.
std::unique_ptr<Communicator> single_process();

}  // namespace ballot
