#include "text/language.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace ballot {
namespace {

TEST(Language, EnglishIsKnownFromAFewWords) {
  for (const char* text : {"Write a poem", "What is the capital of France?", "Explain recursion to a child, please."})
    EXPECT_EQ(language_of(text), "en") << text;
}

TEST(Language, OtherLanguagesAreNamed) {
  EXPECT_EQ(language_of("Was ist die Hauptstadt von Frankreich?"), "de");
  EXPECT_EQ(language_of("Quelle est la capitale de la France et pourquoi ?"), "fr");
  EXPECT_EQ(language_of("法国的首都是哪里？"), "zh");
  EXPECT_EQ(language_of("Столица Франции — это какой город?"), "ru");
  EXPECT_EQ(language_of("フランスの首都はどこですか。"), "ja");
  EXPECT_EQ(language_of("ফ্রান্সের রাজধানী কোথায়?"), "bn") << "whichlang does not know it, whatlang does";
  EXPECT_EQ(language_of("ฝรั่งเศสมีเมืองหลวงชื่ออะไร"), "th");
}

TEST(Language, SourceCodeDoesNotDecide) {
  const std::string code = "```cpp\nint main() { return 0; }\nfor (auto& zeile : zeilen) summe += zeile;\n```\n";
  EXPECT_EQ(language_of("Erkläre mir bitte, was dieses Programm macht:\n" + code), "de");
  EXPECT_EQ(language_of("Tell me what this program does:\n" + code), "en");
  EXPECT_EQ(language_of(code), "und");
}

TEST(Language, WithoutLettersItIsUndetermined) {
  for (const char* text : {"", "42", "?!", "1 + 1 = 2", "ab"}) EXPECT_EQ(language_of(text), "und") << text;
}

TEST(Language, ProseIsWhatIsLeftWithoutCode) {
  EXPECT_EQ(prose_of("Look at `f(x)` here.\n\n~~~\ncode\n~~~\nint i = 0;\na[b] = c->d(e, f);\nThe end"),
            "Look at   here.\n\nThe end\n");
  EXPECT_EQ(prose_of("An open fence\n```\nnever closes"), "An open fence\n");
}

TEST(Language, TextThatIsNotUtf8IsAnError) {
  EXPECT_THROW(language_of("\xc3("), Error);
}

}  // namespace
}  // namespace ballot
