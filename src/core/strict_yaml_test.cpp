#include "core/strict_yaml.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(StrictYaml, ScalarsHaveTheirTypes) {
  const Json root =
      YamlFile::parse("a: 1\nb: 1e-6\nc: true\nd: 'true'\ne: text\nf: null\ng: [1, 2.5]\nh: 1.0\n", "x.yaml").root();
  EXPECT_TRUE(root["a"].is_number_integer());
  EXPECT_DOUBLE_EQ(root["b"].get<double>(), 1e-6);
  EXPECT_EQ(root["c"], true);
  EXPECT_EQ(root["d"], "true");
  EXPECT_EQ(root["e"], "text");
  EXPECT_TRUE(root["f"].is_null());
  EXPECT_EQ(root["g"].size(), 2u);
  EXPECT_TRUE(root["h"].is_number_float());
}

TEST(StrictYaml, AnUnknownKeyNamesLineColumnAndTheNearest) {
  const YamlFile file = YamlFile::parse("pool:\n  prompts: 3\n  postions: [0]\n", "s.yaml");
  EXPECT_EQ(message_of([&] { file.check_keys("/pool", {"prompts", "positions"}); }),
            "s.yaml:3:3: unknown key 'postions' in 'pool'; did you mean 'positions'? (one of: prompts, positions)");
}

TEST(StrictYaml, BrokenTextAndDoubledKeysAreTold) {
  EXPECT_NE(message_of([] { YamlFile::parse("a: [1, 2\n", "s.yaml"); }).find("s.yaml:"), std::string::npos);
  EXPECT_EQ(message_of([] { YamlFile::parse("a: 1\na: 2\n", "s.yaml"); }), "s.yaml:2:1: the key 'a' stands here twice");
}

}  // namespace
}  // namespace ballot
