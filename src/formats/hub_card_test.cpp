#include "formats/hub_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/strict_yaml.h"

namespace ballot {
namespace {

using testing::HasSubstr;
using testing::Not;

HubCard sample() {
  HubCard card;
  card.title = "my-preferences";
  card.languages = {"en", "no"};
  card.sources = {{"some/data", "apache-2.0"}};
  card.recipe = {"Pool: 3 prompts.", "Labels."};
  card.configs = {
      {"binary",
       {{"train", 27, 5000}, {"held_out", 3, 600}},
       900,
       R"([{"name":"prompt","list":[{"name":"role","dtype":"string"}]},{"name":"source","list":"string"}])"},
      {"annotations", {{"train", 1500, 70}}, 80, R"([{"name":"raw","dtype":"string"}])"}};
  HubCard::Format format;
  format.config = "binary";
  format.title = "BINARY | <b>";
  format.answer = "Ranking: X > X";
  format.hash = "0123456789abcdef";
  format.summary.pairs = 30;
  format.summary.dropped = {{"refused", 2}};
  card.formats = {format};
  return card;
}

TEST(HubCard, TheHeaderIsWhatTheDatasetsLibraryReads) {
  const std::string text = card_text(sample());
  ASSERT_TRUE(text.starts_with("---\n"));
  const std::string header = text.substr(4, text.find("\n---\n") - 3);
  const Json yaml = YamlFile::parse(header, "card").root();
  EXPECT_EQ(yaml["license"], "apache-2.0");
  EXPECT_EQ(yaml["language"], Json({"en", "no"})) << "Norwegian is no false";
  EXPECT_EQ(yaml["size_categories"], Json({"1K<n<10K"}));
  EXPECT_EQ(yaml["configs"][0], Json::parse(R"({"config_name": "binary", "default": true, "data_files": [
              {"split": "train", "path": "data/binary/train-*"}, {"split": "held_out", "path": "data/binary/held_out-*"}]})"));
  EXPECT_FALSE(yaml["configs"][1].contains("default"));
  EXPECT_EQ(yaml["dataset_info"][0]["features"], Json::parse(sample().configs[0].features));
  EXPECT_EQ(yaml["dataset_info"][0]["splits"][1],
            Json::parse(R"({"name": "held_out", "num_bytes": 600, "num_examples": 3})"));
  EXPECT_EQ(yaml["dataset_info"][0]["dataset_size"], 5600);
  EXPECT_EQ(yaml["dataset_info"][0]["download_size"], 900);
}

TEST(HubCard, TheTextTellsRecipeCountsAndSources) {
  const std::string text = card_text(sample());
  for (const char* part : {"1. Pool: 3 prompts.", "2. Labels.", "| 30 |", "2 refused", "| some/data | apache-2.0 |",
                           "`binary`/`held_out` 3", "BINARY \\| (b)", "`Ranking: X > X`"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("not all known")));
}

TEST(HubCard, LicencesAreCarriedOverAndNeverGuessed) {
  HubCard card = sample();
  card.sources.push_back({"other/data", "cc-by-4.0"});
  EXPECT_EQ(licence_of(card), "other");
  EXPECT_THAT(card_text(card), HasSubstr("license_name: see-sources"));
  card.sources.push_back({"rows.jsonl", ""});
  EXPECT_EQ(licence_of(card), "unknown");
  EXPECT_THAT(card_text(card), HasSubstr("find them out before you publish"));
  card.licences = {"odc-by"};
  EXPECT_EQ(licence_of(card), "odc-by");
  card.sources.clear();
  card.licences.clear();
  EXPECT_EQ(licence_of(card), "unknown");
}

TEST(HubCard, AnotherCardsLicenceIsReadFromItsHeader) {
  EXPECT_EQ(licence_in_card("---\nlicense: mit\nlanguage:\n- en\n---\n# Title\n"), "mit");
  EXPECT_EQ(licence_in_card("---\nlicense: other\nlicense_name: mine\n---\n"), "other, mine");
  EXPECT_EQ(licence_in_card("---\nlicense:\n- mit\n- cc-by-4.0\n---\n"), "mit, cc-by-4.0");
  EXPECT_EQ(licence_in_card("---\ntags: [a]\n---\n"), "");
  EXPECT_EQ(licence_in_card("# no header\nlicense: mit\n"), "");
  EXPECT_EQ(licence_in_card("---\nlicense: [unclosed\n---\n"), "");
}

TEST(HubCard, YamlIsReadBackAsItWas) {
  const Json json = Json::parse(
      R"({"a": "yes", "b": ["1K<n<10K", "x: y", ""], "c": {"d": [{"e": 1, "f": [{"g": null}]}, {"h": true}]},
                                    "i": [], "j": 0.5, "k": "a#b", "l": "multi\nline"})");
  EXPECT_EQ(YamlFile::parse(yaml_of(json), "test").root(), json) << yaml_of(json);
}

}  // namespace
}  // namespace ballot
