#include "compute/tensor_memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace ballot {
namespace {

at::Tensor megabytes(std::int64_t n) {
  return at::empty({n << 20}, at::kByte);
}

TEST(TensorMemory, AFreedBlockServesTheNextTensorOfItsSize) {
  pool_tensor_memory();
  trim_tensor_memory();
  const std::int64_t before = tensor_memory().mapped;
  const void* first = nullptr;
  {
    const at::Tensor x = megabytes(3);
    first = x.const_data_ptr();
    EXPECT_EQ(tensor_memory().mapped - before, 3 << 20);
  }
  EXPECT_EQ(tensor_memory().mapped - before, 3 << 20) << "it waits";
  const at::Tensor again = megabytes(3);
  EXPECT_EQ(again.const_data_ptr(), first);
}

TEST(TensorMemory, FreedNeighboursServeTensorsOfOtherSizes) {
  pool_tensor_memory();
  trim_tensor_memory();
  const std::int64_t before = tensor_memory().mapped;
  at::Tensor eight = megabytes(8), five = megabytes(5);
  eight = five = at::Tensor();
  const at::Tensor eleven = megabytes(11), two = megabytes(2);
  eleven.fill_(1), two.fill_(2);
  EXPECT_EQ(eleven.min().item<int>(), 1) << "they do not overlap";
  EXPECT_EQ(eleven.max().item<int>(), 1);
  EXPECT_EQ(tensor_memory().mapped - before, 13 << 20);
}

TEST(TensorMemory, ATensorLargerThanTheMachineIsRefused) {
  pool_tensor_memory();
  EXPECT_THROW(at::empty({std::int64_t{1} << 50}, at::kByte), std::exception);
  EXPECT_EQ(megabytes(1).fill_(1).max().item<int>(), 1) << "the next one is served";
}

TEST(TensorMemory, NeverMapsMoreThanTheTensorsThatLivedAtOnce) {
  pool_tensor_memory();
  trim_tensor_memory();
  const TensorMemory before = tensor_memory();
  std::int64_t largest = 0;
  std::vector<at::Tensor> living;
  for (int i = 0; i < 400; ++i) {  // sizes that never come twice in a row, lifetimes that interleave
    living.push_back(megabytes(1 + i * 7 % 13));
    largest = std::max(largest, tensor_memory().living - before.living);
    if (living.size() > 9) living.erase(living.begin() + i * 5 % 9);
    EXPECT_LE(tensor_memory().mapped - before.mapped, largest);
  }
  living.clear();
  trim_tensor_memory();
  EXPECT_EQ(tensor_memory().mapped, before.mapped);
}

TEST(TensorMemory, TensorsOfEarlierAndSmallOnesAreFreedAsTheyWereMade) {
  at::Tensor earlier = at::ones({1 << 20});
  pool_tensor_memory();
  const std::int64_t living = tensor_memory().living;
  at::Tensor small = at::ones({100});
  EXPECT_EQ(tensor_memory().living, living);
  earlier = small = at::Tensor();
  at::Tensor empty = at::empty({0});
  EXPECT_EQ(empty.numel(), 0);
}

TEST(TensorMemory, ServesThreads) {
  pool_tensor_memory();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) {
        const at::Tensor x = at::full({(1 << 16) + i * 64}, t, at::kFloat);
        ASSERT_EQ(x.sum().item<float>(), static_cast<float>(t) * static_cast<float>(x.numel()));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace ballot
