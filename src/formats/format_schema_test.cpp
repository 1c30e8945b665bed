// docs/format.schema.json says to editors what the reader says to users: both know the same keys and words, and every
// format of the tree satisfies it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/atomic_file.h"
#include "core/strict_yaml.h"
#include "formats/format.h"

namespace ballot {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

const std::string kFolder = BALLOT_SOURCE_DIR;

Json schema() {
  return Json::parse(read_file(kFolder + "/docs/format.schema.json"));
}

std::vector<std::string> names_of(const Json& properties) {
  std::vector<std::string> names;
  for (const auto& [key, value] : properties.items()) names.push_back(key);
  return names;
}

bool is_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  return type == "null" && value.is_null();
}

// The part of JSON Schema that the file uses; faults as "pointer: what".
void check(const Json& schema, const Json& value, const std::string& at, std::vector<std::string>& faults) {
  static const std::vector<std::string> known = {
      "$schema",    "title",   "description", "type",      "required",     "additionalProperties",
      "properties", "pattern", "enum",        "minimum",   "maximum",      "minItems",
      "maxItems",   "items",   "anyOf",       "minLength", "minProperties"};
  for (const auto& [key, unused] : schema.items())
    if (std::find(known.begin(), known.end(), key) == known.end()) faults.push_back("the test does not know " + key);
  if (schema.contains("anyOf")) {
    for (const Json& one : schema["anyOf"]) {
      std::vector<std::string> of_one;
      check(one, value, at, of_one);
      if (of_one.empty()) return;
    }
    faults.push_back(at + ": none of anyOf");
    return;
  }
  if (!is_type(value, schema.at("type"))) return faults.push_back(at + ": not a " + schema["type"].get<std::string>());
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    faults.push_back(at + ": not in the enum");
  if (schema.contains("pattern") &&
      !std::regex_search(value.get<std::string>(), std::regex(schema["pattern"].get<std::string>())))
    faults.push_back(at + ": not the pattern");
  if (schema.contains("minimum") && value < schema["minimum"]) faults.push_back(at + ": below the minimum");
  if (schema.contains("maximum") && value > schema["maximum"]) faults.push_back(at + ": above the maximum");
  if (schema.contains("minLength") && value.get<std::string>().size() < schema["minLength"].get<std::size_t>())
    faults.push_back(at + ": too short");
  if (value.is_array()) {
    if (schema.contains("minItems") && value.size() < schema["minItems"].get<std::size_t>())
      faults.push_back(at + ": too few");
    if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>())
      faults.push_back(at + ": too many");
    for (std::size_t i = 0; i < value.size(); ++i)
      check(schema.at("items"), value[i], at + "/" + std::to_string(i), faults);
  }
  if (!value.is_object()) return;
  if (schema.contains("minProperties") && value.size() < schema["minProperties"].get<std::size_t>())
    faults.push_back(at + ": too few");
  const Json required = schema.value("required", Json::array());
  for (const Json& key : required)
    if (!value.contains(key.get<std::string>())) faults.push_back(at + ": lacks " + key.get<std::string>());
  for (const auto& [key, inner] : value.items()) {
    const Json properties = schema.value("properties", Json::object());
    const Json others = schema.at("additionalProperties");
    if (properties.contains(key))
      check(properties[key], inner, at + "/" + key, faults);
    else if (others.is_object())
      check(others, inner, at + "/" + key, faults);
    else
      faults.push_back(at + ": unknown key " + key);
  }
}

std::vector<std::string> faults_of(const std::string& yaml) {
  std::vector<std::string> faults;
  check(schema(), YamlFile::parse(yaml, "test.yaml").root(), "", faults);
  return faults;
}

TEST(FormatSchema, KnowsTheKeysThatTheReaderKnows) {
  const Json properties = schema()["properties"];
  for (const auto& [mapping, keys] : format_file_keys()) {
    const Json& object = mapping.empty()           ? properties
                         : mapping == "fields"     ? properties["fields"]["items"]["properties"]
                         : mapping == "structured" ? properties["structured"]["anyOf"][1]["properties"]
                                                   : properties[mapping]["properties"];
    EXPECT_THAT(names_of(object), UnorderedElementsAreArray(keys)) << mapping;
  }
}

TEST(FormatSchema, KnowsTheWordsThatTheReaderKnows) {
  const Json properties = schema()["properties"];
  const auto words = format_file_words();
  EXPECT_EQ(properties["kind"]["enum"], Json(words.at("kind")));
  EXPECT_THAT(properties["fields"]["items"]["properties"]["kind"]["enum"].get<std::vector<std::string>>(),
              UnorderedElementsAreArray(words.at("fields.kind")));
  EXPECT_EQ(properties["preferences"]["properties"]["margin"]["enum"], Json(words.at("margin")));
  EXPECT_EQ(properties["preferences"]["properties"]["tie"]["enum"], Json(words.at("tie")));
}

TEST(FormatSchema, EveryFormatOfTheTreeSatisfiesIt) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder + "/ballots")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string text = read_file(entry.path());
    const YamlFile yaml = YamlFile::parse(text, entry.path().filename().string());
    if (!yaml.root().contains("texts") && !yaml.root().contains("include")) continue;  // no format and no part of one
    EXPECT_THAT(faults_of(text), IsEmpty()) << entry.path();
    EXPECT_TRUE(text.starts_with("# yaml-language-server: $schema=../docs/format.schema.json")) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, static_cast<int>(format_names().size()) + 1) << "and uniform.yaml";
  for (const std::string& name : format_names()) EXPECT_THAT(faults_of(Format::load(name).resolved), IsEmpty()) << name;
}

TEST(FormatSchema, WhatTheReaderRefusesItRefusesToo) {
  const std::string good = "version: 1\nname: mine\nkind: pairwise\nfields: [{kind: choice, name: Preference}]\n";
  EXPECT_THAT(faults_of(good), IsEmpty());
  EXPECT_FALSE(faults_of("name: mine\n").empty());
  EXPECT_FALSE(faults_of(good + "feilds: []\n").empty());
  EXPECT_FALSE(faults_of("version: 1\nname: My Format\n").empty());
  EXPECT_FALSE(faults_of("version: 1\nkind: pairwize\n").empty());
  EXPECT_FALSE(faults_of("version: 1\nfields: [{kind: choice}]\n").empty());
  EXPECT_FALSE(faults_of("version: 1\ncompletions: some\n").empty());
}

}  // namespace
}  // namespace ballot
