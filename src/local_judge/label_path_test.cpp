#include "local_judge/label_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/parse.h"
#include "text/tiny_tokenizer.h"

namespace ballot {
namespace {

using testing::ElementsAre;

// Takes the words of these numbers, one step after the other.
Label walk(const Format& format, std::size_t shown, std::vector<std::size_t> words,
           std::vector<std::string>* texts = nullptr) {
  Label label;
  for (std::size_t i = 0;; ++i) {
    const std::optional<LabelStep> step = next_step(format, shown, label);
    if (!step) {
      EXPECT_EQ(i, words.size());
      label.status = "ok";
      return label;
    }
    if (texts) texts->push_back(step->text);
    take_word(format, shown, *step, words.at(i), label);
  }
}

TEST(LabelPath, ALetterThenAMagnitude) {
  const Format format = Format::load("binary_magnitude");
  const LabelStep first = *next_step(format, 2, {});
  EXPECT_EQ(first.text, "Preference:");
  EXPECT_THAT(first.words, ElementsAre(" A", " B"));
  std::vector<std::string> texts;
  const Label label = walk(format, 2, {1, 0}, &texts);
  EXPECT_THAT(texts, ElementsAre("Preference:", "Preference: B\nMagnitude:"));
  EXPECT_EQ(answer_of(format, label), "Preference: B\nMagnitude: 0");
}

TEST(LabelPath, ARankingWithoutReplacementWhoseLastLetterIsNoChoice) {
  const Format format = Format::load("ranking");
  std::vector<std::string> texts;
  const Label label = walk(format, 4, {2, 0, 1}, &texts);
  EXPECT_THAT(texts, ElementsAre("Ranking:", "Ranking: C >", "Ranking: C > A >"));
  EXPECT_EQ(answer_of(format, label), "Ranking: C > A > D > B");
}

TEST(LabelPath, EveryPathIsReadBackByTheParser) {
  for (const std::string& name : format_names()) {
    const Format format = Format::load(name);
    const std::size_t shown = format.shown(3);
    Label label;
    while (const auto step = next_step(format, shown, label))
      take_word(format, shown, *step, step->words.size() - 1, label);
    EXPECT_EQ(parse_answer(format, shown, {answer_of(format, label)}).status, "ok") << name;
  }
}

TEST(LabelPath, WordsAreToldApartByTheirTokens) {
  const Tokenizer tokenizer = Tokenizer::from_parts(tiny_tokenizer_parts());
  const LabelStep step{"Rating:", {" 1", " 10", " 12", " 2"}, 0};
  const TokenStep tokens = in_tokens(tokenizer, step, 2);
  std::vector<std::vector<TokenId>> whole;
  for (std::size_t w = 0; w < step.words.size(); ++w) {
    whole.push_back(tokens.context);
    whole.back().insert(whole.back().end(), tokens.words[w].begin(), tokens.words[w].end());
    EXPECT_EQ(whole.back().back(), 2) << "one word begins with another: the end of text stands behind each";
    whole.back().pop_back();
    EXPECT_EQ(tokenizer.decode(whole.back()), step.text + step.words[w]);
  }
  // Forks: after nothing (1 or 2), after "1" (its end, 0 or 2).
  const std::vector<Fork> forks = forks_of(tokens);
  ASSERT_EQ(forks.size(), 2u);
  EXPECT_TRUE(forks[0].beginning.empty());
  EXPECT_EQ(forks[0].tokens.size(), 2u);
  EXPECT_EQ(forks[1].tokens.size(), 3u);
}

}  // namespace
}  // namespace ballot
