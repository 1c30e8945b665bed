// Each piece against the same formula in libtorch's plain operations and their gradients, in double to rounding, in
// float to what seven digits allow.
#include "compute/layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "compute/rows.h"
#include "core/random.h"

namespace ballot {
namespace {

using Function = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

at::Tensor numbers(Random& random, at::IntArrayRef sizes) {
  at::Tensor x = at::empty(sizes, at::kDouble);
  for (double& value : std::span(x.mutable_data_ptr<double>(), x.numel())) value = 2 * random.normal();
  return x;
}

/// The largest error of value and gradients relative to the largest number of each.
double compare(const Function& ours, const Function& plain, const std::vector<at::Tensor>& inputs,
               at::ScalarType type) {
  std::vector<at::Tensor> a, b;
  for (const at::Tensor& x : inputs) {
    a.push_back(x.to(type).detach().clone().requires_grad_());
    b.push_back(x.detach().clone().requires_grad_());
  }
  const at::Tensor y = ours(a), expected = plain(b);
  Random random(9, "gradient");
  const at::Tensor g = numbers(random, expected.sizes());
  y.backward(g.to(type));
  expected.backward(g);
  const auto error = [](const at::Tensor& x, const at::Tensor& e) {
    return ((x.to(at::kDouble) - e).abs().max() / e.abs().max()).item<double>();
  };
  double worst = error(y, expected);
  for (std::size_t i = 0; i < inputs.size(); ++i) worst = std::max(worst, error(a[i].grad(), b[i].grad()));
  return worst;
}

void expect_equal(const Function& ours, const Function& plain, const std::vector<at::Tensor>& inputs) {
  EXPECT_LT(compare(ours, plain, inputs, at::kDouble), 1e-13);
  EXPECT_LT(compare(ours, plain, inputs, at::kFloat), 2e-6);
  EXPECT_LT(compare(ours, plain, inputs, at::kBFloat16), 5e-2);
}

TEST(Layers, RmsNormEqualsItsFormula) {
  Random random(1, "layers");
  for (const std::int64_t n : {5, 576, 1021}) {
    for (const NormStyle style : {NormStyle::kLlama, NormStyle::kGemma}) {
      expect_equal([&](const auto& x) { return rms_norm(x[0], x[1], 1e-5, style); },
                   [&](const auto& x) {
                     const at::Tensor w = style == NormStyle::kGemma ? x[1] + 1 : x[1];
                     return x[0] * at::rsqrt(x[0].square().mean(-1, true) + 1e-5) * w;
                   },
                   {numbers(random, {70, n}), numbers(random, {n})});
    }
  }
}

TEST(Layers, HeadsAreNormedOneByOne) {
  Random random(2, "layers");
  expect_equal([&](const auto& x) { return rms_norm(x[0], x[1], 1e-6); },
               [&](const auto& x) { return x[0] * at::rsqrt(x[0].square().mean(-1, true) + 1e-6) * x[1]; },
               {numbers(random, {9, 4, 12}), numbers(random, {12})});
}

TEST(Layers, ProjectionsOfANormEqualTheirFormula) {
  Random random(8, "layers");
  for (const NormStyle style : {NormStyle::kLlama, NormStyle::kGemma}) {
    const std::vector<at::Tensor> inputs{numbers(random, {40, 24}), numbers(random, {24}), numbers(random, {8, 24}),
                                         numbers(random, {12, 24}), numbers(random, {12})};
    expect_equal(
        [&](const auto& x) {
          const auto [a, b] = project(Normed{x[0], x[1], 1e-5, style}, {Linear{x[2], {}}, Linear{x[3], x[4]}});
          return at::cat({a, b}, 1);
        },
        [&](const auto& x) {
          const at::Tensor w = style == NormStyle::kGemma ? x[1] + 1 : x[1];
          const at::Tensor y = x[0] * at::rsqrt(x[0].square().mean(-1, true) + 1e-5) * w;
          return at::cat({y.mm(x[2].t()), y.mm(x[3].t()) + x[4]}, 1);
        },
        inputs);
  }
}

TEST(Layers, AProjectionThatNobodyUsesNeedsNoGradient) {
  Random random(9, "layers");
  const at::Tensor x = numbers(random, {5, 4}).requires_grad_(), w = numbers(random, {4}).requires_grad_(),
                   used = numbers(random, {3, 4}).requires_grad_(), unused = numbers(random, {3, 4}).requires_grad_();
  const auto [a, b] = project(Normed{x, w, 1e-5}, {Linear{used, {}}, Linear{unused, {}}});
  a.sum().backward();
  EXPECT_TRUE(used.grad().defined());
  EXPECT_FALSE(unused.grad().defined() && unused.grad().abs().sum().item<double>() != 0);
}

TEST(Layers, GatedActivationsEqualTheirFormulas) {
  Random random(3, "layers");
  const std::vector<at::Tensor> inputs{numbers(random, {33, 77}), numbers(random, {33, 77}), numbers(random, {9, 77}),
                                       numbers(random, {9})};
  expect_equal([](const auto& x) { return gated(x[0], x[1], Activation::kSilu, {x[2], x[3]}); },
               [](const auto& x) { return (at::silu(x[0]) * x[1]).mm(x[2].t()) + x[3]; }, inputs);
  expect_equal([](const auto& x) { return gated(x[0], x[1], Activation::kGeluTanh, {x[2], x[3]}); },
               [](const auto& x) { return (at::gelu(x[0], "tanh") * x[1]).mm(x[2].t()) + x[3]; }, inputs);
}

TEST(Layers, RotationEqualsComplexMultiplication) {
  Random random(4, "layers");
  const std::vector<std::int64_t> positions{0, 1, 2, 7, 8, 7};
  const std::vector<double> frequencies{1, 0.1, 0.01};
  const auto table = rotary_table(positions, frequencies);
  const at::Tensor angle = at::tensor(positions, at::kDouble).unsqueeze(1) * at::tensor(frequencies, at::kDouble);
  const at::Tensor turn = at::polar(at::ones_like(angle), angle).unsqueeze(1);
  const Function plain = [&](const auto& x) {
    const at::Tensor y = at::complex(x[0].narrow(2, 0, 3), x[0].narrow(2, 3, 3)) * turn;
    return at::cat({at::real(y), at::imag(y)}, 2);
  };
  const std::vector<at::Tensor> inputs{numbers(random, {6, 2, 6})};
  // The angles are float32, as in the reference.
  EXPECT_LT(compare([&](const auto& x) { return rotate(x[0], table); }, plain, inputs, at::kDouble), 1e-6);
  EXPECT_LT(compare([&](const auto& x) { return rotate(x[0], table); }, plain, inputs, at::kFloat), 1e-6);
}

TEST(Layers, EmbeddingAddsTheGradientsOfEqualIds) {
  Random random(5, "layers");
  const at::Tensor ids = at::tensor(std::vector<std::int64_t>{3, 0, 3, 3, 1});
  expect_equal([&](const auto& x) { return embedding(x[0], ids, 1.5); },
               [&](const auto& x) { return at::embedding(x[0], ids) * 1.5; }, {numbers(random, {5, 7})});
}

TEST(Layers, CheckpointedIsBitEqualAndKeepsParametersGradients) {
  Random random(6, "layers");
  const at::Tensor w = numbers(random, {5, 5}).to(at::kFloat).requires_grad_();
  const at::Tensor x = numbers(random, {8, 5}).to(at::kFloat).requires_grad_();
  const auto body = [&](const at::Tensor& t) { return at::silu(at::linear(t, w)) + t; };
  at::Tensor y = body(body(x));
  y.square().sum().backward();
  const at::Tensor dw = w.grad().clone(), dx = x.grad().clone();
  w.mutable_grad() = at::Tensor();
  x.mutable_grad() = at::Tensor();
  const at::Tensor again = checkpointed(body, checkpointed(body, x, w), w);
  EXPECT_TRUE(at::equal(again, y));
  again.square().sum().backward();
  EXPECT_TRUE(at::equal(w.grad(), dw));
  EXPECT_TRUE(at::equal(x.grad(), dx));
}

TEST(Layers, CheckpointedWorksWhereTheInputNeedsNoGradient) {
  Random random(7, "layers");
  const at::Tensor w = numbers(random, {5, 5}).requires_grad_();
  const at::Tensor x = numbers(random, {8, 5});
  checkpointed([&](const at::Tensor& t) { return at::linear(t, w); }, x, w).sum().backward();
  EXPECT_TRUE(at::allclose(w.grad(), at::ones({8, 5}, at::kDouble).t().mm(x)));
}

TEST(Rows, ExponentialHasSevenDigits) {
  std::vector<float> x;
  for (float v = -87; v < 88; v += 0.0137f) x.push_back(v);
  std::vector<float> y = x;
  rows::exp_in_place(y.data(), static_cast<std::int64_t>(y.size()), 1, 0);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(y[i] / std::exp(static_cast<double>(x[i])) - 1));
  EXPECT_LT(worst, 2e-7);
}

TEST(Rows, NotANumberStaysNotANumber) {
  std::vector<float> x(19, 0.5f);
  x[17] = std::nanf("");
  EXPECT_TRUE(std::isnan(rows::exp_in_place(x.data(), 19, 1, 0)));
  EXPECT_TRUE(std::isnan(x[17]));
}

TEST(Rows, TailsOfEveryLengthAreRight) {
  for (std::int64_t n = 0; n < 40; ++n) {
    std::vector<float> x(n), y(n);
    for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(i % 7) - 3, y[i] = static_cast<float>(i % 5);
    double dot = 0, sum = 0, exps = 0, largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < n; ++i) {
      dot += x[i] * y[i], sum += x[i], exps += std::exp(x[i] - 1.0);
      largest = std::max<double>(largest, x[i]);
    }
    EXPECT_FLOAT_EQ(rows::dot(x.data(), y.data(), n), dot);
    EXPECT_FLOAT_EQ(rows::sum(x.data(), n), sum);
    EXPECT_FLOAT_EQ(rows::max(x.data(), n), largest);
    EXPECT_NEAR(rows::sum_exp(x.data(), n, 1), exps, 1e-6 * (exps + 1));
  }
}

TEST(Layers, AFewRowsAreTheSameProductAsMany) {
  Random random(17, "layers");
  for (const std::int64_t m : {1, 2, 4, 5})
    for (const std::int64_t n : {1, 7, 50, 195})
      for (const std::int64_t k : {1, 5, 64, 577}) {
        const at::Tensor x = numbers(random, {m, k}), w = numbers(random, {n, k}), b = numbers(random, {n});
        const at::Tensor y = Linear{w.to(at::kFloat), b.to(at::kFloat)}(x.to(at::kFloat));
        const at::Tensor expected = at::linear(x, w, b);
        EXPECT_LT(((y.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>(), 2e-6)
            << m << " " << n << " " << k;
      }
}

}  // namespace
}  // namespace ballot
