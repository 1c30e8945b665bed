// The architectures against transformers: logits and gradients of tiny random models with every switch of their
// configurations on somewhere, and the logits of SmolLM2-135M (tests/oracles/tiny_models.py, smollm2_logits.py).
#include "models/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compute/device.h"
#include "compute/vocabulary_loss.h"
#include "core/error.h"
#include "core/hash.h"
#include "models/golden_test_files.h"
#include "models/safetensors.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

std::vector<Ids> input_ids(const std::string& name) {
  return golden_json("models/" + name + "/expected.json")["input_ids"].get<std::vector<Ids>>();
}

Forest one_sequence(const Ids& ids) {
  Forest forest;
  forest.add_run(-1, ids);
  return forest;
}

at::Tensor logits(const Model& model, const Ids& ids) {
  return model.hidden_states(one_sequence(ids)).mm(model.head_weight().t());
}

double largest(const at::Tensor& x) {
  return x.abs().max().item<double>();
}

/// Mean negative log-likelihood of the next tokens of all sequences, all in one forest.
at::Tensor next_token_loss(const Model& model, const std::vector<Ids>& sequences) {
  const SharedForest shared = share_prefixes(sequences);
  const at::Tensor hidden = model.hidden_states(shared.forest);
  std::vector<std::int64_t> from, targets;
  for (std::size_t s = 0; s < sequences.size(); ++s)
    for (std::size_t i = 1; i < sequences[s].size(); ++i) {
      from.push_back(shared.tokens[s][i - 1]);
      targets.push_back(sequences[s][i]);
    }
  return -token_log_probabilities(hidden.index_select(0, at::tensor(from)), model.head_weight(), at::tensor(targets))
              .mean();
}

void expect_gradients(const Model& model, const SafetensorsFile& expected, double tolerance) {
  for (const auto& [name, parameter] : model.parameters()) {
    ASSERT_TRUE(parameter.grad().defined()) << name;
    const at::Tensor wanted = expected.read("grad." + name).to(at::kDouble);
    EXPECT_LT(largest(parameter.grad().to(at::kDouble) - wanted), tolerance * wanted.norm().item<double>()) << name;
  }
}

class TinyModel : public ::testing::TestWithParam<const char*> {};

TEST_P(TinyModel, LogitsEqualTransformers) {
  const std::string folder = golden("models/" + std::string(GetParam())).string();
  const auto model = load_model(folder);
  const SafetensorsFile expected(folder + "/expected.safetensors");
  const auto sequences = input_ids(GetParam());
  // tiny_llama's logits reach 10; here and there each is 1.6e-5 from the same in double.
  for (std::size_t s = 0; s < sequences.size(); ++s)
    EXPECT_LT(largest(logits(*model, sequences[s]) - expected.read("logits." + std::to_string(s))), 3e-5) << s;
}

TEST_P(TinyModel, GradientsEqualTransformers) {
  const std::string folder = golden("models/" + std::string(GetParam())).string();
  const auto model = load_model(folder);
  const at::Tensor loss = next_token_loss(*model, input_ids(GetParam()));
  EXPECT_NEAR(loss.item<double>(),
              golden_json("models/" + std::string(GetParam()) + "/expected.json")["loss"].get<double>(), 1e-5);
  loss.backward();
  expect_gradients(*model, SafetensorsFile(folder + "/expected.safetensors"), 1e-5);
}

TEST_P(TinyModel, CheckpointingChangesNoBit) {
  const std::string folder = golden("models/" + std::string(GetParam())).string();
  const auto plain = load_model(folder), frugal = load_model(folder);
  frugal->set_gradient_checkpointing(true);
  next_token_loss(*plain, input_ids(GetParam())).backward();
  next_token_loss(*frugal, input_ids(GetParam())).backward();
  const auto a = plain->parameters(), b = frugal->parameters();
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_TRUE(at::equal(a[i].second.grad(), b[i].second.grad())) << a[i].first;
}

TEST_P(TinyModel, TheOtherSpellingOfTheConfigIsTheSameModel) {
  const fs::path folder = golden("models/" + std::string(GetParam()));
  const ScratchFolder scratch;
  fs::copy(folder, scratch.path());
  fs::copy(folder / "config.respelled.json", scratch.path() / "config.json", fs::copy_options::overwrite_existing);
  const Ids ids = input_ids(GetParam())[0];
  EXPECT_TRUE(at::equal(logits(*load_model(folder.string()), ids), logits(*load_model(scratch.path().string()), ids)));
}

