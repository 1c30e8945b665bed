#include "compute/device.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <malloc.h>

#include "compute/tensor_memory.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/suggest.h"

namespace ballot {

ComputeChoice choose_compute(const std::string& device, const std::string& dtype) {
  ComputeChoice choice;
  const bool cuda = device == "cuda" || (device.starts_with("cuda:") && device.size() > 5 &&
                                         device.find_first_not_of("0123456789", 5) == std::string::npos);
  if (cuda)
    throw Error(ErrorKind::kFailed,
                fmt::format("cannot compute on '{}': this build of Ballot computes on the CPU only", device),
                "leave --device out, or say --device cpu");
  if (!device.empty() && device != "auto" && device != "cpu")
    throw Error(ErrorKind::kUsage,
                fmt::format("unknown device '{}'{}", device,
                            did_you_mean(device, std::vector<std::string>{"auto", "cpu", "cuda", "cuda:0"})));
  if (dtype == "bf16") {
    if (!processor_has_bf16())
      throw Error(
          ErrorKind::kFailed,
          "cannot compute in bf16: this processor has no instructions for it (AVX512_BF16 or AMX), and without them "
          "it is several times slower than fp32 and less exact",
          "leave --dtype out, or say --dtype fp32");
    choice.type = ComputeType::kBFloat16;
  } else if (dtype == "fp64") {
    choice.type = ComputeType::kFloat64;
  } else if (!dtype.empty() && dtype != "fp32") {
    throw Error(ErrorKind::kUsage, fmt::format("unknown dtype '{}'{}", dtype,
                                               did_you_mean(dtype, std::vector<std::string>{"fp32", "bf16"})));
  }
  return choice;
}

std::string name_of(ComputeType type) {
  switch (type) {
    case ComputeType::kFloat32:
      return "fp32";
    case ComputeType::kBFloat16:
      return "bf16";
    case ComputeType::kFloat64:
      return "fp64";
  }
  return "";
}

c10::ScalarType scalar_type(ComputeType type) {
  switch (type) {
    case ComputeType::kBFloat16:
      return at::kBFloat16;
    case ComputeType::kFloat64:
      return at::kDouble;
    default:
      return at::kFloat;
  }
}

bool processor_has_bf16() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

void set_compute_threads(int threads) {
  at::set_num_threads(threads > 0 ? threads : available_cores());
  pool_tensor_memory();
  // The same for buffers that are no tensors: by default glibc gives large blocks back to the system each time, and the
  // kernel hands them out again zeroed, page by page.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

int compute_threads() {
  return at::get_num_threads();
}

}  // namespace ballot
