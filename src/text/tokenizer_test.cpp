#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "text/bridge.h"
#include "text/tiny_tokenizer.h"

namespace ballot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tokenizer tiny(const std::string& pre = "smollm") {
  return Tokenizer::from_parts(tiny_tokenizer_parts(pre));
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

std::vector<std::string> tokens_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> tokens;
  for (const TokenId id : tokenizer.encode(text)) tokens.push_back(*tokenizer.id_to_token(id));
  return tokens;
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("ballot_text_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Bridge, APanicComesBackAsAnError) {
  BridgeText out;
  EXPECT_EQ(ballot_bridge_panic(out.out()), 1);
  EXPECT_THAT(out.str(), HasSubstr("index out of bounds"));
}

TEST(Tokenizer, MergesApplyInTheirOrder) {
  EXPECT_THAT(tokens_of(tiny(), "hello world"), ElementsAre("hello", "\u0120world"));
}

TEST(Tokenizer, AnyBytesOfUtf8ComeBack) {
  const Tokenizer tokenizer = tiny();
  for (const std::string text :
       {"hello world", "", " ", "\n\n1 12\t\x7f", "Gr\u00fc\u00dfe \U0001F600 \u4f60\u597d", "a\u0301"})
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
}

TEST(Tokenizer, SmolLmSplitsDigitsBeforeAnythingElse) {
  EXPECT_THAT(tokens_of(tiny("smollm"), "\n\n12"), ElementsAre("\u010a\u010a", "1", "2"));
  EXPECT_THAT(tokens_of(tiny("gpt-2"), "\n\n12"),
              ElementsAre("\u010a", "\u010a", "12"));  // the pattern keeps "\s+(?!\S)" back
}

TEST(Tokenizer, SpecialTokensAreTakenWholeAndKnownAsSuch) {
  const Tokenizer tokenizer = tiny();
  EXPECT_THAT(tokenizer.encode("<|im_start|>user<think>"), ElementsAre(1, *tokenizer.token_to_id("user"), 3));
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_FALSE(tokenizer.is_special(3)) << "a user-defined token is not a special one";
  EXPECT_EQ(tokenizer.special_tokens().size(), 3u);
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{1, 2, 3}, /*skip_special=*/true), "<think>");
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{1, 2, 3}), "<|im_start|><|im_end|><think>");
}

TEST(Tokenizer, ControlTextInForeignTextIsFound) {
  const Tokenizer tokenizer = tiny();
  EXPECT_EQ(tokenizer.find_special("say <|im_end|> or <|im_start|>"), "<|im_end|>");
  EXPECT_EQ(tokenizer.find_special("say <|im_en d|> <think>"), std::nullopt);
}

TEST(Tokenizer, BosAndEosGoAroundATextOnlyWhereAskedFor) {
  TokenizerParts parts = tiny_tokenizer_parts();
  parts.add_bos = parts.add_eos = true;
  const Tokenizer tokenizer = Tokenizer::from_parts(parts);
  EXPECT_THAT(tokenizer.encode("a", true), ElementsAre(1, *tokenizer.token_to_id("a"), 2));
  EXPECT_THAT(tokenizer.encode("a", false), ElementsAre(*tokenizer.token_to_id("a")));
  EXPECT_THAT(tiny().encode("a", true), ElementsAre(*tokenizer.token_to_id("a")));
}

TEST(Tokenizer, SpansCoverTheBytesOfTheText) {
  const std::string text = "hello world\u00e9<|im_end|>";
  const TokenSpans spans = tiny().encode_spans(text);
  ASSERT_EQ(spans.ids.size(), spans.bytes.size());
  EXPECT_EQ(text.substr(spans.bytes[0].first, spans.bytes[0].second - spans.bytes[0].first), "hello");
  EXPECT_EQ(spans.bytes.back().first, text.size() - 10);
  EXPECT_EQ(spans.bytes.back().second, text.size());
  EXPECT_EQ(spans.ids, tiny().encode(text));
}

TEST(Tokenizer, ABatchEqualsItsTextsOneByOneAtAnyNumberOfThreads) {
  const Tokenizer tokenizer = tiny();
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back("hello world number " + std::to_string(i));
  const auto batch = tokenizer.encode_batch(texts, false, 4);
  for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(batch[i], tokenizer.encode(texts[i]));
}

TEST(Tokenizer, MarksAreThoseOfTheFileAndNothingIsGuessed) {
  TokenizerParts parts = tiny_tokenizer_parts();
  parts.pad.reset();
  const Tokenizer tokenizer = Tokenizer::from_parts(parts);
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.unk_id(), 0);
  EXPECT_EQ(tokenizer.pad_id(), std::nullopt);
}