TEST_P(TinyModel, WhatIsSavedIsReadBackBitForBit) {
  const auto model = load_model(golden("models/" + std::string(GetParam())).string());
  const ScratchFolder scratch;
  save_model(*model, scratch.path());
  const auto again = load_model(scratch.path().string());
  EXPECT_EQ(model_hash(*model), model_hash(*again));
  const Ids ids = input_ids(GetParam())[0];
  EXPECT_TRUE(at::equal(logits(*model, ids), logits(*again, ids)));
  EXPECT_EQ(model->generation_config(), again->generation_config());
}

TEST_P(TinyModel, AForestOfSharedBeginningsEqualsItsPaths) {
  const auto model = load_model(golden("models/" + std::string(GetParam())).string(), {.parameters = "fp64"});
  const Ids ids = input_ids(GetParam())[0];
  const std::vector<Ids> sequences = {{ids.begin(), ids.begin() + 20}, {ids.begin(), ids.end()}, [&] {
                                        Ids other(ids.begin(), ids.begin() + 11);
                                        for (const int id : {7, 9, 11, 13, 15, 17, 19, 21}) other.push_back(id);
                                        return other;
                                      }()};
  const SharedForest shared = share_prefixes(sequences);
  ASSERT_EQ(shared.forest.runs(), 4);
  const at::Tensor hidden = model->hidden_states(shared.forest);
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const at::Tensor alone = model->hidden_states(one_sequence(sequences[s]));
    EXPECT_LT(largest(hidden.index_select(0, at::tensor(shared.tokens[s])) - alone), 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyModel,
                         ::testing::Values("tiny_llama", "tiny_llama_switches", "tiny_llama_llama3",
                                           "tiny_llama_linear", "tiny_qwen2", "tiny_qwen3", "tiny_gemma3"),
                         [](const auto& info) { return std::string(info.param); });

TEST(RewardModel, ScoresAndGradientsEqualTransformers) {
  const std::string folder = golden("models/tiny_llama_rm").string();
  const auto model = load_model(folder);
  const SafetensorsFile expected(folder + "/expected.safetensors");
  const auto sequences = input_ids("tiny_llama_rm");
  std::vector<at::Tensor> rewards;
  for (std::size_t s = 0; s < 2; ++s) {
    const at::Tensor scores = model->hidden_states(one_sequence(sequences[s])).mm(model->score_weight().t()).squeeze(1);
    EXPECT_LT(largest(scores - expected.read("scores." + std::to_string(s))), 1e-5);
    rewards.push_back(scores[-1]);
  }
  (-at::log_sigmoid(rewards[0] - rewards[1])).backward();
  expect_gradients(*model, expected, 1e-5);
}

TEST(RewardModel, HasNoLanguageHead) {
  const auto model = load_model(golden("models/tiny_llama_rm").string());
  EXPECT_THROW(model->head_weight(), Error);
}

TEST(RewardModel, IsMadeFromALanguageModelAndReadBack) {
  const auto model = load_model(golden("models/tiny_llama_switches").string());
  model->set_score_weight(at::ones({1, model->shape().hidden}));
  const ScratchFolder scratch;
  save_model(*model, scratch.path());
  const Json config = Json::parse(read_file(scratch.path() / "config.json"));
  EXPECT_EQ(config["architectures"], Json::array({"LlamaForSequenceClassification"}));
  EXPECT_EQ(config["id2label"], Json::object({{"0", "LABEL_0"}}));
  const SafetensorsFile file(scratch.path() / "model.safetensors");
  EXPECT_FALSE(file.tensors().contains("lm_head.weight"));
  const auto again = load_model(scratch.path().string());
  EXPECT_TRUE(at::equal(again->score_weight(), model->score_weight()));
  EXPECT_EQ(model_hash(*model), model_hash(*again));
}

TEST(Model, ThePaddingTokensRowGetsNoGradientFromItsLookupAsInTransformers) {
  const auto model = load_model(golden("models/tiny_llama_rm").string());
  ASSERT_EQ(model->config()["pad_token_id"].get<int>(), 0);
  model->hidden_states(one_sequence({5, 0, 7, 9, 0, 11})).square().sum().backward();
  for (const auto& [name, parameter] : model->parameters()) {
    if (name != "model.embed_tokens.weight") continue;
    EXPECT_EQ(largest(parameter.grad()[0]), 0);
    for (const int id : {5, 7, 9, 11}) EXPECT_GT(largest(parameter.grad()[id]), 1e-6) << id;
    return;
  }
  FAIL() << "no table";
}

TEST(Model, GradientsOfFloatAgreeWithDouble) {
  const std::string folder = golden("models/tiny_gemma3").string();
  const auto narrow = load_model(folder), wide = load_model(folder, {.parameters = "fp64"});
  next_token_loss(*narrow, input_ids("tiny_gemma3")).backward();
  next_token_loss(*wide, input_ids("tiny_gemma3")).backward();
  const auto a = narrow->parameters(), b = wide->parameters();
  for (std::size_t i = 0; i < a.size(); ++i)
    EXPECT_LT(largest(a[i].second.grad().to(at::kDouble) - b[i].second.grad()),
              5e-6 * b[i].second.grad().norm().item<double>())
        << a[i].first;
}

TEST(Model, Bfloat16ComputationIsNearAndKeepsFloatGradients) {
  const std::string folder = golden("models/tiny_llama").string();
  const auto model = load_model(folder);
  const at::Tensor exact = logits(*model, input_ids("tiny_llama")[0]);
  model->set_compute_type(ComputeType::kBFloat16);
  const at::Tensor loss = next_token_loss(*model, input_ids("tiny_llama"));
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), 7.13616228, 0.05);
  for (const auto& [name, parameter] : model->parameters())
    EXPECT_EQ(parameter.grad().scalar_type(), at::kFloat) << name;
}

