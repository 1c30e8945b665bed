#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "evaluation/python_literal.h"
#include "evaluation/python_random.h"
#include "evaluation/python_text.h"

namespace ballot {
namespace {

TEST(PythonText, WhiteSpaceIsUnicodes) {
  EXPECT_EQ(trailing_space("Answer: "), 1u);
  EXPECT_EQ(trailing_space("assistant\n"), 1u);
  EXPECT_EQ(trailing_space("a\u00A0\u2003 \n"), 2u + 3u + 2u);
  EXPECT_EQ(trailing_space("a\u200B"), 0u);  // the zero-width space is none
  EXPECT_EQ(trailing_space(" \n"), 2u);
  EXPECT_EQ(python_strip("\u3000 a b\u2028"), "a b");
  EXPECT_EQ(python_strip(" \t "), "");
}

TEST(PythonText, LengthCountsCharactersNotBytes) {
  EXPECT_EQ(python_length("na\u00EFve \U0001F600"), 7);
  EXPECT_EQ(python_length(""), 0);
}

TEST(PythonText, NumbersAreWrittenAsReprDoes) {
  EXPECT_EQ(python_repr(-3.0), "-3.0");
  EXPECT_EQ(python_repr(-36.721107482910156), "-36.721107482910156");
  EXPECT_EQ(python_repr(1e-5), "1e-05");
  EXPECT_EQ(python_repr(0.1), "0.1");
  EXPECT_EQ(python_repr(1e16), "1e+16");
}

TEST(PythonText, ListsAreWrittenAsStrDoes) {
  EXPECT_EQ(python_str(Json::array({0, "it's", "a \"b\" 'c'", true, nullptr, 1.0})),
            R"([0, "it's", 'a "b" \'c\'', True, None, 1.0])");
  EXPECT_EQ(python_str(Json(6)), "6");
  EXPECT_EQ(python_str(Json("(A)")), "(A)");
}

TEST(PythonLiteral, ReadsListsWithBothKindsOfQuotes) {
  EXPECT_EQ(parse_python_literal(R"(['piano', "producer's desk"])"), Json::array({"piano", "producer's desk"}));
  EXPECT_EQ(parse_python_literal("[(1, -2.5), {'a': None},]  # end"), Json::parse(R"([[1, -2.5], {"a": null}])"));
  EXPECT_EQ(parse_python_literal("(1)"), Json(1));
  EXPECT_EQ(parse_python_literal("(1,)"), Json::array({1}));
}

TEST(PythonLiteral, KeepsBackslashesThatBeginNoEscape) {
  EXPECT_EQ(parse_python_literal(R"('\$ \n \x41 \u00e9')"), Json("\\$ \n A \u00E9"));
  EXPECT_EQ(parse_python_literal(R"(r'\n \'')"), Json(R"(\n \')"));
  EXPECT_EQ(parse_python_literal("'a' \"b\"\n'c'"), Json("abc"));
  EXPECT_EQ(parse_python_literal("'''two\nlines'''"), Json("two\nlines"));
}

TEST(PythonLiteral, WhatIsNoLiteralIsAnError) {
  for (const char* text : {"[1, f(2)]", "['a' 1]", "'open", "[1", "007", "", "x", "{1: 2}", "[1] 2"})
    EXPECT_THROW(parse_python_literal(text), Error) << text;
}

TEST(PythonLiteral, ConstantsAndReturnedListsAreFoundInAFile) {
  const std::string source =
      "WORDS = [\n    ('an ', ''),\n    (r'\\ ', ''),\n]\n\ndef samples() -> list:\n    return [\n        {'a': "
      "'1'},\n    "
      "]\n\n\ndef other():\n    return 3\n";
  EXPECT_EQ(find_python_literal(source, "WORDS"), Json::parse(R"([["an ", ""], ["\\ ", ""]])"));
  EXPECT_EQ(find_python_literal(source, "samples"), Json::parse(R"([{"a": "1"}])"));
  EXPECT_EQ(python_function_source(source, "other"), "def other():\n    return 3\n");
  EXPECT_THROW(find_python_literal(source, "WORD"), Error);
}

// Numbers of CPython 3.11's random module.
TEST(PythonRandom, DrawsAsPythonDoes) {
  PythonRandom random(7);
  EXPECT_EQ(random.next(), 1390851128u);
  EXPECT_EQ(random.next(), 4071050724u);
  EXPECT_EQ(random.next(), 647892279u);
}

TEST(PythonRandom, ShufflesAsPythonDoes) {
  PythonRandom random(0);
  for (const char* expected :
       {"2013", "0132", "0213", "1032", "2031", "3120", "2031", "3120", "1023", "0312", "0321", "0123"}) {
    std::vector<char> letters = {'0', '1', '2', '3'};
    random.shuffle(letters);
    EXPECT_EQ(std::string(letters.begin(), letters.end()), expected);
  }
}

TEST(PythonRandom, SamplesAsPythonDoes) {
  PythonRandom random(1234);
  using Indices = std::vector<std::size_t>;
  EXPECT_EQ(random.sample(10, 3), (Indices{7, 1, 0}));
  EXPECT_EQ(random.sample(100, 4), (Indices{11, 74, 4, 85}));
  EXPECT_EQ(random.sample(1000, 7), (Indices{709, 85, 100, 784, 363, 242, 17}));
  EXPECT_EQ(random.sample(80, 6), (Indices{3, 2, 44, 61, 59, 19}));
}

}  // namespace
}  // namespace ballot
