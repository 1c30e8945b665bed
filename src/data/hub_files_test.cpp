#include "data/hub_files.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "data/annotations.h"
#include "data/preferences.h"
#include "data/test_files.h"

namespace ballot {
namespace {

using testing::TestFolder;

TEST(HubFiles, PreferencesHaveAnIdBehindTrlsColumns) {
  TestFolder folder;
  Preference p;
  p.prompt = {{"user", "hello"}};
  p.chosen = "hi";
  p.rejected = "go away";
  p.pair_id = "0123";
  p.format = "binary";
  p.source = {"forum"};
  write_hub_preferences(folder / "a.parquet", {p, p});
  const HubFile file = describe_hub_file(folder / "a.parquet");
  EXPECT_EQ(file.rows, 2);
  EXPECT_GT(file.memory_bytes, 100);
  EXPECT_GT(file.file_bytes, 100);
  const Json features = Json::parse(file.features);
  EXPECT_EQ(features[0], Json::parse(R"({"name": "prompt", "list": [{"name": "role", "dtype": "string"},
                                         {"name": "content", "dtype": "string"}]})"));
  EXPECT_EQ(features[3], Json::parse(R"({"name": "margin", "dtype": "float64"})"));
  EXPECT_EQ(features.back(), Json::parse(R"({"name": "id", "dtype": "string"})"));
  const std::vector<Preference> back = read_preferences(folder / "a.parquet");
  EXPECT_EQ(back.at(0).chosen, "hi");
}

TEST(HubFiles, FeaturesAreNamedAsTheDatasetsLibraryNamesThem) {
  TestFolder folder;
  write_annotations(folder / "a.parquet", std::vector<Annotation>());
  const HubFile file = describe_hub_file(folder / "a.parquet");
  EXPECT_EQ(file.rows, 0);
  const Json features = Json::parse(file.features);
  const auto of = [&](const std::string& name) {
    for (const Json& feature : features)
      if (feature["name"] == name) return feature;
    return Json();
  };
  EXPECT_EQ(of("shown"), Json::parse(R"({"name": "shown", "list": "string"})"));
  EXPECT_EQ(of("ranking"), Json::parse(R"({"name": "ranking", "list": {"list": "string"}})"));
  EXPECT_EQ(of("probabilities"), Json::parse(R"({"name": "probabilities", "list": "float64"})"));
  EXPECT_EQ(of("magnitude"), Json::parse(R"({"name": "magnitude", "dtype": "int32"})"));
}

}  // namespace
}  // namespace ballot