TEST(Tokenizer, AddedTokensGoBehindTheVocabulary) {
  Tokenizer tokenizer = tiny();
  EXPECT_EQ(tokenizer.size(), 300);
  const std::vector<std::string> tokens = {"<|im_end|>", "<|pad|>", "<|pad|>", "<|more|>"};
  EXPECT_EQ(tokenizer.add_special_tokens(tokens), 2);
  EXPECT_EQ(tokenizer.size(), 302);
  EXPECT_EQ(tokenizer.token_to_id("<|im_end|>"), 2);
  EXPECT_EQ(tokenizer.token_to_id("<|pad|>"), 300);
  EXPECT_TRUE(tokenizer.is_special(301));
  tokenizer.set_pad("<|pad|>");
  EXPECT_EQ(tokenizer.pad_id(), 300);
  EXPECT_THAT(error_of([&] { tokenizer.set_pad("<|none|>"); }), HasSubstr("'<|none|>'"));
}

TEST(Tokenizer, ASavedTokenizerIsTheSame) {
  Tokenizer tokenizer = tiny();
  const std::vector<std::string> tokens = {"<|pad|>"};
  tokenizer.add_special_tokens(tokens);
  tokenizer.set_pad("<|pad|>");
  const Folder folder;
  tokenizer.save(folder.path());
  const Tokenizer again = Tokenizer::from_folder(folder.path());
  EXPECT_EQ(again.fingerprint(), tokenizer.fingerprint());
  EXPECT_EQ(again.pad_id(), 300);
  EXPECT_EQ(again.chat_template().source(), kChatMlTemplate);
  EXPECT_EQ(again.encode("hello <|pad|> world"), tokenizer.encode("hello <|pad|> world"));
  const Tokenizer by_file = Tokenizer::from_folder(folder.path() / "tokenizer.json");
  EXPECT_EQ(by_file.fingerprint(), tokenizer.fingerprint());
  const Json config = Json::parse(read_file(folder.path() / "tokenizer_config.json"));
  EXPECT_EQ(config["tokenizer_class"], "PreTrainedTokenizerFast");
  EXPECT_EQ(config["chat_template"], kChatMlTemplate);
  EXPECT_EQ(config["bos_token"], "<|im_start|>");
}

TEST(Tokenizer, TheFingerprintChangesWithWhatChangesIds) {
  Tokenizer tokenizer = tiny();
  const std::string before = tokenizer.fingerprint();
  EXPECT_EQ(before, tiny().fingerprint());
  EXPECT_NE(before, tiny("gpt-2").fingerprint());
  tokenizer.set_chat_template("{{ messages[0].content }}");
  EXPECT_NE(before, tokenizer.fingerprint());
}

TEST(Tokenizer, PaddingAndTruncationOfAFileAreLeftOut) {
  Json json = Json::parse(tiny().to_json());
  json["truncation"] = {{"direction", "Right"}, {"max_length", 2}, {"strategy", "LongestFirst"}, {"stride", 0}};
  json["padding"] = {{"strategy", {{"Fixed", 20}}},
                     {"direction", "Right"},
                     {"pad_to_multiple_of", nullptr},
                     {"pad_id", 0},
                     {"pad_type_id", 0},
                     {"pad_token", "<|endoftext|>"}};
  const Tokenizer tokenizer = Tokenizer::from_json(json.dump());
  EXPECT_EQ(tokenizer.encode("hello world abc"), tiny().encode("hello world abc"));
}

TEST(Tokenizer, SentencePiecePartsFollowTheirScores) {
  TokenizerParts parts;
  parts.model = "llama";
  parts.architecture = "llama";
  parts.tokens = {"<unk>", "<s>", "</s>", "<0x0A>", "<0xC3>", "<0xA9>", "\u2581",
                  "a",     "b",   "c",    "ab",     "bc",     "abc",    "\u2581a"};
  parts.token_types = {2, 3, 3, 6, 6, 6, 1, 1, 1, 1, 1, 1, 1, 1};
  parts.scores = {0, 0, 0, 0, 0, 0, -9, -9, -9, -9, -3, -2, -1, -4};
  parts.bos = 1;
  parts.eos = 2;
  parts.unk = 0;
  const Tokenizer tokenizer = Tokenizer::from_parts(parts);
  EXPECT_THAT(tokens_of(tokenizer, "abc"),
              ElementsAre("\u2581", "abc"));  // "bc" beats "ab" and "\u2581a"; then "a" + "bc"
  EXPECT_THAT(tokens_of(tokenizer, "a\n"), ElementsAre("\u2581a", "<0x0A>"));
  EXPECT_THAT(tokens_of(tokenizer, "\u00e9"), ElementsAre("\u2581", "<0xC3>", "<0xA9>"));
  EXPECT_THAT(tokenizer.encode("b", true), ElementsAre(1, 6, 8));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("abc b")), "abc b");
}

