#include "formats/binarize_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "formats/hub_folder.h"
#include "formats/items.h"
#include "formats/sample_pool.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BinarizeFiles : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    write_pool(folder_ / "pool.parquet", pool_);
    request_.pool = path("pool.parquet");
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Labels that prefer the first shown; the format is said beside them where `own` has one.
  void annotate(const std::string& name, const Format& format, const std::string& own = "") {
    std::vector<Annotation> rows;
    for (const Item& item : make_items(format, pool_, {})) {
      Annotation a;
      a.item_id = item.item_id;
      a.prompt_id = item.prompt_id;
      a.format = format.name;
      a.judge = "test";
      a.shown = shown_ids(item, pool_[item.pool_row]);
      a.status = "ok";
      if (format.field(FieldKind::kChoice)) a.choice = a.shown[0];
      if (format.field(FieldKind::kRating)) a.rating = 3;
      rows.push_back(std::move(a));
    }
    write_annotations(folder_ / name / "annotations.parquet", rows);
    if (!own.empty()) write_file(folder_ / name / "format.yaml", own);
  }

  std::string error() {
    try {
      binarize_files(request_);
    } catch (const Error& error) {
      return error.message();
    }
    return "no error";
  }

  const fs::path folder_ = fs::temp_directory_path() / ("ballot_binarize_files_" + std::to_string(::getpid()));
  const std::vector<PoolRow> pool_ = sample_pool(3);
  BinarizeRequest request_;
};

TEST_F(BinarizeFiles, OneInputIsAFileSeveralAreAFolder) {
  annotate("a", Format::load("binary"));
  annotate("b", Format::load("single"));
  request_.annotations = {path("a")};
  request_.out = path("binary.parquet");
  EXPECT_EQ(binarize_files(request_).at(0).summary.pairs, 30);
  EXPECT_EQ(read_preferences(path("binary.parquet")).size(), 30u);
  const Manifest manifest = read_manifest(path("binary.parquet")).value();
  EXPECT_EQ(Json::parse(manifest.facts)["binary"]["pairs"], 30);
  EXPECT_THAT(error(), HasSubstr("there already"));

  request_.annotations = {path("a/annotations.parquet"), path("b")};
  request_.out = path("preferences");
  binarize_files(request_);
  EXPECT_EQ(read_file(path("preferences/binary.parquet")), read_file(path("binary.parquet")))
      << "the same labels, the same bytes";
  const std::vector<Preference> single = read_preferences(path("preferences/single.parquet"));
  ASSERT_EQ(single.size(), 30u);
  EXPECT_TRUE(single[0].tie);
  EXPECT_EQ(single[0].chosen_score, 3.0);
  EXPECT_THAT(error(), HasSubstr("is finished"));
}

TEST_F(BinarizeFiles, AUsersFormatIsReadFromBesideItsLabels) {
  std::string yaml = Format::load("binary").resolved;
  yaml.replace(yaml.find("\"name\": \"binary\""), 16, "\"name\": \"mine\"");
  annotate("mine", Format::parse(yaml, "format.yaml"), yaml);
  request_.annotations = {path("mine")};
  request_.out = path("mine.parquet");
  EXPECT_EQ(binarize_files(request_).at(0).summary.format, "mine");
  fs::remove(folder_ / "mine/format.yaml");
  request_.out = path("again.parquet");
  EXPECT_THAT(error(), HasSubstr("unknown format 'mine'"));
}