TEST(Model, ATokenOutsideTheVocabularyIsAnError) {
  const auto model = load_model(golden("models/tiny_llama").string());
  try {
    logits(*model, {5, 320});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("token 320 lies outside"));
  }
}

/// A copy of tiny_llama whose configuration or weights are changed.
class DamagedModel : public ::testing::Test {
 protected:
  void SetUp() override { fs::copy(golden("models/tiny_llama"), scratch_.path()); }
  void change_config(const std::function<void(Json&)>& change) {
    Json config = Json::parse(read_file(golden("models/tiny_llama/config.json")));
    change(config);
    write_file(scratch_.path() / "config.json", config.dump());
  }
  void change_weights(const std::function<void(NamedTensors&)>& change) {
    const SafetensorsFile file(golden("models/tiny_llama/model.safetensors"));
    NamedTensors tensors;
    for (const auto& [name, info] : file.tensors()) tensors.emplace_back(name, file.read(name));
    change(tensors);
    write_safetensors(scratch_.path() / "model.safetensors", tensors);
  }
  std::string message() {
    try {
      load_model(scratch_.path().string());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.message();
    }
    return "no error";
  }
  ScratchFolder scratch_;
};

TEST_F(DamagedModel, AnUnknownArchitectureNamesTheNearestAndAll) {
  change_config([](Json& c) { c["architectures"] = {"LLamaForCausalLM"}; });
  EXPECT_THAT(message(), HasSubstr("did you mean 'LlamaForCausalLM'? (one of: Gemma3ForCausalLM"));
  change_config([](Json& c) { c.erase("architectures"); });
  EXPECT_THAT(message(), HasSubstr("names no architecture"));
}

