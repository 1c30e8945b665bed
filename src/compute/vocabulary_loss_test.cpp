#include "compute/vocabulary_loss.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"

namespace ballot {
namespace {

at::Tensor numbers(Random& random, at::IntArrayRef sizes) {
  at::Tensor x = at::empty(sizes, at::kDouble);
  for (double& value : std::span(x.mutable_data_ptr<double>(), x.numel())) value = random.normal();
  return x;
}

struct Case {
  at::Tensor hidden, head, targets, gradient;
};
Case make(std::int64_t N, std::int64_t V, std::int64_t h) {
  Random random(1, "vocabulary");
  at::Tensor targets = at::empty({N}, at::kLong);
  for (std::int64_t& t : std::span(targets.mutable_data_ptr<std::int64_t>(), N))
    t = static_cast<std::int64_t>(random.below(V));
  return {numbers(random, {N, h}), numbers(random, {V, h}), targets, numbers(random, {N})};
}

/// The largest relative error of log-probabilities and both gradients against log_softmax of whole logits in double.
double worst_error(const Case& c, at::ScalarType type) {
  const at::Tensor h = c.hidden.clone().requires_grad_(), w = c.head.clone().requires_grad_();
  const at::Tensor expected = at::log_softmax(h.mm(w.t()), 1).gather(1, c.targets.unsqueeze(1)).squeeze(1);
  expected.backward(c.gradient);
  const at::Tensor h2 = c.hidden.to(type).clone().requires_grad_(), w2 = c.head.to(type).clone().requires_grad_();
  const at::Tensor ours = token_log_probabilities(h2, w2, c.targets);
  ours.backward(c.gradient.to(ours.scalar_type()));
  const auto error = [](const at::Tensor& x, const at::Tensor& e) {
    return ((x.to(at::kDouble) - e).abs().max() / e.abs().max()).item<double>();
  };
  return std::max({error(ours, expected), error(h2.grad(), h.grad()), error(w2.grad(), w.grad())});
}

TEST(VocabularyLoss, EqualsLogSoftmaxOfWholeLogits) {
  for (const Case& c : {make(3, 7, 5), make(700, 2500, 8), make(512, 1024, 4), make(1, 1025, 3)}) {
    EXPECT_LT(worst_error(c, at::kDouble), 1e-12);
    EXPECT_LT(worst_error(c, at::kFloat), 5e-6);
  }
}

TEST(VocabularyLoss, Bfloat16KeepsFloatStatistics) {
  EXPECT_LT(worst_error(make(40, 300, 16), at::kBFloat16), 3e-2);
}

TEST(VocabularyLoss, CorrectAndMeanComeFromTheSamePass) {
  const Case c = make(700, 2500, 8);
  at::Tensor correct, mean;
  const at::Tensor logits = c.hidden.mm(c.head.t());
  at::Tensor targets = c.targets.clone();
  targets.narrow(0, 0, 350).copy_(logits.argmax(1).narrow(0, 0, 350));
  token_log_probabilities(c.hidden, c.head, targets, &correct, &mean);
  EXPECT_TRUE(at::equal(correct, logits.argmax(1).eq(targets)));
  EXPECT_TRUE(at::allclose(mean, logits.mean(1)));
}

TEST(VocabularyLoss, AConstantHeadNeedsNoGradient) {
  const Case c = make(5, 30, 4);
  const at::Tensor h = c.hidden.clone().requires_grad_();
  token_log_probabilities(h, c.head, c.targets).sum().backward();
  EXPECT_TRUE(h.grad().defined());
}

TEST(VocabularyLoss, NoPositionsAreNoError) {
  const Case c = make(0, 30, 4);
  const at::Tensor h = c.hidden.clone().requires_grad_(), w = c.head.clone().requires_grad_();
  token_log_probabilities(h, w, c.targets).sum().backward();
  EXPECT_EQ(w.grad().abs().sum().item<double>(), 0);
}

TEST(VocabularyLoss, ATargetOutsideTheVocabularyIsAnError) {
  Case c = make(3, 7, 5);
  c.targets[1] = 7;
  EXPECT_THROW(token_log_probabilities(c.hidden, c.head, c.targets), Error);
}

TEST(VocabularyLoss, NotANumberIsNotHidden) {
  Case c = make(3, 7, 5);
  c.hidden[1][2] = std::nan("");
  const at::Tensor out = token_log_probabilities(c.hidden, c.head, c.targets);
  EXPECT_FALSE(std::isnan(out[0].item<double>()));
  EXPECT_TRUE(std::isnan(out[1].item<double>()));
}

}  // namespace
}  // namespace ballot
