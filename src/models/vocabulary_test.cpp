#include "models/vocabulary.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/golden_test_files.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace {

at::Tensor parameter(const Model& model, const std::string& name) {
  for (const auto& [own, tensor] : model.parameters())
    if (own == name) return tensor.detach();
  return {};
}

TEST(Vocabulary, RowsGrowToAMultipleAndOldOnesStay) {
  const auto model = load_model(golden("models/tiny_llama").string());
  const at::Tensor before = parameter(*model, "model.embed_tokens.weight").clone();
  resize_embeddings(*model, 321);
  EXPECT_EQ(model->shape().vocabulary, 384);
  EXPECT_EQ(model->config()["vocab_size"], 384);
  const at::Tensor after = parameter(*model, "model.embed_tokens.weight");
  EXPECT_TRUE(at::equal(after.narrow(0, 0, 320), before));
  // N(mean, 1e-9 covariance): the rows lie a few times sqrt(1e-9) * 0.2 from the mean, and are not all alike.
  const at::Tensor off = after.narrow(0, 320, 64) - before.mean(0);
  EXPECT_LT(off.abs().max().item<double>(), 5 * 3.2e-5 * before.std().item<double>());
  EXPECT_GT(off.std().item<double>(), 0.5 * 3.2e-5 * before.std().item<double>());
  EXPECT_TRUE(model->parameters().front().second.requires_grad());
  EXPECT_TRUE(model->head_weight().is_same(model->parameters().front().second));
}

TEST(Vocabulary, RowsNeverShrinkAndAFittingNumberChangesNothing) {
  const auto model = load_model(golden("models/tiny_llama").string());
  const std::string hash = model_hash(*model);
  resize_embeddings(*model, 10);
  resize_embeddings(*model, 320);
  EXPECT_EQ(model_hash(*model), hash);
}

TEST(Vocabulary, ASeparateHeadHasItsOwnMean) {
  const auto model = load_model(golden("models/tiny_llama_switches").string());
  const at::Tensor head = parameter(*model, "lm_head.weight").clone();
  resize_embeddings(*model, 330);
  const at::Tensor grown = parameter(*model, "lm_head.weight");
  EXPECT_EQ(grown.size(0), 384);
  EXPECT_LT((grown.narrow(0, 320, 64) - head.mean(0)).abs().max().item<double>(), 1e-4);
}

TEST(Vocabulary, WithoutACovarianceTheRowsAreTheMean) {
  const auto model = load_model(golden("models/tiny_llama").string());
  model->set_embeddings(at::ones({3, 64}) * at::arange(3).unsqueeze(1), {});
  resize_embeddings(*model, 4);
  EXPECT_TRUE(at::equal(parameter(*model, "model.embed_tokens.weight")[63], at::ones({64})));
}

TEST(Vocabulary, WithoutTheMeanTheRowsAreDrawnAnew) {
  const auto model = load_model(golden("models/tiny_llama").string());
  resize_embeddings(*model, 321, 64, false);
  EXPECT_NEAR(parameter(*model, "model.embed_tokens.weight").narrow(0, 320, 64).std().item<double>(), 0.02, 0.001);
}

TEST(Vocabulary, TheSameSeedGivesTheSameRows) {
  const auto a = load_model(golden("models/tiny_llama").string()), b = load_model(golden("models/tiny_llama").string()),
             c = load_model(golden("models/tiny_llama").string());
  resize_embeddings(*a, 321, 64, true, 7);
  resize_embeddings(*b, 321, 64, true, 7);
  resize_embeddings(*c, 321, 64, true, 8);
  EXPECT_EQ(model_hash(*a), model_hash(*b));
  EXPECT_NE(model_hash(*a), model_hash(*c));
}

TEST(Chatml, TokensThatAreThereStayAndPadIsTheTokenizers) {
  const auto model = load_model(golden("models/tiny_llama").string());
  Tokenizer tokenizer = load_tokenizer(golden("models/tiny_llama").string());
  const VocabularyChange change = add_chatml(*model, tokenizer);
  EXPECT_EQ(change.added_tokens, 0);
  EXPECT_EQ(change.new_rows(), 0);
  EXPECT_EQ(change.im_start, 1);
  EXPECT_EQ(change.im_end, 2);
  EXPECT_EQ(change.pad, 0);
  EXPECT_EQ(model->generation_config()["eos_token_id"], Json::array({2, 0}));
}

