// Where and in which type the arithmetic is done: threads, device, type of computation.
//
// Only the CPU computes so far. CUDA is asked for by name and refused in words that say what is missing, never replaced
// in silence; `auto` takes the CPU. bf16 arithmetic is offered only where the processor has instructions for it:
// elsewhere it is four to five times slower than fp32 and less exact.
#pragma once
#include <cstdint>
#include <string>

namespace c10 {
enum class ScalarType : std::int8_t;
}

namespace ballot {

enum class ComputeType { kFloat32, kBFloat16, kFloat64 };  ///< kFloat64: for tests, through plain mathematics

struct ComputeChoice {
  std::string device = "cpu";  ///< "cpu"
  ComputeType type = ComputeType::kFloat32;
};

/// `--device` (auto, cpu, cuda, cuda:N) and `--dtype` (fp32, bf16, or empty for the device's default). Throws Error
/// (usage) on a word that is neither, and Error (failed) on a device or type that this machine cannot use.
ComputeChoice choose_compute(const std::string& device, const std::string& dtype);
/// "fp32", "bf16", "fp64".
std::string name_of(ComputeType type);
c10::ScalarType scalar_type(ComputeType type);
/// The processor multiplies bf16 in hardware (AVX512_BF16 or AMX).
bool processor_has_bf16();
/// How many threads the kernels use; before the first computation. 0: the cores this process may use.
void set_compute_threads(int threads);
int compute_threads();

}  // namespace ballot
