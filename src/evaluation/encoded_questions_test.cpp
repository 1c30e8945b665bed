#include "evaluation/encoded_questions.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "evaluation/golden_tasks.h"

namespace ballot {
namespace {

using Ids = std::vector<TokenId>;

Question question(const std::string& context, std::vector<std::string> continuations) {
  Question q;
  q.context = context;
  q.continuations = std::move(continuations);
  return q;
}

EncodedQuestion encode(const Tokenizer& tokenizer, const Question& q, const std::string& bos = "auto") {
  return QuestionEncoder(tokenizer, bos).encode(std::vector<Question>{q}).front();
}

Tokenizer chatml() {
  return Tokenizer::from_folder(golden_folder() / "models/tiny_llama");
}
/// A tokenizer that puts BOS in front by itself.
Tokenizer with_bos() {
  return Tokenizer::from_folder(golden_folder() / "vocabulary/base_bos_eos");
}

TEST(EncodedQuestions, WhiteSpaceAtTheEndOfTheContextBelongsToTheContinuation) {
  const Tokenizer tokenizer = chatml();
  const EncodedQuestion encoded = encode(tokenizer, question("Answer: \n", {"(A)", "(B)"}));
  EXPECT_EQ(encoded.context, tokenizer.encode("Answer:"));
  EXPECT_EQ(tokenizer.decode(encoded.continuations[0]), " \n(A)");
  EXPECT_EQ(tokenizer.decode(encoded.continuations[1]), " \n(B)");
}

TEST(EncodedQuestions, TheContinuationIsWhatTheWholeTextHasBehindTheContext) {
  const Tokenizer tokenizer = chatml();
  const EncodedQuestion encoded = encode(tokenizer, question("Q: one two\nA:", {" three", " 3"}));
  for (std::size_t c = 0; c < 2; ++c) {
    Ids whole = tokenizer.encode("Q: one two\nA:" + std::string(c == 0 ? " three" : " 3"));
    whole.erase(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(encoded.context.size()));
    EXPECT_EQ(encoded.continuations[c], whole);
  }
}

TEST(EncodedQuestions, BosIsWhatTheTokenizerDoesUnlessToldOtherwise) {
  const Tokenizer plain = chatml(), adds = with_bos();
  const Question q = question("Q:", {" x"});
  EXPECT_NE(encode(plain, q).context.front(), *plain.bos_id());
  EXPECT_EQ(encode(adds, q).context.front(), *adds.bos_id());
  EXPECT_EQ(encode(plain, q, "on").context.front(), *plain.bos_id());
  EXPECT_NE(encode(adds, q, "off").context.front(), *adds.bos_id());
  EXPECT_EQ(encode(adds, q).continuations, encode(adds, q, "off").continuations);
  EXPECT_EQ(encode(plain, q, "on").continuations, encode(plain, q).continuations);
}

TEST(EncodedQuestions, ATextThatBeginsWithBosGetsNoSecondOne) {
  const Tokenizer adds = with_bos();
  const std::string bos = adds.decode(Ids{*adds.bos_id()});
  for (const char* rule : {"auto", "on", "off"}) {
    const EncodedQuestion encoded = encode(adds, question(bos + "Q:", {" x"}), rule);
    EXPECT_EQ(QuestionEncoder(adds, rule).leading_bos(encoded), 1) << rule;
  }
}

TEST(EncodedQuestions, AnEmptyContextIsBos) {
  const Tokenizer tokenizer = chatml();
  const EncodedQuestion encoded = encode(tokenizer, question("", {"x", "yes"}));
  EXPECT_EQ(encoded.context, (Ids{*tokenizer.bos_id()}));
  EXPECT_EQ(tokenizer.decode(encoded.continuations[1]), "yes");
}

TEST(EncodedQuestions, TheModelReadsTheLastIdsWithoutTheVeryLast) {
  const EncodedQuestion encoded{{1, 2, 3, 4}, {{5}, {6, 7}}};
  EXPECT_EQ(model_input(encoded, 0, 100), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(model_input(encoded, 1, 100), (Ids{1, 2, 3, 4, 6}));
  EXPECT_EQ(model_input(encoded, 1, 5), (Ids{1, 2, 3, 4, 6}));
  EXPECT_EQ(model_input(encoded, 1, 4), (Ids{2, 3, 4, 6}));
  EXPECT_FALSE(is_truncated(encoded, 5));
  EXPECT_TRUE(is_truncated(encoded, 4));
}

}  // namespace
}  // namespace ballot