TEST(Tokenizer, GemmaPartsFollowTheOrderOfTheTokensAndHaveNoPrefix) {
  TokenizerParts parts;
  parts.model = "llama";
  parts.architecture = "gemma3";
  parts.tokens = {"<pad>", "<eos>", "<bos>", "<unk>", "  ", "bc", "ab", "\u2581", "a", "b", "c"};
  parts.token_types = {3, 3, 3, 2, 4, 1, 1, 1, 1, 1, 1};
  parts.scores = {0, 0, 0, 0, 0, -1, -2, -9, -9, -9, -9};
  parts.bos = 2;
  parts.unk = 3;
  parts.add_bos = true;
  const Tokenizer tokenizer = Tokenizer::from_parts(parts);
  EXPECT_THAT(tokens_of(tokenizer, "abc"), ElementsAre("a", "bc"));
  EXPECT_THAT(tokens_of(tokenizer, "a  b"), ElementsAre("a", "\u2581\u2581", "b"));
  EXPECT_THAT(tokenizer.encode("a", true), ElementsAre(2, 8));
}

TEST(Tokenizer, WrongPartsAreToldApart) {
  TokenizerParts parts = tiny_tokenizer_parts("unheard-of");
  EXPECT_THAT(error_of([&] { Tokenizer::from_parts(parts); }), HasSubstr("'unheard-of'"));
  parts = tiny_tokenizer_parts();
  parts.tokens[10] = parts.tokens[11];
  EXPECT_THAT(error_of([&] { Tokenizer::from_parts(parts); }), HasSubstr("10 and 11 are alike"));
  parts = tiny_tokenizer_parts();
  parts.model = "t5";
  EXPECT_THAT(error_of([&] { Tokenizer::from_parts(parts); }), HasSubstr("'t5'"));
  parts = tiny_tokenizer_parts();
  parts.bos = 4000;
  EXPECT_THAT(error_of([&] { Tokenizer::from_parts(parts); }), HasSubstr("4000"));
}

TEST(Tokenizer, WhatIsNoTokenizerSaysSo) {
  EXPECT_THAT(error_of([] { Tokenizer::from_json("{}"); }), HasSubstr("not a tokenizer.json"));
  EXPECT_THAT(error_of([] { Tokenizer::from_json("GGUF"); }), HasSubstr("not a tokenizer.json"));
  EXPECT_THAT(error_of([] { Tokenizer::from_folder("/nowhere"); }), HasSubstr("/nowhere"));
}

TEST(Tokenizer, TextThatIsNotUtf8IsAnError) {
  EXPECT_THAT(error_of([] { tiny().encode("ab\xff"); }), HasSubstr("not UTF-8 from byte 2 on"));
}

TEST(Tokenizer, AnIdOutsideTheVocabularyIsAnErrorNotSilence) {
  EXPECT_THAT(error_of([] { tiny().decode(std::vector<TokenId>{5, 300}); }), HasSubstr("id 300 at place 1"));
  EXPECT_THAT(error_of([] { tiny().decode(std::vector<TokenId>{-1}); }), HasSubstr("at place 0"));
  EXPECT_EQ(tiny().id_to_token(300), std::nullopt);
}

TEST(Tokenizer, AConversationIsTheIdsOfItsTemplateWithoutMoreMarks) {
  TokenizerParts parts = tiny_tokenizer_parts();
  parts.add_bos = true;
  const Tokenizer tokenizer = Tokenizer::from_parts(parts);
  const std::vector<Message> messages = {{"user", "hello"}};
  EXPECT_EQ(tokenizer.conversation_ids(messages, true),
            tokenizer.encode("<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n", false));
}

TEST(Tokenizer, WithoutAChatTemplateAConversationIsAnError) {
  TokenizerParts parts = tiny_tokenizer_parts();
  parts.chat_template.clear();
  const Tokenizer tokenizer = Tokenizer::from_parts(parts);
  EXPECT_FALSE(tokenizer.has_chat_template());
  const std::vector<Message> messages = {{"user", "hello"}};
  EXPECT_THAT(error_of([&] { tokenizer.conversation_ids(messages); }), HasSubstr("no chat template"));
}

TEST(Tokenizer, TheTemplateMayBeOneOfAList) {
  const std::string config =
      R"({"bos_token": {"content": "<|im_start|>"}, "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D{{ bos_token }}"}]})";
  const Tokenizer tokenizer = Tokenizer::from_json(tiny().to_json(), config);
  EXPECT_EQ(tokenizer.chat_template().render({}, false), "D<|im_start|>");
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(Tokenizer::from_json(tiny().to_json(), config, "file wins").chat_template().source(), "file wins");
}

}  // namespace
}  // namespace ballot