TEST(Chatml, ABaseModelGetsTheTokensAndEndsOnBoth) {
  const auto model = load_model(golden("models/tiny_llama").string());
  // A base model's tokenizer: one end-of-text token, no ChatML, no padding.
  Json tokenizer_json = Json::parse(read_file(golden("models/tiny_llama/tokenizer.json")));
  Json added = Json::array();
  for (Json token : tokenizer_json["added_tokens"])
    if (token["content"] == "<|endoftext|>") added.push_back(token);
  tokenizer_json["added_tokens"] = added;
  Json& words = tokenizer_json["model"]["vocab"];
  for (const auto& [from, to] : {std::pair("<|im_start|>", "<x>"), std::pair("<|im_end|>", "<y>")})
    if (words.contains(from)) {
      const Json id = words[from];
      words.erase(from);
      words[to] = id;
    }
  const Json config = {{"eos_token", "<|endoftext|>"}, {"bos_token", "<|endoftext|>"}};
  Tokenizer tokenizer = Tokenizer::from_json(tokenizer_json.dump(), config.dump());
  ASSERT_FALSE(tokenizer.pad_id());
  const std::int64_t size = tokenizer.size();
  const VocabularyChange change = add_chatml(*model, tokenizer);
  EXPECT_EQ(change.added_tokens, 3);
  EXPECT_EQ(change.im_start, size);
  EXPECT_EQ(change.im_end, size + 1);
  EXPECT_EQ(change.pad, size + 2);
  EXPECT_EQ(change.eos, 0);
  EXPECT_EQ(change.bos, 0);
  EXPECT_EQ(change.rows % 64, 0);
  EXPECT_GE(change.rows, tokenizer.size());
  EXPECT_EQ(model->generation_config()["eos_token_id"], Json::array({change.im_end, 0, 2}));
  EXPECT_EQ(model->config()["eos_token_id"], 0);
  EXPECT_EQ(model->config()["pad_token_id"], change.pad);
  const std::vector<Message> messages = {{"user", "Hi"}};
  const auto ids = tokenizer.conversation_ids(messages, true);
  EXPECT_EQ(ids.front(), change.im_start);
}

TEST(ScoreHead, IsDrawnFromTheInitializerRange) {
  ModelShape shape;
  shape.hidden = 4096;
  shape.initializer_range = 0.03;
  const at::Tensor weight = initial_score_weight(shape, 3);
  EXPECT_EQ(weight.sizes(), (std::vector<std::int64_t>{1, 4096}));
  EXPECT_NEAR(weight.std().item<double>(), 0.03, 0.002);
  EXPECT_TRUE(at::equal(weight, initial_score_weight(shape, 3)));
  EXPECT_FALSE(at::equal(weight, initial_score_weight(shape, 4)));
}

TEST(TokenizerFiles, AreCopiedByteForByteOrWrittenFromAGguf) {
  const ScratchFolder scratch;
  copy_tokenizer_files(golden("models/tiny_llama").string(), scratch.path());
  EXPECT_EQ(read_file(scratch.path() / "tokenizer.json"), read_file(golden("models/tiny_llama/tokenizer.json")));
  EXPECT_EQ(read_file(scratch.path() / "chat_template.jinja"),
            read_file(golden("models/tiny_llama/chat_template.jinja")));
  const ScratchFolder other;
  copy_tokenizer_files(golden("models/tiny_llama_gguf/tiny.gguf").string(), other.path());
  const Tokenizer written = load_tokenizer(other.path().string()),
                  rebuilt = load_tokenizer(golden("models/tiny_llama_gguf").string());
  EXPECT_EQ(written.encode("Why is 1 not 12?"), rebuilt.encode("Why is 1 not 12?"));
  EXPECT_EQ(rebuilt.encode("Why is 1 not 12?"),
            load_tokenizer(golden("models/tiny_llama").string()).encode("Why is 1 not 12?"));
}

TEST(TokenizerFiles, AFolderWithoutThemIsAnError) {
  const ScratchFolder empty, to;
  EXPECT_THROW(copy_tokenizer_files(empty.path().string(), to.path()), Error);
  EXPECT_THROW(load_tokenizer(empty.path().string()), Error);
}

}  // namespace
}  // namespace ballot