TEST_F(DamagedModel, AFieldThatIsMissingOrWrongIsNamed) {
  change_config([](Json& c) { c.erase("hidden_size"); });
  EXPECT_THAT(message(), HasSubstr("config.json has no field 'hidden_size'"));
  change_config([](Json& c) { c["num_hidden_layers"] = -3; });
  EXPECT_THAT(message(), HasSubstr("'num_hidden_layers' is -3"));
  change_config([](Json& c) { c["num_hidden_layers"] = "two"; });
  EXPECT_THAT(message(), HasSubstr("'num_hidden_layers' is \"two\""));
  change_config([](Json& c) { c["hidden_act"] = "relu"; });
  EXPECT_THAT(message(), HasSubstr("hidden_act 'relu' is not computed here"));
  change_config([](Json& c) { c["num_key_value_heads"] = 3; });
  EXPECT_THAT(message(), HasSubstr("do not share 3"));
  change_config([](Json& c) { c["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 2}}; });
  EXPECT_THAT(message(), HasSubstr("unknown rope_type 'yarn'"));
  change_config([](Json& c) { c["hidden_size"] = 1000000000000; });
  EXPECT_THAT(message(), HasSubstr("are no model"));
  write_file(scratch_.path() / "config.json", "{\"architectures\": [");
  EXPECT_THAT(message(), HasSubstr("is not JSON"));
}

TEST_F(DamagedModel, TensorsThatAreMissingSuperfluousOrIllShapedAreNamed) {
  change_weights([](NamedTensors& t) { t.erase(t.begin() + 3); });
  EXPECT_THAT(message(), HasSubstr("has no tensor 'model."));
  change_weights([](NamedTensors& t) { t.emplace_back("model.layers.7.extra.weight", at::zeros({2})); });
  EXPECT_THAT(message(),
              HasSubstr("1 tensors that its configuration has no place for, first 'model.layers.7.extra.weight'"));
  change_weights([](NamedTensors& t) { t[0].second = at::zeros({4, 4}); });
  EXPECT_THAT(message(), HasSubstr("is [4, 4], its configuration says"));
}

TEST_F(DamagedModel, WhatOlderFilesCarryAlongIsNoError) {
  change_weights([](NamedTensors& t) {
    t.emplace_back("model.layers.0.self_attn.rotary_emb.inv_freq", at::zeros({8}));
    t.emplace_back("lm_head.weight", at::zeros({320, 64}));
  });
  EXPECT_EQ(message(), "no error");
}

TEST_F(DamagedModel, ShardsThatAreNotThereAreNamed) {
  fs::remove(scratch_.path() / "model.safetensors");
  EXPECT_THAT(message(), HasSubstr("holds no model.safetensors"));
  write_file(scratch_.path() / "model.safetensors.index.json", R"({"weight_map": {"a": "../model.safetensors"}})");
  EXPECT_THAT(message(), HasSubstr("not the name of a file"));
  write_file(scratch_.path() / "model.safetensors.index.json", R"({"weight_map": {"a": "model-1.safetensors"}})");
  EXPECT_THAT(message(), HasSubstr("is not there, but"));
}

TEST_F(DamagedModel, PickledWeightsAreNeverOpened) {
  fs::rename(scratch_.path() / "model.safetensors", scratch_.path() / "pytorch_model.bin");
  try {
    load_model(scratch_.path().string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.next(), HasSubstr("pickled"));
  }
}

TEST_F(DamagedModel, AClassifierOfSeveralLabelsIsNoRewardModel) {
  change_config([](Json& c) { c["architectures"] = {"LlamaForSequenceClassification"}; });
  EXPECT_THAT(message(), HasSubstr("no tensor 'score.weight'"));
  change_weights([](NamedTensors& t) { t.emplace_back("score.weight", at::zeros({2, 64})); });
  EXPECT_THAT(message(), HasSubstr("has 2 rows"));
}

TEST(Smollm2, LogitsOfTheGgufFileEqualTransformers) {
  if (smollm2_gguf().empty()) GTEST_SKIP() << "SmolLM2 is not among the fetched parts";
  const auto model = load_model(smollm2_gguf().string(), {.requires_grad = false});
  const Json expected = golden_json("smollm2_logits.json");
  const auto selected = expected["selected_ids"].get<std::vector<std::int64_t>>();
  for (const Json& text : expected["texts"]) {
    const at::Tensor ours = logits(*model, text["ids"].get<Ids>());
    for (const Json& position : text["positions"]) {
      const at::Tensor row = ours[position["position"].get<std::int64_t>()];
      EXPECT_NEAR(row.logsumexp(0).item<double>(), position["log_sum_exp"].get<double>(), 1e-4) << text["name"];
      const auto check = [&](const std::vector<std::int64_t>& ids, const std::vector<double>& wanted) {
        EXPECT_LT(largest(row.index_select(0, at::tensor(ids)).to(at::kDouble) - at::tensor(wanted, at::kDouble)), 1e-4)
            << text["name"];
      };
      check(position["top_ids"].get<std::vector<std::int64_t>>(), position["top_logits"].get<std::vector<double>>());
      check(selected, position["selected_logits"].get<std::vector<double>>());
    }
  }
}

}  // namespace
}  // namespace ballot
