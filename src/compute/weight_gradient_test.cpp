#include "compute/weight_gradient.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "compute/layers.h"
#include "compute/vocabulary_loss.h"

namespace ballot {
namespace {

at::Tensor numbers(at::IntArrayRef sizes, double step) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return at::sin(at::arange(count, at::kDouble) * step).view(sizes).contiguous();
}

TEST(WeightGradient, MicroBatchesAddUpToTheirSum) {
  const at::Tensor table = numbers({7, 4}, 0.7).requires_grad_(), weight = numbers({4, 4}, 0.3).requires_grad_(),
                   bias = numbers({4}, 0.9).requires_grad_();
  const std::vector<std::int64_t> ids{1, 3, 3, 0, 6, 2}, targets{3, 0, 6, 2, 5, 1};
  const auto backward = [&](std::size_t begin, std::size_t n) {
    const auto part = [&](const std::vector<std::int64_t>& all) {
      return at::tensor(std::vector<std::int64_t>(all.begin() + begin, all.begin() + begin + n), at::kLong);
    };
    // A tied table: rows looked up, and the head at the end.
    const at::Tensor hidden = Linear{weight, bias}(embedding(table, part(ids), 1.5));
    token_log_probabilities(hidden, table, part(targets)).sum().backward();
  };
  const auto taken = [&] {
    std::vector<at::Tensor> gradients;
    for (const at::Tensor& x : {table, weight, bias}) {
      gradients.push_back(x.grad().clone());
      x.mutable_grad().reset();
    }
    return gradients;
  };
  backward(0, 6);
  const auto whole = taken();
  backward(0, 2);
  backward(2, 1);
  backward(3, 3);
  const auto parts = taken();
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(at::allclose(whole[i], parts[i], 1e-12, 1e-14)) << i;

  // And to what autograd makes of the textbook.
  const at::Tensor x = table.index_select(0, at::tensor(ids, at::kLong)) * 1.5;
  const at::Tensor z = at::log_softmax((x.mm(weight.t()) + bias).mm(table.t()), 1);
  z.gather(1, at::tensor(targets, at::kLong).unsqueeze(1)).sum().backward();
  const auto textbook = taken();
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(at::allclose(whole[i], textbook[i], 1e-10, 1e-12)) << i;
}

TEST(WeightGradient, AWeightOfAnotherTypeGetsItsGradientThroughAutograd) {
  const at::Tensor weight = numbers({3, 5}, 0.4).to(at::kFloat).requires_grad_();
  EXPECT_FALSE(adds_in_place(weight, at::kDouble));
  EXPECT_TRUE(adds_in_place(weight, at::kFloat));
  const at::Tensor x = numbers({2, 5}, 0.2);
  Linear{weight, {}}(x).sum().backward();
  ASSERT_TRUE(weight.grad().defined());
  EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(weight.grad(), x.sum(0).expand({3, 5}).to(at::kFloat)));
}

TEST(WeightGradient, AFrozenWeightHasNone) {
  const at::Tensor weight = numbers({3, 5}, 0.4), x = numbers({2, 5}, 0.2).requires_grad_();
  Linear{weight, {}}(x).sum().backward();
  EXPECT_FALSE(weight.grad().defined());
  EXPECT_TRUE(at::allclose(x.grad(), weight.sum(0).expand({2, 5})));
}

}  // namespace
}  // namespace ballot
