// Forest attention against the textbook: a dense mask over all tokens, softmax, product, and libtorch's own gradients.
#include "compute/attention.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "core/random.h"

namespace ballot {
namespace {

/// Token i sees token j iff j stands on i's path, not after it, and within the window. The slow twin of AttentionPlan.
at::Tensor dense_mask(const Forest& forest, std::int64_t window) {
  const std::int64_t T = forest.size();
  at::Tensor mask = at::zeros({T, T}, at::kBool);
  auto sees = mask.accessor<bool, 2>();
  for (std::int32_t r = 0; r < forest.runs(); ++r)
    for (std::int64_t i = forest.run_begin[r]; i < forest.run_begin[r + 1]; ++i)
      for (std::int32_t a = r; a >= 0; a = forest.parent[a])
        for (std::int64_t j = forest.run_begin[a]; j < forest.run_begin[a + 1]; ++j)
          sees[i][j] = forest.positions[j] <= forest.positions[i] &&
                       (window == 0 || forest.positions[j] > forest.positions[i] - window);
  return mask;
}

at::Tensor plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask,
                           double scale) {
  const std::int64_t repeat = q.size(1) / k.size(1);
  const at::Tensor keys = k.repeat_interleave(repeat, 1), values = v.repeat_interleave(repeat, 1);
  at::Tensor scores = at::einsum("ihd,jhd->hij", {q, keys}) * scale;
  scores = scores.masked_fill(~mask, -std::numeric_limits<double>::infinity());
  return at::einsum("hij,jhd->ihd", {at::softmax(scores, -1), values});
}

at::Tensor numbers(Random& random, at::IntArrayRef sizes) {
  at::Tensor x = at::empty(sizes, at::kDouble);
  for (double& value : std::span(x.mutable_data_ptr<double>(), x.numel())) value = random.normal();
  return x;
}

Forest random_forest(Random& random, std::int64_t most_runs, std::int64_t longest) {
  Forest forest;
  const std::int64_t runs = 1 + static_cast<std::int64_t>(random.below(most_runs));
  for (std::int64_t r = 0; r < runs; ++r) {
    const std::vector<std::int32_t> ids(random.below(longest + 1), 1);
    forest.add_run(static_cast<std::int32_t>(random.below(r + 1)) - 1, ids);
  }
  if (forest.size() == 0) forest.add_run(-1, std::vector<std::int32_t>{1});
  return forest;
}

struct Compared {
  double out, dq, dk, dv;
};
/// Largest errors relative to the largest number of each.
Compared compare(const Forest& forest, std::int64_t heads, std::int64_t groups, std::int64_t dim, std::int64_t window,
                 at::ScalarType type, Random& random) {
  const std::int64_t T = forest.size();
  const double scale = 0.3;
  const at::Tensor q = numbers(random, {T, heads, dim}).requires_grad_(),
                   k = numbers(random, {T, groups, dim}).requires_grad_(),
                   v = numbers(random, {T, groups, dim}).requires_grad_(), g = numbers(random, {T, heads, dim});
  const at::Tensor expected = plain_attention(q, k, v, dense_mask(forest, window), scale);
  expected.backward(g);
  const at::Tensor q2 = q.detach().to(type).requires_grad_(), k2 = k.detach().to(type).requires_grad_(),
                   v2 = v.detach().to(type).requires_grad_();
  const at::Tensor out = attention(q2, k2, v2, std::make_shared<AttentionPlan>(forest, window), scale);
  out.backward(g.to(type));
  const auto error = [](const at::Tensor& a, const at::Tensor& b) {
    return ((a.to(at::kDouble) - b).abs().max() / b.abs().max().clamp_min(1e-30)).item<double>();
  };
  return {error(out, expected), error(q2.grad(), q.grad()), error(k2.grad(), k.grad()), error(v2.grad(), v.grad())};
}

TEST(Attention, RandomForestsEqualTheDenseMaskInDouble) {
  Random random(1, "attention");
  for (int round = 0; round < 40; ++round) {
    const Forest forest = random_forest(random, 12, 40);
    const std::int64_t groups = 1 + static_cast<std::int64_t>(random.below(3)),
                       repeat = 1 + static_cast<std::int64_t>(random.below(3));
    const std::int64_t window = random.below(2) ? 1 + static_cast<std::int64_t>(random.below(50)) : 0;
    const Compared error = compare(forest, groups * repeat, groups, 6, window, at::kDouble, random);
    EXPECT_LT(error.out, 1e-13);
    EXPECT_LT(error.dq, 1e-12);
    EXPECT_LT(error.dk, 1e-12);
    EXPECT_LT(error.dv, 1e-12);
  }
}

TEST(Attention, FiveCompletionsOfAPromptInFloat) {
  Random random(2, "attention");
  Forest forest;
  forest.add_run(-1, std::vector<std::int32_t>(153, 1));
  for (const int length : {17, 5, 140, 1, 9}) forest.add_run(0, std::vector<std::int32_t>(length, 1));
  const Compared error = compare(forest, 8, 2, 64, 0, at::kFloat, random);
  EXPECT_LT(error.out, 2e-6);
  EXPECT_LT(error.dq, 3e-6);
  EXPECT_LT(error.dk, 3e-6);
  EXPECT_LT(error.dv, 3e-6);
}

TEST(Attention, WindowsShorterThanTheRunsInFloat) {
  Random random(3, "attention");
  Forest forest;
  forest.add_run(-1, std::vector<std::int32_t>(300, 1));
  forest.add_run(0, std::vector<std::int32_t>(90, 1));
  forest.add_run(0, std::vector<std::int32_t>(200, 1));
  const Compared error = compare(forest, 4, 1, 32, 100, at::kFloat, random);
  EXPECT_LT(error.out, 2e-6);
  EXPECT_LT(error.dq, 3e-6);
  EXPECT_LT(error.dk, 3e-6);
  EXPECT_LT(error.dv, 3e-6);
}

TEST(Attention, Bfloat16IsRoundedOnce) {
  Random random(4, "attention");
  Forest forest;
  forest.add_run(-1, std::vector<std::int32_t>(20, 1));
  forest.add_run(0, std::vector<std::int32_t>(7, 1));
  const Compared error = compare(forest, 2, 1, 8, 0, at::kBFloat16, random);
  EXPECT_LT(error.out, 1e-2);
  EXPECT_LT(error.dq, 2e-2);
}

TEST(Attention, EveryThreadCountGivesTheSameGradient) {
  Random random(5, "attention");
  const Forest forest = random_forest(random, 20, 60);
  const int threads = at::get_num_threads();
  for (const int n : {1, 2, 3}) {
    at::set_num_threads(n);
    Random draws(6, "attention");
    const Compared error = compare(forest, 6, 3, 8, 0, at::kDouble, draws);
    EXPECT_LT(error.dk, 1e-12) << n;
    EXPECT_LT(error.dv, 1e-12) << n;
  }
  at::set_num_threads(threads);
}

TEST(Attention, OneThreadCountGivesTheSameBits) {
  Random random(7, "attention");
  const Forest forest = random_forest(random, 20, 60);
  const auto plan = std::make_shared<AttentionPlan>(forest);
  const at::Tensor q = numbers(random, {forest.size(), 4, 16}).to(at::kFloat),
                   k = numbers(random, {forest.size(), 2, 16}).to(at::kFloat),
                   v = numbers(random, {forest.size(), 2, 16}).to(at::kFloat);
  at::Tensor first;
  for (int round = 0; round < 5; ++round) {
    const at::Tensor k2 = k.clone().requires_grad_();
    const at::Tensor out = attention(q, k2, v, plan, 0.25);
    out.sum().backward();
    if (round == 0) first = at::cat({out.flatten(), k2.grad().flatten()});
    EXPECT_TRUE(at::equal(first, at::cat({out.flatten(), k2.grad().flatten()})));
  }
}

TEST(Attention, StridedTokensAreTakenAsTheyAre) {
  Random random(8, "attention");
  Forest forest;
  forest.add_run(-1, std::vector<std::int32_t>(70, 1));
  const auto plan = std::make_shared<AttentionPlan>(forest);
  const at::Tensor fused = numbers(random, {70, (4 + 2 + 2) * 8});
  const at::Tensor q = fused.narrow(1, 0, 32).view({70, 4, 8}), k = fused.narrow(1, 32, 16).view({70, 2, 8}),
                   v = fused.narrow(1, 48, 16).view({70, 2, 8});
  EXPECT_TRUE(
      at::equal(attention(q, k, v, plan, 0.5), attention(q.contiguous(), k.contiguous(), v.contiguous(), plan, 0.5)));
}

TEST(Attention, ManyShortSiblingsMeetTheirPromptInOneProduct) {
  Forest forest;
  forest.add_run(-1, std::vector<std::int32_t>(200, 1));
  for (int i = 0; i < 21; ++i) forest.add_run(0, std::vector<std::int32_t>(3, 1));
  const AttentionPlan plan(forest);
  std::size_t against_prompt = 0;
  for (const auto& segment : plan.segments())
    if (segment.row_end > 200 && segment.key_begin == 0) ++against_prompt;
  EXPECT_EQ(against_prompt, 2u);  // 63 queries lie in two blocks
}

}  // namespace
}  // namespace ballot