TEST_F(BinarizeFiles, WhatCannotBeUsedIsToldBeforeAnythingIsWritten) {
  annotate("a", Format::load("binary"));
  request_.out = path("out");
  write_annotations(folder_ / "empty/annotations.parquet", std::vector<Annotation>());
  request_.annotations = {path("empty")};
  EXPECT_THAT(error(), HasSubstr("holds no annotations"));
  request_.annotations = {path("nowhere")};
  EXPECT_THAT(error(), HasSubstr("nowhere"));
  request_.annotations = {path("a")};
  request_.layout = "tlr";
  EXPECT_THAT(error(), HasSubstr("did you mean 'trl'"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(BinarizeFiles, SeveralInputsOfOneFormatAreToldApartByTheirFolders) {
  annotate("judge/binary", Format::load("binary"));
  annotate("judge/placebo", Format::load("binary"));
  annotate("judge/single", Format::load("single"));
  annotate("other/binary", Format::load("binary"));
  request_.annotations = {path("judge/binary"), path("judge/placebo/annotations.parquet"), path("judge/single/")};
  request_.out = path("out");
  const std::vector<BinarizedFile> files = binarize_files(request_);
  EXPECT_EQ(files.at(0).name, "binary");
  EXPECT_EQ(files.at(1).name, "placebo");
  EXPECT_EQ(files.at(2).name, "single");
  EXPECT_EQ(read_preferences(path("out/placebo.parquet")).at(0).format, "binary");
  EXPECT_EQ(Json::parse(read_manifest(path("out")).value().facts).size(), 3u);

  request_.annotations = {path("judge/binary"), path("other/binary")};
  request_.out = path("judges");
  binarize_files(request_);
  EXPECT_TRUE(fs::exists(path("judges/judge_binary.parquet")));
  EXPECT_TRUE(fs::exists(path("judges/other_binary.parquet")));

  request_.annotations = {path("judge/binary"), path("judge/binary")};
  request_.out = path("twice");
  EXPECT_THAT(error(), HasSubstr("both of the format 'binary' and both called 'judge_binary'"));
  EXPECT_FALSE(fs::exists(path("twice")));
}

TEST_F(BinarizeFiles, ADatasetFolderHoldsTheFormatsTheBallotsAndACard) {
  annotate("labels/binary", Format::load("binary"));
  annotate("labels/single", Format::load("single"));
  request_.annotations = {path("labels/binary"), path("labels/single")};
  request_.hub_folder = path("my-preferences");
  const std::vector<BinarizedFile> files = binarize_files(request_);
  EXPECT_EQ(files.at(0).path, path("my-preferences/data/binary"));
  const std::vector<Preference> train =
      read_preferences(path("my-preferences/data/binary/train-00000-of-00001.parquet"));
  EXPECT_EQ(train.size(), 30u);
  EXPECT_EQ(read_annotations(path("my-preferences/data/annotations/train-00000-of-00001.parquet")).size(), 45u);
  EXPECT_EQ(Format::load(path("my-preferences/formats/single.yaml")).hash, Format::load("single").hash);
  const std::string card = read_file(folder_ / "my-preferences/README.md");
  EXPECT_THAT(card, HasSubstr("pretty_name: my-preferences"));
  EXPECT_THAT(card, HasSubstr("license: unknown"));
  EXPECT_THAT(card, HasSubstr("path: data/annotations/train-*"));
  EXPECT_THAT(error(), HasSubstr("is finished"));
  // The folder is made to be shown: neither where it was made nor on what machine.
  const std::string manifest = read_file(folder_ / "my-preferences/manifest.json");
  EXPECT_FALSE(Json::parse(manifest).contains("host"));
  EXPECT_EQ(manifest.find(folder_.string()), std::string::npos);
  EXPECT_EQ(card.find(folder_.string()), std::string::npos);
  EXPECT_TRUE(read_manifest(folder_ / "my-preferences").has_value());

  request_.hub_folder = path("again");
  request_.out = path("as well");
  binarize_files(request_);
  EXPECT_EQ(read_file(folder_ / "again/data/single/train-00000-of-00001.parquet"),
            read_file(folder_ / "my-preferences/data/single/train-00000-of-00001.parquet"))
      << "the same labels, the same bytes";
  EXPECT_TRUE(fs::exists(folder_ / "as well/single.parquet"));
}

TEST_F(BinarizeFiles, ADatasetFolderCarriesTheLicencesOfItsSourcesOver) {
  fs::create_directories(folder_ / "source/data");
  write_file(folder_ / "source/README.md", "---\nlicense: apache-2.0\n---\n");
  Manifest made;
  made.stage = "pool";
  made.parameters = R"({"positions": [0, 2], "held_out": 0.05})";
  made.facts = R"({"prompts": 3, "completions": 15, "layout": "nectar"})";
  made.inputs = {{"source", path("source/data/train.parquet"), "00"}};
  write_manifest(path("pool.parquet"), made);
  annotate("binary", Format::load("binary"));
  request_.annotations = {path("binary")};
  request_.hub_folder = path("carried");
  binarize_files(request_);
  const std::string card = read_file(folder_ / "carried/README.md");
  EXPECT_THAT(card, HasSubstr("license: apache-2.0"));
  EXPECT_THAT(card, HasSubstr("| train.parquet | apache-2.0 |"));
  EXPECT_THAT(card,
              HasSubstr("Pool: 3 prompts with 15 completions (seed 0, positions 0, 2, held_out 0.05; layout nectar)."));
  request_.hub_folder = path("given");
  request_.licences = {"mit"};
  binarize_files(request_);
  EXPECT_THAT(read_file(folder_ / "given/README.md"), HasSubstr("license: mit"));
}

TEST_F(BinarizeFiles, HeldOutPromptsAreASplitAndManyRowsAreCutIntoShards) {
  std::vector<PoolRow> pool = pool_;
  pool[1].split = "held_out";
  FormatAnnotations labels{Format::load("binary"), {}};
  annotate("a", labels.format);
  labels.rows = read_annotations(path("a"));
  const auto sets = binarize(pool, {labels}, {}, 0);
  HubFolderOptions options;
  options.pool = path("pool.parquet");
  options.shard_bytes = 4000;
  write_hub_folder(folder_ / "hub", pool, {{"binary", path("a"), &labels, &sets[0]}}, options);
  EXPECT_TRUE(fs::exists(folder_ / "hub/data/binary/train-00001-of-00003.parquet"));
  EXPECT_TRUE(fs::exists(folder_ / "hub/data/binary/held_out-00000-of-00002.parquet"));
  std::size_t rows = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "hub/data/binary"))
    rows += read_preferences(entry.path()).size();
  EXPECT_EQ(rows, 30u);
  EXPECT_THAT(read_file(folder_ / "hub/README.md"), HasSubstr("num_examples: 20"));
}

TEST_F(BinarizeFiles, ADatasetFolderIsTrlsAndWantsSomewhereToGo) {
  annotate("a", Format::load("binary"));
  request_.annotations = {path("a")};
  EXPECT_THAT(error(), HasSubstr("nothing says where to write"));
  request_.hub_folder = path("hub");
  request_.layout = "rewardbench";
  EXPECT_THAT(error(), HasSubstr("a dataset folder has TRL's"));
}

}  // namespace
}  // namespace ballot
