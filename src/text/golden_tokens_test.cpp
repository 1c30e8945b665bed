// Ids of four published tokenizers and their chat templates against the Python library's (made with tokenizers 0.23.3
// and transformers 5.23.0): 64 texts, 10 conversations. Runs where BALLOT_SHARED_DATA holds
// tokens/golden_tokens_small.json and BALLOT_TOKENIZERS has a folder a tokenizer (llama3_1, llama3_2, gemma3, qwen3)
// with tokenizer.json and tokenizer_config.json.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "text/tokenizer.h"

namespace ballot {
namespace {

class GoldenTokens : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* data = std::getenv("BALLOT_SHARED_DATA");
    const std::filesystem::path file =
        (data ? std::filesystem::path(data) : std::filesystem::path(BALLOT_SOURCE_DIR) / "../shared/data") /
        "tokens/golden_tokens_small.json";
    const char* tokenizers = std::getenv("BALLOT_TOKENIZERS");
    if (!std::filesystem::exists(file) || !tokenizers ||
        !std::filesystem::exists(std::filesystem::path(tokenizers) / GetParam()))
      GTEST_SKIP() << "needs BALLOT_SHARED_DATA and BALLOT_TOKENIZERS";
    golden_ = Json::parse(read_file(file));
    tokenizer_.emplace(Tokenizer::from_folder(std::filesystem::path(tokenizers) / GetParam()));
  }

  static std::vector<TokenId> ids(const Json& list) { return list.get<std::vector<TokenId>>(); }
  static std::vector<Message> messages(const Json& list) {
    std::vector<Message> result;
    for (const Json& message : list) result.push_back({message["role"], message["content"]});
    return result;
  }

  Json golden_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_P(GoldenTokens, TextsHaveTheLibrarysIdsAndComeBack) {
  for (const Json& entry : golden_["strings"]) {
    const std::string text = entry["text"];
    const std::vector<TokenId> expected = ids(entry["ids"][GetParam()]);
    EXPECT_EQ(tokenizer_->encode(text), expected) << text;
    std::vector<TokenId> with_special = expected;
    // The file gives one prefix for the two Llamas.
    const std::string family = std::string_view(GetParam()) == "llama3_2" ? "llama3_1" : GetParam();
    if (entry["ids_special_prefix"].contains(family)) {
      const std::vector<TokenId> prefix = ids(entry["ids_special_prefix"][family]);
      with_special.insert(with_special.begin(), prefix.begin(), prefix.end());
    }
    EXPECT_EQ(tokenizer_->encode(text, /*add_special=*/true), with_special) << text;
    const Json decoded = entry.value("decoded", Json::object());
    EXPECT_EQ(tokenizer_->decode(expected), decoded.value(GetParam(), text));
  }
}

TEST_P(GoldenTokens, TheSizeCountsAddedTokens) {
  const Json& facts = golden_["tokenizers"][GetParam()];
  EXPECT_EQ(tokenizer_->size(), facts["vocab_size_with_added"]);
  const std::vector<std::string> chatml = {"<|im_start|>", "<|im_end|>"};
  tokenizer_->add_special_tokens(chatml);
  EXPECT_EQ(tokenizer_->token_to_id("<|im_start|>"), facts["chatml_im_start_id"].get<TokenId>());
  EXPECT_EQ(tokenizer_->token_to_id("<|im_end|>"), facts["chatml_im_end_id"].get<TokenId>());
  EXPECT_EQ(tokenizer_->size(), facts["vocab_after_chatml"]);
}

TEST_P(GoldenTokens, TheTemplateOfThePackageRendersTheSame) {
  const Json variables = {{"date_string", "26 Jul 2024"}};
  for (const Json& entry : golden_["conversations"]) {
    const Json& native = entry["native"][GetParam()];
    for (const auto& [name, with_prompt] : {std::pair("full", false), std::pair("gen", true)}) {
      const ChatTemplateOptions options{.add_generation_prompt = with_prompt, .variables = &variables};
      if (native[name].contains("error")) {
        EXPECT_THROW(tokenizer_->chat_template().render(messages(entry["messages"]), options), Error);
        continue;
      }
      EXPECT_EQ(tokenizer_->chat_template().render(messages(entry["messages"]), options),
                native[name]["text"].get<std::string>());
      EXPECT_EQ(tokenizer_->conversation_ids(messages(entry["messages"]), with_prompt, &variables),
                ids(native[name]["ids"]));
    }
  }
}

TEST_P(GoldenTokens, ChatMlHasTheSameIds) {
  const std::vector<std::string> chatml = {"<|im_start|>", "<|im_end|>"};
  tokenizer_->add_special_tokens(chatml);
  tokenizer_->set_chat_template(std::string(kChatMlTemplate));
  for (const Json& entry : golden_["conversations"]) {
    const std::vector<Message> talk = messages(entry["messages"]);
    EXPECT_EQ(tokenizer_->chat_template().render(talk, false), entry["chatml"]["text"].get<std::string>());
    EXPECT_EQ(tokenizer_->conversation_ids(talk), ids(entry["chatml"][GetParam()]["ids"]));
  }
}

INSTANTIATE_TEST_SUITE_P(Published, GoldenTokens, ::testing::Values("llama3_1", "llama3_2", "gemma3", "qwen3"),
                         [](const auto& info) { return std::string(info.param); });

// Four small tokenizers before and after the study's vocabulary change, by transformers 5.23.0 (tests/oracles). Always
// runs.
TEST(GoldenVocabulary, AddedTokensAndIdsAreTransformers) {
  const std::filesystem::path golden = std::filesystem::path(BALLOT_SOURCE_DIR) / "tests/golden";
  const Json file = Json::parse(read_file(golden / "vocabulary.json"));
  ASSERT_FALSE(file["cases"].empty());
  for (const auto& [name, expected] : file["cases"].items()) {
    SCOPED_TRACE(name);
    Tokenizer tokenizer = Tokenizer::from_folder(golden / "vocabulary" / name);
    EXPECT_EQ(tokenizer.size(), expected["size_before"]);
    std::vector<std::string> tokens;
    for (const auto& [token, id] : expected["added"].items()) tokens.push_back(token);
    EXPECT_EQ(tokenizer.add_special_tokens(tokens), static_cast<int>(tokens.size()));
    for (const auto& [token, id] : expected["added"].items())
      EXPECT_EQ(tokenizer.token_to_id(token), id.get<TokenId>()) << token;
    EXPECT_EQ(tokenizer.size(), expected["size"]);
    for (const Json& entry : expected["texts"]) {
      EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>(), true), entry["ids"].get<std::vector<TokenId>>());
      EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>()),
                entry["ids_without_special"].get<std::vector<TokenId>>());
    }
    tokenizer.set_chat_template(std::string(kChatMlTemplate));
    std::vector<Message> talk;
    for (const Json& message : expected["chat"]["messages"]) talk.push_back({message["role"], message["content"]});
    EXPECT_EQ(tokenizer.conversation_ids(talk), expected["chat"]["ids"].get<std::vector<TokenId>>());
  }
}

}  // namespace
}  // namespace ballot
