#include "data/json_parser.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/random.h"

namespace ballot {
namespace {

using ::testing::HasSubstr;

/// The value as JSON again, or the reason why there is none.
std::string parsed(std::string text) {
  std::pmr::monotonic_buffer_resource memory;
  JsonParser parser;
  try {
    return to_json(parser.parse(text.data(), text.size(), memory)).dump();
  } catch (const JsonProblem& problem) {
    return problem.reason + ": " + problem.message;
  }
}

TEST(JsonParser, EscapesBecomeTheirCharacters) {
  EXPECT_EQ(parsed(R"("\"\\\/\b\f\n\r\t\u0041\u00fc\u20ac\ud83d\ude00!")"), Json("\"\\/\b\f\n\r\tAü€😀!").dump());
  EXPECT_EQ(
      parsed(R"({"a\u0062c":"long run without any escape at all, then \n and another long run of plain text \"x\""})"),
      Json({{"abc", "long run without any escape at all, then \n and another long run of plain text \"x\""}}).dump());
}

TEST(JsonParser, NumbersAreWholeOrNot) {
  EXPECT_EQ(parsed("[0,-0,7,-12,999999999999999999,9223372036854775807,-9223372036854775808]"),
            "[0,0,7,-12,999999999999999999,9223372036854775807,-9223372036854775808]");
  EXPECT_EQ(parsed("[0.5,-1e3,1E-2,12345678901234567890,1e-400]"), "[0.5,-1000.0,0.01,1.2345678901234567e+19,0.0]");
  for (const char* wrong : {"01", "1.", ".5", "-", "+1", "1e", "1e+", "NaN", "Infinity", "0x10", "1e400", "--1"})
    EXPECT_THAT(parsed(wrong), HasSubstr("invalid_json")) << wrong;
}

TEST(JsonParser, FaultsAreToldWithTheirColumn) {
  EXPECT_EQ(parsed("{\"a\": 1,}"), "invalid_json: column 9: wanted a key");
  EXPECT_EQ(parsed("{\"a\" 1}"), "invalid_json: column 6: wanted ':'");
  EXPECT_EQ(parsed("[1 2]"), "invalid_json: column 4: wanted ',' or ']'");
  EXPECT_EQ(parsed("\"abc"), "invalid_json: column 5: a text has no end");
  EXPECT_EQ(parsed("\"a\tb\""), "invalid_json: column 3: a control character in a text must be escaped");
  EXPECT_EQ(parsed(R"("a\qb")"), "invalid_json: column 4: unknown escape");
  EXPECT_EQ(parsed(R"("\ud800x")"), "lone_surrogate: column 8: half of a surrogate pair");
  EXPECT_EQ(parsed(R"("\udc00")"), "lone_surrogate: column 8: half of a surrogate pair");
  EXPECT_EQ(parsed("{} {}"), "invalid_json: column 4: something follows the value");
  EXPECT_EQ(parsed(""), "invalid_json: column 1: the text ends where a value is wanted");
  EXPECT_EQ(parsed(R"({"a":{"b":1,"b":2}})"), "duplicate_key: the key 'b' is there twice");
  EXPECT_THAT(parsed(std::string(100'000, '[')), HasSubstr("nested deeper than 1024 levels"));
}

TEST(JsonParser, ManyKeysAreCheckedForRepeats) {
  std::string text = "{";
  for (int i = 0; i < 100; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_THAT(parsed(text + "\"x\":0}"), HasSubstr("\"x\":0"));
  EXPECT_THAT(parsed(text + "\"k50\":0}"), HasSubstr("the key 'k50' is there twice"));
}

TEST(JsonParser, Utf8IsChecked) {
  for (const char* good :
       {"", "abc", "\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "日本語"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "\xE2\x28\xA1", "abcdefghijklmnopq\xFF"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

/// A random JSON value, as text with random spaces.
std::string random_json(Random& random, int depth) {
  const auto space = [&] { return std::string(random.below(8) == 0 ? " " : ""); };
  switch (random.below(depth > 4 ? 5 : 7)) {
    case 0:
      return "null";
    case 1:
      return random.below(2) ? "true" : "false";
    case 2:
      return Json(static_cast<std::int64_t>(random.next() >> random.below(64))).dump();
    case 3:
      return Json(random.normal() * std::pow(10.0, static_cast<double>(random.below(40)) - 20)).dump();
    case 4: {
      std::string text;
      for (std::uint64_t i = random.below(30); i > 0; --i) {
        static const char* const parts[] = {"a", "plain words ", "\n", "\"", "\\", "ü", "日", "😀", "\x01", "/"};
        text += parts[random.below(10)];
      }
      return Json(text).dump(-1, ' ', random.below(2) == 0);
    }
    case 5: {
      std::string text = "[";
      for (std::uint64_t i = random.below(5); i > 0; --i)
        text += space() + random_json(random, depth + 1) + space() + (i > 1 ? "," : "");
      return text + "]";
    }
    default: {
      std::string text = "{";
      for (std::uint64_t i = random.below(5); i > 0; --i)
        text += space() + "\"k" + std::to_string(i) + "\"" + space() + ":" + random_json(random, depth + 1) +
                (i > 1 ? "," : "");
      return text + "}";
    }
  }
}

TEST(JsonParser, AgreesWithNlohmannOnRandomTextsAndOnTheirDamagedForms) {
  int accepted = 0, refused = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    Random random(7, "json", i);
    std::string text = random_json(random, 0);
    if (i % 2 && !text.empty()) {  // damage: change, drop or insert a byte
      static const char bytes[] = "\"\\{}[],:0e-.tn u\x01\xC3";
      const std::size_t at = random.below(text.size());
      const char byte = bytes[random.below(sizeof bytes - 1)];
      if (const auto kind = random.below(3); kind == 0)
        text[at] = byte;
      else if (kind == 1)
        text.erase(at, 1);
      else
        text.insert(at, 1, byte);
    }
    const Json oracle = Json::parse(text, nullptr, false);
    const std::string ours = parsed(text);
    if (oracle.is_discarded()) {
      ++refused;
      EXPECT_TRUE(ours.starts_with("invalid_") || ours.starts_with("lone_surrogate")) << text << " -> " << ours;
    } else if (!ours.starts_with("duplicate_key")) {
      ++accepted;
      EXPECT_EQ(Json::parse(ours), oracle) << text;
    }
  }
  EXPECT_GT(accepted, 10'000);
  EXPECT_GT(refused, 3'000);
}

}  // namespace
}  // namespace ballot
